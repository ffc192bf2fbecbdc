"""`/why/`: for any login and any record, "may / may not, because …"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, jsonify, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.sqla.models import Role as Held
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import or_, select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.access import why, why_words
from portal.access.tables import person_of
from portal.access.words import action_words, label_of_role, resource_words
from portal.core.db import db
from portal.core.display import screens
from portal.core.help import Help
from portal.core.lookup import MOST_ROWS
from portal.core.offers import menu_entries, offers
from portal.core.record_links import RecordLink, contribute_link
from portal.core.roles import ACTIONS
from portal.core.scope import actor
from portal.core.security import OPEN_VIEWS, task_of, views_by_name
from portal.core.values import is_whole
from portal.core.view_as import RIGHT

ASKING = ("Role", "show")
"""Who may read what roles allow may ask what they allow somebody."""


@dataclass
class Question:
    """What the form says, and what is wrong with it by field."""

    user: Any = None
    view: Any = None
    action: str = "show"
    record: str = ""
    wrong: dict[str, list[str]] | None = None

    @property
    def complete(self) -> bool:
        return self.user is not None and self.view is not None and not self.wrong


class WhyView(BaseView):
    """Asked by a plain GET form, so that an answer has an address."""

    help = Help(
        _(
            "Answers for any login and any record: may or may not, because of which role, how far it reaches, and "
            "whose the record is."
        ),
        _(
            "Ask here before you change a role, and when somebody says “I cannot see it”. You are told no more about a "
            "record than you may see yourself."
        ),
    )
    route_base = "/why"
    default_view = "index"
    resource = ASKING[0]
    method_actions = {"index": ASKING[1], "logins": ASKING[1]}

    @expose("/")
    @has_access
    def index(self) -> Any:
        question = _question()
        found = (
            why.answer(question.user, question.view, question.action, question.record) if question.complete else None
        )
        role = request.args.get("role", "")
        page = self.render_template(
            "access/why.html",
            title=_("Why?"),
            question=question,
            chosen=_option(question.user) if question.user is not None else None,
            logins=url_for(".logins", role=role or None),
            role=role,
            role_label=label_of_role(role) if role else "",
            screens=_choices(),
            screen=type(question.view).__name__ if question.view is not None else "",
            actions=[(action, str(words)) for action, words in ACTIONS.items()],
            answer=found,
            head=why_words.HEADS[found.verdict.may] if found is not None else "",
            tone=why_words.TONES[found.verdict.may] if found is not None else "",
            sentence=why_words.sentence(found) if found is not None else "",
            chain=why_words.chain(found) if found is not None else [],
        )
        return page, 422 if question.wrong else 200

    @expose("/logins")
    @has_access
    def logins(self) -> Any:
        """Logins by the beginning of their name, as Select2 asks for them; with `role` only those that have it."""
        text, role = request.args.get("q", "").strip()[:80], request.args.get("role", "")
        rows = select(User).order_by(User.username).limit(MOST_ROWS + 1)
        if text:
            names = (User.username, User.first_name, User.last_name, User.last_name + User.first_name)
            rows = rows.where(or_(*(name.startswith(text, autoescape=True) for name in names)))
        if role:
            rows = rows.where(User.roles.any(Held.name == role))
        found = list(db.session.scalars(rows))
        results = [{"id": user.id, "text": _option(user)} for user in found[:MOST_ROWS]]
        return jsonify(results=results, pagination={"more": len(found) > MOST_ROWS})


def _option(user: Any) -> str:
    return f"{person_of(user)} ({user.username})"


# ---- what is asked ---------------------------------------------------------------------------------------------------


def _question() -> Question:
    """The question of the address. Nothing is wrong with a form that was not sent."""
    given = {name: request.args.get(name, "").strip()[:300] for name in ("login", "screen", "action", "record")}
    asked, wrong = Question(record=given["record"], wrong={}), {}
    if is_whole(given["login"]) and len(given["login"]) < 10:
        asked.user = db.session.get(User, int(given["login"]))
    if given["login"] and asked.user is None:
        wrong["login"] = [gettext("There is no such login.")]
    asked.view = _askable().get(given["screen"])
    if given["screen"] and asked.view is None:
        wrong["screen"] = [gettext("There is no such screen.")]
    asked.action = given["action"] if given["action"] in ACTIONS else "show"
    if given["record"].startswith(("/", "http://", "https://")):
        found = _of_address(given["record"])
        if found is None:
            wrong["record"] = [gettext("No screen of the portal has this address.")]
        else:
            asked.view, asked.action, asked.record = found
            wrong.pop("screen", None)
    if "sent" in request.args:
        if not given["login"]:
            wrong["login"] = [gettext("Choose a login.")]
        if asked.view is None and not wrong:
            wrong["screen"] = [gettext("Choose a screen, or paste an address below.")]
    if asked.view is not None and not wrong:
        wrong = _unasked(asked)
    asked.wrong = {name: [str(text) for text in texts] for name, texts in wrong.items()}
    return asked


def _unasked(asked: Question) -> dict[str, list[str]]:
    """What the screen does not have: the action, records."""
    resource, wrong = asked.view.resource, {}
    known = offers()[resource].actions
    if asked.action not in known:
        names = gettext(", ").join(action_words(resource, action) for action in known)
        words = {"resource": resource_words(resource), "action": str(ACTIONS[asked.action]), "known": names}
        wrong["action"] = [gettext("“%(resource)s” has no action “%(action)s”; it has: %(known)s.", **words)]
    if asked.record and getattr(asked.view, "model", None) is None:
        wrong["record"] = [gettext("This screen has no records: leave this empty.")]
    return wrong


def _of_address(text: str) -> tuple[Any, str, str] | None:
    """(screen, action, record) of an address of this portal; None when no screen has it."""
    path = urlsplit(text).path.removeprefix(request.script_root) or "/"
    try:
        endpoint, values = current_app.url_map.bind("").match(path, method="GET")
    except (RequestRedirect, HTTPException):
        return None
    name, _dot, method = endpoint.partition(".")
    view = views_by_name().get(name)
    resource, action = task_of(view, method)
    if not resource:
        return None
    asked = _askable().get(name) or next((v for v in _askable().values() if v.resource == resource), None)
    return None if asked is None else (asked, action, str(values.get("pk", "")))


def _askable() -> dict[str, Any]:
    """The screens that a question can be about, by class name."""
    return {
        name: view
        for name, view in views_by_name().items()
        if name not in OPEN_VIEWS and getattr(view, "resource", "") in offers() and (name in screens() or _entry(view))
    }


def _entry(view: Any) -> Any:
    """The menu entry of a screen."""
    builder = current_app.extensions["appbuilder"]
    return next((item for _area, _label, item in menu_entries(builder) if item.baseview is view), None)


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """(area, screens as (name, words)) in the order of the menu; those without an entry last."""
    builder, askable = current_app.extensions["appbuilder"], _askable()
    areas: dict[str, list[tuple[str, str]]] = {}
    for _area, label, item in menu_entries(builder):
        name = type(item.baseview).__name__
        if name in askable:
            areas.setdefault(str(label), []).append((name, str(item.label)))
            askable.pop(name)
    if askable:
        areas[gettext("Other")] = [(name, str(view.list_title)) for name, view in askable.items()]
    return list(areas.items())


# ---- ways here -------------------------------------------------------------------------------------------------------


@contribute_link("why")
def _why_link(view: Any, row: Any) -> RecordLink | None:
    """From a login to questions about it, from any other record to questions about who may open it."""
    if not actor().may(*ASKING):
        return None
    if isinstance(row, User):
        url, about = url_for("WhyView.index", login=row.id), _("Why may this login do something, or not?")
    else:
        url = url_for("WhyView.index", screen=type(view).__name__, record=row.id)
        about = _("Why may somebody see this record, or not?")
    return RecordLink(_("Why?"), url, "help", about)


@contribute_link("view_as")
def _view_as_link(_view: Any, row: Any) -> RecordLink | None:
    """From a login to seeing the portal as it does."""
    who = actor()
    if not isinstance(row, User) or not who.may(*RIGHT) or who.viewer is not None or row.id == who.user_id:
        return None
    return RecordLink(
        _("View as"), url_for("ViewAsView.login", pk=row.id), "eye", _("See the portal as this login does")
    )
