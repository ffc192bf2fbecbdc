"""Keeping `loan_state` and `loan_snapshot`: upserts from positions, on both engines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, exists, func, insert, literal, or_, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, table_of
from portal.core.scope import unscoped
from portal.loans import industries as _industries  # noqa: F401 - groups follow customers into other industries
from portal.loans.following import loans_changed
from portal.loans.groups import many_regrouped, regroup_snapshot, regroup_states, states_regrouped
from portal.loans.move_groups import follow_snapshot, follow_states, many_moved
from portal.loans.observation import non_performing_by_days, observe_cleared
from portal.loans.positions import COLUMNS, positions
from portal.loans.state import LoanSnapshot, LoanState
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


FEW = 5
"""Where no more than one row in so many changes, its groups follow it; else all groups are made anew."""


def replace_states(session: Session, day: date, rows: Select[Any], changed: Table | None = None) -> None:
    """Make `loan_state` these positions of a day; a row whose figures stay the same keeps its old `as_of`.

    `changed` is a temporary table (loan_id, customer_id) for the rows that differ. On most days few do, the late ones:
    then only these are written, and only their groups follow.
    """
    if changed is None:
        _write_states(session, rows, rows)
        regroup_states(session)
        follow_states(session, day)
        return
    few = _find_changed(session, rows, changed) and day.day > 1  # moves of a new month begin at another month-end
    narrowed = rows.where(rows.selected_columns.loan_id.in_(select(changed.c.loan_id)))
    if not few:
        _write_states(session, narrowed, rows)
        regroup_states(session)
        follow_states(session, day)
        return
    customers, loans = (select(changed.c[name]) for name in ("customer_id", "loan_id"))
    with many_regrouped(session, customers), many_moved(session, day, loans):
        _write_states(session, narrowed, rows)


def _find_changed(session: Session, rows: Select[Any], changed: Table) -> bool:
    """Note the loans whose rows are to be written or to go; whether they are few."""
    session.execute(delete(changed))
    new = rows.subquery("new")
    same = new.c.loan_id == LoanState.loan_id
    differs = _differs(LoanState, dict(new.c), apart_from=("loan_id", "as_of"))
    to_write = select(new.c.loan_id, new.c.customer_id).outerjoin(LoanState, same)
    to_go = select(LoanState.loan_id, LoanState.customer_id).where(~exists().where(same))
    for found in (to_write.where(or_(LoanState.loan_id.is_(None), differs)), to_go):
        session.execute(insert(changed).from_select(["loan_id", "customer_id"], found))
    if _dialect(session) == "postgresql":  # nobody else tells it how much a temporary table holds
        session.execute(text(f"ANALYZE {changed.name}"))
    counted = (select(func.count()).select_from(table) for table in (changed, table_of(LoanState)))
    differing, all_of_them = (session.scalar(count) or 0 for count in counted)
    return differing * FEW <= all_of_them


def _write_states(session: Session, rows: Select[Any], standing: Select[Any]) -> None:
    """Write these rows; those of loans that are not among the standing go."""
    statement, new = _inserted(
        _dialect(session), LoanState, rows.add_columns(literal(1).label("revision")), [*COLUMNS, "revision"]
    )
    differs = _differs(LoanState, new, apart_from=("as_of", "revision"))
    new["revision"] = LoanState.revision + 1
    statement = statement.on_conflict_do_update(index_elements=["loan_id"], set_=new, where=differs)
    _run(session, statement)
    opened = standing.subquery("open")
    _run(session, delete(LoanState).where(~exists().where(opened.c.loan_id == LoanState.loan_id)))


def replace_snapshot(session: Session, day: date, rows: Select[Any]) -> None:
    """Make the snapshot of a month-end these positions."""
    statement, new = _inserted(_dialect(session), LoanSnapshot, rows, COLUMNS)
    statement = statement.on_conflict_do_update(
        index_elements=["as_of", "loan_id"], set_=new, where=_differs(LoanSnapshot, new)
    )
    _run(session, statement)
    held = rows.subquery("held")
    gone = ~exists().where(held.c.loan_id == LoanSnapshot.loan_id)  # NOT IN would be read row by row on PostgreSQL
    _run(session, delete(LoanSnapshot).where(LoanSnapshot.as_of == day, gone))
    if _dialect(session) == "postgresql":  # it would expect one row of a month that it has not seen yet
        session.execute(text("ANALYZE loan_snapshot"))
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
