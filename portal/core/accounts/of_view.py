"""`/accounts/<login>`: what an administrator sees and does about somebody else's sign-in; never a key."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.accounts import keys, lockout, passwords, second_factor, sessions
from portal.core.accounts.own_view import state_of
from portal.core.db import db
from portal.core.errors import InvalidValues, NotFound
from portal.core.help import Help
from portal.core.values import is_whole
from portal.core.work import unit_of_work


def _user(pk: int) -> Any:
    user = db.session.get(User, pk)
    if user is None:
        raise NotFound(gettext("There is no such login."))
    return user


def _reason() -> str:
    """Why, in words: whoever takes somebody's protection away says so in the audit trail."""
    reason = request.form.get("reason", "").strip()[:400]
    if len(reason) < 3:
        raise InvalidValues({"reason": [gettext("Please give a reason.")]})
    return reason


class AccountOfView(BaseView):
    """Sign-in and security of one login, for administrators and auditors."""

    help = Help(
        _("The sessions, the log-in history, the second factor and the API keys of one login."),
        _(
            "Administrators unlock it, end its sessions, give it a password for once, and reset a lost second factor "
            "with a reason. Auditors look."
        ),
    )
    route_base = "/accounts"
    default_view = "of"
    resource = "User"
    method_actions = {
        "of": "show",
        "unlock": "edit",
        "end_session": "edit",
        "reset_password": "edit",
        "remove_second_factor": "edit",
        "revoke_key": "edit",
    }

    @expose("/<int:pk>")
    @has_access
    def of(self, pk: int) -> Any:
        return self._page(pk)

    def _page(self, pk: int, told: str = "") -> Any:
        user = _user(pk)
        return self.render_template(
            "account/of.html",
            title=gettext("Sign-in and security of %(name)s", name=user.username),
            wait=lockout.waiting(lockout.subject_of(user.id, "")),
            in_words=lockout.in_words,
            may_change=scope.actor().may("User", "edit"),
            told=told,
            **state_of(user),
        )

    @expose("/<int:pk>/unlock", methods=["POST"])
    @has_access
    def unlock(self, pk: int) -> Any:
        """Let the login try again at once."""
        user_id = _user(pk).id
        with unit_of_work("account.unlock") as unit:
            lockout.clear(lockout.subject_of(user_id, ""))
            unit.resource, unit.subject_id = "User", user_id
            unit.note(unlocked=True)
        flash(gettext("The login can try again."), "success")
        return redirect(url_for(".of", pk=pk))

    @expose("/<int:pk>/sessions/end", methods=["POST"])
    @has_access
    def end_session(self, pk: int) -> Any:
        """End one session of the login, or all."""
        user_id, given = _user(pk).id, request.form.get("id", "")
        if not (is_whole(given) or given == "all"):
            raise InvalidValues({"id": [gettext("Choose a session.")]})
        ended = sessions.end(user_id, sessions.End.REVOKED, only=int(given) if is_whole(given) else None)
        flash(gettext("Sessions ended: %(count)s.", count=ended), "success")
        return redirect(url_for(".of", pk=pk))

    @expose("/<int:pk>/password", methods=["POST"])
    @has_access
    def reset_password(self, pk: int) -> Any:
        """A made-up password, told once; its owner changes it at the next log-in."""
        user, reason = _user(pk), _reason()
        password, user_id = passwords.made_up(), user.id
        passwords.change(user, password, must_change=True)
        with unit_of_work("account.password") as unit:
            unit.resource, unit.subject_id = "User", user_id
            unit.note(reset=True, reason=reason)
        return self._page(pk, told=password)

    @expose("/<int:pk>/second-factor/remove", methods=["POST"])
    @has_access
    def remove_second_factor(self, pk: int) -> Any:
        """The phone is lost: the login sets up another one at the next log-in, if its role asks for it."""
        user_id, reason = _user(pk).id, _reason()
        with unit_of_work("account.second_factor"):
            second_factor.remove(user_id, reason)
            sessions.end(user_id, sessions.End.REVOKED)
        flash(gettext("The second factor was reset."), "success")
        return redirect(url_for(".of", pk=pk))

    @expose("/<int:pk>/keys/revoke", methods=["POST"])
    @has_access
    def revoke_key(self, pk: int) -> Any:
        """An API key of the login opens nothing from now on."""
        given = request.form.get("id", "")
        keys.revoke(_user(pk).id, int(given) if is_whole(given) else 0)
        flash(gettext("The API key was revoked."), "success")
        return redirect(url_for(".of", pk=pk))
