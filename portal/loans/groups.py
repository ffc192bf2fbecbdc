"""Loan groups: open loans that are alike, added up, and how many borrowers they have. What dashboards sum is read from
here, not from a million loans.

A group's rows are added together: whoever changes loans takes out what they added before and puts in what they add now
(a row may be negative). Sums of loans just add up; borrowers do not, since nobody may count twice who has two loans. So
a borrower counts in a group only if all his open loans are in it, and stands apart, in a row for each group, if they
are not. Borrowers are kept twice: by whom the loans belong to, which most questions ask, and by all that loans have in
common. By whom they belong to, those who owe much stand apart as well, so that the largest are found among few.

Kept by the functions here, within the transaction that changes `loan_state`, `loan_snapshot`, an owner or a customer's
industry. Nobody else changes loans meanwhile: verbs hold the business date, day-end takes it alone, and two bookings on
loans of one customer wait for each other. A reconciliation proves the groups equal to the loans.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Index,
    Select,
    bindparam,
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

from portal.core.bulk import chunks, table_of
from portal.core.clock import BusinessDay
from portal.core.db import BusinessDate, Choice, Model, Money, db
from portal.core.scope import unscoped
from portal.customers.models import Customer, Industry
from portal.loans.classification import Category
from portal.loans.drawing_together import draw_together
from portal.loans.models import Loan
from portal.loans.moves import column
from portal.loans.owned import OWNERS, OwnedAndHeld
from portal.loans.state import LoanSnapshot, LoanState

LIKENESS = ("product_id", "category", "days_past_due", "industry")
LARGE = 300_000_00
"""Fen from which on a borrower stands apart. Whoever looks for smaller ones goes through the loans."""
SUMS = ("balance", "accrued_interest", "overdue_principal", "overdue_interest")
LOAN_SUMS = ("loans", *SUMS, "balance_times_rate")
BORROWER_SUMS = ("borrowers", "balance")


class GroupOfLoans(OwnedAndHeld):
    """Whose loans a row is about, and when: branch, team and manager are today's, what begins with `held` is then's."""

    as_of: Mapped[BusinessDate | None]
    """The month-end; None = as they stand now."""


class LoanGroup(GroupOfLoans, Model):
    """Open loans that are alike (贷款汇总), as they stand or at a month-end."""

    __table_args__ = (Index("ix_loan_group_as_of_branch", "as_of", "branch_id"),)

    product_id: Mapped[int]
    category: Mapped[Category] = mapped_column(Choice(Category))
    days_past_due: Mapped[int]
    industry: Mapped[Industry | None] = mapped_column(Choice(Industry))
    loans: Mapped[int]
    balance: Mapped[Money]
    accrued_interest: Mapped[Money]
    overdue_principal: Mapped[Money]
    overdue_interest: Mapped[Money]
    balance_times_rate: Mapped[int] = mapped_column(BigInteger)
    """Fen times parts per million."""


class BorrowerGroup(GroupOfLoans, Model):
    """Borrowers with open loans (借款户汇总): so many with all theirs in this group, or one who stands apart, and what
    they owe in it."""

    __table_args__ = (
        Index("ix_borrower_group_as_of", "as_of", "by_owner", "branch_id", "customer_id", "borrowers", "balance"),
        Index("ix_borrower_group_customer_id", "customer_id"),
    )

    by_owner: Mapped[bool]
    """Whether loans are told apart by their owners alone; else also by the following, which is NULL then."""
    product_id: Mapped[int | None]
    category: Mapped[Category | None] = mapped_column(Choice(Category))
    days_past_due: Mapped[int | None]
    industry: Mapped[Industry | None] = mapped_column(Choice(Industry))
    customer_id: Mapped[int | None]
    """Who has loans in other groups, too, or, by owner, owes much; None = all loans of these borrowers are here."""
    borrowers: Mapped[int]
    balance: Mapped[Money]


def owed_by_the_large(as_of: date | None) -> Select[Any]:
    """(customer, what he owes) of all who owe LARGE or more, and of some who owe less, as they stand or at a month-end;
    the largest first."""
    owed: Any = func.sum(BorrowerGroup.balance)
    one: Any = BorrowerGroup.customer_id
    at = BorrowerGroup.as_of.is_(None) if as_of is None else BorrowerGroup.as_of == as_of
    return (
        select(one.label("part"), owed.label("balance"))
        .where(at, BorrowerGroup.by_owner, one.is_not(None))
        .group_by(one)
        .order_by(owed.desc(), one)
    )


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
def customers_regrouped(session: Session, customers: Collection[int]) -> Iterator[None]:
    """Around a change of rows of these customers in `loan_state` by who has it alone, as day-end has."""
    for part in chunks(sorted(customers)):
        _take_out(session, LoanState, part)
    yield
    for part in chunks(sorted(customers)):
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


def draw_groups_together(session: Session) -> None:
    """Make one row of those groups of `loan_state` that are alike. By who has it alone, as day-end has."""
    draw_together(session, LoanGroup, LOAN_SUMS, LoanGroup.as_of.is_(None))
    together = BorrowerGroup.as_of.is_(None) & BorrowerGroup.customer_id.is_(None)
    draw_together(session, BorrowerGroup, BORROWER_SUMS, together)


def additions_of_each(source: Any, within: Select[Any], sign: int) -> list[tuple[Any, Select[Any]]]:
    """(kind of group, what loans of the customers `within` add to it, standing as in a source of positions), a row for
    each customer (`of_customer`); with sign -1 what they take out, but for the rows of those who stand apart."""
    borrowers = (_borrowers(source, by_owner, within, sign=sign, each=True) for by_owner in (True, False))
    return [(LoanGroup, _loans(source, within, sign=sign, each=True)), *((BorrowerGroup, one) for one in borrowers)]


def standing_apart(customers: Select[Any]) -> Any:
    """DELETE of the rows in which these customers stand apart now."""
    return delete(BorrowerGroup).where(BorrowerGroup.as_of.is_(None), BorrowerGroup.customer_id.in_(customers))


def taken_out(session: Session, customers: Collection[int]) -> list[int]:
    """Take all that these customers owe, and owed, out of the groups, before what tells them apart changes; who they
    are, locked. `put_back` puts it in again."""
    session.execute(select(BusinessDay.open_date).with_for_update(read=True)).all()  # day-end makes all groups anew
    held = _locked(session, customers)
    for part in chunks(held):
        for source in (LoanState, LoanSnapshot):
            _take_out(session, source, part)
    return held


def put_back(session: Session, customers: Collection[int]) -> None:
    """The other half of `taken_out`."""
    for part in chunks(customers):
        for source in (LoanState, LoanSnapshot):
            _put_in(session, source, part)


def regroup_states(session: Session) -> None:
    """All groups of `loan_state`, anew."""
    _clear(session, None)
    _put_in(session, LoanState)


def regroup_snapshot(session: Session, day: date) -> None:
    """All groups of a month-end, anew."""
    _clear(session, day)
    _put_in(session, LoanSnapshot, day=day)


Totals = dict[tuple[Any, ...], tuple[int, ...]]
"""By what loans have in common: their number, sums and balance times rate; and borrowers, by what tells them apart.
What adds up to nothing is left out."""


def groups_of(day: date | None) -> tuple[Totals, Totals]:
    """(as kept, as the loans add up now) of a month-end, or of `loan_state` if None. For batches: unscoped."""
    source: Any = LoanState if day is None else LoanSnapshot
    dated = day is not None
    kept: Totals = {}
    anew: Totals = {}
    for group, sums, statements in (
        (LoanGroup, LOAN_SUMS, [_loans(source, dated=dated)]),
        (BorrowerGroup, BORROWER_SUMS, [_borrowers(source, owner, dated=dated) for owner in (True, False)]),
    ):
        present = group.as_of.is_(None) if day is None else group.as_of == day
        names = [str(column.key) for column in statements[0].selected_columns if column.key not in (*sums, "as_of")]
        columns = [getattr(group, name) for name in names]
        held = select(*columns, *(func.sum(getattr(group, name)) for name in sums)).where(present).group_by(*columns)
        _add_up(kept, group, len(names), db.session.execute(held))
        for statement in statements:
            inner = statement.subquery().c
            ordered = select(*(inner[name] for name in (*names, *sums)))
            _add_up(anew, group, len(names), db.session.execute(ordered, {"day": day}))
    return _not_nothing(kept), _not_nothing(anew)


def _add_up(totals: Totals, group: type, keys: int, rows: Iterable[Any]) -> None:
    for row in rows:
        totals[group.__name__, *row[:keys]] = tuple(map(int, row[keys:]))


def _not_nothing(totals: Totals) -> Totals:
    return {key: values for key, values in totals.items() if any(values)}


def _customers_of(session: Session, loans: Collection[int]) -> list[int]:
    """The customers of loans, locked: what they add is taken out and put in by one transaction at a time."""
    found: set[int] = set()
    with unscoped("groups follow a booking"):
        for part in chunks(sorted(loans)):
            found |= set(session.scalars(select(Loan.customer_id).where(Loan.id.in_(part)).distinct()))
    return _locked(session, found)


def _locked(session: Session, customers: Collection[int]) -> list[int]:
    with unscoped("groups follow a booking"):
        for part in chunks(sorted(customers)):
            locked = select(Customer.id).where(Customer.id.in_(part)).order_by(Customer.id)
            session.execute(locked.with_for_update(key_share=True)).all()
    return sorted(customers)


def _clear(session: Session, day: date | None) -> None:
    for group in (LoanGroup, BorrowerGroup):
        _run(session, delete(group).where(group.as_of.is_(None) if day is None else group.as_of == day))


def _take_out(session: Session, source: Any, customers: Collection[int]) -> None:
    """Their loans are subtracted, and they themselves where they count; the rows of those who stand apart go."""
    _put_in(session, source, customers, sign=-1)
    present = BorrowerGroup.as_of.is_(None) if source is LoanState else BorrowerGroup.as_of.is_not(None)
    _run(session, delete(BorrowerGroup).where(present, BorrowerGroup.customer_id.in_(customers)))


CUSTOMERS: Any = bindparam("customers", expanding=True)
"""A list of them, given when a statement runs."""


def _put_in(
    session: Session,
    source: Any,
    customers: Collection[int] | None = None,
    day: date | None = None,
    sign: int = 1,
) -> None:
    for statement in _made_once(source, None if customers is None else CUSTOMERS, day is not None, sign):
        _run(session, statement, {"customers": customers, "day": day})


@cache
def _made_once(source: Any, within: Any, dated: bool, sign: int) -> tuple[Any, ...]:
    """What puts loans of the customers `within` (None = all) into their groups. Made once, which takes longer."""
    loans = _inserted(LoanGroup, _loans(source, within, dated, sign))
    return loans, *(_inserted(BorrowerGroup, _borrowers(source, owner, within, dated, sign)) for owner in (True, False))


def _owned(source: Any, within: Any, dated: bool, names: Iterable[str]) -> Select[Any]:
    """Loans of the source with these columns and whose they are: today's and then's owner; of customers `within`, of
    `day`."""
    owner = Loan if source is LoanSnapshot else source
    statement = select(
        (source.as_of if source is LoanSnapshot else _null_of(LoanGroup.as_of)).label("as_of"),
        *(column(owner, name).label(name) for name in OWNERS),
        *(column(source, name).label(f"held_{name}") for name in OWNERS),
        *(column(Customer if name == "industry" else source, name).label(name) for name in names),
    ).select_from(source)
    if "industry" in names:
        statement = statement.join(Customer, Customer.id == column(source, "customer_id"))
    if owner is Loan:
        statement = statement.join(Loan, Loan.id == source.loan_id)
    if dated:
        statement = statement.where(source.as_of == bindparam("day", type_=Date))
    return statement if within is None else statement.where(column(source, "customer_id").in_(within))


OF_CUSTOMER = "of_customer"
KEYS = ("as_of", *OWNERS, *(f"held_{name}" for name in OWNERS))


def _loans(source: Any, within: Any = None, dated: bool = False, sign: int = 1, each: bool = False) -> Select[Any]:
    """What loans add to their groups; with sign -1, what they take out of them. Of `each` customer, or together."""
    loan = _owned(source, within, dated, (*LIKENESS, *SUMS, "rate", *(["customer_id"] * each))).subquery("owned").c
    whose = [loan.customer_id.label(OF_CUSTOMER)] if each else []
    keys = [loan[name] for name in (*KEYS, *LIKENESS)]
    return select(
        *whose,
        *keys,
        (func.count() * sign).label("loans"),
        *((func.sum(loan[name]) * sign).label(name) for name in SUMS),
        (func.sum(loan.balance * loan.rate) * sign).label("balance_times_rate"),
    ).group_by(*whose, *keys)


def _borrowers(
    source: Any, by_owner: bool, within: Any = None, dated: bool = False, sign: int = 1, each: bool = False
) -> Select[Any]:
    """The borrowers of loans in the groups these make; with sign -1 only those who do not stand apart."""
    likeness = () if by_owner else LIKENESS
    loan = _owned(source, within, dated, (*likeness, "customer_id", "balance")).subquery("owned").c
    keys = [loan[name] for name in (*KEYS, *likeness)]
    balance = func.sum(loan.balance)
    # Windows, not a join with the groups counted: PostgreSQL knows nothing of a month that was just written, expects
    # one row of it, and would go through all of them again for each borrower.
    whole = [loan.customer_id, loan.as_of]
    groups = func.count().over(partition_by=whole).label("groups")
    owed = func.sum(balance).over(partition_by=whole).label("owed")
    columns = [*keys, loan.customer_id, balance.label("balance"), groups, *([owed] if by_owner else ())]
    one = select(*columns).group_by(*keys, loan.customer_id).subquery("borrower").c
    # In words, not as a bound value: PostgreSQL would take each writing of it for another expression.
    stands_apart = one.groups > literal_column("1")
    if by_owner:
        stands_apart |= one.owed >= literal_column(str(LARGE))
    apart = case((stands_apart, one.customer_id))
    told = {name: one[name] if name in likeness else _null_of(getattr(BorrowerGroup, name)) for name in LIKENESS}
    whose = [one.customer_id.label(OF_CUSTOMER)] if each else []
    statement = select(
        *whose,
        *(one[name] for name in KEYS),
        literal_column("true" if by_owner else "false", Boolean).label("by_owner"),
        *(value.label(name) for name, value in told.items()),
        apart.label("customer_id"),
        (func.count() * sign).label("borrowers"),
        (func.sum(one.balance) * sign).label("balance"),
    ).group_by(*whose, *(one[name] for name in (*KEYS, *likeness)), apart)
    return statement.where(~stands_apart) if sign < 0 else statement


def _null_of(column: Any) -> Any:
    """NULL of the type of a column."""
    return cast(null(), column.type)


def _inserted(group: type[Model], groups: Select[Any]) -> Any:
    return insert(table_of(group)).from_select([str(column.key) for column in groups.selected_columns], groups)


def _run(session: Session, statement: Any, values: Mapping[str, Any] | None = None) -> None:
    with unscoped("groups follow the loans"):
        session.execute(statement, values, execution_options={"synchronize_session": False})
