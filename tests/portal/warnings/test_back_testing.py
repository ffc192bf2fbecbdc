"""Back-tests worked by hand, and against a plain computation on made-up histories."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from statistics import median

import pytest
from sqlalchemy import delete, select

from portal.core.clock import month_end
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.state import LoanSnapshot
from portal.warnings.back_testing import back_test
from portal.warnings.models import BackTest
from portal.warnings.rules import Comparison, Indicator, Joined
from tests.portal.loans.conftest import Company
from tests.portal.warnings.conftest import asked, rule

DAYS = [month_end(dt.date(2025, month, 1)) for month in range(1, 7)]
"""Six month-ends, January to June 2025."""
LATE = asked(Indicator.DAYS_PAST_DUE, Comparison.AT_LEAST, 30)


def history(loan: Loan, late: Sequence[int | None], worse: Sequence[Category | None] = ()) -> None:
    """Snapshots of a loan: days past due at each month-end (None: not there), and a category where it is worse."""
    with unit_of_work("tests.history"):
        for place, days in enumerate(late):
            if days is None:
                continue
            floor = Category.NORMAL if days == 0 else Category.SPECIAL_MENTION
            floor = Category.SUBSTANDARD if days > 90 else floor
            category = worse[place] if place < len(worse) else None
            db.session.add(
                LoanSnapshot(
                    as_of=DAYS[place],
                    loan_id=loan.id,
                    balance=1_000_000,
                    accrued_interest=0,
                    overdue_principal=0,
                    overdue_interest=0,
                    days_past_due=days,
                    floor=floor,
                    category=category or floor,
                    rate=120_000,
                    customer_id=loan.customer_id,
                    product_id=loan.product_id,
                    branch_id=loan.branch_id,
                )
            )


def test_a_back_test_worked_by_hand(company: Company):
    """Two months looked ahead, tried on January to April's last two: March and April; June is the last month-end."""
    loans = [company.lend(customer=company.customer(f"C{n % 8}")) for n in range(8)]
    history(loans[0], [0, 0, 31, 61, 92, 122])  # hit in March, NPL in May: right, 61 days ahead
    history(loans[1], [0, 0, 0, 35, 66, 96])  # hit in April, NPL in June: right, 61 days
    history(loans[2], [0, 0, 40, 0, 0, 0])  # hit in March, never NPL: a false alarm
    history(loans[3], [0, 0, 31, 0, 0, 95])  # hit in March, NPL only in June, past May: not right, nor missed
    history(loans[4], [0, 0, 0, 5, 0, 0], [None, None, None, None, Category.SUBSTANDARD])  # judged NPL: missed
    history(loans[5], [0, 95, 126, 156, 187, 217])  # NPL at every tried month-end: not looked at
    history(loans[6], [0, 0, 0, 0, 0, 0])  # nothing ever
    history(loans[7], [None, None, None, 60, 91, 0])  # hit in April, NPL in May: right, 31 days
    made = rule(LATE, on=False)
    row = back_test(made.id, 2)
    assert (row.months, row.first_day, row.last_day, row.horizon) == (2, DAYS[2], DAYS[3], 2)
    assert (row.loans, row.hits, row.confirmed, row.missed) == (7, 5, 3, 1)
    assert row.leads == [[31, 1], [61, 2]]
    assert row.lead_days == 61
    assert (row.precision, row.recall) == (row.score.precision, row.score.recall)
    assert row.precision is not None and float(row.precision) == 0.6
    assert row.recall is not None and float(row.recall) == 0.75
    assert row.unknown == []


@pytest.mark.parametrize("seed", range(3))
def test_a_back_test_is_what_a_plain_computation_says(company: Company, seed: int):
    rng = Random(seed)
    loans = [company.lend(customer=company.customer(f"C{n % 8}")) for n in range(25)]
    lines: dict[int, list[int | None]] = {}
    with unit_of_work("tests.empty"):
        db.session.execute(delete(LoanSnapshot))
    for loan in loans:
        days = 0
        line: list[int | None] = []
        for _month in range(6):
            days = 0 if rng.random() < 0.35 else days + rng.choice((15, 30, 31))
            line.append(None if rng.random() < 0.1 else days)
        lines[loan.id] = line
        history(loan, line)
    months = rng.choice((1, 2, 3))
    tried = list(range(6 - months))[-months:]
    hits = right = missed = looked = 0
    leads = []
    for line in lines.values():
        healthy = [m for m in tried if line[m] is not None and not line[m] > 90]  # type: ignore[operator]
        npl = [m for m in range(6) if line[m] is not None and line[m] > 90]  # type: ignore[operator]
        looked += bool(healthy)
        hit = next((m for m in healthy if line[m] >= 30), None)  # type: ignore[operator]
        if hit is None:
            missed += any(m < n <= m + months for m in healthy for n in npl)
            continue
        hits += 1
        after = [n for n in npl if hit < n <= hit + months]
        if after:
            right += 1
            leads.append((DAYS[after[0]] - DAYS[hit]).days)
    row = back_test(rule(LATE, on=False).id, months)
    assert (row.loans, row.hits, row.confirmed, row.missed) == (looked, hits, right, missed)
    assert row.lead_days == (int(median(leads)) if leads else None)
    assert hits and looked


def test_what_the_past_does_not_tell_is_said(company: Company):
    history(company.lend(), [0, 31, 61, 92, 122, 153])
    cover = asked(Indicator.COLLATERAL_COVER, Comparison.LESS, 10_000)
    blind = back_test(rule(LATE, cover, on=False, name="Both").id, 2)
    assert (blind.unknown, blind.hits) == ([Indicator.COLLATERAL_COVER.value], 0)
    half = back_test(rule(LATE, cover, on=False, name="Either", joined=Joined.ANY).id, 2)
    assert (half.unknown, half.hits, half.confirmed) == ([Indicator.COLLATERAL_COVER.value], 1, 1)


def test_too_little_history_and_odd_numbers_are_refused(company: Company):
    made = rule(LATE, on=False)
    with pytest.raises(Refused, match="no month-ends with 2 months"):
        back_test(made.id, 2)
    history(company.lend(), [0, 0])
    with pytest.raises(Refused, match="no month-ends with 2 months"):
        back_test(made.id, 2)
    assert back_test(made.id, 1).months == 1
    for months in (0, -1, 25):
        with pytest.raises(InvalidValues):
            back_test(made.id, months)
    with pytest.raises(Refused, match="without conditions"):
        back_test(rule(on=False).id, 1)
    assert len(db.session.scalars(select(BackTest)).all()) == 1
