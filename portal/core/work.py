"""The unit of work: verbs never commit, the outermost unit does, with one audit entry.

A service verb is a function decorated with `@verb("loans.repay")`. Called on its own it is a unit of work; called from
another verb it joins that one. Whatever raises undoes all of it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from flask import g, has_request_context
from flask_babel import gettext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.registry import Registry
from portal.core.scope import on_behalf_of

P = ParamSpec("P")
R = TypeVar("R")

verbs: Registry[Callable[..., Any]] = Registry("service verbs")


class Unit:
    """What the outermost unit knows: `subject` and `note` go into its audit entry."""

    def __init__(self, verb: str, session: Session) -> None:
        self.verb = verb
        self.session = session
        self.resource = ""
        self.subject_id: int | None = None
        self.notes: dict[str, Any] = {}

    def about(self, row: Any) -> None:
        """The row this work is about."""
        self.resource, self.subject_id = type(row).__name__, row.id
        if name := on_behalf_of(row):
            self.session.info.setdefault("on_behalf", {})[id(row)] = (row, name)

    def note(self, **facts: Any) -> None:
        """Facts for the audit entry (counts, hashes, reasons): never personal data."""
        self.notes.update(facts)


@contextlib.contextmanager
def unit_of_work(verb: str, session: Session | None = None) -> Iterator[Unit]:
    """Join the running unit of work, or start one that commits at the end with one audit entry."""
    if scope.actor().viewer is not None:  # view_as.py lets no such request in; this is the wall behind it
        raise Forbidden(gettext("Nothing can be changed while you view the portal as somebody else."))
    session = session or db.session()
    running = session.info.get("unit_of_work")
    if running is not None:
        yield running
        return
    unit = Unit(verb, session)
    _begin_writing(session)
    session.info["unit_of_work"] = unit
    try:
        yield unit
        session.flush()
        changes: dict[str, Any] = dict(unit.notes)
        rows = audit.take_collected(session)
        if rows:
            changes["rows"] = rows
        if on_behalf := session.info.pop("on_behalf", None):
            changes["on_behalf_of"] = sorted({name for _row, name in on_behalf.values()})
        if changes:
            request_id = g.get("request_id", "") if has_request_context() else ""
            subject = (unit.resource, unit.subject_id)
            audit.write(session.connection(), verb, business_date(), *subject, changes, request_id)
        session.commit()
    except BaseException:  # whatever happened, nothing of it stays
        session.rollback()
        raise
    finally:
        session.info.pop("unit_of_work", None)
        session.info.pop("changes", None)
        session.info.pop("on_behalf", None)


def record(verb: str, resource: str, facts: dict[str, Any], subject_id: int | None = None) -> None:
    """Write down something that changed nothing but must be known: an export, a printed report."""
    with unit_of_work(verb) as unit:
        unit.resource, unit.subject_id = resource, subject_id
        unit.note(**facts)


def _begin_writing(session: Session) -> None:
    """End what was only read and take the write lock, so that nothing is decided on rows that have moved on."""
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("rows were changed outside a unit of work")
    session.rollback()
    session.connection(execution_options={"write": True})


def verb(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a service verb: it runs in a unit of work and is listed under its name."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with unit_of_work(name):
                return function(*args, **kwargs)

        verbs.register(name, run)
        return run

    return decorate


def current_unit() -> Unit:
    """The running unit of work; RuntimeError outside one."""
    unit: Unit | None = db.session().info.get("unit_of_work")
    if unit is None:
        raise RuntimeError("no unit of work is running")
    return unit


def taken_value(error: IntegrityError) -> str:
    """The column (the first of several) whose unique value is taken, as far as the engine tells; else empty."""
    text = str(error.orig)
    if "UNIQUE constraint failed: " in text:
        return text.split("UNIQUE constraint failed: ")[1].split(",")[0].split(".")[-1].strip()
    diag = getattr(error.orig, "diag", None)
    detail = getattr(diag, "message_detail", "") or ""
    return detail.split("(")[1].split(")")[0].split(",")[0] if "(" in detail and "already exists" in detail else ""
