"""The ledger against a loan book in plain Python, through random lives of loans, on both engines."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from portal.core.clock import month_end
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.groups import groups_of
from portal.loans.judging import keep_down, let_go
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Loan, LoanStatus
from portal.loans.move_groups import moves_of, present_pairs
from portal.loans.positions import COLUMNS, positions
from portal.loans.services import (
    hand_over,
    reconcile,
    recover,
    repay,
    reverse,
    run_day_end,
    settle_early,
    write_off,
)
from portal.loans.state import LoanSnapshot, LoanState
from portal.products.terms import Method
from tests.databases import Engine
from tests.portal.loans.conftest import METHODS, START, Company, on_database, trial_balance
from tests.portal.loans.model import ModelLoan

MANAGERS = ("B1-M1", "B1-M2", "B2-M1")


class Life(RuleBasedStateMachine):
    """A few loans, lived through day by day."""

    engine: Engine
    template: str

    def __init__(self) -> None:
        super().__init__()
        self.url = self.engine.create(self.template)
        self.stack = ExitStack()
        self.stack.enter_context(on_database(self.url))
        self.company = Company(self.url)
        self.today = START
        self.loans: list[tuple[int, ModelLoan]] = []
        self.owners: dict[int, list[tuple[dt.date, tuple[int, int | None, int | None]]]] = {}
        self.judgements: list[tuple[int, int, ModelLoan, int]] = []
        self.receipts = 0

    def teardown(self) -> None:
        self.compare_every_date()
        self.stack.close()
        self.engine.drop(self.url)

    # what happens

    @precondition(lambda self: len(self.loans) < 4)
    @rule(
        method=st.sampled_from(METHODS),
        amount=st.integers(1, 50_000_00),
        count=st.integers(1, 5),
        customer=st.sampled_from(("C0", "C4")),
    )
    def lend(self, method: Method, amount: int, count: int, customer: str) -> None:
        loan = self.company.lend(method, amount, count, customer=self.company.customer(customer))
        self.loans.append((loan.id, ModelLoan(method, amount, 120_000, count, self.today)))
        self.owners[loan.id] = [(self.today, (loan.branch_id, loan.team_id, loan.manager_id))]

    @precondition(lambda self: self.running())
    @rule(data=st.data(), share=st.integers(1, 130), back=st.integers(0, 4))
    def pay(self, data: Any, share: int, back: int) -> None:
        number, model = data.draw(st.sampled_from(self.running()))
        on = self.some_days_ago(model, back)
        due = [line for line in model.schedule if line.due_date <= on] or model.schedule[:1]
        owed = model.owed() + sum(model.penalties(on).values())
        wanted = sum(line.due for line in due) * share // 100
        amount = min(max(wanted, 1), owed)
        self.receipts += 1
        before = model.non_performing(self.today)
        repay(db.session.get_one(Loan, number), amount, on, f"R{self.receipts}")
        model.pay(amount, on, self.today, f"R{self.receipts}")
        model.observe(before, self.today)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), back=st.integers(0, 4))
    def pay_everything_back(self, data: Any, back: int) -> None:
        number, model = data.draw(st.sampled_from(self.running()))
        on = self.some_days_ago(model, back)
        self.receipts += 1
        amount = model.payoff(on)
        settle_early(db.session.get_one(Loan, number), on, f"R{self.receipts}", amount)
        model.pay(amount, on, self.today, f"R{self.receipts}", early=True)

    @precondition(lambda self: self.with_balance())
    @rule(data=st.data(), back=st.integers(0, 4))
    def give_up(self, data: Any, back: int) -> None:
        number, model = data.draw(st.sampled_from(self.with_balance()))
        on = self.some_days_ago(model, back)
        write_off(db.session.get_one(Loan, number), on, "gone")
        model.write_off(on, self.today)

    @precondition(lambda self: self.written_off())
    @rule(data=st.data(), share=st.integers(1, 100))
    def get_some_back(self, data: Any, share: int) -> None:
        number, model = data.draw(st.sampled_from(self.written_off()))
        amount = max(model.payoff(self.today) * share // 100, 1)
        self.receipts += 1
        recover(db.session.get_one(Loan, number), amount, self.today, f"R{self.receipts}")
        model.recover(amount, self.today, self.today, f"R{self.receipts}")

    @precondition(lambda self: self.undoable())
    @rule(data=st.data())
    def undo(self, data: Any) -> None:
        number, model = data.draw(st.sampled_from(self.undoable()))
        reversals = select(Journal.reverses_id).where(Journal.reverses_id.is_not(None))
        last = db.session.scalars(
            select(Journal)
            .where(Journal.loan_id == number, Journal.kind != JournalKind.ACCRUAL, Journal.reverses_id.is_(None))
            .where(Journal.id.not_in(reversals))
            .order_by(Journal.id.desc())
        ).first()
        assert last is not None
        assert last.kind == model.undo_last(self.today).kind
        reverse(last, "mistake")

    @precondition(lambda self: self.with_balance())
    @rule(data=st.data(), category=st.sampled_from(list(Category)[1:]))
    def judge(self, data: Any, category: Category) -> None:
        number, model = data.draw(st.sampled_from(self.with_balance()))
        with unit_of_work("tests.judge"):
            minimum = keep_down(db.session.get_one(Loan, number), Ground.REVIEW, category, self.today).id
        model.judgements.append((self.today, None, category.value))
        self.judgements.append((minimum, number, model, len(model.judgements) - 1))

    @precondition(lambda self: self.judgements)
    @rule(data=st.data())
    def judge_it_better(self, data: Any) -> None:
        place = data.draw(st.integers(0, len(self.judgements) - 1))
        minimum, number, model, judgement = self.judgements.pop(place)
        with unit_of_work("tests.judge"):
            let_go(db.session.get_one(Loan, number), db.session.get_one(CategoryMinimum, minimum), self.today)
        since, _until, category = model.judgements[judgement]
        model.judgements[judgement] = (since, self.today, category)

    @precondition(lambda self: self.loans)
    @rule(data=st.data(), manager=st.sampled_from(MANAGERS))
    def pass_on(self, data: Any, manager: str) -> None:
        number, _model = data.draw(st.sampled_from(self.loans))
        owner = self.company.owner(manager)
        hand_over([db.session.get_one(Loan, number)], owner)
        self.owners[number].append((self.today, tuple(owner)))

    @rule(days=st.one_of(st.integers(1, 5), st.integers(20, 70)))
    def time_passes(self, days: int) -> None:
        until = self.today + dt.timedelta(days=days)
        run_day_end(until - dt.timedelta(days=1))
        while self.today < until:
            for _number, model in self.loans:
                model.stop(self.today)
            if self.today == month_end(self.today):
                for _number, model in self.loans:
                    model.accrue(self.today)
            self.today += dt.timedelta(days=1)

    # what must be so

    @invariant()
    def open_loans_stand_as_they_should(self) -> None:
        self.compare("state", self.today, self.today, select(*(getattr(LoanState, name) for name in COLUMNS)))

    @invariant()
    def groups_are_their_loans_added_up(self) -> None:
        with unscoped("a test"):
            kept, anew = groups_of(None)
            assert kept == anew
            for pair in present_pairs(db.session()):
                kept, anew = moves_of(pair)
                assert kept == anew, pair

    @invariant()
    def the_trial_balance_is_zero(self) -> None:
        assert trial_balance() == {True: 0, False: 0}

    @invariant()
    def the_cash_is_what_came_in_less_what_went_out(self) -> None:
        booked = db.session.scalar(select(func.sum(Posting.amount)).where(Posting.account == Account.CASH)) or 0
        assert booked == sum(event.cash for _number, model in self.loans for event in model.log)

    @invariant()
    def what_is_written_off_stands_off_balance(self) -> None:
        booked = select(func.sum(Posting.amount)).where(Posting.account == Account.WRITTEN_OFF)
        assert (db.session.scalar(booked) or 0) == sum(model.off_balance() for _number, model in self.loans)

    @invariant()
    def a_loan_is_closed_when_nothing_is_owed(self) -> None:
        for number, model in self.loans:
            status = db.session.get_one(Loan, number).status
            expected = LoanStatus.ACTIVE if model.owed() else LoanStatus.SETTLED
            assert status is (LoanStatus.WRITTEN_OFF if model.is_written_off() else expected)

    def compare_every_date(self) -> None:
        """Snapshots, replays of past dates as known then and as known now, and the ledger's own reconciliation."""
        month_ends = []
        day = month_end(START)
        while day < self.today:
            month_ends.append(day)
            stored = select(*(getattr(LoanSnapshot, name) for name in COLUMNS)).where(LoanSnapshot.as_of == day)
            self.compare("snapshot", day, day, stored)
            self.compare("as known now", day, self.today, positions(day, self.today))
            day = month_end(day + dt.timedelta(days=1))
        for back in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
            day = max(self.today - dt.timedelta(days=back), START)
            self.compare("replay", day, day, positions(day))
            self.compare("as known now", day, self.today, positions(day, self.today))
        assert reconcile(month_ends) == []

    def compare(self, what: str, day: dt.date, known_at: dt.date, statement: Any) -> None:
        found = {row.loan_id: row for row in db.session.execute(statement)}
        expected = {number: model.position(day, known_at) for number, model in self.loans}
        assert set(found) == {number for number, position in expected.items() if position}, (what, day, known_at)
        for number, row in found.items():
            position = expected[number]
            assert {name: getattr(row, name) for name in vars(position)} == vars(position), (
                what,
                number,
                day,
                known_at,
            )
            owner = [owner for since, owner in self.owners[number] if since <= day][-1]
            assert (row.branch_id, row.team_id, row.manager_id) == owner, (what, number, day)

    # who it can happen to

    def running(self) -> list[tuple[int, ModelLoan]]:
        return [(number, model) for number, model in self.loans if model.open_until()]

    def with_balance(self) -> list[tuple[int, ModelLoan]]:
        return [(number, model) for number, model in self.running() if model.balance()]

    def written_off(self) -> list[tuple[int, ModelLoan]]:
        return [(number, model) for number, model in self.loans if model.is_written_off() and model.payoff(self.today)]

    def undoable(self) -> list[tuple[int, ModelLoan]]:
        return [(number, model) for number, model in self.loans if model.last_payment()]

    def some_days_ago(self, model: ModelLoan, back: int) -> dt.date:
        return max(
            filter(None, (self.today - dt.timedelta(days=back), START, model.log[0].value_date, model.last_payment()))
        )


def test_random_lives_of_loans_agree_with_a_plain_model(engine: Engine, company_template: str):
    machine = type("Lives", (Life,), {"engine": engine, "template": company_template})
    examples = settings(
        max_examples=8 if engine.name == "sqlite" else 3,
        stateful_step_count=16,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=examples)
