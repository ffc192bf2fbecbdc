"""The pages on which new terms are proposed, decided on and told."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans.disbursement import disburse
from portal.loans.models import Loan
from portal.loans.terms import Rescheduling, ReschedulingState, TermsChange
from portal.products.models import Product
from tests.portal.loans.test_servicing_pages import send
from tests.world import TODAY, World

TYPED = {"months": "3", "value_date": TODAY.isoformat(), "reason": "the harvest was late"}


@pytest.fixture(scope="module")
def lent(world: World) -> int:
    """12,000 yuan over a year at 12 % to a customer of a1, paid out today."""
    with world.app.app_context(), acting(SYSTEM):
        with unit_of_work("tests.date"):
            db.session.get_one(BusinessDay, 1).open_date = TODAY
        customer = db.session.get_one(Customer, world.customers["C-A-a1-0"])
        product = db.session.scalars(select(Product)).one()
        return int(disburse("L-terms", customer, product, 1_200_000, 120_000, 12, TODAY).id)


def test_an_extension_is_proposed_by_one_and_approved_by_another(world: World, lent: int):
    path = f"/rescheduling/extend/{lent}"
    shown = send(world, "branch_head", path, "preview", **TYPED).get_data(as_text=True)
    assert "Schedule before and after" in shown
    assert (TODAY + dt.timedelta(days=457)).isoformat() in shown, "15 months after 30 June 2026"
    assert "3 of 12 months" in shown
    done = send(world, "branch_head", path, "book", **TYPED)
    assert done.status_code == 302
    record = done.headers["Location"]
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(Rescheduling).where(Rescheduling.loan_id == lent)).one()
        number, state = row.id, row.state
    assert state is ReschedulingState.PROPOSED
    approving = f"/rescheduling/approve/{number}"
    assert approving not in world.login("branch_head").get(record).get_data(as_text=True)
    assert approving in world.login("risk").get(record).get_data(as_text=True)
    assert "the harvest was late" in send(world, "risk", approving, "preview").get_data(as_text=True)
    assert send(world, "risk", approving, "book").status_code == 302
    with world.app.app_context(), acting(SYSTEM):
        change = db.session.scalars(select(TermsChange).where(TermsChange.loan_id == lent)).one()
        told, months = change.id, change.months
        assert db.session.get_one(Loan, lent).matures_on == TODAY + dt.timedelta(days=457)
    assert months == 3
    page = world.login("risk").get(f"/termschangeview/show/{told}").get_data(as_text=True)
    assert "Schedule before and after" in page
    assert (TODAY + dt.timedelta(days=457)).isoformat() in page


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"months": "0"}, "at least one month"),
        ({"months": "13"}, "12 months in all"),
        ({"months": ""}, "This is needed"),
        ({"months": "many"}, "is not a"),
        ({"rate": "30"}, "may be from 0 % to 24.00 %"),
        ({"reason": ""}, "This is needed"),
        ({"value_date": (TODAY + dt.timedelta(days=1)).isoformat()}, "has not happened yet"),
    ],
)
def test_nonsense_is_told_and_nothing_is_proposed(world: World, lent: int, values: dict, sentence: str):
    with world.app.app_context(), acting(SYSTEM):
        before = len(db.session.scalars(select(Rescheduling)).all())
    for step in ("preview", "book"):
        answer = send(world, "branch_head", f"/rescheduling/extend/{lent}", step, **(TYPED | values))
        assert answer.status_code == 422, (step, values)
        assert sentence in answer.get_data(as_text=True)
    with world.app.app_context(), acting(SYSTEM):
        assert len(db.session.scalars(select(Rescheduling)).all()) == before


def test_misuse_is_decided_on_the_screen(world: World, lent: int):
    path = f"/rescheduling/misuse/{lent}"
    typed = {"markup": "100", "value_date": TODAY.isoformat(), "reason": "bought shares"}
    refused = send(world, "risk", path, "preview", **(typed | {"markup": "10"}))
    assert refused.status_code == 422
    assert "50.00 % to 100.00 %" in refused.get_data(as_text=True)
    assert send(world, "risk", path, "book", **typed).status_code == 302
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(Loan, lent).misuse_markup == 1_000_000


def test_who_may_not_propose_is_not_offered_it(world: World, lent: int):
    for login in ("finance", "committee", "audit"):
        client = world.login(login)
        assert client.get(f"/rescheduling/extend/{lent}").status_code == 403
        assert "/rescheduling/" not in client.get(f"/loanview/show/{lent}").get_data(as_text=True)
    assert world.login("branch_head").get(f"/rescheduling/misuse/{lent}").status_code == 200
    assert world.login("customer_manager").get(f"/rescheduling/misuse/{lent}").status_code == 403
