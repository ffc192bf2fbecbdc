"""Indicators in SQL: what each is for every loan of a date, read from `loan_state` or a month-end's snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    distinct,
    false,
    func,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.orm import aliased

from portal.collection.models import CollectionContact, received_in_sql, replaced_in_sql
from portal.core.db import days_between
from portal.customers.models import RelatedParty
from portal.guarantees.models import Clock, ClockKind, CollateralItem, GuaranteeContract, Guarantor, Litigation
from portal.loans.minima import severity_of
from portal.loans.models import Allocation, Instalment, Loan, Repayment
from portal.organization.models import Branch
from portal.risk.due_checks import days_overdue
from portal.warnings.measured import At, Reading, Value
from portal.warnings.models import WarningCondition, WarningRule
from portal.warnings.rules import GAUGES, Indicator, Joined
from portal.warnings.statement_indicators import debt_ratio, statement_age, turnover_change

RIGHTS = (ClockKind.LIMITATION, ClockKind.GUARANTEE_PERIOD, ClockKind.GUARANTEE_LIMITATION)
"""Clocks at whose end a right is lost."""


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


def _sum(expression: Any) -> ColumnElement[int]:
    """A sum as a whole number: PostgreSQL makes bigint sums numeric."""
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def _counted(statement: Any, name: str) -> tuple[Any, Value]:
    per_loan = statement.subquery(name)
    return per_loan, Value(func.coalesce(per_loan.c.found, 0))


def _standing(at: At) -> ColumnElement[bool]:
    released = GuaranteeContract.released_on
    return and_(GuaranteeContract.signed_on <= at.on, or_(released.is_(None), released > at.on))


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


def _check_overdue(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
    """By the checks made by the date, the category of the date and the rules in force on it."""
    own = aliased(at.source)
    per_loan = at.only(days_overdue(own, at.on).where(*at.rows(own)), own.loan_id).subquery("overdue_checks")
    return per_loan, Value(per_loan.c.days)


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
    Indicator.DEBT_RATIO: debt_ratio,
    Indicator.TURNOVER_CHANGE: turnover_change,
    Indicator.STATEMENT_AGE: statement_age,
    Indicator.CHECK_OVERDUE: _check_overdue,
}


def is_shared(rule: WarningRule) -> bool:
    """Whether a rule looks beyond the single loan, so that one changed loan may move others in or out."""
    return any(GAUGES[condition.indicator].whole_portfolio for condition in rule.conditions)


def untold(rule: WarningRule) -> list[Indicator]:
    """Indicators of a rule that no past month-end tells."""
    found = (condition.indicator for condition in rule.conditions)
    return [indicator for indicator in dict.fromkeys(found) if not GAUGES[indicator].replayed]
