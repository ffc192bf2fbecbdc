"""Loan groups: open loans that are alike, added up. What dashboards sum is read from here, not from a million loans.

A group's rows are added together: whoever changes loans takes out what they added before and puts in what they add now
(a row may be negative). Loans of customers with several open loans stay apart, a row for each customer and likeness, so
that borrowers can be counted: nobody who has two loans counts twice.

Kept by the functions here, within the transaction that changes `loan_state`, `loan_snapshot` or an owner. Nobody else
changes loans meanwhile: verbs hold the business date, day-end takes it alone, and two bookings on loans of one customer
wait for each other. A reconciliation proves the groups equal to the loans.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Select,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core.bulk import chunks
from portal.core.db import BigId, BusinessDate, Choice, Model, Money, db
from portal.core.scope import BranchScoped, unscoped
from portal.customers.models import Customer
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.state import LoanSnapshot, LoanState

OWNERS = ("branch_id", "team_id", "manager_id")
LIKENESS = ("product_id", "category", "days_past_due")
SUMS = ("balance", "accrued_interest", "overdue_principal", "overdue_interest")


class LoanGroup(BranchScoped, Model):
    """Open loans that are alike (贷款汇总), as they stand or at a month-end. Branch, team and manager are today's."""

    scope_resource = "Loan"
    __table_args__ = (
        Index("ix_loan_group_as_of_branch", "as_of", "branch_id"),
        Index("ix_loan_group_customer_id", "customer_id"),
    )

    id: Mapped[BigId]
    as_of: Mapped[BusinessDate | None]
    """The month-end; None = as they stand now."""
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    held_branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    """Whose the loans were on the date; with `held_team_id` and `held_manager_id`."""
    held_team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    held_manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    category: Mapped[Category] = mapped_column(Choice(Category))
    days_past_due: Mapped[int]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    """Of a customer with several open loans; None = each loan is another customer's."""
    loans: Mapped[int]
    balance: Mapped[Money]
    accrued_interest: Mapped[Money]
    overdue_principal: Mapped[Money]
    overdue_interest: Mapped[Money]
    balance_times_rate: Mapped[int] = mapped_column(BigInteger)
    """Fen times parts per million."""


@contextmanager
def states_regrouped(session: Session, loans: Collection[int]) -> Iterator[None]:
    """Around a change of these loans' rows in `loan_state`."""
    customers = _customers_of(session, loans)
    for part in chunks(customers):
        _take_out(session, LoanState, part)
    yield
    for part in chunks(customers):
        _put_in(session, LoanState, part)


@contextmanager
def snapshots_regrouped(session: Session, loans: Collection[int]) -> Iterator[None]:
    """Around a change of these loans' owners, who see what the loans were at each month-end."""
    customers = _customers_of(session, loans)
    for part in chunks(customers):
        _take_out(session, LoanSnapshot, part)
    yield
    for part in chunks(customers):
        _put_in(session, LoanSnapshot, part)


def regroup_states(session: Session) -> None:
    """All groups of `loan_state`, anew."""
    _run(session, delete(LoanGroup).where(LoanGroup.as_of.is_(None)))
    _insert(session, _groups(LoanState))


def regroup_snapshot(session: Session, day: date) -> None:
    """All groups of a month-end, anew."""
    _run(session, delete(LoanGroup).where(LoanGroup.as_of == day))
    _insert(session, _groups(LoanSnapshot, day=day))


Totals = dict[tuple[Any, ...], tuple[int, ...]]
"""By what loans have in common: their number, sums and balance times rate. What adds up to nothing is left out."""


def groups_of(day: date | None) -> tuple[Totals, Totals]:
    """(as kept, as the loans add up now) of a month-end, or of `loan_state` if None. For batches: unscoped."""
    present = LoanGroup.as_of.is_(None) if day is None else LoanGroup.as_of == day
    names = [*OWNERS, *(f"held_{name}" for name in OWNERS), *LIKENESS, "customer_id"]
    sums = [func.sum(getattr(LoanGroup, name)) for name in ("loans", *SUMS, "balance_times_rate")]
    kept = select(*(getattr(LoanGroup, name) for name in names), *sums).where(present)
    kept = kept.group_by(*(getattr(LoanGroup, name) for name in names))
    anew = _groups(LoanState) if day is None else _groups(LoanSnapshot, day=day)
    found: list[Totals] = []
    for rows in (db.session.execute(kept), (row[1:] for row in db.session.execute(anew))):
        totals = {tuple(row[: len(names)]): tuple(map(int, row[len(names) :])) for row in rows}
        found.append({key: values for key, values in totals.items() if any(values)})
    return found[0], found[1]


def _customers_of(session: Session, loans: Collection[int]) -> list[int]:
    """The customers of loans, locked: what they add is taken out and put in by one transaction at a time."""
    found: set[int] = set()
    with unscoped("groups follow a booking"):
        for part in chunks(sorted(loans)):
            found |= set(session.scalars(select(Loan.customer_id).where(Loan.id.in_(part)).distinct()))
        for part in chunks(sorted(found)):
            locked = select(Customer.id).where(Customer.id.in_(part)).order_by(Customer.id)
            session.execute(locked.with_for_update(key_share=True)).all()
    return sorted(found)


def _take_out(session: Session, source: Any, customers: Collection[int]) -> None:
    """Those with one loan are subtracted from their group; the rows of those with several go."""
    _insert(session, _groups(source, customers, sign=-1))
    present = LoanGroup.as_of.is_(None) if source is LoanState else LoanGroup.as_of.is_not(None)
    _run(session, delete(LoanGroup).where(present, LoanGroup.customer_id.in_(customers)))


def _put_in(session: Session, source: Any, customers: Collection[int]) -> None:
    _insert(session, _groups(source, customers))


def _groups(
    source: Any, customers: Collection[int] | None = None, day: date | None = None, sign: int = 1
) -> Select[Any]:
    """What loans add to their groups; with sign -1, what customers with one loan take out of theirs."""
    only = [] if day is None else [source.as_of == day]
    only += [] if customers is None else [source.customer_id.in_(customers)]
    at = [source.as_of] if source is LoanSnapshot else []
    # A window, not a join with the customers counted: PostgreSQL knows nothing of a month that was just written,
    # expects one row of it, and would go through all of them again for each loan.
    of_customer = func.count().over(partition_by=[source.customer_id, *at]).label("of_customer")
    names = ("loan_id", "customer_id", "as_of", *OWNERS, *LIKENESS, *SUMS, "rate")
    held = select(*(getattr(source, name) for name in names), of_customer).where(*only).subquery("held").c
    owner = Loan if source is LoanSnapshot else held
    keys = {
        "as_of": held.as_of if at else cast(null(), LoanGroup.as_of.type),
        **{name: getattr(owner, name) for name in OWNERS},
        **{f"held_{name}": held[name] for name in OWNERS},
        **{name: held[name] for name in LIKENESS},
        # In words, not as a bound value: PostgreSQL would take each writing of it for another expression.
        "customer_id": case((held.of_customer > literal_column("1"), held.customer_id)),
    }
    added = {
        "loans": func.count() * sign,
        **{name: func.sum(held[name]) * sign for name in SUMS},
        "balance_times_rate": func.sum(held.balance * held.rate) * sign,
    }
    statement: Any = select(*(value.label(name) for name, value in {**keys, **added}.items()))
    if owner is Loan:
        statement = statement.join_from(held.loan_id.table, Loan, Loan.id == held.loan_id)
    if sign < 0:
        statement = statement.where(held.of_customer == 1)
    return statement.group_by(*(value for name, value in keys.items() if name != "as_of" or at))  # type: ignore[no-any-return]


def _insert(session: Session, groups: Select[Any]) -> None:
    names = [str(column.key) for column in groups.selected_columns]
    _run(session, insert(LoanGroup).from_select(names, groups))


def _run(session: Session, statement: Any) -> None:
    with unscoped("groups follow the loans"):
        session.execute(statement, execution_options={"synchronize_session": False})
