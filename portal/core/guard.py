"""The guard on the engine: Core and text SQL that names a scoped table is refused unless it passed the scope."""

from __future__ import annotations

import functools
import re
import weakref
from typing import Any

from sqlalchemy import Table, event
from sqlalchemy.engine import Engine

from portal.core.scope import Scoped, Unscoped, passes_unscoped

_judged: weakref.WeakKeyDictionary[Any, tuple[bool, bool]] = weakref.WeakKeyDictionary()


@functools.cache
def _scoped_tables() -> frozenset[str]:
    return frozenset(cls.__table__.name for cls in Scoped.scoped_classes)  # type: ignore[attr-defined]


@functools.cache
def _named_in_text() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(_scoped_tables())))})\b", re.IGNORECASE)


@functools.lru_cache(4096)
def _text_names_scoped(sql: str) -> bool:
    return bool(_scoped_tables()) and bool(_named_in_text().search(sql))


def _mentions(statement: Any) -> tuple[bool, bool]:
    """(names a scoped table, names one as a bare Table in some SELECT, UPDATE or DELETE)."""
    every: set[str] = set()
    bare: set[str] = set()
    levels = [statement]
    while levels:
        mapped, raw, nested = _level(levels.pop())
        every |= {name for name, _alias in mapped | raw}
        bare |= {name for name, _alias in raw - mapped}
        levels.extend(nested)
    return bool(every), bool(bare)


def _level(root: Any) -> tuple[set[tuple[str, str | None]], set[tuple[str, str | None]], list[Any]]:
    mapped: set[tuple[str, str | None]] = set()
    raw: set[tuple[str, str | None]] = set()
    nested: list[Any] = []
    stack, seen = [root], set()
    while stack:
        element = stack.pop()
        if id(element) in seen:
            continue
        seen.add(id(element))
        kind, notes = element.__visit_name__, element._annotations
        if kind not in ("column", "table", "alias") and ("parententity" in notes or "proxy_key" in notes):
            continue  # a relationship's own join
        table = getattr(element, "table", None) if kind == "column" else element if kind in ("table", "alias") else None
        inner = getattr(table, "element", table)
        if isinstance(inner, Table) and inner.name in _scoped_tables():
            key = (inner.name, None if inner is table else str(table.name))  # type: ignore[union-attr]
            (mapped if "parententity" in notes or "parentmapper" in notes else raw).add(key)
            if kind == "alias":
                continue
        for child in element.get_children():
            if child.__visit_name__ in ("select", "compound_select", "update", "delete", "insert"):
                nested.append(child)
            else:
                stack.append(child)
        if kind == "textclause" and _text_names_scoped(element.text):
            raw.add(("text", None))
    return mapped, raw, nested


@event.listens_for(Engine, "before_cursor_execute")
def _guard(_conn: Any, _cursor: Any, sql: str, _params: Any, context: Any, _many: bool) -> None:
    if passes_unscoped():
        return
    options = context.execution_options if context else {}
    compiled = getattr(context, "compiled", None)
    if compiled is None:
        if _text_names_scoped(sql):
            raise Unscoped(sql[:120])
        return
    judged = _judged.get(compiled)
    if judged is None:
        statement = compiled.statement
        is_query = (
            statement is not None and not getattr(statement, "is_ddl", False) and hasattr(statement, "get_children")
        )
        judged = _judged[compiled] = _mentions(statement) if is_query else (False, False)
    every, bare = judged
    if (bare and options.get("_scoped") != "loader") or (every and not options.get("_scoped")):
        raise Unscoped(f"a scoped table without the scope: {sql[:120]}")
