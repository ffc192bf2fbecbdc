"""What the portal refuses to start with, in one sentence, and what it tells Flask-AppBuilder."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Settings, SettingsError
from portal.core.accounts.directory import fab_settings
from portal.core.errors import PortalError
from portal.core.scope import SYSTEM, acting
from portal.core.setup import refuse_demo_logins
from portal.core.work import unit_of_work
from portal.organization import users
from tests.world import World

SECRET, MASTER = "5f0c9a7be1d2438fa6b7c8d9e0f1a2b3", "8d" * 8 + "17ac" * 4 + "03ef" * 4 + "b6295e" * 2 + "91c0"


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    return {
        "PORTAL_MODE": "production",
        "PORTAL_INSTANCE": str(tmp_path),
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_MASTER_KEY": MASTER,
    }


def test_production_starts_with_secrets_of_its_own(production: dict[str, str]) -> None:
    settings = Settings.from_env(production)
    assert settings.secure_cookies
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"PORTAL_SECRET_KEY": ""}, "PORTAL_SECRET_KEY is not set"),
        ({"PORTAL_SECRET_KEY": "changeme" * 5}, "PORTAL_SECRET_KEY is no secret"),
        ({"PORTAL_SECRET_KEY": "short-b3f9"}, "PORTAL_SECRET_KEY is no secret"),
        ({"PORTAL_SECRET_KEY": MASTER}, "must differ"),
        ({"PORTAL_MASTER_KEY": "0" * 64}, "PORTAL_MASTER_KEY is no secret"),
        ({"PORTAL_MASTER_KEY": "0123456789abcdef" * 4}, "PORTAL_MASTER_KEY is no secret"),
        ({"PORTAL_MASTER_KEY": SECRET + "q" * 32}, "64 hexadecimal digits"),
        ({"PORTAL_SIGN_IN": "magic"}, "PORTAL_SIGN_IN must be one of"),
        ({"PORTAL_SIGN_IN": "oidc"}, "PORTAL_OIDC_ISSUER is not set"),
        (
            {"PORTAL_SIGN_IN": "oidc", "PORTAL_OIDC_ISSUER": "http://id.example", "PORTAL_OIDC_CLIENT_ID": "x"},
            "must begin with https://",
        ),
        (
            {"PORTAL_SIGN_IN": "ldap", "PORTAL_LDAP_SERVER": "ldap://d.example", "PORTAL_LDAP_SEARCH": "dc=x"},
            "ldaps://",
        ),
        ({"PORTAL_ROLE_GROUPS": "cn=risk"}, None),
        ({"PORTAL_ROLE_GROUPS": "risk"}, "group=role"),
        ({"PORTAL_ROLE_GROUPS": "=risk"}, "group=role"),
    ],
)
def test_what_it_does_not_start_with_is_said_in_one_sentence(
    production: dict[str, str], given: dict[str, str], sentence: str | None
) -> None:
    if sentence is None:
        assert Settings.from_env({**production, **given}).role_groups == {"cn": ("risk",)}
        return
    with pytest.raises(SettingsError, match=sentence) as refusal:
        Settings.from_env({**production, **given})
    assert "\n" not in str(refusal.value)


def test_groups_may_be_distinguished_names(production: dict[str, str]) -> None:
    text = "cn=risk,ou=groups,dc=x=risk,audit; leads = team_lead"
    settings = Settings.from_env({**production, "PORTAL_ROLE_GROUPS": text})
    assert settings.role_groups == {"cn=risk,ou=groups,dc=x": ("risk", "audit"), "leads": ("team_lead",)}


def test_the_directory_is_told_to_flask_appbuilder(production: dict[str, str]) -> None:
    settings = Settings.from_env(
        {
            **production,
            "PORTAL_SIGN_IN": "ldap",
            "PORTAL_LDAP_SERVER": "ldaps://d.example",
            "PORTAL_LDAP_SEARCH": "ou=people",
            "PORTAL_LDAP_UID_FIELD": "sAMAccountName",
            "PORTAL_ROLE_GROUPS": "cn=risk=risk",
        }
    )
    told = fab_settings(settings)
    assert told["AUTH_LDAP_SERVER"] == "ldaps://d.example"
    assert told["AUTH_LDAP_UID_FIELD"] == "sAMAccountName"
    assert told["AUTH_ROLES_MAPPING"] == {"cn=risk": ["risk"]}
    assert told["AUTH_LDAP_TLS_DEMAND"] is True
    assert told["AUTH_USER_REGISTRATION"] is False


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
def test_production_refuses_logins_that_the_demo_prints(world: World) -> None:
    from flask_appbuilder.security.sqla.models import User
    from sqlalchemy import select
    from werkzeug.security import generate_password_hash

    from portal.core.db import db
    from seed.organisation_loading import PASSWORD

    with world.app.app_context(), acting(SYSTEM):
        refuse_demo_logins()
        with unit_of_work("tests"):
            user = db.session.scalars(select(User).where(User.username == "finance")).one()
            user.password = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000")
        with pytest.raises(PortalError, match=r"demo's password are open \(finance\)"):
            refuse_demo_logins()
        users.set_active("finance", False)
        refuse_demo_logins()
