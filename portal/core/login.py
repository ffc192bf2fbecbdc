"""The log-in page, which carries what was typed into a form over a session that ended."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security import views
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.forms import LoginForm_db
from flask_babel import gettext
from flask_login import current_user

from portal.core import kept, scope


def ask(address: str) -> Any:
    """Answer a form that was sent without a session: the log-in page with what was typed, sealed."""
    if request.headers.get("X-Requested-With") == "fetch":
        return jsonify(message=gettext("Please sign in again.")), 401
    sealed = kept.seal(address, request.form)
    if not sealed:
        return redirect(url_for("AuthDBView.login", next=address))
    return _page(sealed, address)


def _page(sealed: str, address: str) -> Any:
    view = current_app.extensions["appbuilder"].sm.auth_view
    page = view.render_template(
        view.login_template,
        title=view.title,
        form=LoginForm_db(formdata=None),
        kept=sealed,
        action=url_for("AuthDBView.login", next=address),
    )
    return page, 401


class AuthDBView(views.AuthDBView):
    """FAB's log-in by name and password. The endpoint's name is the class's, so it keeps FAB's."""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Any:
        sealed = request.form.get(kept.KEPT, "")
        answer = super().login()
        if not sealed:
            return answer
        if not current_user.is_authenticated:  # a wrong password costs nothing that was typed
            return _page(sealed, request.args.get("next", ""))
        with scope.acting(scope.Actor(current_user.username, user_id=current_user.id)):
            typed = kept.unseal(sealed)
        if typed is None:
            flash(gettext("What was typed before belongs to another login or is too old; it was not kept."), "warning")
            return answer
        return self.render_template("portal/bring_back.html", address=typed.address, kept=sealed, title="")
