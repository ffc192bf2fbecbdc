"""Random servicing of loans: whatever is paid, backdated, repaid early, let go, held and reversed, the books hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.loans.backdating import repay_backdated
from portal.loans.booking import account_of
from portal.loans.components import Component
from portal.loans.costs import charge_cost
from portal.loans.day_end import rebuild_states, run_day_end
from portal.loans.disbursement import disburse
from portal.loans.extending import approve as agree
from portal.loans.extending import propose as ask
from portal.loans.granting import propose, waivable
from portal.loans.ledger import Account, JournalKind, Posting
from portal.loans.misuse import decide_misuse
from portal.loans.models import Allocation, Charge, Instalment, Loan, LoanStatus, RepaymentKind
from portal.loans.positions import COLUMNS
from portal.loans.prepayment import prepay
from portal.loans.quotes import quote
from portal.loans.receipts import HeldPosting, HeldReceipt
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, settle_early
from portal.loans.reversals import reverse, standing_journals
from portal.loans.state import LoanState
from portal.loans.suspense import Portion, clear, give_back, take
from portal.loans.terms import ReschedulingKind, TermsChange
from portal.parameters.services import set_parameter
from portal.products.terms import Method, ResetRule
from tests.databases import Engine
from tests.portal.loans.conftest import START, Company, on_database, product
from tests.portal.loans.dues_by_hand import kept, walked

AMOUNTS = st.integers(1, 400_000)
DAYS_BACK = st.integers(0, 70)


class Servicing(RuleBasedStateMachine):
    engine: Engine
    template: str

    @initialize(methods=st.lists(st.sampled_from(list(Method)), min_size=2, max_size=3))
    def begin(self, methods: list[Method]) -> None:
        self.url = self.engine.create(self.template)
        self.context = on_database(self.url)
        self.context.__enter__()
        self.company, self.today, self.receipts, self.refused = Company(self.url), START, 0, 0
        self.loans = [self.company.lend(method, amount=1_200_000, count=5).id for method in methods]
        self.loans.append(self.floating().id)

    def floating(self) -> Loan:
        """A loan whose rate follows an LPR that rises on the day of each reset; it is reset within the first month."""
        with unit_of_work("tests.product"):
            row = product(Method.LEVEL, code="floating", reset_rule=ResetRule.ANNIVERSARY)
            db.session.add(row)
        paid_out = dt.date(2025, 1, 20)
        for year in (2026, 2027):
            set_parameter("lpr.1y", str(year - 2022), dt.date(year, 1, 20), "a test")
        return disburse("F", self.company.customer(), row, 1_200_000, 120_000, 18, paid_out)

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)
            self.engine.drop(self.url)

    def loan(self, which: int) -> Loan:
        return db.session.get_one(Loan, self.loans[which % len(self.loans)])

    def code(self) -> str:
        self.receipts += 1
        return f"R{self.receipts}"

    def tried(self, deed: Any, *arguments: Any, **named: Any) -> None:
        """Do it, or be told in words that it cannot be done; anything else is a failure."""
        try:
            deed(*arguments, **named)
        except PortalError as refusal:
            assert str(refusal)
            self.refused += 1

    @rule(days=st.sampled_from([1, 9, 31]))
    def days_pass(self, days: int) -> None:
        run_day_end(self.today + dt.timedelta(days=days - 1))
        self.today += dt.timedelta(days=days)

    @rule(which=st.integers(0, 3), amount=AMOUNTS, ahead=st.booleans(), back=st.integers(0, 9))
    def money_comes_in(self, which: int, amount: int, ahead: bool, back: int) -> None:
        on = self.today - dt.timedelta(days=back)
        self.tried(take, self.loan(which), amount, on, self.code(), ahead=ahead, reason="told late")

    @rule(which=st.integers(0, 3), amount=AMOUNTS, back=DAYS_BACK, ahead=st.booleans())
    def money_had_come_in_before(self, which: int, amount: int, back: int, ahead: bool) -> None:
        on, loan = self.today - dt.timedelta(days=back), self.loan(which)
        payment = Payment(loan.id, self.code(), amount, on, ahead=ahead)
        self.tried(repay_backdated, loan, payment, "told late")

    @rule(which=st.integers(0, 3), amount=AMOUNTS, how=st.sampled_from([RepaymentKind.SHORTEN, RepaymentKind.LOWER]))
    def part_is_repaid_early(self, which: int, amount: int, how: RepaymentKind) -> None:
        self.tried(prepay, self.loan(which), amount, self.today, self.code(), how)

    @rule(which=st.integers(0, 3))
    def everything_is_repaid(self, which: int) -> None:
        loan = self.loan(which)
        if loan.status is LoanStatus.ACTIVE:
            total = quote(loan, max(self.today, account_of(loan, lock=False).last_on or START)).total
            if total:
                settle_early(loan, self.today, self.code(), total)
                assert loan.status is LoanStatus.SETTLED

    @rule(which=st.integers(0, 3), amount=st.integers(1, 9_000))
    def costs_arise(self, which: int, amount: int) -> None:
        self.tried(charge_cost, self.loan(which), amount, self.today, "court")

    @rule(which=st.integers(0, 3), part=st.sampled_from([Component.PENALTY, Component.INTEREST, Component.COST]))
    def something_is_let_go(self, which: int, part: Component) -> None:
        loan = self.loan(which)
        owed = sum(amount for _line, amount in waivable(account_of(loan, lock=False), part, self.today))
        self.tried(propose, loan, part, (owed + 1) // 2, self.today, "goodwill")

    @rule(
        which=st.integers(0, 3),
        kind=st.sampled_from(list(ReschedulingKind)),
        months=st.integers(0, 4),
        lower=st.booleans(),
    )
    def it_is_rescheduled(self, which: int, kind: ReschedulingKind, months: int, lower: bool) -> None:
        loan = self.loan(which)
        rate = loan.rate - 10_000 if lower else loan.rate
        try:
            with acting(replace(SYSTEM, name="one")):
                row = ask(loan, kind, months, self.today, "hail", rate=rate)
        except PortalError as refusal:
            assert str(refusal)
            return
        with acting(replace(SYSTEM, name="other")):
            agree(row)

    @rule(which=st.integers(0, 3), markup=st.sampled_from([0, 500_000, 1_000_000]))
    def funds_are_misused(self, which: int, markup: int) -> None:
        self.tried(decide_misuse, self.loan(which), markup, self.today, "other use")

    @rule(which=st.integers(0, 3))
    def the_last_booking_was_wrong(self, which: int) -> None:
        loan = self.loan(which)
        stand = [j for j in standing_journals([loan.id])[loan.id] if j.kind is not JournalKind.ACCRUAL]
        if len(stand) > 1:
            reverse(stand[-1], "typed wrongly")

    @precondition(lambda self: bool(db.session.scalar(select(func.sum(HeldReceipt.rest)))))
    @rule(which=st.integers(0, 3), share=st.integers(1, 3), returned=st.booleans())
    def held_money_is_used(self, which: int, share: int, returned: bool) -> None:
        row = db.session.scalars(select(HeldReceipt).where(HeldReceipt.rest > 0)).first()
        assert row is not None
        amount = (row.rest + share - 1) // share
        if returned:
            give_back(row, amount, self.today, "to his account")
        else:
            self.tried(clear, row, [Portion(self.loan(which).id, amount)], self.today)

    @invariant()
    def the_books_agree(self) -> None:
        assert reconcile() == []

    @invariant()
    def what_is_kept_of_dues_is_what_a_walk_over_them_finds(self) -> None:
        assert kept() == walked()

    @invariant()
    def what_was_paid_and_what_is_unpaid_make_what_is_asked(self) -> None:
        for number in self.loans:
            db.session.expire_all()
            loan = db.session.get_one(Loan, number)
            asked = sum(i.principal for i in loan.instalments)
            assert asked == loan.principal, "principal is neither lost nor made"
            balance = self.balance(number, Account.LOANS)
            assert balance == sum(i.principal - i.paid_principal for i in loan.instalments)
            assert (loan.status is LoanStatus.SETTLED) == (account_of(loan, lock=False).owed == 0)

    @invariant()
    def the_terms_of_a_loan_are_those_of_its_last_change(self) -> None:
        for number in self.loans:
            change = db.session.scalar(
                select(TermsChange).where(TermsChange.loan_id == number).order_by(TermsChange.id.desc()).limit(1)
            )
            loan = db.session.get_one(Loan, number)
            if change is not None:
                assert (loan.rate, loan.misuse_markup) == (change.rate, change.misuse_markup)
                assert loan.matures_on == max(line.due_date for line in loan.instalments if line.principal)

    @invariant()
    def charges_and_allocations_add_up_to_the_instalments(self) -> None:
        for component in (Component.PENALTY, Component.FEE, Component.COST):
            charged = self.by_instalment(Charge, component)
            for line in db.session.scalars(select(Instalment)):
                assert getattr(line, component.value) == charged.get(line.id, 0)

    @invariant()
    def days_past_due_are_what_a_walk_over_the_schedule_finds(self) -> None:
        for state in db.session.scalars(select(LoanState)):
            lines = db.session.scalars(select(Instalment).where(Instalment.loan_id == state.loan_id))
            late = [line.due_date for line in lines if line.due_date < self.today and line.unpaid > 0]
            assert state.days_past_due == ((self.today - min(late)).days if late else 0)

    @invariant()
    def making_the_positions_anew_changes_nothing(self) -> None:
        kept = self.states()
        rebuild_states()
        assert self.states() == kept

    @invariant()
    def money_that_came_in_is_where_it_went(self) -> None:
        """Cash = what was received and not given back, less payouts and costs laid out."""
        cash = [
            int(db.session.scalar(select(func.coalesce(func.sum(m.amount), 0)).where(m.account == Account.CASH)) or 0)
            for m in (Posting, HeldPosting)
        ]
        used = int(db.session.scalar(select(func.coalesce(func.sum(Allocation.amount), 0))) or 0)
        held = int(db.session.scalar(select(func.coalesce(func.sum(HeldReceipt.rest), 0))) or 0)
        laid_out = int(
            db.session.scalar(
                select(func.coalesce(func.sum(Posting.amount), 0)).where(
                    Posting.account == Account.CASH,
                    Posting.kind.in_((JournalKind.COST, JournalKind.DISBURSEMENT)),
                )
            )
            or 0
        )
        assert sum(cash) == used + held + laid_out

    def balance(self, number: int, account: Account) -> int:
        total = select(func.coalesce(func.sum(Posting.amount), 0))
        return int(db.session.scalar(total.where(Posting.loan_id == number, Posting.account == account)) or 0)

    def by_instalment(self, model: Any, component: Component) -> dict[int, int]:
        sums = select(model.instalment_id, func.sum(model.amount)).where(model.component == component)
        return {number: int(total) for number, total in db.session.execute(sums.group_by(model.instalment_id))}

    def states(self) -> list[tuple[Any, ...]]:
        columns = [getattr(LoanState, name) for name in COLUMNS if name != "as_of"]
        return [tuple(row) for row in db.session.execute(select(*columns).order_by(LoanState.loan_id))]


def test_random_servicing_keeps_the_books(engine: Engine, company_template: str):
    machine = type("Lives", (Servicing,), {"engine": engine, "template": company_template})
    examples = settings(
        max_examples=8 if engine.name == "sqlite" else 2,
        stateful_step_count=14,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=examples)
