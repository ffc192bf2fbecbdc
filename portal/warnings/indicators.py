"""Indicators in SQL: what each is for every loan of a date, read from `loan_state` or a month-end's snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    case,
    cast,
    distinct,
    extract,
    false,
    func,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.orm import aliased

from portal.collection.models import CollectionContact, received_in_sql, replaced_in_sql
from portal.core.clock import month_end
from portal.core.db import days_between
from portal.customers.models import RelatedParty
from portal.customers.statements import FinancialStatement
from portal.guarantees.models import Clock, ClockKind, CollateralItem, GuaranteeContract, Guarantor, Litigation
from portal.loans.minima import severity_of
from portal.loans.models import Allocation, Instalment, Loan, Repayment
from portal.loans.periods import add_months
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch
from portal.parameters.services import parameter
from portal.risk.due_checks import days_overdue
from portal.warnings.models import WarningCondition, WarningRule
from portal.warnings.parameters import STATEMENT_MONTHS
from portal.warnings.rules import GAUGES, WHOLE, Comparison, Indicator, Joined

RIGHTS = (ClockKind.LIMITATION, ClockKind.GUARANTEE_PERIOD, ClockKind.GUARANTEE_LIMITATION)
"""Clocks at whose end a right is lost."""


@dataclass(frozen=True)
class At:
    """Where loans are looked at: as they stand on the open business date, or at a month-end."""

    on: date
    past: bool = False
    """From the snapshot of `on` instead of `loan_state`."""
    loans: Collection[int] | None = None
    """Only these loans."""

    @property
    def source(self) -> Any:
        return LoanSnapshot if self.past else LoanState

    def rows(self, source: Any) -> list[ColumnElement[bool]]:
        """Which rows of the source, or of an alias of it, are those of the date."""
        return [source.as_of == self.on] if self.past else []

    def only(self, statement: Any, key: Any) -> Any:
        return statement if self.loans is None else statement.where(key.in_(self.loans))

    def only_borrowers(self, statement: Any, key: Any) -> Any:
        """The same by the customers of these loans."""
        of_loans = select(self.source.customer_id).where(*self.rows(self.source))
        return statement if self.loans is None else statement.where(key.in_(self.only(of_loans, self.source.loan_id)))


@dataclass(frozen=True)
class Value:
    """An indicator as a whole number, or as a share of something; not known where it is NULL or a share of 0."""

    number: Any
    of: Any = None

    def test(self, comparison: Comparison, threshold: int) -> ColumnElement[bool]:
        """SQL of `Comparison.holds`: NULL or false for what is not known. A share is multiplied out."""
        limit: Any = literal(threshold, BigInteger)
        if self.of is None:
            return _compared(self.number, comparison, limit)
        whole = literal(WHOLE, BigInteger)
        return and_(self.of > 0, _compared(cast(self.number, BigInteger) * whole, comparison, self.of * limit))


def hits(rule: WarningRule, at: At) -> Select[Any]:
    """The loans that a rule hits, with the row of their position; one statement whatever their number.

    Conditions on what a past date does not tell do not hold. It reads all loans: run it `unscoped`.
    """
    source, joined = at.source, {}
    statement = at.only(select(source).where(*at.rows(source), *limits(rule, source)), source.loan_id)
    tests: list[ColumnElement[bool]] = []
    for condition in rule.conditions:
        if at.past and not GAUGES[condition.indicator].replayed:
            tests.append(false())
            continue
        about = (condition.indicator, condition.window)
        if about not in joined:
            per_loan, value = READ[condition.indicator](condition, at)
            if per_loan is not None:
                key = per_loan.c.customer_id if "customer_id" in per_loan.c else per_loan.c.loan_id
                own = source.customer_id if "customer_id" in per_loan.c else source.loan_id
                statement = statement.outerjoin(per_loan, key == own)
            joined[about] = value
        tests.append(joined[about].test(condition.comparison, condition.value))
    together = and_ if rule.joined is Joined.ALL else or_
    return statement.where(together(*tests) if tests else false())


def limits(rule: WarningRule, source: Any) -> list[ColumnElement[bool]]:
    """To which loans a rule applies at all: its products, its branches with all below them."""
    products = [limit.product_id for limit in rule.limits if limit.product_id is not None]
    branches = [limit.branch_id for limit in rule.limits if limit.branch_id is not None]
    found = [source.product_id.in_(products)] if products else []
    if branches:
        tree = select(Branch.id).where(Branch.id.in_(branches)).cte("below", recursive=True)
        tree = tree.union(select(Branch.id).join(tree, Branch.parent_id == tree.c.id))
        found.append(source.branch_id.in_(select(tree.c.id)))
    return found


def _compared(value: Any, comparison: Comparison, limit: Any) -> ColumnElement[bool]:
    match comparison:
        case Comparison.AT_LEAST:
            return value >= limit
        case Comparison.MORE:
            return value > limit
        case Comparison.AT_MOST:
            return value <= limit
        case Comparison.LESS:
            return value < limit
    return value == limit


def _sum(expression: Any) -> ColumnElement[int]:
    """A sum as a whole number: PostgreSQL makes bigint sums numeric."""
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def _counted(statement: Any, name: str) -> tuple[Any, Value]:
    per_loan = statement.subquery(name)
    return per_loan, Value(func.coalesce(per_loan.c.found, 0))


def _standing(at: At) -> ColumnElement[bool]:
    released = GuaranteeContract.released_on
    return and_(GuaranteeContract.signed_on <= at.on, or_(released.is_(None), released > at.on))


Reading = Callable[[WarningCondition, At], tuple[Any, Value]]
"""(condition, date) -> (what to join by loan or customer, the value)."""


def _days_past_due(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    return None, Value(at.source.days_past_due)


def _balance(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    return None, Value(at.source.balance)


def _overdue_share(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    return None, Value(at.source.overdue_principal, at.source.balance)


def _category(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    return None, Value(severity_of(at.source.category))


def _partial_payments(condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """Payments that left an instalment unpaid that was due by then."""
    assert condition.window is not None  # the form asks for it
    since = at.on - timedelta(days=condition.window)
    settled, reversed_on = Instalment.settled_on, Repayment.reversed_on
    statement = (
        select(Repayment.loan_id, func.count(distinct(Repayment.id)).label("found"))
        .join(Allocation, Allocation.repayment_id == Repayment.id)
        .join(Instalment, Instalment.id == Allocation.instalment_id)
        .where(
            Repayment.value_date > since,
            Repayment.value_date <= at.on,
            Repayment.booking_date <= at.on,
            or_(reversed_on.is_(None), reversed_on > at.on),
            Instalment.due_date <= Repayment.value_date,
            or_(settled.is_(None), settled > Repayment.value_date),
        )
        .group_by(Repayment.loan_id)
    )
    return _counted(at.only(statement, Repayment.loan_id), f"partial_{condition.window}")


def _broken_promises(condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """Promises whose day passed unmet within the window; what was booked later was not known then."""
    assert condition.window is not None  # the form asks for it
    promise = CollectionContact
    statement = (
        select(promise.loan_id, func.count().label("found"))
        .where(
            promise.promised_on >= at.on - timedelta(days=condition.window),
            promise.promised_on < at.on,
            received_in_sql(promise, at.on) < promise.promised_amount,
            ~replaced_in_sql(promise, at.on),
        )
        .group_by(promise.loan_id)
    )
    return _counted(at.only(statement, promise.loan_id), f"broken_{condition.window}")


def _guarantors_overdue(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    own = aliased(at.source)
    late = select(own.customer_id).where(own.days_past_due > 0, *at.rows(own))
    statement = (
        select(Guarantor.loan_id, func.count(distinct(Guarantor.customer_id)).label("found"))
        .join(GuaranteeContract, GuaranteeContract.id == Guarantor.contract_id)
        .where(_standing(at), Guarantor.customer_id.in_(late))
        .group_by(Guarantor.loan_id)
    )
    return _counted(at.only(statement, Guarantor.loan_id), "guarantors_late")


def _lawsuits(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """Against the guarantor himself, or against the same customer as a borrower or guarantor of another loan."""
    pending = and_(Litigation.filed_on <= at.on, or_(Litigation.closed_on.is_(None), Litigation.closed_on > at.on))
    sued, guarantor = aliased(Guarantor), aliased(Guarantor)
    contract = GuaranteeContract.id == guarantor.contract_id
    here = select(guarantor.loan_id, Litigation.id.label("case_id")).join(
        Litigation, Litigation.guarantor_id == guarantor.id
    )
    sued_customer = func.coalesce(sued.customer_id, Loan.customer_id)
    elsewhere = (
        select(guarantor.loan_id, Litigation.id.label("case_id"))
        .select_from(Litigation)
        .join(Loan, Loan.id == Litigation.loan_id)
        .outerjoin(sued, sued.id == Litigation.guarantor_id)
        .join(guarantor, guarantor.customer_id == sued_customer)
        .where(or_(Litigation.guarantor_id.is_(None), sued.customer_id.is_not(None)))
    )
    both = union(
        *(
            at.only(part.join(GuaranteeContract, contract).where(_standing(at), pending), guarantor.loan_id)
            for part in (here, elsewhere)
        )
    ).subquery("lawsuits_of")
    return _counted(select(both.c.loan_id, func.count().label("found")).group_by(both.c.loan_id), "lawsuits")


def _days_to_clock(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    first = func.min(Clock.runs_out_on).label("first")
    statement = select(Clock.loan_id, first).where(Clock.kind.in_(RIGHTS)).group_by(Clock.loan_id)
    per_loan = at.only(statement, Clock.loan_id).subquery("clocks")
    return per_loan, Value(days_between(literal(at.on, Date), per_loan.c.first))


def _group_share(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """Of the borrower and the customers tied to him, in either direction."""
    own, all_loans = aliased(at.source), aliased(at.source)
    there = select(RelatedParty.customer_id.label("one"), RelatedParty.related_id.label("other"))
    back = select(RelatedParty.related_id.label("one"), RelatedParty.customer_id.label("other"))
    known = RelatedParty.related_id.is_not(None)
    himself = select(own.customer_id.label("one"), own.customer_id.label("other")).where(*at.rows(own))
    ties = union(there.where(known), back.where(known), himself).subquery("ties")
    owing = (
        select(all_loans.customer_id, _sum(all_loans.balance).label("balance"))
        .where(*at.rows(all_loans))
        .group_by(all_loans.customer_id)
        .subquery("owing")
    )
    per_customer = (
        select(ties.c.one.label("customer_id"), _sum(owing.c.balance).label("balance"))
        .join(owing, owing.c.customer_id == ties.c.other)
        .group_by(ties.c.one)
        .subquery("groups")
    )
    total = select(func.sum(owing.c.balance)).scalar_subquery()
    return per_customer, Value(per_customer.c.balance, cast(total, BigInteger))


def _collateral_cover(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    statement = (
        select(CollateralItem.loan_id, _sum(CollateralItem.appraised_value).label("worth"))
        .join(GuaranteeContract, GuaranteeContract.id == CollateralItem.contract_id)
        .where(_standing(at))
        .group_by(CollateralItem.loan_id)
    )
    per_loan = at.only(statement, CollateralItem.loan_id).subquery("collateral")
    return per_loan, Value(per_loan.c.worth, at.source.balance)


def _statements(at: At, statement: Any = FinancialStatement) -> list[ColumnElement[bool]]:
    """Which statements had been collected by the date."""
    return [statement.collected_on <= at.on]


def _recent(at: At, statement: Any) -> ColumnElement[bool]:
    """Whether a statement is young enough to go by."""
    months = int(parameter(STATEMENT_MONTHS, at.on).value)
    return statement.period_end >= literal(add_months(at.on, -months), Date)


def _debt_ratio(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    known = select(FinancialStatement.customer_id, func.max(FinancialStatement.period_end).label("period_end"))
    known = known.where(*_statements(at), _recent(at, FinancialStatement)).group_by(FinancialStatement.customer_id)
    last = at.only_borrowers(known, FinancialStatement.customer_id).subquery("last_statements")
    per_customer = (
        select(
            FinancialStatement.customer_id,
            FinancialStatement.total_liabilities.label("liabilities"),
            FinancialStatement.total_assets.label("assets"),
        )
        .join(
            last,
            and_(
                last.c.customer_id == FinancialStatement.customer_id,
                last.c.period_end == FinancialStatement.period_end,
            ),
        )
        .subquery("indebted")
    )
    return per_customer, Value(per_customer.c.liabilities, per_customer.c.assets)


def _turnover_change(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """The last statement that has one beside it of as many months that ended in the same month of the year before."""
    now, before = aliased(FinancialStatement), aliased(FinancialStatement)
    place = (
        func.row_number()
        .over(partition_by=now.customer_id, order_by=(now.period_end.desc(), before.period_end.desc()))
        .label("place")
    )
    pairs = (
        select(now.customer_id, now.turnover.label("turnover"), before.turnover.label("before"), place)
        .join(
            before,
            and_(
                before.customer_id == now.customer_id,
                before.period_end < now.period_end,  # says nothing more, but an index can use it
                before.months == now.months,
                _month_of(before.period_end) == _month_of(now.period_end) - 12,
            ),
        )
        .where(*_statements(at, now), *_statements(at, before), _recent(at, now))
    )
    pairs = at.only_borrowers(pairs, now.customer_id).subquery("pairs_of_statements")
    per_customer = (
        select(pairs.c.customer_id, pairs.c.turnover, pairs.c.before).where(pairs.c.place == 1).subquery("turnovers")
    )
    return per_customer, Value(per_customer.c.turnover - per_customer.c.before, per_customer.c.before)


def _statement_age(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """`rules.months_since`, in SQL."""
    own = aliased(at.source)
    known = select(FinancialStatement.customer_id, func.max(FinancialStatement.period_end).label("period_end"))
    known = known.where(*_statements(at)).group_by(FinancialStatement.customer_id)
    last = at.only_borrowers(known, FinancialStatement.customer_id).subquery("newest_statements")
    since = func.coalesce(last.c.period_end, Loan.disbursed_on, type_=Date)
    months: Any = literal(at.on.year * 12 + at.on.month, Integer) - _month_of(since)
    if at.on != month_end(at.on):
        months -= case((extract("day", since) > at.on.day, 1), else_=0)
    statement = (
        select(own.loan_id, months.label("months"))
        .join(Loan, Loan.id == own.loan_id)
        .outerjoin(last, last.c.customer_id == own.customer_id)
        .where(*at.rows(own))
    )
    per_loan = at.only(statement, own.loan_id).subquery("ages_of_statements")
    return per_loan, Value(per_loan.c.months)


def _check_overdue(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """By the checks made by the date, the category of the date and the rules in force on it."""
    own = aliased(at.source)
    per_loan = at.only(days_overdue(own, at.on).where(*at.rows(own)), own.loan_id).subquery("overdue_checks")
    return per_loan, Value(per_loan.c.days)


def _month_of(day: Any) -> Any:
    """Months since the year 0: those of two days differ by the calendar months between them."""
    return cast(extract("year", day), Integer) * 12 + cast(extract("month", day), Integer)


READ: Mapping[Indicator, Reading] = {
    Indicator.DAYS_PAST_DUE: _days_past_due,
    Indicator.BALANCE: _balance,
    Indicator.OVERDUE_SHARE: _overdue_share,
    Indicator.PARTIAL_PAYMENTS: _partial_payments,
    Indicator.BROKEN_PROMISES: _broken_promises,
    Indicator.CATEGORY: _category,
    Indicator.GUARANTORS_OVERDUE: _guarantors_overdue,
    Indicator.LAWSUITS_AGAINST_GUARANTORS: _lawsuits,
    Indicator.DAYS_TO_CLOCK: _days_to_clock,
    Indicator.GROUP_SHARE: _group_share,
    Indicator.COLLATERAL_COVER: _collateral_cover,
    Indicator.DEBT_RATIO: _debt_ratio,
    Indicator.TURNOVER_CHANGE: _turnover_change,
    Indicator.STATEMENT_AGE: _statement_age,
    Indicator.CHECK_OVERDUE: _check_overdue,
}


def is_shared(rule: WarningRule) -> bool:
    """Whether a rule looks beyond the single loan, so that one changed loan may move others in or out."""
    return any(GAUGES[condition.indicator].whole_portfolio for condition in rule.conditions)


def untold(rule: WarningRule) -> list[Indicator]:
    """Indicators of a rule that no past month-end tells."""
    found = (condition.indicator for condition in rule.conditions)
    return [indicator for indicator in dict.fromkeys(found) if not GAUGES[indicator].replayed]
