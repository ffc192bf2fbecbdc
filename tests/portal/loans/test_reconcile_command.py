"""`portal reconcile`, as typed."""

from __future__ import annotations

import datetime as dt

from click.testing import CliRunner
from sqlalchemy import update

from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans.day_end import run_day_end
from portal.loans.reconcile_command import reconcile
from portal.loans.state import LoanState
from tests.portal.loans.conftest import Company, state_of


def test_damage_is_told_and_written_anew(company: Company):
    loan, other = company.lend(), company.lend(customer=company.customer("C1"))
    run_day_end(dt.date(2026, 2, 9))
    assert CliRunner().invoke(reconcile, []).output.splitlines() == ["No differences."]
    balance = loan.state.balance
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(LoanState).where(LoanState.loan_id == loan.id).values(balance=1))
    told = CliRunner().invoke(reconcile, [])
    assert told.exit_code != 0
    assert str(told.exception).endswith(" differences.")
    states = [line for line in told.output.splitlines() if line.startswith("state: ")]
    assert len(states) == 2, "as it is stored, and as it is in the ledger"
    assert all(line.startswith(f"state: loan {loan.id}: ") for line in states)
    run_day_end()
    assert state_of(loan).balance == 1, "day-end takes what is kept"
    mended = CliRunner().invoke(reconcile, ["--rebuild"])
    assert mended.output.splitlines() == ["loan_state and its groups are written anew.", "No differences."]
    assert (state_of(loan).balance, state_of(other).balance) == (balance, balance)
