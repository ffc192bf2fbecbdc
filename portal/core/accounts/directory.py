"""Single sign-on and the company's directory: FAB's own support, told by config.py, writing as the house writes.

FAB asks the provider or the directory and works out the roles; what it then wants to store goes through units of work.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, g
from flask_appbuilder.const import AUTH_DB, AUTH_LDAP, AUTH_OAUTH
from flask_appbuilder.security.sqla.models import User

import config
from portal.core.clock import now
from portal.core.db import db
from portal.core.work import unit_of_work

PROVIDER = "oidc"


def fab_settings(settings: config.Settings) -> dict[str, Any]:
    """FAB's settings for the way of signing in that config.py tells."""
    found: dict[str, Any] = {
        "AUTH_TYPE": {"password": AUTH_DB, "oidc": AUTH_OAUTH, "ldap": AUTH_LDAP}[settings.sign_in],
        "AUTH_USER_REGISTRATION": settings.sign_in_register,
        "AUTH_USER_REGISTRATION_ROLE": None,  # somebody in no mapped group gets in, but sees nothing
        "AUTH_ROLES_MAPPING": {group: list(roles) for group, roles in settings.role_groups.items()},
        "AUTH_ROLES_SYNC_AT_LOGIN": False,  # done here, in a unit of work
    }
    if settings.sign_in == "oidc":
        found["OAUTH_PROVIDERS"] = [
            {
                "name": PROVIDER,
                "remote_app": {
                    "client_id": settings.oidc_client_id,
                    "client_secret": settings.oidc_client_secret,
                    "server_metadata_url": f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
                    "client_kwargs": {"scope": settings.oidc_scope, "code_challenge_method": "S256", "timeout": 10},
                },
            }
        ]
    if settings.sign_in == "ldap":
        found |= {
            "AUTH_LDAP_SERVER": settings.ldap_server,
            "AUTH_LDAP_USE_TLS": settings.ldap_start_tls,
            "AUTH_LDAP_TLS_DEMAND": True,
            "AUTH_LDAP_TLS_CACERTFILE": settings.ldap_ca_file,
            "AUTH_LDAP_SEARCH": settings.ldap_search,
            "AUTH_LDAP_SEARCH_FILTER": settings.ldap_filter,
            "AUTH_LDAP_UID_FIELD": settings.ldap_uid_field,
            "AUTH_LDAP_GROUP_FIELD": settings.ldap_group_field,
            "AUTH_LDAP_BIND_USER": settings.ldap_bind_user,
            "AUTH_LDAP_BIND_PASSWORD": settings.ldap_bind_password,
        }
    return found


class Directory:
    """The part of the security manager that speaks with providers and directories."""

    auth_type: int
    auth_roles_mapping: dict[str, list[str]]
    oauth_remotes: dict[str, Any] = {}
    get_roles_from_keys: Any
    on_user_login: Any
    on_user_login_failed: Any

    def get_oauth_user_info(self, provider: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Who the provider says it is: the claims of its signed ID token, and what its userinfo address adds."""
        claims = dict(answer.get("userinfo") or {})
        if not claims.get("sub"):
            raise ValueError("the answer holds no ID token")
        remote = self.oauth_remotes[provider]
        if remote.load_server_metadata().get("userinfo_endpoint"):
            more = dict(remote.userinfo(token=answer))
            if more.get("sub") != claims["sub"]:
                raise ValueError("the userinfo is somebody else's")
            claims |= more
        settings: config.Settings = current_app.extensions["settings"]
        return {
            "username": str(claims.get(settings.oidc_name_claim) or ""),
            "first_name": str(claims.get("given_name") or "")[:64],
            "last_name": str(claims.get("family_name") or "")[:64],
            "email": str(claims.get("email") or "")[:320],
            "role_keys": [str(group) for group in claims.get(settings.oidc_groups_claim) or ()],
        }

    def auth_user_oauth(self, userinfo: dict[str, Any]) -> Any:
        """FAB finds or makes the login; its roles then follow the groups."""
        with unit_of_work("account.directory"):
            user = super().auth_user_oauth(userinfo)  # type: ignore[misc]
            if user is not None:
                self._give_roles(user, userinfo["role_keys"])
        return db.session.get(User, user.id) if user is not None else None

    def _search_ldap(self, ldap: Any, con: Any, username: str) -> Any:
        dn, attributes = super()._search_ldap(ldap, con, username)  # type: ignore[misc]
        g.directory_attributes = attributes or {}
        return dn, attributes

    def auth_user_ldap(self, username: str, password: str) -> Any:
        """FAB asks the directory, outside any unit of work; the roles then follow the groups."""
        user = super().auth_user_ldap(username, password)  # type: ignore[misc]
        if not user:
            return None
        keys = self.ldap_extract_list(g.get("directory_attributes", {}), self.auth_ldap_group_field)  # type: ignore[attr-defined]
        user_id = user.id
        with unit_of_work("account.directory"):
            self._give_roles(db.session.get_one(User, user_id), keys)
        return db.session.get(User, user_id)

    def _give_roles(self, user: Any, keys: list[str]) -> None:
        """Exactly the roles of the groups; without a mapping the roles given here stay."""
        if not self.auth_roles_mapping:
            return
        wanted = sorted(self.get_roles_from_keys(keys), key=lambda role: role.name)
        before = sorted(role.name for role in user.roles)
        after = [role.name for role in wanted]
        if before != after:
            user.roles = wanted
            with unit_of_work("account.directory") as unit:
                unit.resource, unit.subject_id = "User", user.id
                unit.note(roles=[before, after])

    def add_user(
        self, username: str, first_name: str, last_name: str, email: str, role: Any = None, **_more: Any
    ) -> Any:
        """A login that the provider or the directory knows; it has no password here."""
        with unit_of_work("account.directory") as unit:
            user = User(username=username, first_name=first_name, last_name=last_name, email=email, active=True)
            user.roles = list(role or [])
            db.session.add(user)
            db.session.flush()
            unit.about(user)
            unit.note(registered=True)
        return db.session.get(User, user.id)

    def update_user_auth_stat(self, user: Any, success: bool = True) -> None:
        """Count a log-in on the login itself. Written through a unit of work: nothing of another writer is lost."""
        user_id = user.id
        with unit_of_work("account.login_count"):
            row = db.session.get_one(User, user_id, with_for_update=True, populate_existing=True)
            if success:
                row.login_count = (row.login_count or 0) + 1
                row.last_login, row.fail_login_count = now().astimezone().replace(tzinfo=None), 0
            else:
                row.fail_login_count = (row.fail_login_count or 0) + 1
        if success:
            self.on_user_login(user)
        else:
            self.on_user_login_failed(user)
