"""What is lent: the open loans of the whole company, as they stand or as a month-end kept them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from portal.core.bulk import chunks
from portal.core.scope import unscoped
from portal.customers.models import Customer, Industry
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch

REASON = "limits count the loans of the whole company"


class Book:
    """The balances behind limits. `month_end`: as a snapshot kept them; None: as they stand now."""

    def __init__(self, session: Session, month_end: date | None = None) -> None:
        self.session = session
        self.loans: Any = LoanState if month_end is None else LoanSnapshot
        self.where: tuple[ColumnElement[bool], ...] = () if month_end is None else (LoanSnapshot.as_of == month_end,)
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
            self._total = self._sum()
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
        return self._sum(self.loans.product_id == product_id)

    def of_branch(self, branch_id: int) -> int:
        """A branch with everything below it."""
        return self._sum(self.loans.branch_id.in_(below(self.session, branch_id)))

    def of_industry(self, industry: Industry) -> int:
        of = select(Customer.id).where(Customer.industry == industry)
        return self._sum(self.loans.customer_id.in_(of))

    def largest(self, number: int, at_least: Fraction | None = None) -> dict[int, int]:
        """The borrowers who owe the most, and all who owe at least so much; the largest first."""
        owed = func.sum(self.loans.balance)
        order = (owed.desc(), self.loans.customer_id)
        with unscoped(REASON):
            found = self.session.execute(self._by_customer().order_by(*order).limit(number)).all()
            if at_least is not None and at_least > 0 and len(found) == number and found[-1][1] >= at_least:
                least = -((-at_least).__floor__())
                found = self.session.execute(self._by_customer().having(owed >= least).order_by(*order)).all()
        return {one: int(balance) for one, balance in found}

    def _by_customer(self) -> Select[Any]:
        return (
            select(self.loans.customer_id, func.sum(self.loans.balance))
            .where(*self.where)
            .group_by(self.loans.customer_id)
        )

    def _sum(self, *conditions: ColumnElement[bool]) -> int:
        statement = select(func.sum(self.loans.balance)).where(*self.where, *conditions)
        with unscoped(REASON):
            return int(self.session.scalar(statement) or 0)


def below(session: Session, branch_id: int) -> list[int]:
    """A branch and all below it."""
    with unscoped("the tree of branches"):
        tree = session.execute(select(Branch.id, Branch.parent_id)).all()
    found, level = [branch_id], {branch_id}
    while level:
        level = {child for child, parent in tree if parent in level} - set(found)
        found.extend(sorted(level))
    return found
