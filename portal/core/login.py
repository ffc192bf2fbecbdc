"""The log-in pages. They carry what was typed into a form over a session that ended, through every step.

FAB finds a page by its class, so the class keeps FAB's name: its endpoint is where everything sends people to sign in.
"""

from __future__ import annotations

from typing import Any

import structlog
from authlib.common.errors import AuthlibBaseError
from flask import current_app, flash, g, jsonify, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security import views
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.forms import LoginForm_db
from flask_appbuilder.utils.base import get_safe_redirect
from flask_babel import gettext
from flask_login import current_user, logout_user
from joserfc.errors import JoseError
from requests import RequestException

from portal.core import kept, scope, view_as
from portal.core.accounts import events, passwords, second_factor, sessions, signing_in
from portal.core.accounts.events import Outcome, Way
from portal.core.accounts.viewings import ViewingEnd
from portal.core.errors import PortalError, Refused

log = structlog.get_logger("portal.accounts")


def ask(address: str) -> Any:
    """Answer a form that was sent without a session: the log-in page with what was typed, sealed."""
    if request.headers.get("X-Requested-With") == "fetch":
        return jsonify(message=gettext("Please sign in again.")), 401
    sealed = kept.seal(address, request.form)
    if not sealed:
        return redirect(url_for("AuthDBView.login", next=address))
    return current_app.extensions["appbuilder"].sm.auth_view.ask_password(sealed, address, 401)


def _next() -> str:
    """Where to go on to: an address of this portal, else its home page."""
    asked = request.args.get("next", "")
    inside = asked.startswith("/") and "\\" not in asked
    return str(get_safe_redirect(asked)) if inside else url_for("HomeView.index")


class AuthDBView(views.AuthDBView):
    """Name and password, single sign-on, and the steps that may follow."""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Any:
        if current_user.is_authenticated:
            return self._onward(current_user)
        sealed = request.form.get(kept.KEPT, "")
        form = LoginForm_db()
        if not form.validate_on_submit():
            return self.ask_password(sealed, request.args.get("next", ""), form=form)
        try:
            user, way = signing_in.by_password(form.username.data, form.password.data)
        except signing_in.NotSignedIn as refusal:  # a wrong password costs nothing that was typed
            flash(str(refusal), "warning")
            return self.ask_password(sealed, request.args.get("next", ""), 401, form)
        user_id = user.id
        return self._after(signing_in.enter(user, way), user_id)

    @expose("/login/with/<provider>")
    @no_cache
    def sign_in_with(self, provider: str) -> Any:
        """Off to a provider of single sign-on."""
        remotes = self.appbuilder.sm.oauth_remotes
        if provider not in remotes:
            return self._refused(gettext("This way of signing in is not set up."))
        session["onward"] = _next()
        try:
            return remotes[provider].authorize_redirect(url_for(".oauth_authorized", provider=provider, _external=True))
        except (AuthlibBaseError, RequestException, ValueError) as error:
            log.warning("provider not reached", provider=provider, error=type(error).__name__, detail=str(error)[:200])
            return self._refused(gettext("The provider cannot be reached. Try again later."))

    @expose("/login/step/")
    @no_cache
    def step(self) -> Any:
        """The first step that this browser's session owes."""
        row = sessions.unsettled()
        return self._too_late() if row is None else self._page_of(row)

    @expose("/login/code/", methods=["POST"])
    @no_cache
    def code(self) -> Any:
        """The second factor."""
        row = sessions.unsettled()
        if row is None or row.steps[0] != sessions.CODE:
            return self._too_late()
        row_id, user_id, way = row.id, row.user_id, row.way
        try:
            signing_in.with_code(user_id, way, request.form.get("code", "")[:40])
        except PortalError as refusal:
            return self._page(sessions.CODE, str(refusal))
        return self._settled(row_id, sessions.CODE)

    @expose("/login/enrol/", methods=["POST"])
    @no_cache
    def enrol(self) -> Any:
        """The role asks for a second factor: it is set up before anything else."""
        row = sessions.unsettled()
        if row is None or row.steps[0] != sessions.ENROL:
            return self._too_late()
        row_id, user_id, name = row.id, row.user_id, row.user.username
        try:
            with scope.acting(scope.Actor(name, user_id=user_id)):
                codes = second_factor.set_up(user_id, request.form.get("secret", ""), request.form.get("code", "")[:40])
        except second_factor.WrongCode as refusal:
            return self._enrol_page(user_id, name, request.form.get("secret", ""), str(refusal))
        except Refused as refusal:
            return self._enrol_page(user_id, name, "", str(refusal))
        g.recovery_codes = codes
        return self._settled(row_id, sessions.ENROL)

    @expose("/login/password/", methods=["POST"])
    @no_cache
    def new_password(self) -> Any:
        """A password that was given by somebody else, or is too old, is changed before anything else."""
        row = sessions.unsettled()
        if row is None or row.steps[0] != sessions.PASSWORD:
            return self._too_late()
        row_id, user = row.id, row.user
        first, second = request.form.get("password", ""), request.form.get("repeated", "")
        if first != second:
            return self._page(sessions.PASSWORD, gettext("The two passwords differ."))
        try:
            with scope.acting(scope.Actor(user.username, user_id=user.id)):
                passwords.change(user, first, but=row_id)
        except Refused as refusal:
            return self._page(sessions.PASSWORD, str(refusal))
        flash(gettext("Your password was changed."), "success")
        return self._settled(row_id, sessions.PASSWORD)

    @expose("/oauth-authorized/<provider>")
    @no_cache
    def oauth_authorized(self, provider: str) -> Any:
        """Back from a provider. Its answer is checked (state, nonce, signature); then its login enters like others."""
        manager, target = self.appbuilder.sm, str(session.pop("onward", "") or url_for("HomeView.index"))
        if provider not in manager.oauth_remotes:
            return self._refused(gettext("This way of signing in is not set up."))
        try:
            answer = manager.oauth_remotes[provider].authorize_access_token()
            claims = manager.oauth_user_info(provider, answer)
        except (AuthlibBaseError, JoseError, RequestException, ValueError) as error:
            kind, detail = type(error).__name__, str(error)[:200]
            log.warning("single sign-on refused", provider=provider, error=kind, detail=detail)
            return self._refused(gettext("The provider's answer could not be accepted. Please sign in again."))
        user = manager.auth_user_oauth(claims)
        if user is None or not manager.may_enter(user):
            events.note(Outcome.CLOSED, Way.OIDC, user)
            return self._refused(gettext("Nobody here has this login. Ask an administrator."))
        steps = signing_in.enter(user, Way.OIDC)
        return redirect(url_for(".step", next=target) if steps else target)

    def _refused(self, sentence: str) -> Any:
        flash(sentence, "warning")
        return redirect(url_for(".login"))

    @expose("/logout/")
    def logout(self) -> Any:
        if current_user.is_authenticated:
            user, row = self.appbuilder.sm.get_user_by_id(current_user.id), g.get("account_session")
            if g.get("viewing_id") is not None:
                view_as.end(g.viewing_id, ViewingEnd.SIGNED_OUT, scope.actor())
            if row is not None:
                way, row_id = row.way, row.id
                sessions.end(user.id, sessions.End.SIGNED_OUT, only=row_id)
                events.note(Outcome.SIGNED_OUT, way, self.appbuilder.sm.get_user_by_id(user.id))
            logout_user()
        sessions.drop_cookie()
        return redirect(url_for(".login"))

    # ---- pages ----------------------------------------------------------------------------------------------------

    def ask_password(self, sealed: str, address: str, status: int = 200, form: Any = None) -> Any:
        """The page that asks for name and password, or for the provider to go to."""
        shown = self.render_template(
            self.login_template,
            title=self.title,
            form=form or LoginForm_db(formdata=None),
            kept=sealed,
            action=url_for("AuthDBView.login", next=address or None),
            providers=self.appbuilder.sm.sign_in_providers,
            takes_passwords=self.appbuilder.sm.takes_passwords or self.appbuilder.sm.asks_directory,
            address=address,
        )
        return shown, status

    def _after(self, steps: list[str], user_id: int) -> Any:
        """After the password: on, or to the first step, with what was typed before."""
        if not steps:
            return self._onward(self.appbuilder.sm.get_user_by_id(user_id))
        if not request.form.get(kept.KEPT):
            return redirect(url_for(".step", next=request.args.get("next") or None))
        row = sessions.unsettled()
        return self._too_late() if row is None else self._page_of(row)

    def _settled(self, row_id: int, step: str) -> Any:
        row = sessions.unsettled()
        if row is None or row.id != row_id:
            return self._too_late()
        user_id = row.user_id
        left = signing_in.settle(row, step)
        if "recovery_codes" in g:  # the last step of all
            return self._codes_page()
        if left:
            row = sessions.unsettled()
            return self._too_late() if row is None else self._page_of(row)
        return self._onward(self.appbuilder.sm.get_user_by_id(user_id))

    def _page_of(self, row: sessions.AccountSession) -> Any:
        if row.steps[0] == sessions.ENROL:
            return self._enrol_page(row.user_id, row.user.username)
        return self._page(row.steps[0])

    def _enrol_page(self, user_id: int, username: str, sealed: str = "", problem: str = "") -> Any:
        sealed = sealed or second_factor.new_secret(user_id)
        secret = second_factor.opened(user_id, sealed)
        return self._page(
            sessions.ENROL, problem, sealed=sealed, secret=secret, picture=second_factor.qr(secret, username)
        )

    def _page(self, step: str, problem: str = "", **context: Any) -> Any:
        actions = {sessions.CODE: ".code", sessions.ENROL: ".enrol", sessions.PASSWORD: ".new_password"}
        shown = self.render_template(
            f"account/step_{step}.html",
            title="",
            problem=problem,
            kept=request.form.get(kept.KEPT, ""),
            action=url_for(actions[step], next=request.args.get("next") or None),
            **context,
        )
        return shown, 422 if problem else 200

    def _codes_page(self) -> Any:
        """The recovery codes, this once; then on."""
        return self.render_template(
            "account/step_codes.html",
            title="",
            codes=g.recovery_codes,
            kept=request.form.get(kept.KEPT, ""),
            onward=_next(),
            action=url_for(".login", next=request.args.get("next") or None),
        )

    def _too_late(self) -> Any:
        sessions.drop_cookie()
        if sealed := request.form.get(kept.KEPT, ""):
            return self.ask_password(sealed, request.args.get("next", ""), 401)
        flash(gettext("Signing in took too long. Please start again."), "warning")
        return redirect(url_for(".login", next=request.args.get("next") or None))

    def _onward(self, user: Any) -> Any:
        """Signed in: to the page that was asked for, or back to the form with what was typed."""
        sealed = request.form.get(kept.KEPT, "")
        if not sealed:
            return redirect(_next())
        with scope.acting(scope.Actor(user.username, user_id=user.id)):
            typed = kept.unseal(sealed)
        if typed is None:
            flash(gettext("What was typed before belongs to another login or is too old; it was not kept."), "warning")
            return redirect(_next())
        return self.render_template("portal/bring_back.html", address=typed.address, kept=sealed, title="")


def tell_why(reason: sessions.End | None) -> Any:
    """The session is over: its cookie goes, and whoever looks at a page is sent to sign in and told why.

    None for what is no page; a form that was being saved is kept by `ask`.
    """
    sessions.drop_cookie()
    if reason is None:
        return None
    log.info("session over", reason=reason.value, address=request.remote_addr)
    asked_by_script = request.accept_mimetypes.best == "application/json" or "X-Requested-With" in request.headers
    if request.method != "GET" or asked_by_script:
        return None
    flash(str(reason.label), "warning")
    return redirect(url_for("AuthDBView.login", next=request.full_path.rstrip("?")))
