"""The pages of limits: what is used and free, and what a loan would do; nobody is told of another's customers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from sqlalchemy import select, update

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import RelatedParty, Tie
from portal.limits.models import CompanyFigure
from tests.world import World

NET = 1_000_000_000


def page(world: World, login: str, address: str) -> str:
    separator = "&" if "?" in address else "?"
    answer = world.login(login).get(f"{address}{separator}_l_=en")
    assert answer.status_code == 200, answer.status_code
    return " ".join(unescape(answer.get_data(as_text=True)).split())


def words(text: str) -> str:
    """A page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.fixture
def net_assets(world: World) -> Iterator[None]:
    """A test may change the net assets."""
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.net"):
        db.session.execute(update(CompanyFigure).values(amount=NET))


def set_net_assets(world: World, fen: int) -> None:
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.net"):
        db.session.execute(update(CompanyFigure).values(amount=fen))


def test_every_limit_is_shown_with_what_is_used_and_free(world: World):
    text = page(world, "risk", "/limits/")
    assert "Net assets of 2025-12-31: 10,000,000.00 yuan" in text
    assert "REG-01 · Share of net assets: 10 %" in text
    assert "The borrower cust-B-b1-3" in text and "989,999.97 free" in text
    assert "Unavailable: a company figure is missing" in text, "borrowing was never entered"


def test_a_limit_that_is_broken_says_by_how_much(world: World, net_assets: None):
    set_net_assets(world, 90_000_00)  # one borrower may owe 9,000; each owes 10,000 and some fen
    text = page(world, "risk", "/limits/")
    assert "Beyond the limit" in text and "1,000.03 beyond" in text


def test_what_a_loan_would_do(world: World):
    customer = world.customers["C-A-a1-0"]
    text = page(world, "a1", f"/limits/check/?customer={customer}&amount=985000")
    assert "This loan keeps within the limits, near one of them." in text
    assert "to 9.95 % of 10 % of net assets (995,000.00 of 1,000,000.00 yuan" in text
    assert "Largest loan that the limits let pass 990,000.00 yuan limit REG-01 is reached first" in words(text)
    text = page(world, "a1", f"/limits/check/?customer={customer}&amount=990000.01")
    assert "This loan would not be paid out." in text
    assert "would take the borrower cust-A-a1-0 to 10.01 % of 10 % of net assets" in text


def test_an_amount_that_is_none_keeps_what_was_typed(world: World):
    customer = world.customers["C-A-a1-0"]
    text = page(world, "a1", f"/limits/check/?customer={customer}&amount=much")
    assert 'value="much"' in text and 'aria-invalid="true"' in text


def test_nobody_asks_about_another_branchs_customer(world: World):
    stranger = world.customers["C-B-b1-0"]
    text = page(world, "a1", f"/limits/check/?customer={stranger}&amount=1")
    assert "cust-B-b1-0" not in text and "outside your area of responsibility" in text
    found = world.login("a1").get("/limits/check/customers?q=").json
    assert {row["text"] for row in found["results"]} == {f"cust-A-a1-{n}" for n in range(4)}


def test_a_group_that_reaches_into_another_branch_is_summed_and_not_named(world: World):
    mine, other = world.customers["C-A-a1-0"], world.customers["C-B-b1-3"]
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.tie"):
        db.session.add(RelatedParty(code="across", customer_id=mine, related_id=other, tie=Tie.KIN))
    try:
        text = page(world, "a1", f"/limits/check/?customer={mine}&amount=1485000")
        # 10,000.00 + 10,000.03 are owed, 1,500,000 is the bound
        assert "would take the group of cust-A-a1-0 to 15.06 % of 15 % of net assets (1,505,000.03 of" in text
        assert "cust-B-b1-3" not in text
        assert "the group of cust-B-b1-3" in page(world, "risk", f"/limits/check/?customer={mine}&amount=1485000")
    finally:
        with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.tie"):
            db.session.delete(db.session.scalars(select(RelatedParty).where(RelatedParty.code == "across")).one())


@pytest.mark.parametrize(
    ("login", "address"), [("a1", "/limits/"), ("branch_head", "/limits/"), ("hr", "/limits/check/")]
)
def test_who_may_not_look_is_refused(world: World, login: str, address: str):
    assert world.login(login).get(address).status_code == 403


def test_a_customers_record_leads_to_the_room_left(world: World):
    customer = world.customers["C-A-a1-0"]
    assert f"/limits/check/?customer={customer}" in page(world, "a1", f"/customerview/show/{customer}")
