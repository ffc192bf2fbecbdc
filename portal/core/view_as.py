"""View as: the portal as somebody else or a role sees it. Read only, for a time, under a banner, written down.

Two walls stand before writing. A request under a viewing is let in only where it reads (`refuse_writing`); and whatever
got in all the same can neither begin a unit of work (work.py) nor send a change through the session (below).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from flask import Flask, Response, flash, g, redirect, request
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, joinedload

from portal.core import role_store, scope
from portal.core.accounts.sessions import AccountSession
from portal.core.accounts.viewings import Viewing, ViewingEnd
from portal.core.clock import now
from portal.core.db import db
from portal.core.display import name_of
from portal.core.errors import Forbidden, wants_json
from portal.core.roles import READ
from portal.core.scope import Actor
from portal.core.values import CHINA, is_whole
from portal.core.work import record, unit_of_work

log = structlog.get_logger("portal.view_as")

RIGHT = ("ViewAs", "run")
NOBODYS = -1
"""Stands for the login of who is seen where only a role is: nobody's notifications, filters, rows."""

AS_ONESELF = frozenset({"ViewAsView.stop", "AuthDBView.logout"})
"""Ends the viewing, so it is asked by the viewer himself."""
OPEN_TO_VIEWERS = frozenset(
    {"HomeView", "SearchView", "NotificationView", "HelpView", "LocaleView", "UtilView", "OpenApi", "SwaggerView"}
)
"""Of the views that are open to every login, those that only read; not one's account, not the files one asked for."""
ALSO_OPEN = frozenset({"ExportView.index", "AuthDBView.login"})
UNTOLD = frozenset({"HelpView", "LocaleView", "UtilView", "AuthDBView", "OpenApi", "SwaggerView"})
"""Reading these tells nothing of anybody."""

_posts: set[str] = set()

PlaceIn = Callable[[int, int | None], Any]
_place_in: list[PlaceIn] = []


def register_place_in(function: PlaceIn) -> PlaceIn:
    """Who knows where somebody of a branch and a team would stand (security.Place)."""
    _place_in[:] = [function]
    return function


def reads_by_post(path: str) -> None:
    """A path that is asked by POST and only reads: callbacks of dashboards."""
    _posts.add(path)


@dataclass(frozen=True)
class Seen:
    """What the banner says; kept in `g`, because error pages ask no database."""

    who: str
    what: str
    """Roles, or the place of a role."""
    ends_at: dt.datetime

    @property
    def until(self) -> str:
        return f"{self.ends_at.astimezone(CHINA):%H:%M}"


# ---- who is seen -----------------------------------------------------------------------------------------------------


def entered(viewing_id: int, own: Actor, actor_for: Callable[..., Actor]) -> Actor:
    """The actor of a request under a viewing; the viewer's own again when the viewing is over, which is told."""
    wanted = select(Viewing).where(Viewing.id == viewing_id)
    row = db.session.scalars(wanted.options(joinedload(Viewing.viewed).joinedload(User.roles))).unique().one()
    over = ViewingEnd.WITHDRAWN if not own.may(*RIGHT) else ViewingEnd.EXPIRED if row.ends_at <= now() else None
    who = None if over is not None else seen_by(row, actor_for)
    if who is None:
        g.viewing_ended = over or ViewingEnd.GONE
        end(viewing_id, g.viewing_ended, own)
        return own
    known = role_store.current().roles
    labels = gettext(", ").join(str(known[name].label) for name in who.roles if name in known)
    if row.viewed is not None:
        g.viewing = Seen(f"{name_of(row.viewed) or who.name} ({who.name})", labels, row.ends_at)
    else:
        g.viewing = Seen(labels, row.place, row.ends_at)
    return replace(who, viewer=Actor(f"{own.name} (as {who.name})"[:80], user_id=own.user_id))


def seen_by(row: Viewing, actor_for: Callable[..., Actor]) -> Actor | None:
    """The actor that a viewing shows; None when there is nobody any more."""
    if row.viewed is not None:
        who = actor_for(row.viewed) if row.viewed.is_active else scope.NOBODY
        return who if who.user_id is not None else None
    if role_store.known(row.role) is None or row.branch_id is None:
        return None
    with scope.unscoped("where the viewed role stands"):
        place = _place_in[0](row.branch_id, row.team_id)
    return None if place is None else actor_for(_Player(row.role), place)


class _Player:
    """A login that has only one role and is nobody's."""

    id = NOBODYS

    def __init__(self, role: str) -> None:
        self.username, self.roles = f"role {role}", [_Named(role)]


@dataclass(frozen=True)
class _Named:
    name: str


# ---- beginning and ending --------------------------------------------------------------------------------------------


def begin(row: Viewing, facts: dict[str, Any]) -> None:
    """Write a viewing of a session into the register. One that is still open there, from a click twice, ends."""
    with unit_of_work("view_as.start") as unit:
        db.session.get_one(AccountSession, row.session_id, with_for_update=True)
        others = (Viewing.session_id == row.session_id, Viewing.ended_at.is_(None))
        db.session.execute(update(Viewing).where(*others).values(ended_at=now(), end=ViewingEnd.STOPPED))
        db.session.add(row)
        unit.resource, unit.subject_id = "User" if row.viewed_id is not None else "Role", row.viewed_id
        unit.note(**facts)


def end(viewing_id: int, why: ViewingEnd, by: Actor) -> None:
    """End a viewing; nothing when it ended already."""
    with scope.acting(Actor(by.name, user_id=by.user_id)), unit_of_work("view_as.stop") as unit:
        still = (Viewing.id == viewing_id, Viewing.ended_at.is_(None))
        found = db.session.execute(select(Viewing.viewed_id, Viewing.role).where(*still)).first()
        if found is None:
            return
        db.session.execute(update(Viewing).where(*still).values(ended_at=now(), end=why))
        unit.resource, unit.subject_id = "User" if found.viewed_id is not None else "Role", found.viewed_id
        unit.note(why=why.value, **({"role": found.role} if found.role else {}))


def answer_when_over() -> Any:
    """A viewing that ended by itself is told once, on the viewer's own home page; None when none ended."""
    if "viewing_ended" not in g:
        return None
    if wants_json() or "X-Requested-With" in request.headers or request.path in _posts:
        raise Forbidden(str(g.viewing_ended.label))
    flash(str(g.viewing_ended.label), "info")
    return redirect(request.script_root + "/")


# ---- what may be done ------------------------------------------------------------------------------------------------


def refused_words() -> str:
    return str(
        gettext("You are only looking: nothing is changed, exported or revealed while you view as somebody else.")
    )


def refuse_writing(view_name: str, action: str) -> None:
    """Forbidden unless the request only reads."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        reads = request.path in _posts
    elif not view_name or view_name in OPEN_TO_VIEWERS or request.endpoint in ALSO_OPEN:
        reads = True
    else:
        reads = action in READ
    if not reads:
        raise Forbidden(refused_words())


@event.listens_for(Session, "before_flush")
def _refuse_flush(session: Session, _context: Any, _instances: Any) -> None:
    if scope.actor().viewer is not None and (session.new or session.dirty or session.deleted):
        raise Forbidden(refused_words())


@event.listens_for(Session, "do_orm_execute")
def _refuse_statement(state: Any) -> None:
    if scope.actor().viewer is not None and (state.is_insert or state.is_update or state.is_delete):
        raise Forbidden(refused_words())


# ---- the trail -------------------------------------------------------------------------------------------------------


def register(app: Flask) -> None:
    """Each page that was seen is written down as read by the viewer."""

    @app.after_request
    def note(response: Response) -> Response:
        who: Actor | None = g.get("actor")
        view_name, _dot, method = (request.endpoint or "").partition(".")
        shown = request.method == "GET" and response.status_code == 200
        tells = bool(method) and view_name not in UNTOLD and method not in ("count", "static")
        if shown and tells and who is not None and who.viewer is not None:
            _note_seen(who.viewer)
        return response


def _note_seen(viewer: Actor) -> None:
    (resource, _action), key = scope.task(), str((request.view_args or {}).get("pk", ""))
    subject_id = int(key) if is_whole(key) and len(key) < 19 else None
    db.session.rollback()
    try:
        with scope.acting(viewer):
            record("view_as.seen", resource, {"screen": request.endpoint}, subject_id=subject_id)
    except OperationalError as error:  # a long batch holds the database: reading goes on, the start is written down
        log.error("a page seen was not written down", reason=str(error.orig), screen=request.endpoint)
