"""Moves: where each loan stood at one date and where it stands at a later one, one row a loan.

The one place that says how a loan goes from date to date; migration, "what changed and why" and the groups of moves are
all made of it. A loan is in when it has a balance at either date. What the columns mean:

- `balance_before`, `days_before`, `category_before`: its position at the earlier date; 0 and NULL when it had none.
- `balance_after`, `days_after`, `category_after`: its position at the later date; 0 and NULL when it has none.
- `way`: how it got from the one to the other, see `Way`.
- `branch_id`, `team_id`, `manager_id`: who owned it at the later date; of a loan that is gone, at the earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, CompoundSelect, Integer, Select, and_, case, cast, func, literal, null, select
from sqlalchemy import union_all as all_of

from portal.core.db import Choice, Labelled
from portal.loans.classification import Category
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind, Posting
from portal.loans.owned import OWNERS

CATEGORY = Choice(Category)


class Way(Labelled):
    """How a loan got from one date to another."""

    LENT = "lent", _("Lent since")
    """It has a balance now and had none."""
    HELD = "held", _("Balance as before")
    """It has as much as it had, or more (a payment was taken back)."""
    FELL = "fell", _("Paid down")
    WRITTEN_OFF = "written_off", _("Written off")
    """Gone from the balance sheet, and its claim stands off balance."""
    SETTLED = "settled", _("Settled")
    """Gone: paid in full, or its disbursement taken back."""


Positions = tuple[Any, Sequence[ColumnElement[bool]]]
"""Where positions of a date stand, and the conditions that pick them. Two of the same table need an alias each."""


def moves(before: Positions, after: Positions, written_off: Select[Any]) -> CompoundSelect[Any]:
    """Every loan with a balance at either of two dates."""
    (old, old_where), (new, new_where) = before, after
    same = column(new, "loan_id") == column(old, "loan_id")
    had, has = (
        {
            "loan_id": column(source, "loan_id"),
            "customer_id": column(source, "customer_id"),
            "product_id": column(source, "product_id"),
        }
        for source in (old, new)
    )
    gone = column(new, "loan_id").is_(None)
    way = case(
        # Looked up, not joined: a planner that expects few rows would add the postings up anew for each of them.
        (and_(gone, column(old, "loan_id").in_(written_off)), literal(Way.WRITTEN_OFF, Choice(Way))),
        (gone, literal(Way.SETTLED, Choice(Way))),
        (column(new, "balance") < column(old, "balance"), literal(Way.FELL, Choice(Way))),
        else_=literal(Way.HELD, Choice(Way)),
    )
    stayed = {
        **had,
        **{f"{name}_before": column(old, full) for name, full in FACTS},
        "balance_after": func.coalesce(column(new, "balance"), 0),
        "days_after": column(new, "days_past_due"),
        "category_after": column(new, "category"),
        "way": way,
        **{name: case((gone, column(old, name)), else_=column(new, name)) for name in OWNERS},
    }
    came = {
        **has,
        "balance_before": literal(0),
        "days_before": cast(null(), Integer),
        "category_before": cast(null(), CATEGORY),
        **{f"{name}_after": column(new, full) for name, full in FACTS},
        "way": literal(Way.LENT, Choice(Way)),
        **{name: column(new, name) for name in OWNERS},
    }
    return all_of(
        _labelled(stayed).select_from(old).outerjoin(new, and_(same, *new_where)).where(*old_where),
        _labelled(came)
        .select_from(new)
        .outerjoin(old, and_(same, *old_where))
        .where(column(old, "loan_id").is_(None), *new_where),
    )


FACTS = (("balance", "balance"), ("days", "days_past_due"), ("category", "category"))


def written_off_by(as_of: date, known_at: date, loans: Collection[int] | None = None) -> Select[Any]:
    """Loans whose principal was written off by a date and not brought back: the allowance bore it."""
    statement = select(Posting.loan_id).where(
        Posting.account == Account.ALLOWANCE,  # of all that a write-off touches, what has fewest postings
        Posting.kind == JournalKind.WRITE_OFF,
        Posting.component == Component.PRINCIPAL,
        Posting.value_date <= as_of,
        Posting.booking_date <= known_at,
    )
    if loans is not None:
        statement = statement.where(Posting.loan_id.in_(loans))
    return statement.group_by(Posting.loan_id).having(func.sum(Posting.amount) > 0)


def column(source: Any, name: str) -> ColumnElement[Any]:
    """A column of an entity, of its alias or of a subquery."""
    return getattr(source.c if hasattr(source, "c") else source, name)  # type: ignore[no-any-return]


def _labelled(columns: dict[str, Any]) -> Select[Any]:
    return select(*(value.label(name) for name, value in columns.items()))
