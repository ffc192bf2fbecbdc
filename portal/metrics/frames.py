"""The two frames of the portfolio: `positions`, the open loans at the end of a date, and `flows`, what was booked.

A position is answered from `loan_state` for the open business date, from `loan_snapshot` for a month-end that has one,
and by replaying postings for any other day; all three hold the same columns and the same figures.

Rows are seen by today's owner of the loan, and attributed to whoever owned it on the date (positions) or when it was
booked (flows).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.metric import Frame, Question, register_sums
from portal.core.once import once
from portal.core.scope import unscoped
from portal.core.series import register_series, register_series_sums
from portal.customers.models import Customer
from portal.loans.groups import SUMS, BorrowerGroup, LoanGroup
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Instalment, Loan
from portal.loans.positions import COLUMNS, positions
from portal.loans.state import LoanSnapshot, LoanState, is_kept
from portal.loans.terms import TermsChange
from portal.metrics.bands import AMOUNT, DAYS_PAST_DUE, TERM
from portal.products.models import Product


def position_frame(question: Question) -> Frame:
    """Loans with a balance at the end of `as_of`, one row a loan."""
    return positions_in(*position_source(question))


def positions_in(source: Any, where: Sequence[ColumnElement[bool]]) -> Frame:
    """Positions of a source: what they are made of is the same for a table each time."""
    return replace(_kept_in_table(source) if isinstance(source, type) else _positions(source), where=where)


def _positions(source: Any) -> Frame:
    columns = {name: column_of(source, name) for name in COLUMNS}
    columns["loans"] = literal_column("1", Integer)
    columns["balance_times_rate"] = columns["balance"] * columns["rate"]
    columns["borrowers"] = func.count(columns["customer_id"].distinct())
    return Frame(
        name="positions",
        select_from=source,
        columns=columns,
        dimensions={
            "branch": columns["branch_id"],
            "team": columns["team_id"],
            "manager": columns["manager_id"],
            "product": columns["product_id"],
            "grid": columns["grid_id"],
            "category": columns["category"],
            "days_past_due": DAYS_PAST_DUE.expression(columns["days_past_due"]),
            "loan": columns["loan_id"],
            "customer": columns["customer_id"],
            **describing(),
        },
        joins=(
            (Loan, Loan.id == columns["loan_id"]),
            (Customer, Customer.id == columns["customer_id"]),
            (Product, Product.id == columns["product_id"]),
        ),
        described_by=frozenset({Customer, Instalment, TermsChange}),
    )


_kept_in_table = cache(_positions)


def position_source(question: Question) -> tuple[Any, tuple[ColumnElement[bool], ...]]:
    """Where positions of this date stand, and the condition that picks them."""
    kept = kept_in(question)
    if kept is LoanState:
        return LoanState, ()
    if kept is LoanSnapshot:
        return LoanSnapshot, (LoanSnapshot.as_of == question.as_of,)
    return positions(question.as_of, question.known).subquery("position"), ()


def kept_in(question: Question) -> type | None:
    """The table that keeps the positions of this date as known on it; None when there is none."""
    if question.known != question.as_of:
        return None
    if question.as_of == business_date():
        return LoanState
    return LoanSnapshot if _kept_days([question.as_of]) else None


def position_series(days: Collection[date]) -> tuple[Frame, frozenset[date]]:
    """Positions of those of these days that have a snapshot, told apart by the column `as_of`; and which they are."""
    frame = positions_in(LoanSnapshot, ())
    return replace(frame, columns={**frame.columns, "as_of": LoanSnapshot.as_of}), _kept_days(days)


def _kept_days(days: Collection[date]) -> frozenset[date]:
    """Which of these days have snapshots; a request looks once for each."""
    wanted = frozenset(days) - {business_date()}
    looked: dict[date, bool] = once("days with snapshots", dict)
    if new := wanted - looked.keys():
        held = _held(new)
        looked.update({day: day in held for day in new})
    return frozenset(day for day in wanted if looked[day])


def _held(days: Collection[date]) -> frozenset[date]:
    """One look each, since all days of a large table take long to tell apart."""
    looks = [select(literal(day, Date)).where(is_kept(day)) for day in sorted(days)]
    if not looks:
        return frozenset()
    with unscoped("which month-ends have snapshots"):
        return frozenset(db.session.scalars(union_all(*looks)))


def position_sums(question: Question) -> Sequence[Frame]:
    """The same, added up by what loans have in common; none for a date that no groups are kept of."""
    kept = kept_in(question)
    if kept is None:
        return ()
    return _sums_in(lambda group: group.as_of.is_(None) if kept is LoanState else group.as_of == question.as_of)


def _sums_in(at: Callable[[Any], ColumnElement[bool]]) -> Sequence[Frame]:
    return (
        Frame(
            name="loans",
            select_from=LoanGroup,
            columns={
                name: getattr(LoanGroup, name)
                for name in ("loans", "balance_times_rate", *SUMS, "category", "days_past_due", "as_of")
            },
            dimensions={**_owners(LoanGroup), **_likeness(LoanGroup)},
            where=(at(LoanGroup),),
            joins=((Product, Product.id == LoanGroup.product_id),),
            having=func.sum(LoanGroup.loans) > 0,
        ),
        _borrowers_in(_owners(BorrowerGroup), at, by_owner=True),
        _borrowers_in({**_owners(BorrowerGroup), **_likeness(BorrowerGroup)}, at, by_owner=False),
    )


def _borrowers_in(dimensions: Mapping[str, Any], at: Callable[[Any], ColumnElement[bool]], *, by_owner: bool) -> Frame:
    alone = case((BorrowerGroup.customer_id.is_(None), BorrowerGroup.borrowers), else_=0)
    counted = func.sum(alone) + func.count(BorrowerGroup.customer_id.distinct())
    return Frame(
        name="borrowers",
        select_from=BorrowerGroup,
        columns={"borrowers": counted, "as_of": BorrowerGroup.as_of},
        dimensions=dimensions,
        where=(at(BorrowerGroup), BorrowerGroup.by_owner == by_owner),
        joins=((Product, Product.id == BorrowerGroup.product_id),),
        having=counted > 0,
    )


@cache
def _owners(group: Any) -> Mapping[str, Any]:
    return {"branch": group.held_branch_id, "team": group.held_team_id, "manager": group.held_manager_id}


@cache
def _likeness(group: Any) -> Mapping[str, Any]:
    return {
        "product": group.product_id,
        "category": group.category,
        "days_past_due": DAYS_PAST_DUE.expression(group.days_past_due),
        "industry": group.industry,
        "purpose": Product.purpose,
        "product_channel": Product.channel,
    }


def position_sums_series() -> Sequence[Frame]:
    """The sums of all snapshots, told apart by the column `as_of`."""
    return _sums_in(lambda group: group.as_of.is_not(None))


register_series(position_frame, position_series)
register_sums(position_frame, position_sums)
register_series_sums(position_frame, position_sums_series)


def column_of(source: Any, name: str) -> ColumnElement[Any]:
    return getattr(source.c if hasattr(source, "c") else source, name)  # type: ignore[no-any-return]


def flow_frame(question: Question) -> Frame:
    """Postings with a value date in the period, as booked by `known_at`; one row a posting."""
    return Frame(
        name="flows",
        select_from=Posting,
        columns={
            "amount": Posting.amount,
            "account": Posting.account,
            "kind": Posting.kind,
            "component": Posting.component,
            "value_date": Posting.value_date,
            "loan_id": Posting.loan_id,
            "rate": Loan.rate,
        },
        dimensions={
            "branch": Journal.branch_id,
            "team": Journal.team_id,
            "manager": Journal.manager_id,
            "product": Loan.product_id,
            "grid": Customer.grid_id,
            "month": cast(extract("year", Posting.value_date), Integer) * 100
            + cast(extract("month", Posting.value_date), Integer),
            "loan": Posting.loan_id,
            "customer": Loan.customer_id,
            **describing(),
        },
        where=(
            Posting.value_date.between(question.first_day, question.as_of),
            Posting.booking_date <= question.known,
        ),
        joins=(
            (Journal, Journal.id == Posting.journal_id),
            (Loan, Loan.id == Posting.loan_id),
            (Customer, Customer.id == Loan.customer_id),
            (Product, Product.id == Loan.product_id),
        ),
        described_by=frozenset({Customer, Journal}),
    )


@cache
def describing() -> Mapping[str, Any]:
    """Dimensions of the contract, its product and its customer, the same for both frames."""
    return {
        "customer_group": Customer.type,
        "industry": Customer.industry,
        "guarantee": Loan.guarantee,
        "purpose": Product.purpose,
        "product_channel": Product.channel,
        "amount_band": AMOUNT.expression(Loan.principal),
        "term_band": TERM.expression(Loan.count),
    }
