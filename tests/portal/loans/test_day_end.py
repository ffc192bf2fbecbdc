"""What a day's end does to all loans at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from portal.core import clock
from portal.core.audit import AuditEntry
from portal.core.clock import BusinessDay, business_date
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans import day_end, proofs
from portal.loans.booking import account_of
from portal.loans.classification import Category
from portal.loans.day_end import rebuild_snapshots, rebuild_states, run_day_end, run_nightly
from portal.loans.ledger import Journal, JournalKind, Posting
from portal.loans.models import Loan
from portal.loans.positions import COLUMNS
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.runs import DayEndRun, RunState
from portal.loans.state import LoanSnapshot, LoanState
from portal.parameters.known import Operator
from portal.parameters.services import set_parameter
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, on_database, open_on, state_of, trial_balance

JANUARY, FEBRUARY = dt.date(2026, 1, 31), dt.date(2026, 2, 28)
FIRST_DUE = dt.date(2026, 2, 5)


def contents(model: Any) -> list[Any]:
    return [
        tuple(row)
        for row in db.session.execute(select(*(getattr(model, name) for name in COLUMNS)).order_by(model.loan_id))
    ]


def accruals(loan: Loan) -> list[tuple[dt.date, int]]:
    rows = db.session.execute(
        select(Journal.value_date, func.max(Posting.amount))
        .join(Posting, Posting.journal_id == Journal.id)
        .where(Journal.loan_id == loan.id, Journal.kind == JournalKind.ACCRUAL)
        .group_by(Journal.id)
        .order_by(Journal.id)
    )
    return [(day, int(amount)) for day, amount in rows]


def test_it_opens_the_next_day_and_loans_are_one_day_older(company: Company):
    loan = company.lend()
    done = run_day_end(FIRST_DUE)
    assert (done.closed[0], done.closed[-1], len(done.closed)) == (START, FIRST_DUE, 32)
    assert done.opened == business_date() == FIRST_DUE + dt.timedelta(days=1)
    state = state_of(loan)
    assert state and (state.days_past_due, state.oldest_due_on, state.category) == (
        1,
        FIRST_DUE,
        Category.SPECIAL_MENTION,
    )
    assert (state.overdue_principal, state.overdue_interest, state.balance) == (94_619, 12_000, 1_200_000)


def test_the_category_follows_the_days_past_due(company: Company):
    instalments, single = company.lend(), company.lend(Method.INTEREST_ONLY)
    for days, category in (
        (0, Category.NORMAL),
        (1, Category.SPECIAL_MENTION),
        (90, Category.SPECIAL_MENTION),
        (91, Category.SUBSTANDARD),
        (270, Category.SUBSTANDARD),
        (271, Category.DOUBTFUL),
        (360, Category.DOUBTFUL),
        (361, Category.LOSS),
    ):
        open_on(FIRST_DUE + dt.timedelta(days=days))
        rebuild_states()
        state = state_of(instalments)
        assert state and (state.days_past_due, state.category) == (days, category)
        fallen_due = sum(line.principal for line in instalments.instalments if line.due_date < business_date())
        assert state.overdue_principal == (fallen_due if days <= 90 else 1_200_000)
        state = state_of(single)
        assert state and state.overdue_principal == (1_200_000 if days else 0)


def test_a_tolerated_rest_does_not_age_a_loan(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619 - 100, FIRST_DUE, "R1")
    set_parameter("overdue.tolerance", "100", FIRST_DUE + dt.timedelta(days=2), "Board decision 3/2026")
    run_day_end(FIRST_DUE)
    state = state_of(loan)
    assert state and state.days_past_due == 1, "the decision is not in force yet"
    run_day_end()
    state = state_of(loan)
    assert state and (state.days_past_due, state.oldest_due_on) == (0, None)


def test_stricter_thresholds_apply_from_their_day_on(company: Company):
    loan = company.lend()
    set_parameter(
        "category_floor.substandard", "60", dt.date(2026, 5, 1), "Local rule", operator=Operator.GREATER_OR_EQUAL
    )
    run_day_end(dt.date(2026, 4, 29))
    state = state_of(loan)
    assert state and (state.days_past_due, state.category) == (84, Category.SPECIAL_MENTION)
    run_day_end()
    state = state_of(loan)
    assert state and (state.days_past_due, state.category) == (85, Category.SUBSTANDARD)


def test_interest_is_accrued_at_each_month_end_as_far_as_it_was_earned(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)  # 100 yuan a month
    run_day_end(FEBRUARY)
    # 26 of January's 31 days: 83.87; then 23 of February's 28 days: 182.14 in all
    assert accruals(loan) == [(JANUARY, 8_387), (FEBRUARY, 18_214 - 8_387)]
    state = state_of(loan)
    assert state and state.accrued_interest == 18_214


def test_what_was_paid_ahead_is_not_accrued_again(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    repay(loan, 15_000, START, "R1")
    run_day_end(FEBRUARY)
    assert accruals(loan) == [(START, 15_000), (FEBRUARY, 3_214)]


def test_interest_is_not_accrued_beyond_ninety_days_and_made_up_once_cured(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=12)
    run_day_end(dt.date(2026, 6, 30))  # 5 February + 90 days = 6 May
    kept = [JANUARY, FEBRUARY, dt.date(2026, 3, 31), dt.date(2026, 4, 30)]
    assert [day for day, _amount in accruals(loan)] == [*kept, dt.date(2026, 5, 7)], "and then taken back"
    july = dt.date(2026, 7, 1)
    loan = db.session.get_one(Loan, loan.id)
    repay(loan, 50_000 + sum(line.penalty for line in loan.instalments), july, "R1")
    run_day_end(dt.date(2026, 7, 31))
    # five instalments are due and paid, 26 of the 31 days to 5 August have passed
    assert balances(loan)["INTEREST_INCOME interest"] == -(60_000 + 10_000 * 26 // 31)


def test_a_month_end_keeps_the_positions_as_they_were(company: Company):
    loan = company.lend()
    company.lend(Method.BULLET)
    run_day_end(JANUARY)
    kept = contents(LoanSnapshot)
    assert len(kept) == 2
    assert {row[1] for row in kept} == {JANUARY}
    run_day_end(FIRST_DUE)
    repay(db.session.get_one(Loan, loan.id), 500_000, FIRST_DUE, "R1")
    assert contents(LoanSnapshot) == kept
    assert reconcile([JANUARY]) == []


def test_running_it_again_for_a_closed_day_changes_nothing(company: Company):
    company.lend()
    run_day_end(FEBRUARY)
    before = (contents(LoanState), contents(LoanSnapshot), db.session.scalar(select(func.count()).select_from(Journal)))
    entries = db.session.scalar(select(func.count()).select_from(AuditEntry))
    done = run_day_end(JANUARY)
    assert (done.closed, done.opened) == ((), FEBRUARY + dt.timedelta(days=1))
    after = (contents(LoanState), contents(LoanSnapshot), db.session.scalar(select(func.count()).select_from(Journal)))
    assert after == before
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == entries


def test_missed_days_give_what_day_by_day_gives(company: Company, engine: Any, company_template: str):
    def live(step: int) -> tuple[Any, ...]:
        loan = company.lend(code="A")
        company.lend(Method.INTEREST_ONLY, code="B")
        repay(loan, 106_619, START, "R1")
        run_day_end(dt.date(2026, 1, 29))
        while business_date() <= dt.date(2026, 2, 9):
            run_day_end(min(business_date() + dt.timedelta(days=step - 1), dt.date(2026, 2, 9)))
        return contents(LoanState), contents(LoanSnapshot), [accruals(row) for row in db.session.scalars(select(Loan))]

    at_once = live(1_000)
    db.session.remove()
    other = engine.create(company_template)
    try:
        with on_database(other):
            day_by_day = live(1)
    finally:
        engine.drop(other)
    assert at_once == day_by_day


def test_rebuilding_gives_the_same_rows(company: Company):
    company.lend()
    settle_early(company.lend(), START, "R1")
    run_day_end(FEBRUARY)
    states, snapshots = contents(LoanState), contents(LoanSnapshot)
    rebuild_states()
    rebuild_snapshots([JANUARY, FEBRUARY])
    assert (contents(LoanState), contents(LoanSnapshot)) == (states, snapshots)
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(LoanState).values(balance=1))
        db.session.execute(delete(LoanSnapshot))
    assert {difference.check for difference in reconcile([JANUARY])} == {"state", "snapshot", "groups"}
    rebuild_states()
    rebuild_snapshots([JANUARY, FEBRUARY])
    assert contents(LoanSnapshot) == snapshots
    assert reconcile([JANUARY, FEBRUARY]) == []


def test_a_closed_loan_leaves_the_open_loans(company: Company):
    loan = company.lend()
    settle_early(loan, START, "R1")
    assert state_of(loan) is None
    run_day_end()
    assert state_of(loan) is None


def test_what_is_booked_while_it_computes_is_not_lost(company: Company, monkeypatch: pytest.MonkeyPatch):
    paid, settled, untouched = company.lend(), company.lend(), company.lend()
    numbers = [loan.id for loan in (paid, settled, untouched)]
    open_on(JANUARY)
    fill, fills = day_end._fill, []

    def fill_and_be_interrupted(*args: Any) -> None:
        fill(*args)
        fills.append(args)
        if len(fills) == 4:  # everything is computed
            repay(db.session.get_one(Loan, numbers[0]), 50_000, JANUARY, "R1")
            settle_early(db.session.get_one(Loan, numbers[1]), JANUARY, "R2")
            company.lend(code="new")

    monkeypatch.setattr(day_end, "_fill", fill_and_be_interrupted)
    run_day_end()
    assert sorted(row[0] for row in contents(LoanSnapshot)) == [numbers[0], numbers[2], numbers[2] + 1]
    assert reconcile([JANUARY]) == []
    assert trial_balance() == {True: 0, False: 0}


def test_of_two_at_once_the_second_is_told_who_runs_it(company: Company, monkeypatch: pytest.MonkeyPatch):
    loan = company.lend()
    close, told = day_end._close, []

    def close_while_another_tries(*args: Any) -> None:
        with pytest.raises(Refused) as refusal:
            run_day_end(JANUARY)
        told.append(str(refusal.value))
        close(*args)

    monkeypatch.setattr(day_end, "_close", close_while_another_tries)
    run_day_end(JANUARY)
    assert len(told) == 1
    assert told[0].startswith("Day-end of 2026-01-05 is being run by system since ")
    assert len(accruals(loan)) == 1
    assert business_date() == dt.date(2026, 2, 1)
    monkeypatch.undo()
    assert run_day_end().closed == (dt.date(2026, 2, 1),), "who is done lets go"


def test_a_day_that_was_closed_meanwhile_is_not_closed_again(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.lend()
    fill = day_end._fill

    def fill_while_the_date_moves(*args: Any) -> None:
        fill(*args)
        open_on(FIRST_DUE)

    monkeypatch.setattr(day_end, "_fill", fill_while_the_date_moves)
    with pytest.raises(Refused, match="Another day-end has closed 2026-01-05"):
        run_day_end()
    (run,) = db.session.scalars(select(DayEndRun))
    assert (run.state, run.message) == (RunState.FAILED, "Another day-end has closed 2026-01-05 meanwhile.")


def test_the_audit_entry_says_which_days_were_closed(company: Company):
    company.lend()
    run_day_end(FIRST_DUE)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "ledger.day_end").order_by(AuditEntry.id))
    assert [entry.changes for entry in entries] == [
        {"first": "2026-01-05", "last": "2026-01-31", "computed_again": 0, "accruals": 1},
        {"first": "2026-02-01", "last": "2026-02-05", "computed_again": 0},
    ]


def test_the_night_closes_every_day_before_today(company: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(day_end, "calendar_date", lambda: START + dt.timedelta(days=3))
    done = run_nightly()
    assert done and done.opened == START + dt.timedelta(days=3)
    assert run_nightly() is None, "today is not over"


def test_the_date_of_a_demo_company_stays_where_it_is(company: Company, monkeypatch: pytest.MonkeyPatch):
    with unit_of_work("tests.demo"):
        db.session.get_one(BusinessDay, 1).moves = False
    monkeypatch.setattr(day_end, "calendar_date", lambda: START + dt.timedelta(days=300))
    assert run_nightly() is None
    assert run_day_end().opened == START + dt.timedelta(days=1), "the command moves it"


def test_books_that_were_never_opened_cannot_be_closed(company: Company):
    with unit_of_work("tests.unopened"):
        db.session.delete(db.session.get_one(BusinessDay, 1))
    with pytest.raises(Refused, match="no business date yet"):
        run_day_end()
    assert run_nightly() is None


def test_the_first_loan_opens_the_books(company: Company, monkeypatch: pytest.MonkeyPatch):
    with unit_of_work("tests.unopened"):
        db.session.delete(db.session.get_one(BusinessDay, 1))
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2026, 3, 3, 20, tzinfo=dt.UTC))
    loan = company.lend()
    assert loan.disbursed_on == business_date() == dt.date(2026, 3, 4), "past midnight in China"


def test_interest_that_stays_unpaid_past_ninety_days_is_taken_back_on_that_day(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=12)
    prompt = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=12)
    run_day_end(dt.date(2026, 5, 5))  # 89 days after 5 February
    state = state_of(loan)
    assert state and (state.days_past_due, state.accrued_interest) == (90, 38_333)  # three months and 25 of 30 days
    repay(db.session.get_one(Loan, prompt.id), 40_500, dt.date(2026, 5, 5), "P")
    run_day_end(dt.date(2026, 5, 6))
    state = state_of(loan)
    assert state and state.accrued_interest == 38_333, "ninety days are not past ninety"
    run_day_end(dt.date(2026, 5, 20))  # 7 May is the 91st; it lies among missed days
    state = state_of(loan)
    assert state and state.accrued_interest == 0
    assert accruals(loan)[-1] == (dt.date(2026, 5, 7), 38_333)
    assert balances(loan) == {"LOANS principal": 1_000_000, "CASH principal": -1_000_000}
    assert balances(prompt)["INTEREST_INCOME interest"] < -38_333, "nobody else is touched"
    run_day_end(dt.date(2026, 6, 30))
    assert balances(loan) == {"LOANS principal": 1_000_000, "CASH principal": -1_000_000}, "nothing is accrued any more"
    assert reconcile([dt.date(2026, 4, 30), dt.date(2026, 5, 31)]) == []
    assert trial_balance() == {True: 0, False: 0}


def test_interest_paid_on_such_a_loan_is_income_when_it_comes_in_and_all_is_made_up_on_cure(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=12)
    run_day_end(dt.date(2026, 6, 9))
    assert "INTEREST_INCOME interest" not in balances(loan)
    repay(db.session.get_one(Loan, loan.id), 10_000, dt.date(2026, 6, 10), "R1")
    assert balances(loan)["INTEREST_INCOME interest"] == -10_000
    assert "INTEREST_RECEIVABLE interest" not in balances(loan)
    july = dt.date(2026, 7, 1)
    run_day_end(july - dt.timedelta(days=1))
    loan = db.session.get_one(Loan, loan.id)
    repay(loan, 40_000 + sum(amount for _line, amount in account_of(loan, lock=False).penalties(july)), july, "R2")
    run_day_end(dt.date(2026, 7, 31))
    assert balances(loan)["INTEREST_INCOME interest"] == -(60_000 + 10_000 * 26 // 31)
    assert reconcile([dt.date(2026, 6, 30), dt.date(2026, 7, 31)]) == []


def test_missed_days_take_interest_back_on_the_day_that_day_by_day_does(
    company: Company, engine: Any, company_template: str
):
    def live(step: int) -> tuple[Any, ...]:
        for n, first in enumerate((None, dt.date(2026, 1, 20), dt.date(2026, 2, 1))):
            company.lend(Method.INTEREST_ONLY, code=f"L{n}", first_due_on=first)
        run_day_end(dt.date(2026, 4, 15))
        while business_date() <= dt.date(2026, 5, 12):
            run_day_end(min(business_date() + dt.timedelta(days=step - 1), dt.date(2026, 5, 12)))
        return contents(LoanState), contents(LoanSnapshot), [accruals(row) for row in db.session.scalars(select(Loan))]

    at_once = live(1_000)
    proof = proofs.prove(dt.date(2026, 4, 30))
    assert db.session.get_one(DayEndRun, proof).differences == 0
    db.session.remove()
    other = engine.create(company_template)
    try:
        with on_database(other):
            day_by_day = live(1)
            for day in (dt.date(2026, 4, 21), dt.date(2026, 5, 3), dt.date(2026, 5, 7)):
                run = db.session.get_one(DayEndRun, proofs.prove(day))
                assert (run.differences, run.told) == (0, []), day
    finally:
        engine.drop(other)
    assert at_once == day_by_day
