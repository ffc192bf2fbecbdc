"""Every list, record, lookup, export and REST list as one branch, one team, oneself: nothing of anybody else's."""

from __future__ import annotations

import random
import re
import threading

import pytest

from tests.world import World

LOGINS = {"branch_head": {"a1", "a2"}, "team_lead": {"a1", "a2"}, "a1": {"a1"}, "b1": {"b1"}}
TAG = re.compile(r"(?:cust|grid|LOAN|G|C|R|J)-[AB]-([ab]\d)-\d")


def seen(text: str) -> set[str]:
    """Managers whose rows are named in a text."""
    return set(TAG.findall(text))


def addresses(world: World) -> list[str]:
    found = []
    for name, view in world.app.extensions["screens"].items():
        base = f"/{name.lower()}"
        found += [f"{base}/list/?size=200", f"{base}/export/csv", f"/api/v1/{view.endpoint_name}/?size=200"]
        found += [f"{base}/lookup/{n}?q={q}" for n, f in view.fields.items() if f.type == "ref" for q in ("", "b")]
        found += [f"{base}/list/?q={q}" for q in ("cust", "LOAN")]
    return found


@pytest.mark.parametrize("login", LOGINS)
def test_no_address_shows_a_row_of_somebody_else(world: World, login: str):
    client = world.login(login)
    shown: set[str] = set()
    for address in addresses(world):
        response = client.get(address)
        text = response.get_data(as_text=True)
        response.close()
        assert response.status_code in (200, 403, 404), (address, response.status_code)
        assert seen(text) <= LOGINS[login], address
        shown |= seen(text)
    assert shown == LOGINS[login]


@pytest.mark.parametrize("login", LOGINS)
def test_records_of_others_do_not_exist(world: World, login: str):
    client = world.login(login)
    for code, loan_id in world.loans.items():
        mine = code.split("-")[2] in LOGINS[login]
        for address in (f"/loanview/show/{loan_id}", f"/api/v1/loan/{loan_id}"):
            assert client.get(address).status_code == (200 if mine else 404), (address, code)


def test_filters_by_foreign_ids_give_nothing_and_name_nothing(world: World):
    client = world.login("a1")
    foreign = world.branches["B"]
    page = client.get(f"/loanview/list/?f.branch.eq={foreign}").get_data(as_text=True)
    assert "branch-B" not in page
    assert not seen(page)


def test_eight_threads_with_eight_logins_never_mix(world: World):
    """Half the requests search, so that a search term or a row of another thread would show."""
    logins = ["a1", "a2", "b1", "branch_head", "team_lead", "committee", "risk", "finance"]
    reach = {"a1": {"a1"}, "a2": {"a2"}, "b1": {"b1"}, "branch_head": {"a1", "a2"}, "team_lead": {"a1", "a2"}}
    faults: list[tuple[str, str]] = []

    def work(login: str) -> None:
        client, dice = world.login(login), random.Random(login)
        allowed = reach.get(login, {"a1", "a2", "b1"})
        for _turn in range(25):
            manager = dice.choice(sorted(allowed))
            term = f"cust-{'B' if manager == 'b1' else 'A'}-{manager}-{dice.randrange(4)}"
            address = dice.choice([f"/customerview/list/?q={term}", "/loanview/list/", "/customerview/export/csv"])
            response = client.get(address)
            text = response.get_data(as_text=True)
            response.close()
            if response.status_code not in (200, 403) or not seen(text) <= allowed:
                faults.append((login, address))
            elif (
                response.status_code == 200 and "q=" in address and set(re.findall(r"cust-[AB]-\w+-\d", text)) != {term}
            ):
                faults.append((login, f"another's search: {address}"))

    threads = [threading.Thread(target=work, args=(login,)) for login in logins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
