"""Indicators of what the borrower's financial statements say, as collected by the date."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, case, cast, extract, func, literal, select
from sqlalchemy.orm import aliased

from portal.core.clock import month_end
from portal.customers.statements import FinancialStatement
from portal.loans.models import Loan
from portal.loans.periods import add_months
from portal.parameters.services import parameter
from portal.warnings.measured import At, Value
from portal.warnings.models import WarningCondition
from portal.warnings.parameters import STATEMENT_MONTHS


def _statements(at: At, statement: Any = FinancialStatement) -> list[ColumnElement[bool]]:
    """Which statements had been collected by the date."""
    return [statement.collected_on <= at.on]


def _recent(at: At, statement: Any) -> ColumnElement[bool]:
    """Whether a statement is young enough to go by."""
    months = int(parameter(STATEMENT_MONTHS, at.on).value)
    return statement.period_end >= literal(add_months(at.on, -months), Date)


def debt_ratio(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
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


def turnover_change(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
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


def statement_age(_condition: WarningCondition, at: At) -> tuple[Any, Value]:
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


def _month_of(day: Any) -> Any:
    """Months since the year 0: those of two days differ by the calendar months between them."""
    return cast(extract("year", day), Integer) * 12 + cast(extract("month", day), Integer)
