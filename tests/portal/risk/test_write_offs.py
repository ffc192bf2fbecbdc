"""From a proposal to a booked write-off, and what stands in its way."""

from __future__ import annotations

import datetime as dt

import pytest

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import Actor, acting
from portal.loans.day_end import run_day_end
from portal.loans.models import Loan, LoanStatus
from portal.loans.write_offs import recover
from portal.risk import write_offs
from portal.risk.models import ProposalState, WriteOffProposal
from tests.portal.loans.conftest import Company, balances, state_of, trial_balance

ONE, OTHER = Actor("one", everything=True), Actor("other", everything=True)
FIRST_DUE = dt.date(2026, 2, 5)


def propose(loan: Loan) -> WriteOffProposal:
    with acting(ONE):
        return write_offs.propose({"loan": loan.id, "reason": "Insolvent", "evidence": "Court paper of 1 March"})


def test_a_loan_is_written_off_by_the_approval_and_pursued_afterwards(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=360))  # 361 days: loss
    row = propose(loan)
    assert (row.state, row.balance, row.days_past_due) == (ProposalState.PROPOSED, 1_200_000, 361)
    with acting(ONE), pytest.raises(Refused, match="You proposed this"):
        write_offs.decide(row.id, True, "")
    assert db.session.get_one(Loan, loan.id).status is LoanStatus.ACTIVE
    with acting(OTHER):
        write_offs.decide(row.id, True, "Agreed")
    loan = db.session.get_one(Loan, loan.id)
    assert loan.status is LoanStatus.WRITTEN_OFF
    assert state_of(loan) is None
    assert db.session.get_one(WriteOffProposal, row.id).state is ProposalState.POSTED
    assert balances(loan)["WRITTEN_OFF principal"] == 1_200_000
    recover(loan, 5_000, loan.closed_on or FIRST_DUE, "V1")
    assert balances(loan)["WRITTEN_OFF principal"] == 1_195_000
    assert trial_balance() == {True: 0, False: 0}


def test_a_loan_that_meets_no_criterion_is_not_even_proposed(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=299))
    with pytest.raises(InvalidValues) as refusal:
        propose(loan)
    assert refusal.value.fields["loan"][0].endswith("at least 365 days past due; this one is “Doubtful” with 300.")


def test_nothing_is_written_off_twice_or_after_a_refusal(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=370))
    row = propose(loan)
    with pytest.raises(InvalidValues, match="proposed for write-off already"):
        propose(loan)
    with acting(OTHER), pytest.raises(InvalidValues, match="Say why"):
        write_offs.decide(row.id, False, " ")
    with acting(OTHER):
        write_offs.decide(row.id, False, "The guarantor has not been asked")
    with acting(OTHER), pytest.raises(Refused, match="decided already"):
        write_offs.decide(row.id, True, "")
    assert db.session.get_one(Loan, loan.id).status is LoanStatus.ACTIVE
    again = propose(loan)
    assert again.id != row.id


def test_an_amount_beyond_ones_authority_is_for_the_committee(company: Company):
    loan = company.lend(amount=5_000_000)
    run_day_end(FIRST_DUE + dt.timedelta(days=370))
    row = propose(loan)
    grants = {(resource, action): "all" for resource in ("Loan", "WriteOffProposal") for action in ("list", "approve")}
    risk = Actor("risk", user_id=7, grants=grants, roles=("risk",), templates=("risk",))
    with acting(risk, "WriteOffProposal", "approve"), pytest.raises(Refused, match=r"From 50,000\.00 yuan on"):
        write_offs.decide(row.id, True, "")
    committee = Actor("member", user_id=8, grants=grants, roles=("committee",), templates=("committee",))
    with acting(committee, "WriteOffProposal", "approve"):
        write_offs.decide(row.id, True, "")
    assert db.session.get_one(Loan, loan.id).status is LoanStatus.WRITTEN_OFF
