"""What is lent: the open loans of the whole company, as they stand or as a month-end kept them.

Balances of all loans, a product, an industry or a branch are the figure `loan_balance`, so that a limit says what
dashboards say; it is read from loans added up. Only borrowers are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from portal.core import scope
from portal.core.bulk import chunks
from portal.core.metric import MetricResult, evaluate
from portal.core.scope import unscoped
from portal.customers.models import Industry
from portal.loans.groups import LARGE, BorrowerGroup, owed_by_the_large
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch

REASON = "limits count the loans of the whole company"
BALANCE = "loan_balance"
"""The figure that is limited."""


class Book:
    """The balances behind limits. `month_end`: as a snapshot kept them; None: as they stand now."""

    def __init__(self, session: Session, month_end: date | None = None) -> None:
        self.session, self.month_end = session, month_end
        self.loans: Any = LoanState if month_end is None else LoanSnapshot
        self.where: tuple[ColumnElement[bool], ...] = () if month_end is None else (LoanSnapshot.as_of == month_end,)
        self._cuts: dict[str, dict[Any, int]] = {}
        self._total: int | None = None

    @property
    def kept(self) -> bool:
        """Whether there is any loan of that day."""
        with unscoped(REASON):
            return self.session.scalar(select(self.loans.loan_id).where(*self.where).limit(1)) is not None

    @property
    def total(self) -> int:
        """The loan balance."""
        if self._total is None:
            self._total = int(self._figure(()).total[BALANCE] or 0)
        return self._total

    def of_customers(self, customers: Collection[int]) -> dict[int, int]:
        """The balance of each of these customers who owes something."""
        found: dict[int, int] = {}
        for part in chunks(customers):
            statement = self._by_customer().where(self.loans.customer_id.in_(part))
            with unscoped(REASON):
                found |= {one: int(balance) for one, balance in self.session.execute(statement)}
        return found

    def of_product(self, product_id: int) -> int:
        return self._by("product").get(product_id, 0)

    def of_branch(self, branch_id: int) -> int:
        """A branch with everything below it."""
        return sum(self._by("branch").get(one, 0) for one in below(self.session, branch_id))

    def of_industry(self, industry: Industry) -> int:
        return self._by("industry").get(industry, 0)

    def largest(self, number: int, at_least: Fraction | None = None) -> dict[int, int]:
        """The borrowers who owe the most, and all who owe at least so much; the largest first."""
        with unscoped(REASON):
            found = self._largest(number, None)
            if at_least is not None and at_least > 0 and len(found) == number and found[-1][1] >= at_least:
                found = self._largest(None, -((-at_least).__floor__()))
        return dict(found)

    def _largest(self, number: int | None, least: int | None) -> list[tuple[int, int]]:
        """The first so many borrowers, or all from so much on; found among those who owe much, if they are all of
        those."""
        known = self._found(owed_by_the_large(self.month_end).limit(number), func.sum(BorrowerGroup.balance), least)
        if (least or 0) >= LARGE or (known and len(known) == number and known[-1][1] >= LARGE):
            return known
        owed = func.sum(self.loans.balance)
        statement = self._by_customer().order_by(owed.desc(), self.loans.customer_id).limit(number)
        return self._found(statement, owed, least)

    def _found(self, statement: Select[Any], owed: ColumnElement[int], least: int | None) -> list[tuple[int, int]]:
        if least is not None:
            statement = statement.having(owed >= least)
        return [(int(one), int(owes)) for one, owes in self.session.execute(statement)]

    def _by(self, dimension: str) -> dict[Any, int]:
        """The loan balance by a dimension, read once."""
        if dimension not in self._cuts:
            rows = self._figure((dimension,)).rows
            self._cuts[dimension] = {row.by[dimension]: int(row.values[BALANCE] or 0) for row in rows}
        return self._cuts[dimension]

    def _figure(self, by: tuple[str, ...]) -> MetricResult:
        """Of the whole company, whatever the actor sees of it."""
        with scope.acting(scope.SYSTEM):
            return evaluate([BALANCE], by=by, as_of=self.month_end)

    def _by_customer(self) -> Select[Any]:
        return (
            select(self.loans.customer_id, func.sum(self.loans.balance))
            .where(*self.where)
            .group_by(self.loans.customer_id)
        )


def below(session: Session, branch_id: int) -> list[int]:
    """A branch and all below it."""
    with unscoped("the tree of branches"):
        tree = session.execute(select(Branch.id, Branch.parent_id)).all()
    found, level = [branch_id], {branch_id}
    while level:
        level = {child for child, parent in tree if parent in level} - set(found)
        found.extend(sorted(level))
    return found
