"""Rows that add together, drawn together: where a change is added beside what it changes, alike rows pile up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, inspect, or_, select
from sqlalchemy.orm import Session

from portal.core.bulk import table_of
from portal.core.scope import unscoped


def draw_together(session: Session, model: Any, sums: Sequence[str], where: ColumnElement[bool]) -> None:
    """Make one row of those of a table that differ in `sums` alone; what adds up to nothing goes.

    By who has the table alone: what others put in meanwhile would be lost with what it was added to.
    """
    keys = [name for name in inspect(model).columns.keys() if name not in ("id", *sums)]  # noqa: SIM118
    last = select(func.max(model.id)).where(where)
    with unscoped("rows that add together are drawn together"):
        highest = session.scalar(last)
        if highest is None:
            return
        totals = [func.sum(getattr(model, name)) for name in sums]
        alike = select(*(getattr(model, name) for name in keys), *totals).where(where, model.id <= highest)
        kept = alike.group_by(*(getattr(model, name) for name in keys)).having(or_(*(total != 0 for total in totals)))
        session.execute(insert(table_of(model)).from_select([*keys, *sums], kept))
        session.execute(
            delete(model).where(where, model.id <= highest), execution_options={"synchronize_session": False}
        )
