"""On an ordinary day only what changed is written, and only its groups follow; it comes to what all of it would."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import inspect, select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.work import unit_of_work
from portal.customers.models import Industry
from portal.loans import day_end, prepared_groups, states
from portal.loans.day_end import run_day_end
from portal.loans.groups import BORROWER_SUMS, LARGE, LOAN_SUMS, BorrowerGroup, LoanGroup
from portal.loans.move_groups import SUMS, LoanMove
from portal.loans.ownership import hand_over
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.state import LoanState
from portal.products.terms import Method
from tests.portal.loans.conftest import Company

STEPS = (26, 1, 1, 1, 6, *(7,) * 13, 1, 1, 1, 1, 6)
"""How many days are closed at once, from START on: days before a month-end, over one, and after one."""


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> list[dt.date]:
    """Days on which all groups were made anew."""
    days: list[dt.date] = []
    regroup = states.regroup_states

    def told(session: Any) -> None:
        days.append(business_date())
        regroup(session)

    monkeypatch.setattr(states, "regroup_states", told)
    return days


def alike(model: Any, sums: tuple[str, ...], present: Any) -> list[tuple[Any, ...]]:
    """What more than one row of the groups that stand now is about."""
    keys = [column.key for column in inspect(model).column_attrs if column.key not in ("id", *sums)]
    rows = db.session.execute(select(*(getattr(model, key) for key in keys)).where(present)).all()
    return [key for key, times in Counter(map(tuple, rows)).items() if times > 1]


def test_groups_follow_the_few_loans_that_change_from_day_to_day(company: Company, anew: list[dt.date]):
    for n in range(8):  # nothing falls due of these for a year
        company.lend(Method.INTEREST_ONLY, LARGE, first_due_on=dt.date(2027, 1, 15), customer=company.customer(f"C{n}"))
    late, cured, settled = (company.lend(customer=company.customer(code)) for code in ("C0", "C1", "C2"))
    hand_over([late], company.owner("B2-M2"))  # a borrower of two managers
    ordinary = 0
    for step in STEPS:
        day = business_date()
        if day.month == 3 and settled.closed_on is None:
            repay(cured, 300_000, day, "R1")
            settle_early(settled, day, "R2")
        run_day_end(day + dt.timedelta(days=step - 1))
        assert reconcile([]) == []
        if day not in anew:
            ordinary += 1
            assert alike(LoanGroup, LOAN_SUMS, LoanGroup.as_of.is_(None)) == []
            assert alike(BorrowerGroup, BORROWER_SUMS, BorrowerGroup.as_of.is_(None)) == []
            assert alike(LoanMove, SUMS, LoanMove.closed_on.is_(None)) == []
    assert db.session.get_one(LoanState, late.id).accrued_interest == 0, "it is taken back, and the groups with it"
    assert ordinary > len(STEPS) // 2, "the few were followed"
    assert business_date() == dt.date(2026, 5, 21)
    days = dict(db.session.execute(select(LoanState.loan_id, LoanState.days_past_due)).all())
    assert days[late.id] == (business_date() - dt.date(2026, 2, 5)).days
    unchanged = set(db.session.scalars(select(LoanState.as_of).where(LoanState.days_past_due == 0)))
    assert max(unchanged) < business_date(), "what did not change says since when"


MOMENTS = {
    "loans are computed, their customers are looked up next": (prepared_groups, "_fill_comes", True),
    "groups are being worked out": (prepared_groups, "_fill_comes", False),
    "all is worked out": (day_end, "prepare", False),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_what_others_do_while_it_computes_is_in_the_groups(
    company: Company, monkeypatch: pytest.MonkeyPatch, moment: tuple[Any, str, bool]
):
    late = [company.lend(customer=company.customer(f"C{n}")) for n in range(8)]
    far = dt.date(2027, 1, 15)
    calm = company.lend(Method.INTEREST_ONLY, LARGE, first_due_on=far, customer=company.customer("C1"))
    company.lend(Method.INTEREST_ONLY, LARGE, first_due_on=far, customer=company.customer("C5"))
    punctual = company.lend(first_due_on=far, customer=company.customer("C6"))
    run_day_end(dt.date(2026, 2, 19))
    today = business_date()

    def work() -> None:
        repay(late[0], 300_000, today, "R1")
        settle_early(calm, today, "R2")
        hand_over([late[2]], company.owner("B2-M2"))
        with unit_of_work("tests.industry"):
            company.customer("C3").industry = Industry.TRADE
        company.lend(customer=company.customer("C4"))
        repay(punctual, 50_000, today, "R3")

    module, name, before = moment
    original, rest = getattr(module, name), [work]

    def step(*args: Any) -> None:
        if before and rest:
            rest.pop()()
        original(*args)
        if rest:
            rest.pop()()

    monkeypatch.setattr(module, name, step)
    run_day_end(today)
    assert rest == []
    assert reconcile([]) == []
    for model, sums, present in (
        (LoanGroup, LOAN_SUMS, LoanGroup.as_of.is_(None)),
        (BorrowerGroup, BORROWER_SUMS, BorrowerGroup.as_of.is_(None)),
        (LoanMove, SUMS, LoanMove.closed_on.is_(None)),
    ):
        assert alike(model, sums, present) == []
    run_day_end(dt.date(2026, 3, 31))
    assert reconcile([]) == []
