"""Choices of a reference for a remote select: what the actor may see, by the beginning of a name or code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.db import db
from portal.core.masks import is_clear, resource_of
from portal.core.paging import key_of
from portal.core.scope import Scoped

MOST_ROWS = 20
SEARCHED = ("name", "code", "username")


def may_be_named(target: Any) -> bool:
    """Whether the actor may be told what rows of a model are called: the session cuts scoped ones; any other is told to
    whoever may list it."""
    return issubclass(target, Scoped) or scope.actor().may(resource_of(target), "list")


def lookup(target: Any, text: str, decides: Sequence[str] = ()) -> dict[str, Any]:
    """`{"results": [{"id", "text"}], "pagination": {"more"}}`, as Select2 reads it.

    `decides` names references of the target that a form takes over with the choice: each result then has `sets`, the
    id and the words of each, or null.
    """
    decides = [name for name in decides if is_clear(target, name)]
    names = [name for name in SEARCHED if hasattr(target, name) and is_clear(target, name)]
    order = getattr(target, names[0]) if names else key_of(target)
    statement = select(target).order_by(order).limit(MOST_ROWS + 1)
    text = text.strip()[:80]
    if text and not names:
        return {"results": [], "pagination": {"more": False}}
    if text:
        statement = statement.where(or_(*(getattr(target, n).startswith(text, autoescape=True) for n in names)))
    statement = statement.options(*(joinedload(getattr(target, name)) for name in decides))
    rows = list(db.session.scalars(statement))
    results = [_choice(row) for row in rows[:MOST_ROWS]]
    for result, row in zip(results, rows, strict=False) if decides else ():
        result["sets"] = {name: _choice(getattr(row, name)) for name in decides}
    return {"results": results, "pagination": {"more": len(rows) > MOST_ROWS}}


def _choice(row: Any) -> Any:
    return None if row is None else {"id": row.id, "text": str(row)}
