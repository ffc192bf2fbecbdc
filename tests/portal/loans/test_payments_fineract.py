"""Fineract's scenarios with payments, booked through the verbs: on the day, ahead with a shorter term, and paid off.

Source: as in test_schedule_fineract.py, which lists the others with the reason. What Fineract writes in one row for a
due date (the instalment and what was repaid early with it) are two instalments here: rows are sums of a due date.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans import schedule
from portal.loans.disbursement import disburse
from portal.loans.models import Loan, LoanStatus, RepaymentKind
from portal.loans.prepayment import prepay
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.products.terms import DayCount, Method, Rounding
from tests.portal.loans.conftest import Company, balances, open_on, product
from tests.portal.loans.test_schedule_fineract import day, expected, fen

pytestmark = pytest.mark.shared

NOVEMBER = dt.date(2022, 11, 1)


@pytest.fixture
def scenario(shared_data: Path) -> Any:
    entries = json.loads((shared_data / "fineract_schedules" / "schedules.json").read_text())
    by_key = {f"{entry['file']}:{entry['line']}": entry for entry in entries}
    return by_key.__getitem__


def lend(company: Company, amount: int, rate: int, start: dt.date, **conventions: Any) -> Loan:
    """Six months, level."""
    open_on(start)
    with unit_of_work("tests.product"):
        lent_on = product(Method.LEVEL, "fineract", **conventions)
        db.session.add(lent_on)
    return disburse("L1", company.customer(), lent_on, amount, rate, 6)


@pytest.fixture
def of_862(company: Company, monkeypatch: pytest.MonkeyPatch) -> Loan:
    """5,000 at 12 %, by days, with Fineract's instalment (ours is 863, the nearest yuan to 862.57)."""
    monkeypatch.setattr(schedule, "_level_over", lambda *_: 862_00)
    return lend(company, 5000_00, 120_000, NOVEMBER, day_count=DayCount.ACT_365, rounding=Rounding.WHOLE_YUAN)


def rows(loan: Loan) -> list[tuple[dt.date, int, int, int]]:
    """Due date, principal, interest, balance after it, as Fineract prints them; what asks for nothing is left out."""
    sums: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0])
    for line in loan.instalments:
        sums[line.due_date][0] += line.principal
        sums[line.due_date][1] += line.interest
    left, found = loan.principal, []
    for due_date, (principal, interest) in sorted(sums.items()):
        left -= principal
        if principal + interest:
            found.append((due_date, principal, interest, left))
    return found


def test_partly_paid_on_its_day_changes_nothing_of_the_schedule(of_862: Loan, scenario: Any):
    told = scenario("LoanRepayment.feature:696")
    open_on(dt.date(2022, 12, 1))
    repay(of_862, 200_00, dt.date(2022, 12, 1), "R1")
    assert rows(of_862) == expected(told)
    first = of_862.instalments[0]
    assert first.principal + first.interest - first.paid_principal - first.paid_interest == fen(
        told["rows"][1]["Outstanding"]
    )
    assert first.paid_interest == 49_32, "interest before principal"


def test_prepaid_on_two_due_dates_the_term_gets_shorter(of_862: Loan, scenario: Any):
    """1,000.00 on 1 December are 862.00 due and 138.00 ahead; 2,000.00 on 1 January: 862.00 due, 1,138.00 ahead."""
    for number, (on, received) in enumerate([(dt.date(2022, 12, 1), 1000_00), (dt.date(2023, 1, 1), 2000_00)]):
        open_on(on)
        due = sum(line.principal + line.interest for line in of_862.instalments if line.due_date == on)
        assert due == 862_00
        prepay(of_862, received - due, on, f"R{number}", RepaymentKind.SHORTEN, received)
    assert rows(of_862) == expected(scenario("LoanRepayment.feature:1023"))
    assert of_862.matures_on == dt.date(2023, 4, 1)
    assert reconcile() == []


def test_paid_off_early_costs_interest_for_the_days_that_have_gone_by(company: Company, scenario: Any):
    """83.57 bear 0.49 in February's 29 days: 0.49 x 14/29 = 0.2365…, which Fineract rounds up and ours rounds down."""
    told = scenario("Loan.feature:5590")["rows"][1:]
    loan = lend(company, 100_00, 70_000, dt.date(2024, 1, 1))
    february, middle = dt.date(2024, 2, 1), dt.date(2024, 2, 15)
    open_on(february)
    repay(loan, fen(told[0]["Paid"]), february, "R1")
    open_on(middle)
    payoff = settle_early(loan, middle, "R2")
    assert {day(row["Paid date"]) for row in told[1:]} == {middle}
    assert payoff.amount == sum(fen(row["Paid"]) for row in told[1:]) - 1
    assert sum(line.interest for line in loan.instalments) == sum(fen(row["Interest"]) for row in told) - 1
    assert sum(line.principal for line in loan.instalments) == sum(fen(row["Principal due"]) for row in told)
    assert loan.status is LoanStatus.SETTLED
    assert not balances(loan).get("LOANS principal")
