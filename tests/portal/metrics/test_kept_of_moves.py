"""What is kept of moves and vintages is what the loans say: after bookings, and when an upgrade fills it in."""

import importlib
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from portal.core.db import db
from portal.core.scope import SYSTEM, acting, unscoped
from portal.loans.cohorts import Step, VintageGroup, VintageStep, steps_regrouped, vintage_groups
from portal.loans.models import Loan
from portal.loans.move_groups import LoanMove, follow_snapshot, follow_states, kept_pairs, moves_of
from portal.loans.vintages import follow_later_vintages
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import company

__all__ = ["company"]

fill = importlib.import_module("portal.migrations.versions.0019_moves_of_loans").fill
fill_groups = importlib.import_module("portal.migrations.versions.0029_vintage_groups").fill


def kept() -> tuple[list[Any], list[Any]]:
    """Everything in both tables but the numbers of the rows, in an order of its own."""
    found = []
    for model in (LoanMove, VintageStep):
        columns = [column for column in model.__table__.columns if column.name != "id"]
        found.append(sorted(map(tuple, db.session.execute(select(*columns))), key=str))
    return found[0], found[1]


@pytest.fixture(autouse=True)
def nothing_stays(company):
    with acting(SYSTEM), unscoped("the test looks at everything"):
        yield
    db.session.rollback()


def test_moves_are_kept_from_month_end_to_month_end_and_to_now(company):
    pairs = kept_pairs(db.session())
    assert pairs == [SNAPSHOTS, (SNAPSHOTS[1], None)]
    for pair in pairs:
        held, anew = moves_of(pair)
        assert held == anew
        assert len(held) > 20


def test_writing_a_month_end_again_changes_nothing(company):
    before = kept()
    for day in SNAPSHOTS:
        follow_snapshot(db.session(), day)
    follow_states(db.session(), OPEN)
    follow_later_vintages(db.session(), SNAPSHOTS[0])
    assert kept() == before


def test_an_upgrade_fills_in_what_the_portal_would_have_kept(company):
    moves, steps = kept()
    assert Step.LENT in set(db.session.scalars(select(VintageStep.step)))
    for model in (LoanMove, VintageStep):
        db.session.execute(delete(model))
    fill(db.session.connection())
    assert kept() == (moves, steps)


def test_steps_stand_added_up_and_follow_loans_that_are_handed_over(company):
    held, anew = vintage_groups()
    assert held == anew
    assert len(held) > 5
    loans = list(db.session.scalars(select(VintageStep.loan_id).distinct().order_by(VintageStep.loan_id).limit(9)))
    owner = db.session.execute(select(Loan.branch_id, Loan.team_id, Loan.manager_id).where(Loan.id == loans[-1])).one()
    with steps_regrouped(db.session(), loans):
        db.session.execute(update(Loan).where(Loan.id.in_(loans)).values(owner._asdict()))
    after, anew = vintage_groups()
    assert after == anew
    assert after != held


def test_an_upgrade_adds_up_the_steps_there_are(company):
    held, _anew = vintage_groups()
    db.session.execute(delete(VintageGroup))
    fill_groups(db.session.connection())
    assert vintage_groups() == (held, held)
