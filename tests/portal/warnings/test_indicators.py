"""Each indicator in SQL against a plain computation over all rows, today and at a month-end, on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from portal.collection.models import CollectionContact
from portal.collection.rules import Channel, Outcome, Promise, PromiseState, Received, Whom, promise_state
from portal.core.db import db
from portal.core.work import unit_of_work
from portal.customers.models import RelatedParty, Tie
from portal.customers.statements import FinancialStatement, StatementSource
from portal.guarantees.clocks import refresh_all
from portal.guarantees.models import (
    Clock,
    CollateralItem,
    GuaranteeContract,
    GuaranteeKind,
    Guarantor,
    Litigation,
    LitigationState,
)
from portal.loans.classification import Category
from portal.loans.day_end import run_day_end
from portal.loans.models import Allocation, Loan, Repayment
from portal.loans.periods import add_months
from portal.loans.repayments import repay
from portal.loans.reversals import booking_of, reverse
from portal.loans.state import LoanSnapshot, LoanState
from portal.products.terms import Method
from portal.risk.checks import Breach, Business, CheckKind, Conclusion, Manner, PostLoanCheck, UseOfFunds
from portal.risk.rules import CheckRules
from portal.warnings import making
from portal.warnings.indicators import RIGHTS, hits
from portal.warnings.measured import At, Value
from portal.warnings.models import WarningCondition, WarningLimit, WarningRule
from portal.warnings.rules import GAUGES, Comparison, Indicator, Joined
from tests.portal.loans.conftest import Company
from tests.portal.warnings.conftest import asked, rule

MONTH_END, TODAY = dt.date(2026, 4, 30), dt.date(2026, 5, 20)


@pytest.fixture
def busy(company: Company) -> Company:
    """Loans that are paid, partly paid and not paid; guarantors, lawsuits, collateral, ties."""
    rng = Random("early warning")
    loans = [
        company.lend(
            rng.choice((Method.LEVEL, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY)),
            amount=rng.randrange(5, 40) * 100_000,
            count=rng.choice((6, 12)),
            customer=company.customer(f"C{n % 8}"),
        )
        for n in range(12)
    ]
    ids = [loan.id for loan in loans]
    _secure(company, ids)
    _statements(company)
    _checks(ids)
    _promises(ids)
    for month in range(2, 6):
        on = dt.date(2026, month, 5)
        run_day_end(on - dt.timedelta(days=1))
        for place, loan_id in enumerate(ids):
            loan = db.session.get_one(Loan, loan_id)
            due = sum(line.unpaid for line in loan.instalments if line.due_date <= on)
            share = (100, 100, 40, 0, rng.choice((0, 30, 100)))[place % 5]
            if due * share // 100:
                repay(loan, due * share // 100, on, f"P{place}-{month}")
    run_day_end(dt.date(2026, 5, 10))
    wrong = db.session.scalars(select(Repayment).where(Repayment.code == "P2-5")).one()
    booking = booking_of(wrong)
    assert booking is not None
    reverse(booking, "booked by mistake")
    run_day_end(TODAY - dt.timedelta(days=1))
    with unit_of_work("tests.clocks"):
        refresh_all()
    return company


def _promises(ids: list[int]) -> None:
    """Kept, broken, replaced and too late ones, before and after the month-end."""
    made = (
        (0, (3, 4), (3, 6), 1_000),
        (1, (2, 1), (2, 4), 1_000),
        *((place, (month, 4), (month, 6), 1_000_000) for place in (2, 3, 4, 7) for month in (3, 4)),
        (3, (4, 5), (4, 8), 1_000_000),
        (5, (2, 27), (2, 28), 1_000),
        (6, (4, 28), (4, 30), 1_000),
        (8, (5, 4), (5, 19), 90_000_000),
        (9, (5, 4), (5, 20), 90_000_000),
    )
    with unit_of_work("tests.promises"):
        for place, (month, day), (by_month, by_day), amount in made:
            db.session.add(
                CollectionContact(
                    loan_id=ids[place],
                    done_on=dt.date(2026, month, day),
                    done_time="10:00",
                    channel=Channel.PHONE,
                    whom=Whom.BORROWER,
                    outcome=Outcome.PROMISE,
                    promised_amount=amount,
                    promised_on=dt.date(2026, by_month, by_day),
                )
            )


def _secure(company: Company, ids: list[int]) -> None:
    customers = [company.customer(f"C{n}").id for n in range(8)]
    day = dt.date(2026, 1, 5)
    with unit_of_work("tests.secure"):
        for place, loan_id in enumerate(ids):
            kind = GuaranteeKind.MORTGAGE if place % 3 == 0 else GuaranteeKind.GUARANTOR
            released = dt.date(2026, 5, 1) if place == 4 else None
            contract = GuaranteeContract(
                code=f"G{place}", loan_id=loan_id, kind=kind, secured=1, signed_on=day, released_on=released
            )
            db.session.add(contract)
            db.session.flush()
            if kind is GuaranteeKind.MORTGAGE:
                for worth in (200_000, 350_000):
                    db.session.add(
                        CollateralItem(
                            loan_id=loan_id,
                            contract_id=contract.id,
                            thing="House",
                            appraised_value=worth,
                            appraiser="ourselves",
                            appraised_on=day,
                        )
                    )
                continue
            for other in (place + 1, place + 3):
                guarantor = Guarantor(loan_id=loan_id, contract_id=contract.id, customer_id=customers[other % 8])
                db.session.add(guarantor)
                db.session.flush()
                if place in (1, 7):
                    filed = dt.date(2026, 4, 2) if place == 1 else dt.date(2026, 5, 2)
                    db.session.add(
                        Litigation(
                            code=f"S{place}-{other}",
                            loan_id=loan_id,
                            guarantor_id=guarantor.id,
                            court="Court",
                            filed_on=filed,
                        )
                    )
            outsider = Guarantor(loan_id=loan_id, contract_id=contract.id, name="An outsider")
            db.session.add(outsider)
        closed = {"state": LitigationState.CLOSED, "judged_on": day, "closed_on": dt.date(2026, 5, 4)}
        db.session.add(Litigation(code="S-own", loan_id=ids[3], court="Court", filed_on=dt.date(2026, 3, 1)))
        db.session.add(Litigation(code="S-over", loan_id=ids[5], court="Court", filed_on=day, **closed))
        for number, (one, other) in enumerate(((0, 1), (2, 1), (5, 5 + 1))):
            db.session.add(
                RelatedParty(
                    code=f"T{number}", customer_id=customers[one], related_id=customers[other], tie=Tie.SHAREHOLDER
                )
            )


def _statements(company: Company) -> None:
    """Of each customer others: years, half-years, none; old, collected late, without assets, twice in a month."""
    day = dt.date

    def years(ratio: int, *turnovers: int, collected: tuple[int, int] = (2, 10)) -> list[tuple[object, ...]]:
        return [
            (day(2025 - place, 12, 31), 12, 10_000, ratio * 100, sold, day(2026 - place, *collected))
            for place, sold in enumerate(turnovers)
        ]

    held: dict[str, list[tuple[object, ...]]] = {
        "C0": years(60, 900_000, 1_000_000),
        "C1": years(130, 400_000, 1_000_000, collected=(5, 3)),  # known today, not at the month-end
        "C2": [
            (day(2026, 3, 31), 3, 0, 500, 100, day(2026, 4, 1)),  # no assets; nothing to compare with
            *years(40, 1_500_000, 1_000_000),
        ],
        "C3": [(day(2024, 10, 31), 12, 10_000, 9_500, 7_000, day(2024, 12, 1))],  # too old, but for its age
        "C4": [
            (day(2025, 6, 30), 6, 10_000, 1, 300, day(2025, 9, 1)),
            (day(2024, 6, 30), 12, 1, 1, 500, day(2024, 9, 1)),
        ],
        "C5": [
            (day(2026, 2, 28), 2, 10_000, 8_000, 660, day(2026, 3, 1)),
            (day(2025, 2, 28), 2, 10_000, 8_000, 600, day(2025, 3, 1)),  # the last one of that month counts
            (day(2025, 2, 10), 2, 10_000, 8_000, 900, day(2025, 3, 2)),
        ],
        "C6": [(day(2025, 12, 31), 12, 7, 3, 500, day(2026, 1, 2)), (day(2024, 12, 31), 12, 7, 3, 0, day(2025, 1, 2))],
    }
    with unit_of_work("tests.statements"):
        for code, statements in held.items():
            customer = company.customer(code)
            for number, (ended, months, assets, liabilities, turnover, collected) in enumerate(statements):
                db.session.add(
                    FinancialStatement(
                        code=f"{code}-{number}",
                        customer_id=customer.id,
                        period_end=ended,
                        months=months,
                        total_assets=assets,
                        total_liabilities=liabilities,
                        turnover=turnover,
                        net_profit=-1,
                        source=StatementSource.TAX_RETURN,
                        collector_id=customer.manager_id,
                        collected_on=collected,
                    )
                )


def _checks(ids: list[int]) -> None:
    """Of some loans none, of others several; one between the month-end and today."""
    day = dt.date
    held: dict[int, list[tuple[dt.date, dt.date | None]]] = {
        0: [(day(2026, 1, 20), day(2026, 3, 1))],
        1: [(day(2026, 1, 20), None), (day(2026, 4, 29), day(2026, 5, 9))],
        2: [(day(2026, 1, 9), None)],
        3: [(day(2026, 2, 1), None), (day(2026, 5, 4), day(2026, 11, 4))],
        5: [(day(2026, 1, 9), day(2026, 4, 30))],
    }
    with unit_of_work("tests.checks"):
        for place, checks in held.items():
            for checked_on, next_check_on in checks:
                db.session.add(
                    PostLoanCheck(
                        loan_id=ids[place],
                        kind=CheckKind.REGULAR,
                        checked_on=checked_on,
                        next_check_on=next_check_on,
                        manner=Manner.VISIT,
                        use=UseOfFunds.AS_AGREED,
                        business=Business.SAME,
                        breach=Breach.NONE,
                        conclusion=Conclusion.FINE,
                        evidence="box 3",
                    )
                )


# ---- the plain computation -------------------------------------------------------------------------------------------


class Plain:
    """All rows of the company, and what each indicator is for a position."""

    def __init__(self, on: dt.date, past: bool) -> None:
        source: Any = LoanSnapshot if past else LoanState
        rows = select(source).where(source.as_of == on) if past else select(source)
        self.on = on
        self.positions = list(db.session.scalars(rows))
        self.loans = {loan.id: loan for loan in db.session.scalars(select(Loan))}
        self.guarantors = list(db.session.scalars(select(Guarantor)))
        self.contracts = {row.id: row for row in db.session.scalars(select(GuaranteeContract))}
        self.checks = list(db.session.scalars(select(PostLoanCheck)))
        self.lawsuits = list(db.session.scalars(select(Litigation)))
        statements = db.session.scalars(select(FinancialStatement))
        self.statements = [row for row in statements if row.collected_on <= on]

    def _standing(self, contract_id: int) -> bool:
        contract = self.contracts[contract_id]
        return contract.signed_on <= self.on and (contract.released_on is None or contract.released_on > self.on)

    def _of(self, loan_id: int) -> list[Guarantor]:
        return [g for g in self.guarantors if g.loan_id == loan_id and self._standing(g.contract_id)]

    def partial(self, position: Any, window: int) -> int:
        count = 0
        for payment in self.loans[position.loan_id].repayments:
            if not self.on - dt.timedelta(days=window) < payment.value_date <= self.on:
                continue
            if payment.reversed_on is not None and payment.reversed_on <= self.on:
                continue
            touched = {allocation.instalment_id: allocation.instalment for allocation in payment.allocations}
            count += any(
                line.due_date <= payment.value_date
                and (line.settled_on is None or line.settled_on > payment.value_date)
                for line in touched.values()
            )
        return count

    def guarantors_overdue(self, position: Any) -> int:
        late = {row.customer_id for row in self.positions if row.days_past_due > 0}
        return len({g.customer_id for g in self._of(position.loan_id) if g.customer_id in late})

    def lawsuits_of(self, position: Any) -> int:
        found = set()
        by_id = {g.id: g for g in self.guarantors}
        for case in self.lawsuits:
            if case.filed_on > self.on or (case.closed_on is not None and case.closed_on <= self.on):
                continue
            sued = by_id.get(case.guarantor_id)
            customer = self.loans[case.loan_id].customer_id if sued is None else sued.customer_id
            for guarantor in self._of(position.loan_id):
                if guarantor is sued or (customer is not None and guarantor.customer_id == customer):
                    found.add(case.id)
        return len(found)

    def clock(self, position: Any) -> int | None:
        clocks = db.session.scalars(select(Clock).where(Clock.loan_id == position.loan_id))
        days = [(clock.runs_out_on - self.on).days for clock in clocks if clock.kind in RIGHTS]
        return min(days, default=None)

    def group(self, position: Any) -> Fraction | None:
        tied = {position.customer_id}
        for tie in db.session.scalars(select(RelatedParty)):
            if tie.customer_id == position.customer_id and tie.related_id is not None:
                tied.add(tie.related_id)
            if tie.related_id == position.customer_id:
                tied.add(tie.customer_id)
        total = sum(row.balance for row in self.positions)
        return Fraction(sum(row.balance for row in self.positions if row.customer_id in tied) * 10_000, total)

    def broken(self, position: Any, window: int) -> int:
        """One by one, from what was booked by then."""
        parts = db.session.scalars(select(Allocation).where(Allocation.loan_id == position.loan_id))
        receipts = [Received(part.amount, part.value_date) for part in parts if part.booking_date <= self.on]
        rows = db.session.scalars(select(CollectionContact).where(CollectionContact.loan_id == position.loan_id))
        promises = [
            Promise(row.promised_amount or 0, row.done_on, row.promised_on, (row.done_on, row.done_time, row.id))
            for row in rows
            if row.promised_on is not None and row.done_on <= self.on
        ]
        within = [one for one in promises if 0 < (self.on - one.promised_on).days <= window]
        states = [promise_state(one, receipts, promises, self.on) for one in within]
        return states.count(PromiseState.BROKEN)

    def cover(self, position: Any) -> Fraction | None:
        things = [
            row
            for row in db.session.scalars(select(CollateralItem).where(CollateralItem.loan_id == position.loan_id))
            if self._standing(row.contract_id)
        ]
        return Fraction(sum(row.appraised_value for row in things) * 10_000, position.balance) if things else None

    def _of_borrower(self, position: Any, months: int | None = None) -> list[FinancialStatement]:
        """The newest first; only so many months old."""
        found = [row for row in self.statements if row.customer_id == position.customer_id]
        if months is not None:
            found = [row for row in found if row.period_end >= add_months(self.on, -months)]
        return sorted(found, key=lambda row: row.period_end, reverse=True)

    def debts(self, position: Any) -> Fraction | None:
        last = next(iter(self._of_borrower(position, 18)), None)
        return Fraction(last.total_liabilities * 10_000, last.total_assets) if last and last.total_assets else None

    def turnover(self, position: Any) -> Fraction | None:
        for now in self._of_borrower(position, 18):
            for before in self._of_borrower(position):
                same_month = (before.period_end.year + 1, before.period_end.month) == (
                    now.period_end.year,
                    now.period_end.month,
                )
                if before.months == now.months and same_month:
                    change = now.turnover - before.turnover
                    return Fraction(change * 10_000, before.turnover) if before.turnover else None
        return None

    def age(self, position: Any) -> int:
        last = next(iter(self._of_borrower(position)), None)
        since = last.period_end if last else self.loans[position.loan_id].disbursed_on
        months = 0
        while add_months(since, months + 1) <= self.on:
            months += 1
        return months

    def check_overdue(self, position: Any) -> int:
        loan = self.loans[position.loan_id]
        made = [one for one in self.checks if one.loan_id == loan.id and one.checked_on <= self.on]
        last = max(made, key=lambda one: (one.checked_on, one.id), default=None)
        due = CheckRules(30, 6, 3, 1).due_on(
            loan.disbursed_on,
            loan.cut_over_on,
            position.category,
            None if last is None else (last.checked_on, last.next_check_on),
        )
        return max((self.on - due).days, 0)

    def value(self, indicator: Indicator, position: Any, window: int | None) -> Any:
        match indicator:
            case Indicator.DAYS_PAST_DUE:
                return position.days_past_due
            case Indicator.BALANCE:
                return position.balance
            case Indicator.OVERDUE_SHARE:
                return Fraction(position.overdue_principal * 10_000, position.balance)
            case Indicator.PARTIAL_PAYMENTS:
                return self.partial(position, window or 0)
            case Indicator.BROKEN_PROMISES:
                return self.broken(position, window or 0)
            case Indicator.CATEGORY:
                return position.category.severity
        others: dict[Indicator, Callable[[Any], Any]] = {
            Indicator.GUARANTORS_OVERDUE: self.guarantors_overdue,
            Indicator.LAWSUITS_AGAINST_GUARANTORS: self.lawsuits_of,
            Indicator.DAYS_TO_CLOCK: self.clock,
            Indicator.GROUP_SHARE: self.group,
            Indicator.COLLATERAL_COVER: self.cover,
            Indicator.DEBT_RATIO: self.debts,
            Indicator.TURNOVER_CHANGE: self.turnover,
            Indicator.STATEMENT_AGE: self.age,
            Indicator.CHECK_OVERDUE: self.check_overdue,
        }
        return others[indicator](position)


def hit_by(made: WarningRule, at: At) -> set[int]:
    found = db.session.scalars(hits(made, at).with_only_columns(at.source.loan_id, maintain_column_froms=True)).all()
    assert len(found) == len(set(found)), "each loan once"
    return set(found)


def draft(*conditions: dict[str, Any], joined: Joined = Joined.ALL) -> WarningRule:
    return WarningRule(joined=joined, conditions=[WarningCondition(**condition) for condition in conditions])


THRESHOLDS = {
    Indicator.DAYS_PAST_DUE: (0, 1, 30, 76),
    Indicator.BALANCE: (100_000_000, 1_000_000, 1_500_000),
    Indicator.OVERDUE_SHARE: (0, 1, 1_000, 3_333),
    Indicator.PARTIAL_PAYMENTS: (0, 1, 2, 3),
    Indicator.BROKEN_PROMISES: (0, 1, 2),
    Indicator.CATEGORY: tuple(Category),
    Indicator.GUARANTORS_OVERDUE: (0, 1, 2),
    Indicator.LAWSUITS_AGAINST_GUARANTORS: (0, 1, 2, 3),
    Indicator.DAYS_TO_CLOCK: (-10, 100, 230, 400),
    Indicator.GROUP_SHARE: (500, 1_500, 3_000),
    Indicator.COLLATERAL_COVER: (1_000, 5_000, 10_000),
    Indicator.DEBT_RATIO: (1, 6_000, 8_000, 10_000, 13_000),
    Indicator.TURNOVER_CHANGE: (-6_000, -1_000, 0, 1_000, 5_000),
    Indicator.STATEMENT_AGE: (2, 3, 4, 17, 18),
    Indicator.CHECK_OVERDUE: (0, 1, 30, 76),
}


def test_every_indicator_is_what_a_plain_computation_says(busy: Company):
    seen = set()
    for past, on in ((False, TODAY), (True, MONTH_END)):
        plain, at = Plain(on, past), At(on, past=past)
        assert len(plain.positions) == 12
        for indicator, thresholds in THRESHOLDS.items():
            if past and not GAUGES[indicator].replayed:
                continue
            for threshold in thresholds:
                for comparison in Comparison:
                    window = 80 if GAUGES[indicator].windowed else None
                    category = threshold if isinstance(threshold, Category) else None
                    number = threshold.severity if isinstance(threshold, Category) else threshold
                    made = draft(asked(indicator, comparison, number, window, category))
                    expected = {
                        row.loan_id
                        for row in plain.positions
                        if (value := plain.value(indicator, row, window)) is not None
                        and comparison.holds(value, number)
                    }
                    assert hit_by(made, at) == expected, (on, indicator, comparison, threshold)
                    seen.add((indicator, bool(expected)))
    assert seen == {(indicator, hit) for indicator in Indicator for hit in (True, False)}, (
        "each hit and missed something"
    )


def test_what_the_past_does_not_tell_hits_nothing_there(busy: Company):
    for indicator, gauge in GAUGES.items():
        if not gauge.replayed:
            made = draft(asked(indicator, Comparison.AT_LEAST, 0))
            assert hit_by(made, At(MONTH_END, past=True)) == set()


def test_conditions_go_together_as_the_rule_says(busy: Company):
    late = asked(Indicator.DAYS_PAST_DUE, Comparison.MORE, 30)
    small = asked(Indicator.BALANCE, Comparison.LESS, 1_500_000)
    plain = Plain(TODAY, past=False)
    are_late = {row.loan_id for row in plain.positions if row.days_past_due > 30}
    are_small = {row.loan_id for row in plain.positions if row.balance < 1_500_000}
    assert are_late - are_small and are_small - are_late
    assert are_late & are_small
    assert hit_by(draft(late, small), At(TODAY)) == are_late & are_small
    assert hit_by(draft(late, small, joined=Joined.ANY), At(TODAY)) == are_late | are_small
    assert hit_by(draft(), At(TODAY)) == set(), "a rule without conditions hits nothing"


def test_one_indicator_may_be_asked_twice_with_two_windows(busy: Company):
    plain = Plain(TODAY, past=False)
    wide = asked(Indicator.PARTIAL_PAYMENTS, Comparison.AT_LEAST, 2, 80)
    narrow = asked(Indicator.PARTIAL_PAYMENTS, Comparison.EQUAL, 0, 10)
    expected = {row.loan_id for row in plain.positions if plain.partial(row, 80) >= 2 and plain.partial(row, 10) == 0}
    assert hit_by(draft(wide, narrow), At(TODAY)) == expected


def test_only_the_loans_that_are_asked_for(busy: Company):
    every = hit_by(draft(asked(Indicator.BALANCE, Comparison.MORE, 0)), At(TODAY))
    some = sorted(every)[:3]
    for indicator in Indicator:
        window = 80 if GAUGES[indicator].windowed else None
        made = draft(
            asked(
                indicator, Comparison.AT_LEAST, 0, window, Category.NORMAL if indicator is Indicator.CATEGORY else None
            )
        )
        assert hit_by(made, At(TODAY, loans=some)) == hit_by(made, At(TODAY)) & set(some), indicator


def test_a_share_of_nothing_is_not_known(company: Company):
    company.lend()
    for comparison in Comparison:
        nothing = Value(LoanState.balance, LoanState.balance - LoanState.balance)
        assert db.session.scalars(select(LoanState.loan_id).where(nothing.test(comparison, 0))).all() == []


def test_limits_by_product_and_branch(busy: Company):
    plain = Plain(TODAY, past=False)
    made = rule(asked(Indicator.BALANCE, Comparison.MORE, 0), on=False)
    head = busy.customer("C0").branch.parent_id
    outlet = busy.customer("C0").branch_id
    product = busy.product(Method.INTEREST_ONLY).id
    making.add(WarningLimit, {"rule": made.id, "branch": outlet})
    db.session.expire_all()
    here = {row.loan_id for row in plain.positions if row.branch_id == outlet}
    assert hit_by(made, At(TODAY)) == here and here < {row.loan_id for row in plain.positions}
    making.add(WarningLimit, {"rule": made.id, "product": product})
    db.session.expire_all()
    both = {row.loan_id for row in plain.positions if row.branch_id == outlet and row.product_id == product}
    assert hit_by(made, At(TODAY)) == both
    making.add(WarningLimit, {"rule": made.id, "branch": head})
    db.session.expire_all()
    everywhere = {row.loan_id for row in plain.positions if row.product_id == product}
    assert hit_by(made, At(TODAY)) == everywhere, "a branch with all below it"
