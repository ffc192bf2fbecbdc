"""Showing a sealed value in plain: for who may, with a reason, written down, for a minute, so many times a day.

The trail holds which field of which record was shown to whom and why, never the value. Words that explain the reason
may name a person: they are sealed with the record's own key and go when it is erased.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, jsonify, make_response, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core import scope
from portal.core.audit import AuditEntry
from portal.core.clock import calendar_date
from portal.core.db import Labelled, db
from portal.core.errors import InvalidValues, PortalError, Refused
from portal.core.fields import fields_of
from portal.core.key_ring import key_ring, opened, seal
from portal.core.values import CHINA, tidy
from portal.core.work import unit_of_work

REVEALED, BEYOND = "persons.reveal", "persons.reveal_refused"
SECONDS = 60
"""How long a value stays on the screen."""
LONGEST_NOTE = 200
NOTE = b"reveal:note"


class RevealReason(Labelled):
    """Why somebody needs a value in plain."""

    CONTACT = "contact", _("To contact the customer")
    IDENTITY = "identity", _("To check the identity")
    CONTRACT = "contract", _("For a contract or a payment")
    CREDIT = "credit", _("For a credit enquiry")
    COMPLAINT = "complaint", _("For a complaint or dispute")
    AUTHORITY = "authority", _("For a court or an authority")
    OTHER = "other", _("Another reason (say which)")


@dataclass(frozen=True)
class Limits:
    """How often a person may have values shown in a day, and what happens to who asks for more."""

    a_day: Callable[[], int]
    beyond: Callable[[], None]
    """Told once a day and person, inside a unit of work."""


_limits: list[Limits] = []


def register_limits(limits: Limits) -> None:
    """An area that knows parameters says how often; without one there is no limit."""
    _limits[:] = [limits]


def reveal(row: Any, name: str, reason: RevealReason | None, note: str) -> str:
    """The value in plain, written down. InvalidValues without a reason, Refused beyond the day's limit, MissingKey."""
    wrong: dict[str, list[Any]] = {}
    if reason is None:
        wrong["reason"] = [gettext("Choose a reason.")]
    elif reason is RevealReason.OTHER and not note:
        wrong["note"] = [gettext("Say what it is needed for.")]
    if len(note) > LONGEST_NOTE:
        wrong["note"] = [gettext("At most %(most)s characters; this has %(have)s.", most=LONGEST_NOTE, have=len(note))]
    if wrong or reason is None:
        raise InvalidValues(wrong)
    resource, key = type(row).__name__, row.id
    _stop_beyond(resource, key, name)
    with unit_of_work(REVEALED) as unit:
        row = db.session.get_one(type(row), key)
        value = getattr(row, name)
        unit.about(row)
        unit.note(field=name, reason=reason.value, **({"note": sealed_note(row, note)} if note else {}))
    return value or ""


def sealed_note(row: Any, text: str) -> str:
    """Words for the trail that are erased with the row."""
    return base64.b64encode(seal(key_ring().cipher(row.data_key), text.encode(), NOTE)).decode()


def opened_note(data_key: bytes, text: str) -> str:
    """What `sealed_note` sealed. Raises MissingKey."""
    return opened(key_ring().cipher(data_key), base64.b64decode(text), NOTE).decode()


def _count_today(verb: str) -> int:
    """How often the actor did this since midnight in China."""
    since = dt.datetime.combine(calendar_date(), dt.time(), CHINA)
    mine = (AuditEntry.user_id == scope.actor().user_id, AuditEntry.verb == verb, AuditEntry.at >= since)
    return db.session.scalar(select(func.count()).select_from(AuditEntry).where(*mine)) or 0


def _stop_beyond(resource: str, key: int, name: str) -> None:
    if not _limits:
        return
    most = _limits[0].a_day()
    if _count_today(REVEALED) < most:
        return
    first = not _count_today(BEYOND)
    with unit_of_work(BEYOND) as unit:
        unit.resource, unit.subject_id = resource, key
        unit.note(field=name, limit=most)
        if first:
            _limits[0].beyond()
    raise Refused(
        gettext(
            "You have had %(most)s values shown today, which is the limit. Internal audit has been told; ask them or "
            "try again tomorrow.",
            most=most,
        )
    )


class RevealScreen:
    """`reveal`: asks for the reason (GET), then shows the value (POST), as a page or, for reveal.js, as JSON."""

    model: Any
    fields: Any
    find: Any
    may: Any
    endpoint: Any
    render_template: Any
    show_title: Any

    def revealable(self, row: Any, name: str) -> bool:
        """Whether there is a sealed value behind a field."""
        sealed = getattr(self.model, "__sealed__", {}).get(name)
        return sealed is not None and getattr(row, sealed.columns[0]) is not None and row.data_key is not None

    @expose("/reveal/<pk>/<string:name>", methods=["GET", "POST"])
    @has_access
    def reveal(self, pk: str, name: str) -> Any:
        row = self.find(pk)
        if not self.revealable(row, name):
            abort(404)
        label, title = str(fields_of(self.model)[name].label), str(row)
        given, note = request.form.get("reason", ""), tidy(request.form.get("note", ""))
        shown, problem, status = "", "", 200
        if request.method == "POST":
            try:
                reason = RevealReason(given) if given in set(RevealReason) else None
                shown = reveal(row, name, reason, note)
            except InvalidValues as error:
                problem, status = " ".join(str(text) for texts in error.fields.values() for text in texts), 422
            except PortalError as error:
                problem, status = str(error), error.status
        if request.headers.get("X-Requested-With") == "fetch" and request.method == "POST":
            body: Any = jsonify(value=shown, seconds=SECONDS) if status == 200 else jsonify(problem=problem)
        else:
            body = self.render_template(
                "portal/reveal_form.html" if "part" in request.args else "portal/reveal.html",
                title=title,
                label=label,
                kind=self.show_title,
                action=url_for(f"{self.endpoint}.reveal", pk=pk, name=name),
                back=url_for(f"{self.endpoint}.show", pk=pk),
                reasons=RevealReason,
                given=given,
                note=note,
                longest=LONGEST_NOTE,
                shown=shown,
                problem=problem,
                seconds=SECONDS,
            )
        response: Response = make_response(body, status)
        response.headers["Cache-Control"] = "no-store, private"
        if shown and request.headers.get("X-Requested-With") != "fetch":
            response.headers["Refresh"] = f"{SECONDS}; url={url_for(f'{self.endpoint}.show', pk=pk)}"
        return response
