"""Provisions from the classification of a month-end to account 1304, worked by hand; four eyes; corrections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from portal.closing import posting, proposals
from portal.closing.models import EntryKind, MonthEndEntry, MonthEndPosting, MonthEndProposal, ProposalState
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.metric import evaluate
from portal.core.scope import Actor, acting
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Account, Posting
from portal.loans.models import Loan
from portal.loans.write_offs import recover, write_off
from portal.parameters.services import set_parameter
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company

JANUARY, FEBRUARY, MARCH = dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)
ONE, OTHER = Actor("one", everything=True), Actor("other", everything=True)
AMOUNT = 1_000_050


def held(account: Account = Account.ALLOWANCE, as_of: dt.date | None = None) -> int:
    """What month-end entries hold on an account; debit above 0."""
    statement = select(func.coalesce(func.sum(MonthEndPosting.amount), 0)).where(MonthEndPosting.account == account)
    return int(db.session.scalar(statement if as_of is None else statement.where(MonthEndPosting.value_date <= as_of)))


def figure(key: str, as_of: dt.date) -> object:
    return evaluate([key], as_of=as_of).total[key]


def by_product(entry: MonthEndEntry) -> dict[str, int]:
    """What an entry added to the allowance, by the method of the product."""
    lines = db.session.scalars(
        select(MonthEndPosting).where(
            MonthEndPosting.entry_id == entry.id, MonthEndPosting.account == Account.ALLOWANCE
        )
    )
    return {line.product.code: -line.amount for line in lines}


def entry_of(day: dt.date) -> MonthEndEntry:
    found = posting.standing(EntryKind.PROVISION, day)
    assert found is not None
    return found


@contextmanager
def by_hand() -> Iterator[None]:
    """Day-end leaves provisions to people."""
    set_parameter("provisions.automatic", "off", START, "Decision of the committee")
    yield


def two_loans(company: Company) -> tuple[Loan, Loan]:
    return company.lend(Method.BULLET, AMOUNT), company.lend(Method.INTEREST_ONLY, AMOUNT)


def test_a_quarter_worked_by_hand(company: Company):
    """Two loans of 10,000.50 yuan, products bullet and interest-only, of one branch.

    31 January: both normal, 0 % + 1 % of 1,000,050 fen = 10,000.5 each, rounded 10,001 each. The branch: 20,001.0, so
    one of the groups takes 10,000.
    28 February: the interest due on the 5th was not paid, 23 days: special mention, 2 % + 1 % = 30,001.5, rounded
    30,002; the bullet 10,001; the branch 40,002.0, so the larger group takes 30,001. Held 20,001, so 20,001 are added.
    5 March: the interest-only loan is written off with the interest accrued by then, which uses up the allowance.
    31 March: only the bullet is left: 10,000.5, rounded 10,001, the branch as well. What was used up is made up again.
    """
    bullet, interest_only = two_loans(company)
    assert (figure("allowance", START), figure("coverage_ratio", START)) == (None, None)
    run_day_end(JANUARY)
    assert sorted(by_product(entry_of(JANUARY)).values()) == [10_000, 10_001]
    assert (entry_of(JANUARY).amount, entry_of(JANUARY).booking_date) == (20_001, JANUARY)
    assert (held(), held(Account.IMPAIRMENT)) == (-20_001, 20_001)
    assert figure("allowance", JANUARY) == 20_001
    assert figure("adequacy", JANUARY) == 1

    run_day_end(FEBRUARY)
    added = by_product(entry_of(FEBRUARY))
    assert entry_of(FEBRUARY).amount == sum(added.values()) == 40_002 - 20_001
    assert figure("provision_required", FEBRUARY) == figure("allowance", FEBRUARY) == 40_002
    assert evaluate(["allowance"], ("product",), as_of=FEBRUARY).total["allowance"] == 40_002

    run_day_end(dt.date(2026, 3, 4))
    receivable = evaluate(["loan_balance"]).total["loan_balance"]
    assert receivable == 2 * AMOUNT
    write_off(interest_only, dt.date(2026, 3, 5), "Insolvent")
    borne = select(func.sum(Posting.amount)).where(
        Posting.loan_id == interest_only.id, Posting.account == Account.ALLOWANCE
    )
    used = int(db.session.scalar(borne))
    # Accrued by 28 February: 10,001 of the first instalment, of the second 23 days of 28 in whole fen:
    # 10,001 * 23 // 28 = 8,215.
    assert used == AMOUNT + 10_001 + 8_215
    assert figure("allowance", dt.date(2026, 3, 5)) == 40_002 - used
    run_day_end(MARCH)
    assert entry_of(MARCH).amount == 10_001 - (40_002 - used)
    assert figure("allowance", MARCH) == figure("provision_required", MARCH) == 10_001
    recover(interest_only, 5_000, dt.date(2026, 4, 1), "V1")
    assert figure("allowance", dt.date(2026, 4, 1)) == 15_001
    run_day_end(dt.date(2026, 4, 30))
    assert entry_of(dt.date(2026, 4, 30)).amount == -5_000
    assert figure("allowance", dt.date(2026, 4, 30)) == 10_001
    assert bullet.principal == AMOUNT


def test_every_group_balances_and_a_second_run_changes_nothing(company: Company):
    two_loans(company)
    company.lend(customer=company.customer("C2"))
    run_day_end(FEBRUARY)
    before = db.session.scalar(select(func.count()).select_from(MonthEndPosting))
    assert before
    for kind, day in ((kind, day) for kind in EntryKind for day in (JANUARY, FEBRUARY)):
        entry = posting.standing(kind, day)
        if entry is not None or day == FEBRUARY:
            assert posting.post(kind, day) == entry
    posting.follow(FEBRUARY)
    assert db.session.scalar(select(func.count()).select_from(MonthEndPosting)) == before
    group = (MonthEndPosting.kind, MonthEndPosting.branch_id, MonthEndPosting.manager_id, MonthEndPosting.product_id)
    sums = db.session.execute(select(func.sum(MonthEndPosting.amount)).group_by(*group)).scalars()
    assert {int(amount) for amount in sums} == {0}


def test_one_proposes_and_another_books(company: Company):
    two_loans(company)
    with by_hand():
        run_day_end(JANUARY)
        assert posting.standing(EntryKind.PROVISION, JANUARY) is None
        with acting(ONE):
            row = proposals.propose(EntryKind.PROVISION, JANUARY, "reviewed")
            assert (row.wanted, row.held, row.difference) == (20_001, 0, 20_001)
            with pytest.raises(Refused, match="proposed already"):
                proposals.propose(EntryKind.PROVISION, JANUARY)
            with pytest.raises(Refused, match="You proposed this"):
                proposals.decide(row.id, True, "")
        assert held() == 0
        with acting(OTHER):
            proposals.decide(row.id, True, "agreed")
        row = db.session.get_one(MonthEndProposal, row.id)
        assert (row.state, row.entry and row.entry.posted_by) == (ProposalState.POSTED, "other")
        assert held() == -20_001
        with acting(ONE), pytest.raises(Refused, match="booked already"):
            proposals.propose(EntryKind.PROVISION, JANUARY)


def test_a_refusal_books_nothing_and_says_why(company: Company):
    two_loans(company)
    with by_hand():
        run_day_end(JANUARY)
        with acting(ONE):
            row = proposals.propose(EntryKind.PROVISION, JANUARY)
        with acting(OTHER):
            with pytest.raises(InvalidValues):
                proposals.decide(row.id, False, "")
            proposals.decide(row.id, False, "the categories are under review")
            with pytest.raises(Refused, match="decided already"):
                proposals.decide(row.id, True, "")
        assert held() == 0
        with acting(ONE):
            again = proposals.propose(EntryKind.PROVISION, JANUARY)
            proposals.withdraw(again.id)
        assert held() == 0


def test_a_month_that_was_left_out_is_in_the_difference_of_the_next(company: Company):
    two_loans(company)
    with by_hand():
        run_day_end(FEBRUARY)
        with pytest.raises(Refused, match="Only the last month-end"):
            posting.post(EntryKind.PROVISION, JANUARY)
        with pytest.raises(Refused, match="no month-end"):
            posting.post(EntryKind.PROVISION, MARCH)
        with pytest.raises(Refused, match="no month-end"):
            posting.post(EntryKind.PROVISION, dt.date(2026, 2, 27))
        entry = posting.post(EntryKind.PROVISION, FEBRUARY)
    assert entry is not None and entry.amount == 40_002


def test_a_wrong_entry_is_taken_back_in_the_open_month_and_stays_as_it_was(company: Company):
    two_loans(company)
    run_day_end(dt.date(2026, 2, 10))
    old = entry_of(JANUARY)
    with pytest.raises(InvalidValues):
        posting.reverse(old.id, " ")
    back = posting.reverse(old.id, "Wrong categories")
    assert (back.reverses_id, back.amount, back.booking_date, back.period) == (
        old.id,
        -20_001,
        dt.date(2026, 2, 11),
        202_602,
    )
    assert (figure("allowance", JANUARY), figure("allowance", dt.date(2026, 2, 11))) == (20_001, 0)
    for entry in (old, back):
        with pytest.raises(Refused, match="taken back already"):
            posting.reverse(entry.id, "Again")
    assert posting.post(EntryKind.PROVISION, JANUARY) is None, "January is as it was booked then"
    run_day_end(FEBRUARY)
    assert figure("allowance", FEBRUARY) == 40_002


@pytest.mark.parametrize("table", ["month_end_entry", "month_end_posting", "vat_line"])
def test_the_database_refuses_to_change_what_is_booked(company: Company, table: str):
    two_loans(company)
    company.customer("C1")
    run_day_end(JANUARY)
    assert db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    for statement in (
        f"UPDATE {table} SET kind = kind" if table != "vat_line" else "UPDATE vat_line SET tax = 1",
        f"DELETE FROM {table}",
    ):
        with pytest.raises(DBAPIError, match="immutable"):
            db.session.execute(text(statement))
        db.session.rollback()
