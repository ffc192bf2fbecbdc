"""Funding: what of the company's own borrowings matures by month, and whether the cash that is expected covers it.

It is of the whole company: unavailable (not 0) while finance has entered no borrowing, to whoever may not read them or
sees only a part of the loans, and within filters by branch, product and the like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Integer, String, case, cast, func, literal, null, select, union_all

from portal.core import scope
from portal.core.clock import month_end
from portal.core.db import db
from portal.core.metric import Frame, Listing, Metric, Question, Unit, Value, register
from portal.limits.borrowings import Borrowing
from portal.limits.parameters import COLLECTED
from portal.loans.dues import month_of
from portal.loans.models import Instalment
from portal.metrics.collection import CASH, SOON, due_frame, due_sums, is_expected, month_number, unpaid
from portal.metrics.portfolio import HOUSE
from portal.parameters.services import parameter

WHOLE = 10_000
"""A share of one in hundredths of a percent."""
ROWS = ("branch", "team", "manager", "product", "grid")
WORDS = ("purpose", "product_channel", "customer_group", "industry", "guarantee")
"""Cuts of loans that funding has no part in: by rows, and by words."""


def drawn(day: date) -> Any:
    """The borrowings of a date that something is outstanding of."""
    return (Borrowing.drawn_on <= day, Borrowing.outstanding > 0)


def _month(question: Question) -> Any:
    """The month in which a borrowing must be repaid; what should have been repaid by now counts now."""
    month, this = month_of(Borrowing.matures_on), month_number(question.as_of)
    return case((month < this, this), else_=month)


def _no_part() -> dict[str, Any]:
    of_rows = {name: cast(null(), Integer) for name in ROWS}
    return of_rows | {name: cast(null(), String) for name in WORDS}


def funding_frame(question: Question) -> Frame:
    """Borrowings, one row each."""
    return Frame(
        name="borrowings",
        select_from=Borrowing,
        columns={"outstanding": Borrowing.outstanding, "month": _month(question)},
        dimensions={"due_month": _month(question), **_no_part()},
        where=drawn(question.as_of),
    )


def cash_frame(question: Question) -> Frame:
    """Expected cash and borrowings, one row after the other: what comes in and what goes out in a month."""
    [due] = due_sums(question) or [due_frame(question)]
    nothing = literal(0, BigInteger)
    comes = due.statement(
        [due["due_month"].label("month"), unpaid(due).label("comes"), nothing.label("goes")],
        [is_expected(due, question)],
    )
    goes = select(_month(question), nothing, Borrowing.outstanding).where(*drawn(question.as_of))
    cash = union_all(comes, goes).subquery("cash")
    return Frame(
        name="cash",
        select_from=cash,
        columns={name: cash.c[name] for name in ("month", "comes", "goes")},
        dimensions={"due_month": cash.c.month, **_no_part()},
        described_by=frozenset({Instalment}),
    )


def collected_share(day: date) -> Fraction:
    """The share of expected cash that is assumed to come in, in force on a date."""
    return Fraction(Decimal(parameter(COLLECTED, day).value)) / 100


def is_told(question: Question) -> bool:
    """Whether the actor may know of the company's funding, and there is anything entered."""
    who = scope.actor()
    if not who.may("Borrowing", "list") or who.scope("Loan", "list") != "all":
        return False
    entered = select(Borrowing.id).where(Borrowing.drawn_on <= question.as_of).limit(1)
    return db.session.scalar(entered) is not None


def _finish(scale: int = 1) -> Callable[[Question], Callable[[int], Value]]:
    """The raw sum in fen, half a fen up; None while it cannot be told."""

    def finish(question: Question) -> Callable[[int], Value]:
        return (lambda raw: (2 * raw + scale) // (2 * scale)) if is_told(question) else lambda raw: None

    return finish


def _gap(rows: Any) -> Callable[[Frame, Question], Any]:
    """Expected cash times the share assumed, less what matures; in parts of a fen."""

    def measure(frame: Frame, question: Question) -> Any:
        share = int(collected_share(question.as_of) * WHOLE)
        net = frame["comes"] * share - frame["goes"] * WHOLE
        return func.sum(case((rows(frame, question), net), else_=0))

    return measure


def _until(frame: Frame, question: Question) -> Any:
    return frame["month"] <= month_number(question.as_of, SOON)


def _always(frame: Frame, question: Question) -> Any:
    return frame["month"] > 0


def _borrowings(question: Question, within: Mapping[str, Sequence[Any]]) -> Mapping[str, str] | None:
    """The list of borrowings that are outstanding, of one month if one is asked for."""
    found = {"f.outstanding.ge": "0.01", "f.drawn_on.le": question.as_of.isoformat()}
    months = sorted(within.get("due_month", ()))
    if months:
        found["f.matures_on.le"] = last_day(months[-1]).isoformat()
        if months[0] > month_number(question.as_of):  # what should have been repaid before counts now
            found["f.matures_on.ge"] = date(months[0] // 100, months[0] % 100, 1).isoformat()
    return found


def _borrowings_soon(question: Question, within: Mapping[str, Sequence[Any]]) -> Mapping[str, str] | None:
    """Of those, what matures by the end of the third month after."""
    end = last_day(month_number(question.as_of, SOON))
    return {**(_borrowings(question, within) or {}), "f.matures_on.le": end.isoformat()}


def last_day(month: int) -> date:
    """The last day of a month, as in 202606."""
    return month_end(date(month // 100, month % 100, 1))


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    register(Metric(key, label, unit, "stock", formula, HOUSE, CASH, empty=None, **kw))


_stock(
    "funding_due",
    _("Borrowings that mature"),
    "money",
    _(
        "Outstanding amount of the company's borrowings, in the month in which it must be repaid; what should have"
        " been repaid before counts in the month of the date. Unavailable while no borrowing is entered."
    ),
    frame=funding_frame,
    measure=lambda frame, question: func.sum(frame["outstanding"]),
    finish=_finish(),
    listing=Listing("BorrowingView.list", _borrowings),
)
_stock(
    "funding_due_soon",
    _("Borrowings that mature in the next three months"),
    "money",
    _("Of the company's borrowings, what must be repaid by the end of the third month after that of the date."),
    frame=funding_frame,
    measure=lambda frame, question: func.sum(
        case((frame["month"] <= month_number(question.as_of, SOON), frame["outstanding"]), else_=0)
    ),
    finish=_finish(),
    listing=Listing("BorrowingView.list", _borrowings_soon),
)
_stock(
    "cash_gap",
    _("Cash left after maturities"),
    "money",
    _(
        "Expected cash times the share that is assumed to be collected, less borrowings that mature. Below 0: what"
        " must be found elsewhere. New loans, costs and cash in hand are no part of it."
    ),
    frame=cash_frame,
    measure=_gap(_always),
    finish=_finish(WHOLE),
    parameters=(COLLECTED,),
    rows_of="expected_amount",
)
_stock(
    "cash_gap_soon",
    _("Cash left after maturities of the next three months"),
    "money",
    _("The same, up to the end of the third month after that of the date."),
    frame=cash_frame,
    measure=_gap(_until),
    finish=_finish(WHOLE),
    parameters=(COLLECTED,),
    rows_of="expected_soon",
)
