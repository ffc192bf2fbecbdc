"""`/account/`: everybody's own sign-in and security: password, second factor, sessions, history, API keys."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.accounts import events, keys, own_sections, passwords, second_factor, sessions, signing_in
from portal.core.accounts.events import Way
from portal.core.accounts.keys import KeyScope
from portal.core.accounts.policy import policy
from portal.core.db import db
from portal.core.display import screens
from portal.core.errors import InvalidValues, PortalError, Refused
from portal.core.fields import Field
from portal.core.help import Help
from portal.core.values import as_shown, is_whole

MOMENT = Field(_("When"), type="datetime")
LIVES = (30, 90, 180, 365)
"""Days of life offered for a new key."""


def shown_at(moment: Any) -> str:
    return "" if moment is None else str(as_shown(MOMENT, moment))


def state_of(user: Any) -> dict[str, Any]:
    """What both pages show of a login's account."""
    password = passwords.state_of(user.id)
    return {
        "user": user,
        "password_since": password.set_at if password is not None else None,
        "must_change": passwords.must_be_changed(user.id),
        "factor": second_factor.of(user.id),
        "codes_left": second_factor.codes_left(user.id),
        "factor_required": second_factor.required(role.name for role in user.roles),
        "sessions": sessions.list_of(user.id),
        "keys": keys.of(user.id),
        "events": events.latest(user.id),
        "shown_at": shown_at,
    }


def _me() -> Any:
    return db.session.get_one(User, scope.actor().user_id)


class AccountView(BaseView):
    """Sign-in and security of one's own login. Administrators have a page of their own for others."""

    help = Help(
        _("How your login is protected: password, second factor, the devices you are signed in on, API keys."),
        _(
            "Look here when something seems odd: end sessions you do not know and change the password. Nobody, not "
            "even an administrator, can read it."
        ),
    )
    route_base = "/account"
    default_view = "index"

    @expose("/")
    @has_access
    def index(self) -> Any:
        return self.render_template(
            "account/own.html",
            title=gettext("Sign-in and security"),
            here=sessions.current_id(),
            sections=own_sections.filled(),
            **state_of(_me()),
        )

    # ---- password -------------------------------------------------------------------------------------------------

    @expose("/password", methods=["GET", "POST"])
    @has_access
    def password(self) -> Any:
        """Change the own password; the present one proves that it is oneself."""
        if request.method == "GET":
            return self._password_page()
        first, repeated = request.form.get("password", ""), request.form.get("repeated", "")
        if first != repeated:
            return self._password_page(gettext("The two passwords differ."))
        try:
            self._prove(request.form.get("current", ""))
            passwords.change(_me(), first, but=sessions.current_id())
        except PortalError as refusal:
            return self._password_page(str(refusal))
        flash(gettext("Your password was changed. Your other sessions have ended."), "success")
        return redirect(url_for(".index"))

    def _prove(self, password: str) -> None:
        """Counted like a log-in: a page left open is no place to guess."""
        user = _me()
        found, _way = signing_in.by_password(user.username, password)
        if found.id != scope.actor().user_id:
            raise Refused(gettext("This is not your password."))

    def _password_page(self, problem: str = "") -> Any:
        page = self.render_template(
            "account/password.html", title=gettext("Change password"), problem=problem, rules=policy()
        )
        return page, 422 if problem else 200

    # ---- second factor --------------------------------------------------------------------------------------------

    @expose("/second-factor", methods=["GET", "POST"])
    @has_access
    def second_factor(self) -> Any:
        """Set up an authenticator: scan, type its first code, keep the recovery codes."""
        user = _me()
        if second_factor.of(user.id) is not None:
            return redirect(url_for(".index"))
        if request.method == "GET":
            return self._factor_page(user)
        sealed = request.form.get("secret", "")
        user_id = user.id
        try:
            codes = second_factor.set_up(user_id, sealed, request.form.get("code", "")[:40])
        except second_factor.WrongCode as refusal:
            return self._factor_page(_me(), sealed, str(refusal))
        except Refused as refusal:
            return self._factor_page(_me(), "", str(refusal))
        return self._codes_page(codes)

    def _factor_page(self, user: Any, sealed: str = "", problem: str = "") -> Any:
        sealed = sealed or second_factor.new_secret(user.id)
        secret = second_factor.opened(user.id, sealed)
        page = self.render_template(
            "account/second_factor.html",
            title=gettext("Set up a second factor"),
            sealed=sealed,
            secret=secret,
            picture=second_factor.qr(secret, user.username),
            problem=problem,
        )
        return page, 422 if problem else 200

    def _codes_page(self, codes: list[str]) -> Any:
        return self.render_template("account/codes.html", title=gettext("Recovery codes"), codes=codes)

    @expose("/codes", methods=["POST"])
    @has_access
    def new_codes(self) -> Any:
        """Ten new recovery codes, for a code of the authenticator."""
        user_id = int(scope.actor().user_id or 0)
        if problem := self._wrong_code(user_id):
            flash(problem, "warning")
            return redirect(url_for(".index"))
        return self._codes_page(second_factor.renew_codes(user_id))

    @expose("/second-factor/remove", methods=["POST"])
    @has_access
    def remove_second_factor(self) -> Any:
        """Take the authenticator away, for one of its codes."""
        user = _me()
        if second_factor.required(role.name for role in user.roles):
            raise Refused(gettext("Your role needs a second factor; an administrator can reset it."))
        user_id = user.id
        if problem := self._wrong_code(user_id):
            flash(problem, "warning")
        else:
            second_factor.remove(user_id, "by its owner")
            flash(gettext("The second factor was removed."), "success")
        return redirect(url_for(".index"))

    def _wrong_code(self, user_id: int) -> str:
        if second_factor.of(user_id) is None:
            return str(gettext("There is no second factor."))
        try:
            signing_in.with_code(user_id, Way.PASSWORD, request.form.get("code", "")[:40])
        except (second_factor.WrongCode, signing_in.NotSignedIn) as refusal:
            return str(refusal)
        return ""

    # ---- sessions -------------------------------------------------------------------------------------------------

    @expose("/sessions/end", methods=["POST"])
    @has_access
    def end_session(self) -> Any:
        """End one session, or all but this one."""
        user_id, given = int(scope.actor().user_id or 0), request.form.get("id", "")
        if is_whole(given):
            ended = sessions.end(user_id, sessions.End.REVOKED, only=int(given))
        else:
            ended = sessions.end(user_id, sessions.End.REVOKED, but=sessions.current_id())
        flash(gettext("Sessions ended: %(count)s.", count=ended), "success")
        return redirect(url_for(".index"))

    # ---- API keys -------------------------------------------------------------------------------------------------

    @expose("/keys/add", methods=["GET", "POST"])
    @has_access
    def add_key(self) -> Any:
        """A new key; it is shown once."""
        if request.method == "GET":
            return self._key_page({})
        days, known = request.form.get("days", ""), self._resources()
        try:
            key = keys.add(
                int(scope.actor().user_id or 0),
                request.form.get("name", ""),
                request.form.get("scope", ""),
                int(days) if is_whole(days) else 0,
                request.form.getlist("resources"),
                list(known),
            )
        except InvalidValues as problem:
            return self._key_page(problem.fields)
        return self.render_template("account/key_shown.html", title=gettext("New API key"), key=key)

    def _key_page(self, wrong: dict[str, list[Any]]) -> Any:
        page = self.render_template(
            "account/key_add.html",
            title=gettext("New API key"),
            wrong=wrong,
            scopes=list(KeyScope),
            lives=[days for days in LIVES if days <= policy().key_days] or [policy().key_days],
            resources=self._resources(),
        )
        return page, 422 if wrong else 200

    def _resources(self) -> dict[str, Any]:
        """What REST offers to this login: resource -> its name on screen."""
        who, found = scope.actor(), dict[str, Any]()
        for view in screens().values():
            if who.may(view.resource, "list"):
                found.setdefault(view.resource, view.list_title)
        return found

    @expose("/keys/revoke", methods=["POST"])
    @has_access
    def revoke_key(self) -> Any:
        given = request.form.get("id", "")
        keys.revoke(int(scope.actor().user_id or 0), int(given) if is_whole(given) else 0)
        flash(gettext("The API key was revoked."), "success")
        return redirect(url_for(".index"))
