"""What is written off leaves the balance sheet and may come back."""

from __future__ import annotations

import datetime as dt
import importlib

import pytest
from sqlalchemy import delete, func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import SYSTEM, acting, unscoped
from portal.loans.allowance_groups import AllowanceGroup, allowance_groups
from portal.loans.costs import charge_cost
from portal.loans.day_end import run_day_end
from portal.loans.flows import RECOVERIES, WRITTEN_OFF, WRITTEN_OFF_INTEREST
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Loan, LoanStatus
from portal.loans.ownership import hand_over
from portal.loans.quotes import quote
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.reversals import reverse
from portal.loans.suspense import take
from portal.loans.write_offs import recover, write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, open_on, state_of, table_sizes, trial_balance

fill = importlib.import_module("portal.migrations.versions.0030_allowance_groups").fill
FEBRUARY = dt.date(2026, 2, 1)


def lent_and_accrued(company: Company) -> Loan:
    """10,000 yuan on 5 January; 83.87 of interest accrued at the end of the month."""
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    run_day_end(FEBRUARY - dt.timedelta(days=1))
    return db.session.get_one(Loan, loan.id)


def test_a_write_off_takes_balance_and_accrued_interest_off_the_books(company: Company):
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    assert (loan.status, loan.closed_on) == (LoanStatus.WRITTEN_OFF, FEBRUARY)
    assert state_of(loan) is None
    assert balances(loan) == {
        "CASH principal": -1_000_000,
        "INTEREST_INCOME interest": -8_387,
        "ALLOWANCE principal": 1_000_000,
        "ALLOWANCE interest": 8_387,
        "WRITTEN_OFF principal": 1_000_000,
        "WRITTEN_OFF_CONTRA principal": -1_000_000,
        "WRITTEN_OFF interest": 8_387,
        "WRITTEN_OFF_CONTRA interest": -8_387,
    }
    assert trial_balance() == {True: 0, False: 0}


def test_a_recovery_gives_back_principal_first_then_interest_and_the_rest_is_income(company: Company):
    """By contract 10,000 yuan and 27 of 31 days' interest of 100 are owed on 1 February: 87.09."""
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    recover(loan, 1_000_100, FEBRUARY, "R1")
    held = balances(loan)
    assert "WRITTEN_OFF principal" not in held
    assert (held["WRITTEN_OFF interest"], held["ALLOWANCE interest"]) == (8_287, 8_287)
    with pytest.raises(Refused, match=r"This is 0\.01 yuan more than is owed"):
        recover(loan, 8_610, FEBRUARY, "R2")
    recover(loan, 8_609, FEBRUARY, "R2")
    assert not [name for name in balances(loan) if name.startswith(("WRITTEN_OFF", "ALLOWANCE", "LOANS"))]
    assert balances(loan)["INTEREST_INCOME interest"] == -8_709
    assert loan.status is LoanStatus.WRITTEN_OFF, "it stays what it was, though nothing is left of it"
    assert reconcile() == []


def test_the_customer_owes_by_contract_whatever_the_books_say(company: Company):
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    recover(loan, 15_000, FEBRUARY, "R1")  # interest up to the day comes first, that of days to come is not owed
    paid = [(line.paid_interest, line.paid_principal) for line in loan.instalments]
    assert paid == [(8_709, 0), (0, 0), (0, 6_291)]


def test_penalty_interest_runs_on_after_the_write_off(company: Company):
    """10,000 yuan for three months at 12 %, 18 % when late, nothing ever paid; written off on 5 May, 89 days late.

    Penalty by then: 100 x 18 % x 89 / 360 = 4.45, 100 x 18 % x 61 / 360 = 3.05, 10,100 x 18 % x 30 / 360 = 151.50.
    Up to 4 June, 30 days later: 10,300 x 18 % x 30 / 360 = 154.50. Nothing of it is in the books before it is paid.
    """
    number = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3).id
    run_day_end(dt.date(2026, 5, 4))
    loan = db.session.get_one(Loan, number)
    write_off(loan, dt.date(2026, 5, 5), "gone abroad")
    assert [line.penalty for line in loan.instalments] == [445, 305, 15_150]
    assert quote(loan, dt.date(2026, 5, 5)).total == 1_030_000 + 15_900
    run_day_end(dt.date(2026, 6, 3))
    loan = db.session.get_one(Loan, number)
    assert quote(loan, dt.date(2026, 6, 4)).total == 1_030_000 + 15_900 + 15_450
    repayment, held = take(loan, 1_061_351, dt.date(2026, 6, 4), "R1")
    assert (repayment.amount, held.rest) == (1_061_350, 1), "what is more than is owed is held for him"
    booked = balances(loan)
    assert not [name for name in booked if name.startswith(("WRITTEN_OFF", "ALLOWANCE", "LOANS"))]
    assert booked["PENALTY_INCOME penalty"] == -31_350
    assert booked["INTEREST_INCOME interest"] == -30_000
    key = Journal.key == f"recovery/{repayment.id}"
    reverse(db.session.scalars(select(Journal).where(key)).one(), "the cheque bounced")
    assert quote(db.session.get_one(Loan, number), dt.date(2026, 6, 4)).total == 1_061_350
    assert trial_balance() == {True: 0, False: 0}
    assert reconcile() == []


def test_what_the_debtor_names_comes_first_and_his_words_are_kept(company: Company):
    """On 1 May the three instalments of 100 yuan interest are due, and 10,000 principal with the last."""
    number = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3).id
    run_day_end(dt.date(2026, 4, 30))
    day = dt.date(2026, 5, 1)
    write_off(db.session.get_one(Loan, number), day, "gone abroad")
    repayment, _held = take(db.session.get_one(Loan, number), 10_000, day, "R1", (2,), designation="the second one")
    assert [line.paid_interest for line in db.session.get_one(Loan, number).instalments] == [0, 10_000, 0]
    assert repayment.designation == "the second one"
    with pytest.raises(Refused, match="nothing is owed"):
        take(db.session.get_one(Loan, number), 10_000, day, "R2", (4,))
    assert reconcile() == []


def test_costs_of_pursuing_it_come_back_before_the_allowance_does(company: Company):
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    charge_cost(loan, 5_000, FEBRUARY, "court fee, voucher 12")
    recover(loan, 6_000, FEBRUARY, "R1")
    held = balances(loan)
    assert "COSTS cost" not in held
    assert held["ALLOWANCE principal"] == 999_000


def test_the_flows_tell_principal_and_interest_apart(company: Company):
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    recover(loan, 1_000_100, FEBRUARY, "R1")
    flows = {
        flow: db.session.scalar(select(func.sum(flow.amount())).select_from(Posting))
        for flow in (WRITTEN_OFF, WRITTEN_OFF_INTEREST, *RECOVERIES)
    }
    assert list(flows.values()) == [1_000_000, 8_387, 1_000_000, 100, 0, 0, 0]


def test_a_loan_is_written_off_once_and_with_a_reason(company: Company):
    loan = company.lend()
    with pytest.raises(InvalidValues, match="reason"):
        write_off(loan, START, "  ")
    write_off(loan, START, "fraud")
    before = table_sizes()
    with pytest.raises(Refused, match="is closed"):
        write_off(loan, START, "fraud")
    with pytest.raises(Refused, match="is closed"):
        repay(loan, 100, START, "R1")
    assert table_sizes() == before


def test_what_loans_did_to_the_allowance_is_added_up_whoever_owns_them(company: Company):
    loan = lent_and_accrued(company)
    write_off(loan, FEBRUARY, "no trace of the debtor")
    recover(loan, 10_000, FEBRUARY, "R1")
    with acting(SYSTEM), unscoped("the test looks at everything"):
        held, anew = allowance_groups()
    assert held == anew
    assert sorted(amount for amount, _lines in held.values()) == [-10_000, 1_008_387]
    with acting(SYSTEM), unscoped("what an upgrade fills in is what the portal would have kept"):
        db.session.execute(delete(AllowanceGroup))
        fill(db.session.connection())
        assert allowance_groups() == (held, held)
        db.session.commit()
    hand_over([db.session.get_one(Loan, loan.id)], company.owner("B2-M2"))
    with acting(SYSTEM), unscoped("the test looks at everything"):
        after, anew = allowance_groups()
    assert after == anew
    assert after.keys().isdisjoint(held), "seen by the new owner, who had none of it"
    assert sorted(after.values()) == sorted(held.values())


def test_only_a_written_off_loan_can_be_recovered(company: Company):
    loan = company.lend()
    with pytest.raises(Refused, match="is not written off"):
        recover(loan, 100, START, "R1")


def test_a_write_off_has_no_date_to_come(company: Company):
    loan = company.lend()
    open_on(START + dt.timedelta(days=9))
    with pytest.raises(Refused, match="has not happened yet"):
        write_off(loan, START + dt.timedelta(days=10), "fraud")
