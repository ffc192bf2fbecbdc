"""Keeping `loan_state` and `loan_snapshot`: upserts from positions, on both engines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, insert, literal, or_, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, table_of
from portal.core.scope import unscoped
from portal.loans import industries as _industries  # noqa: F401 - groups follow customers into other industries
from portal.loans.following import loans_changed
from portal.loans.groups import regroup_snapshot, regroup_states, states_regrouped
from portal.loans.move_groups import follow_snapshot, follow_states
from portal.loans.observation import non_performing_by_days, observe_cleared
from portal.loans.positions import COLUMNS, positions
from portal.loans.prepared_groups import in_place
from portal.loans.state import LoanSnapshot, LoanState, is_kept
from portal.loans.thresholds import lateness_rules
from portal.loans.vintages import follow_vintages

INSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def refresh_states(session: Session, day: date, running: Collection[int], closed: Collection[int]) -> None:
    """Bring rows up to date after a booking, as at the open business date: loans with a balance, and without one."""
    with unscoped("loan_state follows a booking"), states_regrouped(session, [*running, *closed]):
        for part in chunks(running):
            before = non_performing_by_days(session, part)
            _refresh(session, day, part)
            if before and (cleared := observe_cleared(session, day, before)):
                _refresh(session, day, cleared)
        for part in chunks(closed):
            _run(session, delete(LoanState).where(LoanState.loan_id.in_(part)))
    loans_changed(session, day, [*running, *closed])


def _refresh(session: Session, day: date, loans: Collection[int]) -> None:
    statement = _refreshing(_dialect(session), day, repr(lateness_rules(day)))
    session.execute(statement, {"loans": loans}, execution_options={"synchronize_session": False})


@lru_cache(maxsize=16)
def _refreshing(dialect: str, day: date, _rules: str) -> Any:
    """What brings the rows of `loans` up to date; made once a day and rules, for that takes longer than to run it."""
    loans: Any = bindparam("loans", expanding=True)
    now = positions(day, loans=loans, standing=True).add_columns(literal(1).label("revision"))
    statement, new = _inserted(dialect, LoanState, now, [*COLUMNS, "revision"])
    new["revision"] = LoanState.revision + 1
    return statement.on_conflict_do_update(index_elements=["loan_id"], set_=new)


def replace_states(session: Session, day: date, rows: Select[Any]) -> None:
    """Make `loan_state` these positions of a day; a row whose figures stay the same keeps its old `as_of`."""
    _write(session, rows)
    opened = rows.subquery("open")
    _run(session, delete(LoanState).where(~exists().where(opened.c.loan_id == LoanState.loan_id)))
    regroup_states(session)
    follow_states(session, day)


def change_states(session: Session, day: date, rows: Select[Any], moved: Collection[int]) -> None:
    """The same where only these rows may have changed, and their groups are prepared: all others stay, and no loan
    leaves. `moved` are loans that were booked on since. What was open until now is `day`."""
    with in_place(session, moved, day):
        _write(session, rows)


def _write(session: Session, rows: Select[Any]) -> None:
    statement, new = _inserted(
        _dialect(session), LoanState, rows.add_columns(literal(1).label("revision")), [*COLUMNS, "revision"]
    )
    differs = _differs(LoanState, new, apart_from=("as_of", "revision"))
    new["revision"] = LoanState.revision + 1
    statement = statement.on_conflict_do_update(index_elements=["loan_id"], set_=new, where=differs)
    _run(session, statement)


def replace_snapshot(session: Session, day: date, rows: Select[Any]) -> None:
    """Make the snapshot of a month-end these positions, and add up anew what is added up of it."""
    write_snapshot(session, day, rows)
    follow_month_end(session, day)


def write_snapshot(session: Session, day: date, rows: Select[Any]) -> None:
    """The rows of the snapshot; `follow_month_end` adds up what is added up of them."""
    if session.scalar(select(is_kept(day))):
        statement, new = _inserted(_dialect(session), LoanSnapshot, rows, COLUMNS)
        differs = _differs(LoanSnapshot, new)
        _run(session, statement.on_conflict_do_update(index_elements=["as_of", "loan_id"], set_=new, where=differs))
        held = rows.subquery("held")
        gone = ~exists().where(held.c.loan_id == LoanSnapshot.loan_id)  # NOT IN is read row by row on PostgreSQL
        _run(session, delete(LoanSnapshot).where(LoanSnapshot.as_of == day, gone))
    else:
        in_order = rows.order_by(rows.selected_columns.loan_id)
        _run(session, insert(table_of(LoanSnapshot)).from_select(COLUMNS, in_order))
    if _dialect(session) == "postgresql":  # it would expect one row of a month that it has not seen yet
        session.execute(text("ANALYZE loan_snapshot"))


def follow_month_end(session: Session, day: date) -> None:
    """All that is added up of the snapshot of a month-end, anew."""
    regroup_snapshot(session, day)
    follow_snapshot(session, day)
    follow_vintages(session, day)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _inserted(dialect: str, model: Any, rows: Select[Any], names: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """INSERT … SELECT, and the new value of each column but the key. SQLite cannot tell ON CONFLICT without a WHERE.

    Loan by loan, as indexes lie: written as they come out of a join, each row would look for a page of its own.
    """
    in_order = rows.where(true()).order_by(rows.selected_columns.loan_id)
    statement: Any = INSERTS[dialect](table_of(model)).from_select(names, in_order)
    return statement, {name: statement.excluded[name] for name in names if name != "loan_id"}


def _differs(model: Any, new: Mapping[str, Any], apart_from: Collection[str] = ()) -> Any:
    return or_(*(getattr(model, name).is_distinct_from(value) for name, value in new.items() if name not in apart_from))


def _run(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})
