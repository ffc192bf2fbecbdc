"""Day-end: closes the open business date and opens the next, for all loans at once.

Days are closed in order. At a calendar month-end interest is accrued and the positions are kept as a snapshot; the date
moves; `loan_state` becomes the positions of the new date. Everything is computed into temporary tables first, while
people go on working, and then written in one short transaction together with the date. So a day-end that is killed has
done nothing of that day and running it again gives the same. Only one runs at a time (`runs.py`): a second one is told
who does. On the day of a rate reset the rates are set anew as soon as that day is open (`resets.py`), so days are
closed up to it first. What was booked while it computed is told by `loan_state.revision` and computed again for those
loans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from time import monotonic
from typing import Any

import structlog
from flask import g, has_request_context
from flask_babel import gettext
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    inspect,
    null,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, table_of, take_room
from portal.core.clock import BusinessDay, calendar_date, month_end
from portal.core.db import db
from portal.core.errors import PortalError, Refused
from portal.core.once import forget
from portal.core.scope import ScopedSession, unscoped
from portal.core.work import unit_of_work
from portal.loans import following, runs
from portal.loans.accrual import accruals, stops
from portal.loans.accrual_booking import book_accruals
from portal.loans.allowance_groups import regroup_allowance
from portal.loans.due_groups import regroup_dues
from portal.loans.may_change import may_change
from portal.loans.models import Loan
from portal.loans.observation import assess, reclassify
from portal.loans.positions import COLUMNS, positions
from portal.loans.prepared_groups import draw_all_together, prepare, temporary_tables
from portal.loans.resets import book_resets, day_before_reset
from portal.loans.state import LoanSnapshot, LoanState
from portal.loans.states import (
    change_states,
    follow_month_end,
    replace_snapshot,
    replace_states,
    write_snapshot,
)
from portal.loans.thresholds import lateness_rules
from portal.loans.vintages import follow_later_vintages

log = structlog.get_logger("portal.day_end")

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DayEnd:
    """What a run did."""

    closed: tuple[date, ...]
    """The days it closed, in order; empty if there was nothing to do."""
    opened: date
    """The business date that is open now."""
    unfollowed: tuple[str, ...] = ()
    """What should have followed the closing of these days and failed; the log says why."""

    def check(self) -> None:
        """Refused, in words, when something that follows day-end failed."""
        if self.unfollowed:
            names = gettext(", ").join(dict.fromkeys(self.unfollowed))
            raise Refused(
                gettext("The days are closed, but what follows them failed (%(names)s); see the log.", names=names)
            )


def run_day_end(to: date | None = None) -> DayEnd:
    """Close every day up to and including `to` (the open business date if None); the day after it is open then.

    A date that is closed already leaves everything as it is. Raises Refused when the books were never opened, or while
    somebody else runs it. Must not be called within a unit of work.
    """
    if db.session().info.get("unit_of_work"):
        raise RuntimeError("day-end has transactions of its own")
    open_date = db.session.scalar(select(BusinessDay.open_date))
    if open_date is None:
        raise Refused(gettext("There is no business date yet: it begins with the first loan or opening position."))
    closed: list[date] = []
    unfollowed: list[str] = []
    run_id = 0
    last = to or open_date
    with _workspace() as (session, tables), runs.holding(_connection_of(session)):
        book_resets(open_date)
        while open_date <= last:
            until = day_before_reset(session, open_date, min(last, month_end(open_date)))
            with _run(open_date, until) as run_id:
                _close(session, tables, open_date, until, run_id)
            forget()
            failed = following.follow(following.closed, until)
            runs.tell_unfollowed(run_id, failed)
            unfollowed += failed
            while open_date <= until:
                closed.append(open_date)
                open_date += ONE_DAY
            book_resets(open_date)
    if has_request_context():
        g.pop("business_date", None)
    forget()
    if closed:
        failed = following.follow(following.opened, open_date)
        runs.tell_unfollowed(run_id, failed)
        unfollowed += failed
    return DayEnd(tuple(closed), open_date, tuple(unfollowed))


def run_nightly() -> DayEnd | None:
    """What the worker does each night: close every day before today. A demo company's date stays where it is."""
    day = db.session.get(BusinessDay, 1)
    yesterday = calendar_date() - ONE_DAY
    if day is None or not day.moves or day.open_date > yesterday:
        return None
    return run_day_end(yesterday)


def rebuild_snapshots(days: Iterable[date]) -> None:
    """Write the snapshots of past month-ends, each in its own transaction, by replaying the ledger as known then."""
    wanted = sorted(days)
    with _workspace() as (session, tables):
        for day in wanted:
            with unscoped("a month-end is rebuilt"):
                _fill(session, tables.closing, positions(day).add_columns(null().label("revision")))
            with unit_of_work("ledger.rebuild_snapshot", session) as unit, unscoped("a month-end is rebuilt"):
                replace_snapshot(session, day, select(*(tables.closing.c[name] for name in COLUMNS)))
                unit.note(day=day.isoformat())
        if wanted:
            with unit_of_work("ledger.rebuild_vintages", session) as unit, unscoped("month-ends were rebuilt"):
                follow_later_vintages(session, wanted[0])
                unit.note(since=wanted[0].isoformat())


def rebuild_states() -> None:
    """Write `loan_state` and what is added up beside it anew, from instalments and postings, as they stand."""
    with unit_of_work("ledger.rebuild_states") as unit, unscoped("loan_state is rebuilt"):
        session = db.session()
        day = session.scalars(select(BusinessDay.open_date).with_for_update()).one()
        replace_states(session, day, positions(day, standing=True))
        regroup_dues(session)
        regroup_allowance(session)
        unit.note(day=day.isoformat())


@dataclass(frozen=True)
class _Tables:
    """Temporary tables of one connection."""

    asked: Table
    """Loans that may stand otherwise when the day is opened, where not all of them may."""
    closing: Table
    """Positions at the end of the day that is closed, with the revision of the row of `loan_state` each is made of."""
    coming: Table
    """The same of the day that is opened."""
    accrual: Table
    """Interest to accrue and, below 0, to take back, and on which day."""

    def all(self) -> tuple[Table, ...]:
        return self.asked, self.closing, self.coming, self.accrual, *temporary_tables()


@cache
def _tables() -> _Tables:
    """The same each time, so that statements about them are made once."""
    columns, metadata = inspect(LoanState).columns, MetaData()

    def table(name: str, *others: Column[Any]) -> Table:
        key = Column("loan_id", Integer, primary_key=True, autoincrement=False)
        return Table(f"day_end_{name}", metadata, key, *others, prefixes=["TEMPORARY"])

    def position(name: str) -> Table:
        return table(name, *(Column(column, columns[column].type) for column in (*COLUMNS[1:], "revision")))

    return _Tables(
        asked=table("asked"),
        closing=position("closing"),
        coming=position("coming"),
        accrual=table("accrual", Column("amount", BigInteger), Column("on_day", Date)),
    )


@contextmanager
def _workspace() -> Iterator[tuple[Session, _Tables]]:
    """A session on a connection of its own, which keeps temporary tables over several transactions.

    What the caller's session has read is given up before and after: it is old by then.
    """
    tables = _tables()
    db.session.rollback()
    with db.engine.connect() as connection, ScopedSession(bind=connection) as session:
        for table in tables.all():
            table.drop(connection, checkfirst=True)
            table.create(connection)
        connection.commit()  # from here on transactions are the session's own
        try:
            yield session, tables
        finally:
            session.rollback()
            for table in tables.all():
                table.drop(connection)
            connection.commit()
            db.session.rollback()


def _connection_of(session: Session) -> Connection:
    bind = session.get_bind()
    assert isinstance(bind, Connection)  # of the workspace
    return bind


def _fill(session: Session, table: Table, rows: Any) -> None:
    """Replace what a temporary table holds; a read, as far as everybody else is concerned."""
    connection = session.connection(execution_options={"write": False})
    take_room(session)
    session.execute(delete(table))
    if rows is not None:
        session.execute(insert(table).from_select([column.name for column in table.c], rows))
    if connection.dialect.name == "postgresql":  # nobody else tells it how much a temporary table holds
        session.execute(text(f"ANALYZE {table.name}"))
    session.commit()


@contextmanager
def _run(first: date, last: date) -> Iterator[int]:
    """A row that tells of the run: done with its work, or why not."""
    run_id = runs.begin(runs.RunKind.CLOSE, first, last)
    try:
        yield run_id
    except BaseException as error:
        runs.fail(run_id, str(error) if isinstance(error, PortalError) else type(error).__name__)
        raise


def _close(session: Session, tables: _Tables, first: date, day: date, run_id: int) -> None:
    """Close the days from the open one up to `day`, of one month, and open the one after it.

    Only a month-end leaves more than the state of the next day, so missed days before it cost nothing.
    """
    ends_month, opened = day == month_end(day), day + ONE_DAY
    narrowed = not ends_month and lateness_rules(first) == lateness_rules(opened)
    steps = _Steps()
    with unscoped("day-end computes the positions of all loans"):
        _fill(session, tables.asked, may_change(first, opened) if narrowed else None)
        _fill(session, tables.closing, _from_states(day) if ends_month else None)
        _fill(session, tables.coming, _from_states(opened, tables.asked if narrowed else None))
        _fill(session, tables.accrual, _to_accrue(first, day, tables.closing if ends_month else None, tables.coming))
        if narrowed:
            prepare(
                session, tables.asked, _with_accruals(tables.coming, tables.accrual, tables.coming.c.revision), first
            )
    steps.done("computing")
    with unit_of_work("ledger.day_end", session) as unit, unscoped("day-end writes the positions of all loans"):
        take_room(session)
        held = session.scalars(select(BusinessDay).with_for_update()).one()
        if held.open_date != first:
            raise Refused(gettext("Another day-end has closed %(day)s meanwhile.", day=first))
        moved = _catch_up(session, tables, first, day, ends_month)
        unit.note(first=first.isoformat(), last=day.isoformat(), computed_again=len(moved))
        if ends_month:
            judged = assess(session, tables.closing, day)
            reclassify(session, tables.closing, judged, day)
            reclassify(session, tables.coming, judged, opened)
        booked = book_accruals(session, tables.accrual, day)
        if booked or ends_month:
            unit.note(accruals=booked)
        if ends_month:
            steps.done("booking")
            write_snapshot(session, day, _with_accruals(tables.closing, tables.accrual))
            steps.done("keeping")
            follow_month_end(session, day)
            steps.done("adding")
        figures = _figures(session, tables.accrual, first, day, ends_month)
        coming = _with_accruals(tables.coming, tables.accrual)
        if narrowed:
            change_states(session, first, coming, moved)
        else:
            replace_states(session, opened, coming)
        held.open_date = opened
        counted = {"loans": _count(session, table_of(LoanState)), "journals": unit.notes.get("accruals", 0)}
        runs.finish(session, run_id, computed_again=len(moved), figures=figures, **counted)
    steps.done("opening")
    if narrowed:
        draw_all_together(session)
        steps.done("drawing")
    log.info("days closed", first=first.isoformat(), last=day.isoformat(), computed_again=len(moved), **steps.seconds)


class _Steps:
    """How many seconds each step took. All between `computing` and `drawing` are one transaction, which bookings wait
    for, and `drawing` another. Of a month-end are `booking` (accruals), `keeping` (its snapshot), `adding` (sums).
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = monotonic()

    def done(self, step: str) -> None:
        self.seconds[step], self._since = round(monotonic() - self._since, 3), monotonic()


def _from_states(day: date, asked: Table | None = None) -> Select[Any]:
    """The positions of a day, of the loans asked for, with the revision of the rows they are made of: balances and
    accrued interest are those of `loan_state`, which each booking brings up to date and reconciliation proves."""
    loans: Any = None if asked is None else select(asked.c.loan_id)
    kept: Any = select(LoanState.loan_id, LoanState.balance, LoanState.accrued_interest)
    booked = kept if loans is None else kept.where(LoanState.loan_id.in_(loans))
    rows = positions(day, standing=True, loans=loans, booked=booked).join(LoanState, LoanState.loan_id == Loan.id)
    return rows.add_columns(LoanState.revision).order_by(rows.selected_columns.loan_id)


def _to_accrue(first: date, day: date, closing: Any, coming: Any) -> Any:
    """What is booked for the days that are closed: taken back where a loan became too late, accrued at a month-end."""
    rules = lateness_rules(day)
    taken_back = stops(first, day, coming, rules)
    return taken_back if closing is None else union_all(taken_back, accruals(day, closing, rules))


def _figures(session: Session, accrual: Table, first: date, day: date, ends_month: bool) -> dict[str, dict[str, int]]:
    """What the days that are closed add up to, as everybody saw them: the open one and a month-end."""
    found = {}
    if first < day or not ends_month:
        taken_back = and_(accrual.c.loan_id == LoanState.loan_id, accrual.c.on_day == first)
        accrued = case((accrual.c.loan_id.is_not(None), 0), else_=LoanState.accrued_interest)
        columns = [getattr(LoanState, name) for name in COLUMNS if name != "accrued_interest"]
        today = select(*columns, accrued.label("accrued_interest")).outerjoin(accrual, taken_back)
        found[first.isoformat()] = runs.read_figures(session, today.subquery("today"))
    if ends_month:
        found[day.isoformat()] = runs.read_figures(session, LoanSnapshot, LoanSnapshot.as_of == day)
    return found


def _count(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def _catch_up(session: Session, tables: _Tables, first: date, day: date, ends_month: bool) -> list[int]:
    """Compute again the loans that were booked on since computing began; return which. Whatever is booked on a loan
    dates its row anew."""
    seen = tables.closing if ends_month else tables.coming
    changed = (
        select(LoanState.loan_id)
        .outerjoin(seen, seen.c.loan_id == LoanState.loan_id)
        .where(LoanState.as_of == first, or_(seen.c.loan_id.is_(None), seen.c.revision != LoanState.revision))
    )
    gone = select(seen.c.loan_id).where(~exists().where(LoanState.loan_id == seen.c.loan_id))
    moved = [*session.scalars(changed), *session.scalars(gone)]
    for part in chunks(moved):
        for table in (tables.closing, tables.accrual, tables.coming):
            session.execute(delete(table).where(table.c.loan_id.in_(part)))
        if ends_month:
            again = positions(day, standing=True, loans=part)
            session.execute(insert(tables.closing).from_select(COLUMNS, again))
        coming = positions(day + ONE_DAY, standing=True, loans=part)
        session.execute(insert(tables.coming).from_select(COLUMNS, coming))
        closed, opened = (
            select(table).where(table.c.loan_id.in_(part)).subquery() for table in (tables.closing, tables.coming)
        )
        anew = _to_accrue(first, day, closed if ends_month else None, opened)
        session.execute(insert(tables.accrual).from_select([column.name for column in tables.accrual.c], anew))
    return moved


def _with_accruals(table: Table, accrual: Table, *others: Any) -> Select[Any]:
    """The positions with the interest that is being accrued."""
    accrued = table.c.accrued_interest + func.coalesce(accrual.c.amount, 0)
    columns = [accrued.label(name) if name == "accrued_interest" else table.c[name] for name in COLUMNS]
    return select(*columns, *others).outerjoin_from(table, accrual, accrual.c.loan_id == table.c.loan_id)
