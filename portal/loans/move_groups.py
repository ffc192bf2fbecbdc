"""Groups of moves: loans that went the same way from one month-end to another, added up.

What a head office asks of migration is read from here instead of from two millions of positions. Kept are the moves
from each month-end to the next and from the end of the year before, to every month-end that has a snapshot and to the
open business date (`closed_on` empty). A group's rows are added together, as in `portal.loans.groups`: whoever changes
loans takes out what they added before and puts in what they add now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Select, bindparam, case, cast, delete, func, insert, null, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from portal.core.bulk import chunks, table_of
from portal.core.clock import BusinessDay, business_date, month_end
from portal.core.db import BusinessDate, Choice, Model, Money, db
from portal.core.scope import unscoped
from portal.loans.classification import Category
from portal.loans.drawing_together import draw_together
from portal.loans.groups import OF_CUSTOMER
from portal.loans.models import Loan
from portal.loans.moves import Positions, Way, column, moves, written_off_by
from portal.loans.owned import OWNERS, OwnedAndHeld
from portal.loans.state import LoanSnapshot, LoanState, is_kept

LIKENESS = ("product_id", "days_before", "category_before", "days_after", "category_after", "way")
SUMS = ("loans", "balance_before", "balance_after", "balance_kept")

Pair = tuple[date, date | None]
"""From the end of a month to the end of another one; None = as things stand."""


class LoanMove(OwnedAndHeld, Model):
    """Loans that went the same way (贷款迁徙汇总) between two dates.

    Branch, team and manager are today's, what begins with `held` of the later date, or of the last one they were there.
    """

    __table_args__ = (Index("ix_loan_move_dates_branch", "opened_on", "closed_on", "branch_id"),)

    opened_on: Mapped[BusinessDate]
    """The month-end they moved from."""
    closed_on: Mapped[BusinessDate | None]
    """The month-end they moved to; None = as they stand now."""
    product_id: Mapped[int]
    days_before: Mapped[int | None]
    category_before: Mapped[Category | None] = mapped_column(Choice(Category))
    days_after: Mapped[int | None]
    category_after: Mapped[Category | None] = mapped_column(Choice(Category))
    way: Mapped[Way] = mapped_column(Choice(Way))
    loans: Mapped[int]
    balance_before: Mapped[Money]
    balance_after: Mapped[Money]
    balance_kept: Mapped[Money]
    """Of each loan the lesser of the two balances: what was there and has not been reduced."""


def follow_snapshot(session: Session, day: date) -> None:
    """All groups of moves from or to a month-end whose snapshot was written, anew."""
    for pair in kept_pairs(session):
        if day in pair:
            _regroup(session, pair)


def follow_everything(session: Session) -> None:
    """All groups of moves, anew: after many loans were written past the verbs."""
    for pair in kept_pairs(session):
        _regroup(session, pair)


def follow_states(session: Session, day: date) -> None:
    """All groups of moves to how things stand, anew; `day` is the business date they stand at."""
    _run(session, delete(LoanMove).where(LoanMove.closed_on.is_(None)))
    for pair in present_pairs(session, day):
        _insert(session, pair, day)


def draw_moves_together(session: Session) -> None:
    """Make one row of those moves to how things stand that are alike. By who has it alone, as day-end has."""
    draw_together(session, LoanMove, SUMS, LoanMove.closed_on.is_(None))


def take_out_moves(
    session: Session, day: date, present: Sequence[Pair], loans: Collection[int], past: Collection[int]
) -> None:
    """Before loans are changed on a business date: what they add to the groups is subtracted.

    `present`: the moves to that date that are kept; `past`: of the loans, those that past moves are changed by as well.
    """
    _change(session, day, present, loans, past, -1)


def put_in_moves(
    session: Session, day: date, present: Sequence[Pair], loans: Collection[int], past: Collection[int]
) -> None:
    """After the change: what they add now."""
    _change(session, day, present, loans, past, 1)


@contextmanager
def customers_moved(session: Session, customers: Collection[int], day: date) -> Iterator[None]:
    """Around a change of rows of these customers in `loan_state` by who has it alone, as day-end has: the moves of
    these loans follow. `day` is the open business date."""
    with unscoped("groups of moves follow the loans"):
        loans = list(session.scalars(select(LoanState.loan_id).where(LoanState.customer_id.in_(customers))))
    with loans_moved(session, loans, day):
        yield


@contextmanager
def loans_moved(session: Session, loans: Collection[int], day: date) -> Iterator[None]:
    """Around a change of the rows of these loans in `loan_state` where nothing is booked: their moves follow."""
    present = present_pairs(session, day)
    take_out_moves(session, day, present, loans, ())
    yield
    put_in_moves(session, day, present, loans, ())


def _regroup(session: Session, pair: Pair) -> None:
    _run(session, delete(LoanMove).where(*moved(pair)))
    _insert(session, pair, business_date())


def moved(pair: Pair) -> tuple[Any, ...]:
    """Which groups are of these two dates."""
    opened, closed = pair
    return (
        LoanMove.opened_on == opened,
        LoanMove.closed_on.is_(None) if closed is None else LoanMove.closed_on == closed,
    )


def kept_pairs(session: Session) -> list[Pair]:
    """The moves that are kept now."""
    return [*_past(session), *present_pairs(session)]


Totals = dict[tuple[Any, ...], tuple[int, ...]]
"""By what loans have in common: their number and balances. What adds up to nothing is left out."""


def moves_of(pair: Pair) -> tuple[Totals, Totals]:
    """(as kept, as the loans add up now) of two dates. For batches: unscoped."""
    names = [*OWNERS, *(f"held_{name}" for name in OWNERS), *LIKENESS]
    keys = [getattr(LoanMove, name) for name in names]
    kept = select(*keys, *(func.sum(getattr(LoanMove, name)) for name in SUMS)).where(*moved(pair)).group_by(*keys)
    anew, found = _groups(pair[1] is not None, narrowed=False), list[Totals]()
    for rows in (
        db.session.execute(kept),
        (row[2:] for row in db.session.execute(anew, dates_of(pair, business_date()))),
    ):
        totals = {tuple(row[: len(names)]): tuple(map(int, row[len(names) :])) for row in rows}
        found.append({key: values for key, values in totals.items() if any(values)})
    return found[0], found[1]


def _change(
    session: Session,
    day: date,
    present: Sequence[Pair],
    loans: Collection[int],
    past: Collection[int],
    sign: int,
) -> None:
    for some, pairs in ((loans, present), (past, _past(session) if past else ())):
        for pair in pairs:
            for part in chunks(sorted(some)):
                _insert(session, pair, day, part, sign)


def present_pairs(session: Session, day: date | None = None) -> list[Pair]:
    """The moves to the open business date that are kept."""
    with unscoped("which month-ends have snapshots"):
        open_date = day or session.scalar(select(BusinessDay.open_date))
        if open_date is None:
            return []
        return [(end, None) for end in pairs_before(open_date) if session.scalar(select(is_kept(end)))]


def _past(session: Session) -> list[Pair]:
    held = set(kept_days(session))
    return [(before, day) for day in sorted(held) for before in pairs_before(day) if before in held]


def kept_days(session: Session) -> list[date]:
    """The month-ends with a snapshot: one look each, since all days of a large table take long to tell apart."""
    with unscoped("which month-ends have snapshots"):
        first, last = session.execute(select(func.min(LoanSnapshot.as_of), func.max(LoanSnapshot.as_of))).one()
        found: list[date] = []
        while first is not None and first <= last:
            if session.scalar(select(is_kept(first))):
                found.append(first)
            first = month_end(first + timedelta(days=1))
        return found


def pairs_before(day: date) -> list[date]:
    """What a date is compared with: the month-end before it, and the end of the year before."""
    return list(dict.fromkeys((day.replace(day=1) - timedelta(days=1), date(day.year - 1, 12, 31))))


def moves_of_each(source: Any, loans: Select[Any], sign: int) -> Select[Any]:
    """What these loans add to the groups of moves to how they stand in a source of positions, a row for each customer
    (`of_customer`); with sign -1, what they take out. It asks for the dates of `dates_of`."""
    return _groups_of(source, loans, sign, each=True)


@cache
def _groups(gone_by: bool, narrowed: bool, sign: int = 1) -> Select[Any]:
    """What loans add to the groups of two dates, `opened` and `closed` (`gone_by`) or as they stand at `end`.

    Of `loans` only, when narrowed; with sign -1, what they take out. Made once: that takes longer than to run it.
    """
    loans: Any = bindparam("loans", expanding=True) if narrowed else None
    return _groups_of(aliased(LoanSnapshot, name="new") if gone_by else LoanState, loans, sign, gone_by)


def _groups_of(new: Any, loans: Any, sign: int, gone_by: bool = False, each: bool = False) -> Select[Any]:
    opened, closed, by_then = (_day(name) for name in ("opened", "closed", "end"))
    old: Any = aliased(LoanSnapshot, name="old")
    before: Positions = (old, [old.as_of == opened, *_only(old, loans)])
    after: Positions = (new, [*([new.as_of == closed] if gone_by else []), *_only(new, loans)])
    move = moves(before, after, written_off_by(by_then, by_then, loans)).subquery("move")
    keys = {
        "opened_on": opened,
        "closed_on": closed if gone_by else cast(null(), LoanMove.closed_on.type),
        **{name: getattr(Loan, name) for name in OWNERS},
        **{f"held_{name}": move.c[name] for name in OWNERS},
        **{name: move.c[name] for name in LIKENESS},
    }
    kept = case((move.c.balance_after < move.c.balance_before, move.c.balance_after), else_=move.c.balance_before)
    added = {
        "loans": func.count() * sign,
        "balance_before": func.sum(move.c.balance_before) * sign,
        "balance_after": func.sum(move.c.balance_after) * sign,
        "balance_kept": func.sum(kept) * sign,
    }
    whose = [move.c.customer_id.label(OF_CUSTOMER)] if each else []
    statement = select(*whose, *(value.label(name) for name, value in {**keys, **added}.items())).select_from(move)
    grouped = [value for name, value in keys.items() if name not in ("opened_on", "closed_on")]
    return statement.join(Loan, Loan.id == move.c.loan_id).group_by(*whose, *grouped)


def _day(name: str) -> Any:
    return bindparam(name, type_=LoanMove.opened_on.type)


@cache
def _addition(gone_by: bool, narrowed: bool, sign: int) -> Any:
    groups = _groups(gone_by, narrowed, sign)
    return insert(table_of(LoanMove)).from_select([str(column.key) for column in groups.selected_columns], groups)


def _only(source: Any, loans: Any) -> list[Any]:
    return [] if loans is None else [column(source, "loan_id").in_(loans)]


def _insert(session: Session, pair: Pair, day: date, loans: Collection[int] | None = None, sign: int = 1) -> None:
    """Put in what (these) loans add to two dates; `day` is the open business date."""
    _run(session, _addition(pair[1] is not None, loans is not None, sign), {**dates_of(pair, day), "loans": loans})


def dates_of(pair: Pair, day: date) -> dict[str, date | None]:
    """What statements about a pair of dates ask for; `day` is the open business date."""
    opened, closed = pair
    return {"opened": opened, "closed": closed, "end": closed or day}


def _run(session: Session, statement: Any, values: Mapping[str, Any] | None = None) -> None:
    with unscoped("groups of moves follow the loans"):
        session.execute(statement, values, execution_options={"synchronize_session": False})
