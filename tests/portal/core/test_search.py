"""Search over everything: found by code, name, spelling and number; nothing of anybody else's; what was opened last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType
from tests.contracts.test_no_leak import LOGINS, seen
from tests.world import World

NAMES = {"N-1": "张伟", "N-2": "曾文", "N-3": "栖霞苹果合作社"}


@pytest.fixture(scope="module")
def named(world: World) -> Iterator[World]:
    """The small company with some Chinese names, all of manager a1."""
    owner = {"branch_id": world.branches["A"], "team_id": world.teams["TA"], "manager_id": world.staff["a1"]}
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.names"):
        for code, name in NAMES.items():
            row = Customer(code=code, name=name, type=CustomerType.FARMER, **owner)
            row.phone = f"1380000000{code[-1]}"
            db.session.add(row)
    yield world


def found(client: FlaskClient, query: str) -> dict[str, list[str]]:
    """Titles by heading."""
    answer = client.get("/search/find", query_string={"q": query, "_l_": "en"})
    assert answer.status_code == 200
    groups: Any = answer.get_json()["groups"]
    return {group["label"]: [hit["title"] for hit in group["hits"]] for group in groups}


@pytest.mark.parametrize(
    "query", ["zw", "ZW", "zhangwei", "zhang wei", "zhangw", "张伟", "张", "伟", "zhagnwei", "N-1"]
)
def test_a_customer_is_found_however_he_is_typed(named: World, query: str):
    assert "张伟" in found(named.login("a1"), query)["Customers"]


def test_a_polyphonic_surname_is_read_as_one(named: World):
    client = named.login("a1")
    assert found(client, "zengwen")["Customers"] == ["曾文"]
    assert "Customers" not in found(client, "cengwen2")


def test_a_phone_is_found_as_a_whole_only(named: World):
    client = named.login("a1")
    assert found(client, "13800000001")["Customers"] == ["张伟"]
    assert "Customers" not in found(client, "1380000000")


def test_a_firm_is_found_by_words_in_its_middle(named: World):
    assert found(named.login("a1"), "苹果")["Customers"] == ["栖霞苹果合作社"]


def test_loans_screens_and_actions_are_found(named: World):
    hits = found(named.login("branch_head"), "loan")
    assert len(hits["Loans"]) == 6
    assert "Loans" in hits["Screens"]
    assert "Add a customer" in found(named.login("branch_head"), "add a cus")["Actions"]
    assert "Actions" not in found(named.login("committee"), "add a cus")


@pytest.mark.parametrize("login", LOGINS)
def test_nobody_finds_what_is_somebody_elses(named: World, login: str):
    client, shown = named.login(login), set()
    for query in ("cust", "LOAN-", "grid", "C-", "G-", "1390000", "cust-B-b1-0", "cust-A-a2-0", "custbb10"):
        for address in ("/search/find", "/search/"):
            text = client.get(address, query_string={"q": query}).get_data(as_text=True)
            text = text.replace(f'value="{query}"', "")
            assert seen(text) <= LOGINS[login], (address, query)
            shown |= seen(text)
    assert shown == LOGINS[login]


@pytest.mark.parametrize("query", ["%", "_", "'", "<script>", "\U0010ffff", "a" * 4000, "😀", "\ud7ff", "　", "0" * 40])
def test_nonsense_finds_nothing_and_breaks_nothing(named: World, query: str):
    client = named.login("committee")
    assert "Customers" not in found(client, query)
    page = client.get("/search/", query_string={"q": query}).get_data(as_text=True)
    assert "<script>" not in page[page.index("<main") :]


@pytest.mark.parametrize("query", ["zw", "zhagnwei", "张伟", "N-1", "13800000001", "a", "loan"])
def test_a_search_takes_few_statements_and_none_reads_a_table(named: World, query: str):
    client, statements = named.login("committee"), []
    with named.app.app_context():
        engine = db.engine

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    found(client, query)
    event.remove(engine, "before_cursor_execute", note)
    assert len(statements) <= 12
    large = [s for s in statements if "FROM customer" in s]
    assert large
    assert all(" LIMIT " in s or "WHERE customer.id IN" in s for s in large)


def opened(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200
    response.close()


def test_what_was_opened_is_remembered_the_last_first_and_once(named: World):
    client = named.login("a2")
    loan, customer = named.loans["LOAN-A-a2-0"], named.customers["C-A-a2-1"]
    for address in (f"/loanview/show/{loan}", f"/customerview/show/{customer}", f"/loanview/show/{loan}"):
        opened(client, address)
    assert found(client, "")["Opened last"] == ["LOAN-A-a2-0", "cust-A-a2-1"]
    assert "Opened last" not in found(named.login("b1"), "")


def test_a_reload_writes_nothing(named: World):
    client, statements = named.login("a1"), []
    address = f"/loanview/show/{named.loans['LOAN-A-a1-0']}"
    opened(client, address)
    with named.app.app_context():
        engine = db.engine

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    opened(client, address)
    event.remove(engine, "before_cursor_execute", note)
    assert any("recent_record" in statement for statement in statements)
    assert not [statement for statement in statements if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
