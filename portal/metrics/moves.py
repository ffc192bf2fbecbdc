"""The frame of moves: loans with a balance the day before a period begins or at its end, one row a loan.

Asked from the first of June to its last, it compares the end of May with the end of June: a flow of loans from where
they stood to where they stand. Rows are seen by today's owner and attributed to whoever owned the loan at the end; a
loan that changed hands counts wholly with its new owner, so that parts add up to the change in every cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Integer, and_, case, func, literal_column, select
from sqlalchemy.orm import aliased

from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.metric import Frame, Question, register_sums
from portal.core.once import once
from portal.core.scope import unscoped
from portal.customers.models import Customer
from portal.loans.classification import Category
from portal.loans.models import Instalment, Loan
from portal.loans.move_groups import LoanMove, Pair, moved
from portal.loans.moves import Positions, Way, moves, written_off_by
from portal.loans.positions import positions
from portal.loans.state import LoanSnapshot, LoanState
from portal.metrics.bands import DAYS_PAST_DUE
from portal.metrics.dimensions import of_words
from portal.metrics.frames import describing, kept_in
from portal.metrics.listings import NON_PERFORMING
from portal.metrics.thresholds import at_risk
from portal.products.models import Product

NEW = "new"
"""Where a loan came from that had no balance before."""
GONE = {"settled": _("Settled"), "written-off": _("Written off")}


class Part(StrEnum):
    """Why a sum of bad balances (overdue, non-performing) changed, loan by loan: each has exactly one part in it."""

    WORSE = "worse"
    LENT = "lent"
    CURED = "cured"
    PAID_OFF = "paid-off"
    WRITTEN_OFF = "written-off"
    PAID_DOWN = "paid-down"
    ROLLED_ON = "rolled-on"
    NEITHER = "neither"


OVERDUE_PARTS = {
    Part.WORSE: _("Newly overdue"),
    Part.LENT: _("Lent since, overdue"),
    Part.CURED: _("Cured"),
    Part.PAID_OFF: _("Paid off"),
    Part.WRITTEN_OFF: _("Written off"),
    Part.PAID_DOWN: _("Paid down"),
    Part.ROLLED_ON: _("Rolled on, still overdue"),
    Part.NEITHER: _("Overdue at neither date"),
}
NPL_PARTS = {
    Part.WORSE: _("Newly non-performing"),
    Part.LENT: _("Lent since, non-performing"),
    Part.CURED: _("Upgraded"),
    Part.PAID_OFF: _("Paid off"),
    Part.WRITTEN_OFF: _("Written off"),
    Part.PAID_DOWN: _("Paid down"),
    Part.ROLLED_ON: _("Rolled on, still NPL"),
    Part.NEITHER: _("Non-performing at neither date"),
}

_DAYS = DAYS_PAST_DUE.words()
_CATEGORIES = {category: label_of(category) for category in Category}
of_words("days_before", _("Days past due before"), {**_DAYS, NEW: _("Lent since")})
of_words("days_after", _("Days past due after"), {**_DAYS, **GONE})
of_words("category_before", _("Category before"), {**_CATEGORIES, NEW: _("Lent since")})
of_words("category_after", _("Category after"), {**_CATEGORIES, **GONE})
of_words("overdue_part", _("Part in the change of overdue balance"), OVERDUE_PARTS)
of_words("npl_part", _("Part in the change of NPL balance"), NPL_PARTS)

FACTS = ("product", "branch", "manager", "days_before", "days_after")
"""What the page of loans behind a figure of moves tells of each."""


def opening_of(question: Question) -> date:
    """The date that a period's end is compared with: the day before it begins."""
    return question.first_day - timedelta(days=1)


def move_frame(question: Question) -> Frame:
    """Loans with a balance at either date, one row a loan."""
    before = _source(Question(opening_of(question), known_at=question.known_at), "old")
    after = _source(Question(question.as_of, known_at=question.known_at), "new")
    move = moves(before, after, written_off_by(question.as_of, question.known)).subquery("move")
    kept = case((move.c.balance_after < move.c.balance_before, move.c.balance_after), else_=move.c.balance_before)
    return Frame(
        name="moves",
        select_from=move,
        columns={
            **{name: move.c[name] for name in ("balance_before", "balance_after", "days_before", "days_after")},
            **{name: move.c[name] for name in ("category_before", "category_after")},
            "loans": literal_column("1", Integer),
            "balance_kept": kept,
        },
        dimensions={
            "branch": move.c.branch_id,
            "team": move.c.team_id,
            "manager": move.c.manager_id,
            "product": move.c.product_id,
            "grid": Customer.grid_id,
            "loan": move.c.loan_id,
            "customer": move.c.customer_id,
            **describing(),
            **_courses(move.c, question),
        },
        joins=(
            (Loan, Loan.id == move.c.loan_id),
            (Customer, Customer.id == move.c.customer_id),
            (Product, Product.id == move.c.product_id),
        ),
        described_by=frozenset({Customer, Instalment}),
        facts=FACTS,
    )


def move_sums(question: Question) -> Sequence[Frame]:
    """The same, added up by what loans have in common; none for two dates that no groups are kept of."""
    pair = _kept_pair(question)
    if pair is None:
        return ()
    names = ("balance_before", "balance_after", "days_before", "days_after", "category_before", "category_after")
    sums = Frame(
        name="moves",
        select_from=LoanMove,
        columns={name: getattr(LoanMove, name) for name in (*names, "loans", "balance_kept")},
        dimensions={
            "branch": LoanMove.held_branch_id,
            "team": LoanMove.held_team_id,
            "manager": LoanMove.held_manager_id,
            "product": LoanMove.product_id,
            "purpose": Product.purpose,
            "product_channel": Product.channel,
            **_courses(LoanMove, question),
        },
        where=moved(pair),
        joins=((Product, Product.id == LoanMove.product_id),),
        having=func.sum(LoanMove.loans) > 0,
    )
    return (sums,)


register_sums(move_frame, move_sums)


def _source(question: Question, name: str) -> Positions:
    """Positions of a date, under a name of their own."""
    kept = kept_in(question)
    if kept is LoanState:
        return LoanState, ()
    if kept is LoanSnapshot:
        snapshot: Any = aliased(LoanSnapshot, name=name)
        return snapshot, (snapshot.as_of == question.as_of,)
    return positions(question.as_of, question.known).cte(name), ()


def _kept_pair(question: Question) -> Pair | None:
    if question.known != question.as_of:
        return None
    pair = (opening_of(question), None if question.as_of == business_date() else question.as_of)
    return pair if once(("moves", pair), lambda: _has_moves(pair)) else None


def _has_moves(pair: Pair) -> bool:
    with unscoped("which dates have groups of moves"):
        return db.session.scalar(select(LoanMove.id).where(*moved(pair)).limit(1)) is not None


def late_before(frame: Mapping[str, Any] | Frame, question: Question) -> ColumnElement[bool]:
    """Whether a loan counted as overdue (PAR 1) at the earlier date, under the threshold in force then."""
    return at_risk(frame["days_before"], 1, opening_of(question))


def late_after(frame: Mapping[str, Any] | Frame, question: Question) -> ColumnElement[bool]:
    """Whether it does at the later date."""
    return at_risk(frame["days_after"], 1, question.as_of)


def bad_before(frame: Mapping[str, Any] | Frame, question: Question) -> ColumnElement[bool]:
    """Whether it was non-performing at the earlier date."""
    return frame["category_before"].in_(NON_PERFORMING)  # type: ignore[no-any-return]


def bad_after(frame: Mapping[str, Any] | Frame, question: Question) -> ColumnElement[bool]:
    """Whether it is at the later date."""
    return frame["category_after"].in_(NON_PERFORMING)  # type: ignore[no-any-return]


def _courses(of: Any, question: Question) -> dict[str, Any]:
    """Where a loan came from and where it went, and its part in what changed."""
    names = ("days_before", "days_after", "category_before", "category_after")
    rows = {name: getattr(of, name) for name in names}
    gone = case((of.way == Way.WRITTEN_OFF, "written-off"), else_="settled")
    return {
        "days_before": case((rows["days_before"].is_(None), NEW), else_=DAYS_PAST_DUE.expression(rows["days_before"])),
        "days_after": case((rows["days_after"].is_(None), gone), else_=DAYS_PAST_DUE.expression(rows["days_after"])),
        "category_before": func.coalesce(_text(rows["category_before"]), NEW),
        "category_after": func.coalesce(_text(rows["category_after"]), gone),
        "overdue_part": _part(of, late_before(rows, question), late_after(rows, question)),
        "npl_part": _part(of, bad_before(rows, question), bad_after(rows, question)),
    }


def _text(category: Any) -> Any:
    """A category as the text that is kept, since the end of a loan is none of the five."""
    return case(*((category == one, one.value) for one in Category))


def _part(of: Any, before: ColumnElement[bool], after: ColumnElement[bool]) -> ColumnElement[str]:
    """The part of a loan in the change of what is bad. What is NULL of a loan that is not there is not met."""
    return case(
        (and_(before, after, of.way == Way.FELL), Part.PAID_DOWN.value),
        (and_(before, after), Part.ROLLED_ON.value),
        (and_(before, of.way == Way.WRITTEN_OFF), Part.WRITTEN_OFF.value),
        (and_(before, of.way == Way.SETTLED), Part.PAID_OFF.value),
        (before, Part.CURED.value),
        (and_(after, of.way == Way.LENT), Part.LENT.value),
        (after, Part.WORSE.value),
        else_=Part.NEITHER.value,
    )
