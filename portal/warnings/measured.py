"""Where an indicator is looked at, and the value that it has there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, literal, select

from portal.loans.state import LoanSnapshot, LoanState
from portal.warnings.models import WarningCondition
from portal.warnings.rules import WHOLE, Comparison


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


Reading = Callable[[WarningCondition, At], tuple[Any, Value]]
"""(condition, date) -> (what to join by loan or customer, the value)."""
