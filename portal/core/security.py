"""Who is asking, and what FAB's permission checks answer: our role table, never FAB's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flask import abort, current_app, g, has_request_context, request
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import User
from flask_jwt_extended import get_current_user, verify_jwt_in_request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.login import AuthDBView
from portal.core.registry import RegistryError
from portal.core.roles import ACTIONS, METHODS, check_grants, widest
from portal.core.scope import ALL, BRANCH, NOBODY, Actor, unscoped

#: Everybody who is logged in may use these, whatever the role (own profile, own password, the home page).
OPEN_VIEWS = frozenset(
    {
        "UserInfo",
        "ResetMyPasswordView",
        "HomeView",
        "SearchView",
        "NotificationView",
        "HelpView",
        "LocaleView",
        "UtilView",
        "JobView",
        "ExportView",
        "OpenApi",
        "SwaggerView",
        "MenuApi",
    }
)

#: Endpoints that anonymous visitors reach.
PUBLIC_ENDPOINTS = frozenset(
    {
        "AuthDBView.login",
        "AuthDBView.logout",
        "LocaleView.index",
        "healthz",
        "readyz",
        "static",
        "appbuilder.static",
        "SecurityApi.login",
    }
)


class Place(NamedTuple):
    """Where a login stands in the company."""

    staff_id: int
    home: int
    branches: frozenset[int]
    """The home branch and all below it."""
    teams: frozenset[int]
    whole: bool
    """The home branch is the root: "branch" means everything, and a list of every id would only slow SQLite down."""


PlaceOf = Callable[[int], Place | None]
_place_of: list[PlaceOf] = []


def register_place_of(function: PlaceOf) -> PlaceOf:
    _place_of[:] = [function]
    return function


def actor_for(user: Any) -> Actor:
    """The actor of a login. Somebody without a staff record sees only what his roles open to all."""
    with unscoped("load the actor"):
        place = _place_of[0](user.id) if _place_of else None
        names = tuple(sorted(role.name for role in user.roles))
    staff_id, home, branches, teams, whole = place or Place(-1, -1, frozenset(), frozenset(), False)
    grants = widest(names)
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
    )


def actor_for_username(username: str) -> Actor:
    """For the command line (`--as`) and jobs; NotFound when nobody active has this login."""
    with unscoped("load the actor"):
        user = db.session.scalar(select(User).where(User.username == username))
        if user is None or not user.is_active:
            raise NotFound(f"There is no active login called {username!r}.")
    return actor_for(user)


class PortalSecurityManager(SecurityManager):
    """FAB's questions (menu, buttons, decorators) answered from the role table."""

    authdbview = AuthDBView

    def register_views(self) -> None:
        """Log-in, log-out and the own password; users are a screen of ours, roles come from the table."""
        self.appbuilder.add_api(self.security_api)
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)
        self.appbuilder.add_view_no_menu(self.resetmypasswordview())
        if self.is_auth_limited:
            self.limiter.limit(self.auth_rate_limit, methods=["POST"])(self.auth_view.blueprint)

    def get_user_by_id(self, pk: int) -> Any:
        """The login with its roles, in one statement: both are asked for in every request."""
        return self.session.get(User, pk, options=[joinedload(User.roles)])

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
    return who if who.user_id == user.id else actor_for(user)


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


def _logged_in() -> Any:
    """The user of the session cookie, or of a bearer token (API only)."""
    if current_user.is_authenticated:
        return current_user
    if request.path.startswith("/api/") and is_bearer():
        verify_jwt_in_request(optional=True)
        return get_current_user()
    return None


def is_bearer() -> bool:
    """A request that carries a token instead of a cookie cannot be forged by another site."""
    return request.headers.get("Authorization", "").startswith("Bearer ") and not current_user.is_authenticated


def enter_request() -> None:
    """Before each request: set the actor and the task, and refuse what nobody declared."""
    endpoint = request.endpoint or ""
    if endpoint.rpartition(".")[2] == "static" or endpoint in ("healthz", "readyz"):
        return
    user = _logged_in()
    who = actor_for(user) if user is not None else NOBODY
    view_name, _dot, method = endpoint.partition(".")
    view = views_by_name().get(view_name)
    resource, action = task_of(view, method)
    if method in ("action", "action_post") and view is not None:
        name = (request.view_args or {}).get("name") or request.form.get("action", "")
        action = name if name in ACTIONS else action
    g.actor = who
    scope.enter(who, resource, action or "list")


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
