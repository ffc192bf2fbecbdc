"""Who is asking, and what FAB's permission checks answer: our role table, never FAB's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flask import Response, abort, current_app, g, has_request_context, jsonify, redirect, request, url_for
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_jwt_extended import get_current_user, verify_jwt_in_request
from flask_login import current_user, logout_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import role_store, scope, view_as
from portal.core.accounts import keys, sessions, signing_in
from portal.core.accounts.directory import PROVIDER, Directory
from portal.core.accounts.token_api import SecurityApi
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.login import AuthDBView, tell_why
from portal.core.registry import RegistryError
from portal.core.roles import ACTIONS, METHODS, check_grants
from portal.core.scope import ALL, BRANCH, NOBODY, Actor, unscoped
from portal.core.values import is_whole

#: Everybody who is logged in may use these, whatever the role (own profile, own password, the home page).
OPEN_VIEWS = frozenset(
    {
        "AccountView",
        "HomeView",
        "SearchView",
        "NotificationView",
        "HelpView",
        "LocaleView",
        "UtilView",
        "ExportView",
        "OpenApi",
        "SwaggerView",
    }
)

#: Endpoints that anonymous visitors reach.
PUBLIC_ENDPOINTS = frozenset(
    {
        "AuthDBView.login",
        "AuthDBView.logout",
        "AuthDBView.sign_in_with",
        "AuthDBView.oauth_authorized",
        "AuthDBView.step",
        "AuthDBView.code",
        "AuthDBView.enrol",
        "AuthDBView.new_password",
        "LocaleView.index",
        "healthz",
        "readyz",
        "static",
        "appbuilder.static",
        "SecurityApi.login",
    }
)

#: What a page asks by itself while nobody may be there: it does not keep a session alive.
ASKED_BY_ITSELF = frozenset({"NotificationView.count"})


class Place(NamedTuple):
    """Where a login stands in the company."""

    staff_id: int
    home: int
    branches: frozenset[int]
    """The home branch and all below it."""
    teams: frozenset[int]
    whole: bool
    """The home branch is the root: "branch" means everything, and a list of every id would only slow SQLite down."""
    left: bool = False
    """No longer on the staff: this login opens nothing."""


PlaceOf = Callable[[int], Place | None]
_place_of: list[PlaceOf] = []


def register_place_of(function: PlaceOf) -> PlaceOf:
    _place_of[:] = [function]
    return function


#: Adds to an actor whose rows were handed to him for today.
_handed_over: list[Callable[[Actor], Actor]] = []


def register_handed_over(function: Callable[[Actor], Actor]) -> Callable[[Actor], Actor]:
    _handed_over[:] = [function]
    return function


def actor_for(user: Any, place: Place | None = None) -> Actor:
    """The actor of a login, with whom he stands in for today; or of one that is played at a place of nobody's."""
    who = own_actor(user, place)
    return _handed_over[0](who) if _handed_over and place is None and who.user_id is not None else who


def own_actor(user: Any, place: Place | None = None) -> Actor:
    """The same by his own roles and place alone. Somebody without a staff record sees only what his roles open to all.

    Nobody, for somebody who has left.
    """
    with unscoped("load the actor"):
        place = place or (_place_of[0](user.id) if _place_of else None)
        names = tuple(sorted(role.name for role in user.roles))
    staff_id, home, branches, teams, whole, left = place or Place(-1, -1, frozenset(), frozenset(), False)
    if left:
        return NOBODY
    in_force = role_store.current()
    grants = in_force.widest(names)
    if whole:
        grants = {task: ALL if reach == BRANCH else reach for task, reach in grants.items()}
    return Actor(
        name=user.username,
        user_id=user.id,
        staff_id=staff_id,
        home=home,
        branches=branches,
        teams=teams,
        grants=grants,
        roles=names,
        templates=in_force.templates(names),
        masks=in_force.masks(names),
    )


def actor_for_username(username: str) -> Actor:
    """For the command line (`--as`) and jobs; NotFound when nobody active has this login."""
    with unscoped("load the actor"):
        user = db.session.scalar(select(User).where(User.username == username))
        if user is None or not user.is_active:
            raise NotFound(_("There is no active login called “%(name)s”.", name=username))
        who = actor_for(user)
    if who.user_id is None:
        raise NotFound(_("There is no active login called “%(name)s”.", name=username))
    return who


class PortalSecurityManager(Directory, SecurityManager):
    """FAB's questions (menu, buttons, decorators) answered from the role table."""

    authdbview = AuthDBView
    security_api = SecurityApi

    def register_views(self) -> None:
        """Log-in and log-out; logins and accounts are screens of ours, roles come from the table."""
        self.appbuilder.add_api(self.security_api)
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)
        if self.is_auth_limited:
            self.limiter.limit(self.auth_rate_limit, methods=["POST"])(self.auth_view.blueprint)

    @property
    def takes_passwords(self) -> bool:
        """Whether a password that is kept here opens the portal."""
        settings = current_app.extensions["settings"]
        return bool(settings.sign_in == "password" or settings.password_sign_in)

    @property
    def asks_directory(self) -> bool:
        return bool(current_app.extensions["settings"].sign_in == "ldap")

    @property
    def sign_in_providers(self) -> list[tuple[str, str]]:
        """(name, words of its button) of each provider of single sign-on."""
        words = current_app.extensions["settings"].oidc_label or gettext("Single sign-on")
        return [(name, words) for name in self.oauth_remotes if name == PROVIDER]

    def may_enter(self, user: Any) -> bool:
        """Whether this login is open: active, and its person has not left."""
        return bool(user.is_active) and actor_for(user).user_id is not None

    def auth_user_db(self, username: str, password: str) -> Any:
        """FAB's door for a name and a password; it passes the same lock."""
        try:
            user, _way = signing_in.by_password(username, password)
        except signing_in.NotSignedIn:
            return None
        return user

    def validate_api_key(self, api_key_string: str) -> Any:
        """The owner of the key that this request entered with; it was checked then."""
        return g.user if g.get("_api_key_user") else None

    def load_user(self, pk: Any) -> Any:
        """The login of the cookie, if the register knows its session and the session is not over."""
        return sessions.resume(int(pk)) if is_whole(str(pk)) else None

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> Any:
        """The login of a REST token, whose session is in the register too."""
        user = sessions.of_token(str(claims.get("sid", "")))
        if user is not None and str(user.id) == claims["sub"]:
            g.user = user
            return user
        return None

    def create_jwt_manager(self, app: Any) -> Any:
        manager = super().create_jwt_manager(app)
        over = sessions.End.UNKNOWN.label
        manager.user_lookup_error_loader(lambda _header, _claims: (jsonify(message=str(over)), 401))
        return manager

    def get_user_by_id(self, pk: int) -> Any:
        """The login with its roles and the roles' counter, in one statement: all are asked for in every request."""
        statement = select(User, role_store.counter_column()).where(User.id == pk).options(joinedload(User.roles))
        found = self.session.execute(statement).unique().first()
        if found is None:
            return None
        user, counter = found
        role_store.counted(counter)
        return user

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        return False

    def _has_view_access(self, user: Any, permission_name: str, view_name: str) -> bool:
        return allows(_actor_of(user), view_name, permission_name.removeprefix("can_"))

    def _get_user_permission_view_menus(self, user: Any, permission_name: str, view_menus_name: Any) -> set[str]:
        if user is None:
            return set()
        who = _actor_of(user)
        return {item.name for item in _menu_items(self.appbuilder.menu.get_list()) if _opens(who, item)}


def _actor_of(user: Any) -> Actor:
    who = scope.actor()
    return who if user.id in (who.user_id, who.viewer and who.viewer.user_id) else actor_for(user)


def _opens(who: Actor, item: Any) -> bool:
    if item.childs:
        return any(_opens(who, child) for child in item.childs)
    view = item.baseview
    return view is not None and allows(
        who, type(view).__name__, view.default_view if hasattr(view, "default_view") else "list"
    )


def _menu_items(items: Any) -> Iterator[Any]:
    for item in items:
        yield item
        yield from _menu_items(item.childs or [])


def allows(who: Actor, view_name: str, method: str) -> bool:
    """Whether the actor may call a view's method."""
    if view_name in OPEN_VIEWS:
        return who.user_id is not None
    view = views_by_name().get(view_name)
    resource, action = task_of(view, method)
    return bool(resource) and who.may(resource, action)


def _builder() -> Any:
    return current_app.extensions["appbuilder"]


def views_by_name() -> dict[str, Any]:
    if "views_by_name" not in current_app.extensions:
        current_app.extensions["views_by_name"] = {type(v).__name__: v for v in _builder().baseviews}
    return current_app.extensions["views_by_name"]  # type: ignore[no-any-return]


def task_of(view: Any, method: str) -> tuple[str, str]:
    """(resource, action) of a view's method; ("", "") when the view has not said, which refuses it."""
    resource = getattr(view, "resource", "")
    own = getattr(view, "method_actions", {})
    action = own.get(method) or METHODS.get(method) or (method if method in ACTIONS else "")
    return (resource, action) if resource and action else ("", "")


def _key() -> str:
    """The API key that this request carries; only REST takes one."""
    given = request.headers.get("Authorization", "")
    return given.removeprefix("Bearer ") if _is_rest() and given.startswith(f"Bearer {keys.PREFIX}") else ""


def _is_rest() -> bool:
    return request.path.startswith("/api/")


def _logged_in() -> Any:
    """The user of the session cookie, or of a bearer token (REST only)."""
    if current_user.is_authenticated:
        return current_user
    if is_bearer() and request.endpoint != "SecurityApi.refresh":  # which takes another kind of token
        found = verify_jwt_in_request(optional=True)  # None for OPTIONS, too, which asks for nobody
        return get_current_user() if found is not None else None
    return None


def is_bearer() -> bool:
    """A request that carries a token instead of a cookie cannot be forged by another site."""
    carries = _is_rest() and request.headers.get("Authorization", "").startswith("Bearer ")
    return bool(_key()) or (carries and not current_user.is_authenticated)


def _actor_of_request() -> Actor:
    """Who asks; nobody for a session that is over, that still owes a step, or whose person has left."""
    if given := _key():
        key = keys.find(given)
        keys.touch(key)
        g.user, g._api_key_user = key.user, True
        who = actor_for(key.user)
        if who.user_id is None:
            raise keys.KeyRefused(gettext("This API key is not valid."))
        return keys.narrowed(who, key)
    user = _logged_in()
    who = actor_for(user) if user is not None else NOBODY
    if user is not None and who.user_id is None:
        g.session_end = sessions.End.CLOSED
        sessions.end(user.id, sessions.End.CLOSED)
        logout_user()
    elif user is not None and g.get("viewing_id") is not None and request.endpoint not in view_as.AS_ONESELF:
        return view_as.entered(g.viewing_id, who, actor_for)
    return who


def enter_request() -> Response | None:
    """Before each request: set the actor and the task, and refuse what nobody declared."""
    endpoint = request.endpoint or ""
    if endpoint.rpartition(".")[2] == "static" or endpoint in ("healthz", "readyz"):
        return None
    who = _actor_of_request()
    view_name, _dot, method = endpoint.partition(".")
    view = views_by_name().get(view_name)
    resource, action = task_of(view, method)
    if method in ("action", "action_post") and view is not None:
        name = (request.view_args or {}).get("name") or request.form.get("action", "")
        action = name if name in ACTIONS else action
    g.actor = who
    scope.enter(who, resource, action or "list")
    if who.user_id is not None and "account_session" in g and endpoint not in ASKED_BY_ITSELF:
        with scope.acting(who.viewer or who):
            sessions.touch(g.account_session)
    if who.viewer is not None:
        view_as.refuse_writing(view_name if view is not None else "", action)
    if (over := view_as.answer_when_over()) is not None:
        return over  # type: ignore[no-any-return]
    if _is_rest() or who.user_id is not None:
        return None
    answer: Response | None = tell_why(g.session_end) if "session_end" in g else None
    if endpoint in PUBLIC_ENDPOINTS:
        return None
    if answer is None and sessions.is_unsettled():
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("AuthDBView.step", next=wanted))  # type: ignore[return-value]
    return answer


def leave_request(_error: BaseException | None = None) -> None:
    scope.enter(NOBODY)


def check_declarations() -> None:
    """Start-up fails when a view is open by accident: no resource, or a method that is no action."""
    check_grants()
    for view in _builder().baseviews:
        name = type(view).__name__
        if name in OPEN_VIEWS or name in ("AuthDBView", "SecurityApi"):
            continue
        if not getattr(view, "resource", ""):
            raise RegistryError(f"{name} names no resource of the role table.")
        for permission in view.base_permissions:
            method = permission.removeprefix("can_")
            if task_of(view, method) == ("", ""):
                raise RegistryError(f"{name}.{method} is no action of the vocabulary; declare it in method_actions.")


def require(resource: str, action: str) -> None:
    """For pages that are not FAB views: 401 for anonymous, 403 for the wrong role."""
    who = scope.actor()
    if who.user_id is None and not who.everything and has_request_context():
        abort(401)
    if not who.may(resource, action):
        abort(403)
