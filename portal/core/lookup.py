"""Choices of a reference for a remote select: what the actor may see, by the beginning of a name or code."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from portal.core.db import db

MOST_ROWS = 20
SEARCHED = ("name", "code", "username")


def lookup(target: Any, text: str) -> dict[str, Any]:
    """`{"results": [{"id", "text"}], "pagination": {"more"}}`, as Select2 reads it."""
    names = [name for name in SEARCHED if hasattr(target, name)]
    statement = select(target).order_by(getattr(target, names[0])).limit(MOST_ROWS + 1)
    text = text.strip()[:80]
    if text:
        statement = statement.where(or_(*(getattr(target, n).startswith(text, autoescape=True) for n in names)))
    rows = list(db.session.scalars(statement))
    results = [{"id": row.id, "text": str(row)} for row in rows[:MOST_ROWS]]
    return {"results": results, "pagination": {"more": len(rows) > MOST_ROWS}}
