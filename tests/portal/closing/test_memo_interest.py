"""Interest of loans too late to accrue: kept off balance month by month, released when it is paid or written off."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from portal.closing.models import MonthEndPosting
from portal.closing.trial_balance import sums_of, trial_balance
from portal.core.db import db
from portal.core.metric import evaluate
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Account
from portal.loans.models import Loan
from portal.loans.repayments import repay
from portal.loans.write_offs import write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company

APRIL, MAY, JUNE = dt.date(2026, 4, 30), dt.date(2026, 5, 31), dt.date(2026, 6, 30)


def memo(day: dt.date) -> int:
    return int(evaluate(["memo_interest"], as_of=day).total["memo_interest"])


def off_balance(account: Account = Account.MEMO_INTEREST) -> int:
    found = select(func.coalesce(func.sum(MonthEndPosting.amount), 0)).where(MonthEndPosting.account == account)
    return int(db.session.scalar(found))


def late_loan(company: Company) -> Loan:
    """12,000 yuan at 12 %, interest of 12,000 fen due on the 5th of each month from February on, and never paid."""
    return company.lend(Method.INTEREST_ONLY)


def test_it_runs_from_the_day_on_which_accrual_stops(company: Company):
    """On 30 April the loan is 84 days late and accrues. On 31 May it is 115 days late: four instalments are due, and 26
    of 31 days of the fifth have passed: 4 * 12,000 + 12,000 * 26 // 31 = 58,064. Nothing of that is recognised.
    30 June: 5 * 12,000 + 12,000 * 25 // 30 = 70,000."""
    late_loan(company)
    run_day_end(APRIL)
    assert (memo(APRIL), off_balance()) == (0, 0)
    run_day_end(MAY)
    assert (memo(MAY), off_balance(), off_balance(Account.MEMO_INTEREST_CONTRA)) == (58_064, 58_064, -58_064)
    run_day_end(JUNE)
    assert (memo(JUNE), off_balance()) == (70_000, 70_000)


def test_what_is_paid_is_released_and_a_cured_loan_has_none(company: Company):
    loan = late_loan(company)
    run_day_end(MAY)
    repay(loan, 12_000, dt.date(2026, 6, 1), "R1")  # the instalment of February; the one of March is 88 days late
    assert memo(dt.date(2026, 6, 1)) == 0, "from 5 March on it is late by less than the threshold: accrual goes on"
    run_day_end(JUNE)  # 117 days after 5 March: too late again
    assert memo(JUNE) == off_balance() == 58_000
    repay(loan, 48_000, dt.date(2026, 7, 1), "R2")
    run_day_end(dt.date(2026, 7, 31))
    assert memo(dt.date(2026, 7, 31)) == off_balance() == 0


def test_a_loan_that_is_written_off_leaves_it(company: Company):
    loan = late_loan(company)
    run_day_end(MAY)
    write_off(loan, dt.date(2026, 6, 1), "Insolvent")
    run_day_end(JUNE)
    assert (memo(JUNE), off_balance()) == (0, 0)


def test_the_trial_balance_is_zero_on_balance_and_off_it_in_every_month(company: Company):
    loan = late_loan(company)
    company.lend(customer=company.customer("C1"))
    run_day_end(MAY)
    write_off(loan, dt.date(2026, 6, 1), "Insolvent")
    run_day_end(JUNE)
    carried: dict[Account, int] = {}
    for first, last in ((START, APRIL), (dt.date(2026, 5, 1), MAY), (dt.date(2026, 6, 1), JUNE)):
        lines = trial_balance(first, last)
        for on_balance in (True, False):
            sums = sums_of(lines, on_balance)
            assert sums.balanced, (first, on_balance, sums)
        assert {line.account: line.before for line in lines if line.before} == carried
        carried = {line.account: line.after for line in lines if line.after}
    assert carried[Account.ALLOWANCE] < 0 < carried[Account.IMPAIRMENT]
    assert carried[Account.WRITTEN_OFF] == -carried[Account.WRITTEN_OFF_CONTRA] > 0
    assert carried[Account.MEMO_INTEREST] == -carried[Account.MEMO_INTEREST_CONTRA] == memo(JUNE) > 0
