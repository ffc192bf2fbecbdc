"""Every setting of the portal: read from the environment, typed, with a working default for each."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent

#: Areas in their fixed order: an area imports only areas before it.
AREAS = (
    "organization",
    "parameters",
    "trail",
    "access",
    "delegations",
    "moves",
    "products",
    "customers",
    "grids",
    "pricing",
    "loans",
    "risk",
    "closing",
    "guarantees",
    "collection",
    "limits",
    "warnings",
    "imports",
    "persons",
)

#: Packages above the areas; each has `register(app)`. This is the one place that names them.
APPS = ("portal.metrics", "dashboards", "reports")

LANGUAGES = {"zh": {"flag": "cn", "name": "中文"}, "en": {"flag": "gb", "name": "English"}}

MODES = ("demo", "production", "test")
SIGN_IN = ("password", "oidc", "ldap")

SHORTEST_SECRET = 32
PLACEHOLDERS = ("changeme", "change-me", "secret", "password", "example", "default", "0123456789", "deadbeef")

#: Settings of the provider and the directory that are texts; PORTAL_OIDC_ISSUER and so on.
DIRECTORY_TEXTS = (
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_scope",
    "oidc_name_claim",
    "oidc_groups_claim",
    "oidc_label",
    "ldap_server",
    "ldap_ca_file",
    "ldap_search",
    "ldap_filter",
    "ldap_uid_field",
    "ldap_group_field",
    "ldap_bind_user",
    "ldap_bind_password",
)


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence for whoever starts the portal."""


@dataclass(frozen=True)
class Settings:
    """What the portal is told from outside. See docs of each field; `from_env` names the variables."""

    mode: str = "demo"
    """demo (seeds itself when empty), production (needs its secrets, never seeds), test."""
    instance_path: Path = ROOT / "instance"
    """Folder for the SQLite file, stored files, the job queue and the demo's secrets."""
    database_url: str = ""
    """SQLAlchemy URL; empty means an SQLite file in the instance folder."""
    redis_url: str = ""
    """Queue, cache and rate limits when several processes share them; empty means local files."""
    redis_prefix: str = "gridlend"
    secret_key: str = field(default="", repr=False)
    """Signs sessions. Production must set it."""
    master_key: str = field(default="", repr=False)
    """Wraps the data keys of personal data (64 hexadecimal digits); goes by the id 1. Production must set it or the
    next one."""
    master_keys: str = field(default="", repr=False)
    """Several master keys, each with an id, the current one first: `2026a:<64 hexadecimal digits>,1:<…>`."""
    master_keys_file: str = ""
    """A file with the same, one a line; lines that begin with # are notes."""
    index_key: str = field(default="", repr=False)
    """What blind indexes are made with (64 hexadecimal digits); empty = derived from the oldest master key."""
    host: str = "127.0.0.1"
    port: int = 8080
    web_workers: int = 2
    web_threads: int = 8
    company_zh: str = "栖霞示范小额贷款有限公司"
    company_en: str = "Qixia Demonstration Microloan Company"
    session_minutes: int = 480
    """The longest a session lasts. How long it may lie idle is a parameter, `account.idle_minutes`."""
    secure_cookies: bool = False
    """Send cookies over https only; on by default in production."""
    trusted_proxies: int = 0
    """Reverse proxies in front, each of which names the visitor's address in X-Forwarded-For; 0 for none."""
    sign_in: str = "password"
    """password (kept here), oidc (a provider of single sign-on), ldap (the company's directory)."""
    password_sign_in: bool = True
    """With oidc: let logins that have a password here use it, for the day the provider is down."""
    sign_in_register: bool = False
    """With oidc and ldap: make a login for somebody who has none yet."""
    role_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Group of the provider or the directory -> roles. Somebody in none of them has no role."""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_scope: str = "openid profile email"
    oidc_name_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_label: str = ""
    """Words of the button on the log-in page; empty for “Single sign-on” in the reader's language."""
    ldap_server: str = ""
    """ldaps://directory.example or, with `ldap_start_tls`, ldap://directory.example."""
    ldap_start_tls: bool = False
    ldap_ca_file: str = ""
    ldap_search: str = ""
    """Where people are: ou=people,dc=example,dc=cn."""
    ldap_filter: str = ""
    ldap_uid_field: str = "uid"
    ldap_group_field: str = "memberOf"
    ldap_bind_user: str = ""
    """Who looks people up; empty when the directory lets people bind with their own name."""
    ldap_bind_password: str = field(default="", repr=False)
    login_limit: str = "20 per minute"
    """Attempts to sign in from one address. Limits are counted in each web process, or in Redis where it is given."""
    export_limit: str = "60 per minute"
    """Exports, reports and files that one login takes."""
    search_limit: str = "300 per minute"
    """Searches and look-ups of one login, as it types."""
    rest_limit: str = "600 per minute"
    """Requests of one login to the REST interface."""
    log_level: str = "INFO"
    flask: Mapping[str, Any] = field(default_factory=dict)
    """Flask settings laid over the derived ones (tests)."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read PORTAL_* and PORT; raises SettingsError with one sentence."""
        env = os.environ if environ is None else environ
        mode = env.get("PORTAL_MODE", cls.mode)
        if mode not in MODES:
            raise SettingsError(f"PORTAL_MODE must be one of {', '.join(MODES)}, not {mode!r}.")
        settings = cls(
            mode=mode,
            instance_path=Path(env.get("PORTAL_INSTANCE", str(cls.instance_path))),
            database_url=env.get("PORTAL_DATABASE_URL", ""),
            redis_url=env.get("PORTAL_REDIS_URL", ""),
            redis_prefix=env.get("PORTAL_REDIS_PREFIX", cls.redis_prefix),
            secret_key=env.get("PORTAL_SECRET_KEY", ""),
            master_key=env.get("PORTAL_MASTER_KEY", ""),
            master_keys=env.get("PORTAL_MASTER_KEYS", ""),
            master_keys_file=env.get("PORTAL_MASTER_KEYS_FILE", ""),
            index_key=env.get("PORTAL_INDEX_KEY", ""),
            host=env.get("PORTAL_HOST", cls.host),
            port=_whole(env, "PORT", cls.port),
            web_workers=_whole(env, "PORTAL_WEB_WORKERS", cls.web_workers),
            web_threads=_whole(env, "PORTAL_WEB_THREADS", cls.web_threads),
            company_zh=env.get("PORTAL_COMPANY_ZH", cls.company_zh),
            company_en=env.get("PORTAL_COMPANY_EN", cls.company_en),
            session_minutes=_whole(env, "PORTAL_SESSION_MINUTES", cls.session_minutes),
            secure_cookies=env.get("PORTAL_SECURE_COOKIES", "1" if mode == "production" else "0") == "1",
            trusted_proxies=_whole(env, "PORTAL_TRUSTED_PROXIES", cls.trusted_proxies),
            sign_in=env.get("PORTAL_SIGN_IN", cls.sign_in),
            password_sign_in=env.get("PORTAL_PASSWORD_SIGN_IN", "1") == "1",
            sign_in_register=env.get("PORTAL_SIGN_IN_REGISTER", "0") == "1",
            role_groups=_role_groups(env.get("PORTAL_ROLE_GROUPS", "")),
            **{name: env.get(f"PORTAL_{name.upper()}", getattr(cls, name)) for name in DIRECTORY_TEXTS},
            ldap_start_tls=env.get("PORTAL_LDAP_START_TLS", "0") == "1",
            login_limit=env.get("PORTAL_LOGIN_LIMIT", cls.login_limit),
            export_limit=env.get("PORTAL_EXPORT_LIMIT", cls.export_limit),
            search_limit=env.get("PORTAL_SEARCH_LIMIT", cls.search_limit),
            rest_limit=env.get("PORTAL_REST_LIMIT", cls.rest_limit),
            log_level=env.get("PORTAL_LOG_LEVEL", cls.log_level).upper(),
        )
        return settings.completed()

    def completed(self) -> Settings:
        """Fill in what may be derived: the database file and, outside production, generated secrets of the instance."""
        given = bool(self.master_key or self.master_keys or self.master_keys_file)
        if self.mode == "production":
            self._check_secrets(given)
        self._check_sign_in()
        self._writable_instance()
        url = self.database_url or f"sqlite:///{self.instance_path / 'gridlend.db'}"
        if url.startswith(("postgresql://", "postgres://")):
            url = "postgresql+psycopg://" + url.split("://", 1)[1]
        if self.index_key and not _is_key(self.index_key):
            raise SettingsError("PORTAL_INDEX_KEY must be 64 hexadecimal digits.")
        single = self.master_key or ("" if given else self._kept_secret("master_key"))
        if single and not _is_key(single):
            raise SettingsError("PORTAL_MASTER_KEY must be 64 hexadecimal digits.")
        keys = self._all_keys(single)
        if self.mode == "production":
            self._refuse_known(keys)
        return replace(
            self,
            database_url=url,
            secret_key=self.secret_key or self._kept_secret("secret_key"),
            master_key=single,
            master_keys=",".join(f"{key_id}:{key}" for key_id, key in keys.items()),
        )

    def _all_keys(self, single: str) -> dict[str, str]:
        """Every master key by its id, the current one first; the single setting comes last."""
        text = self.master_keys
        if self.master_keys_file:
            try:
                lines = Path(self.master_keys_file).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is no text"
                raise SettingsError(f"The key file {self.master_keys_file} cannot be read: {reason}.") from None
            text = ",".join([text, *(line for line in lines if not line.lstrip().startswith("#"))])
        keys = parse_keys(text) if text.strip(", \n") else {}
        if single and keys.get(SINGLE, single) != single:
            raise SettingsError("PORTAL_MASTER_KEY and the key 1 of PORTAL_MASTER_KEYS are different keys.")
        return keys | ({SINGLE: single} if single else {})

    def _refuse_known(self, keys: Mapping[str, str]) -> None:
        """Production does not start with the key that a demo made, or with one that anybody would guess."""
        path = self.instance_path / "master_key"
        demo = path.read_text().strip().lower() if path.exists() else ""
        for key_id, key in keys.items():
            if key.lower() == demo:
                raise SettingsError(f"The master key {key_id} is the one made for the demo: make one of your own.")
            if len({key[at : at + 2] for at in range(0, 64, 2)}) < 8:
                raise SettingsError(f"The master key {key_id} is easy to guess: make one by `openssl rand -hex 32`.")

    def _check_secrets(self, keys_given: bool) -> None:
        """Production starts with secrets of its own only: long, not guessed, and different ones."""
        secrets_set = {"PORTAL_SECRET_KEY": self.secret_key}
        if self.master_key or not keys_given:
            secrets_set["PORTAL_MASTER_KEY"] = self.master_key
        for name, value in secrets_set.items():
            if not value:
                raise SettingsError(f"{name} is not set: production mode does not start without it.")
            known = any(word in value.lower() for word in PLACEHOLDERS)
            if len(value) < SHORTEST_SECRET or len(set(value)) < 8 or known:
                raise SettingsError(
                    f"{name} is no secret: production mode does not start with a short, even or well-known one; "
                    "make one with `openssl rand -hex 32`."
                )
        if self.secret_key == self.master_key:
            raise SettingsError("PORTAL_SECRET_KEY and PORTAL_MASTER_KEY must differ.")

    def _check_sign_in(self) -> None:
        """What the chosen way of signing in needs; outside the machine, only over TLS."""
        if self.sign_in not in SIGN_IN:
            raise SettingsError(f"PORTAL_SIGN_IN must be one of {', '.join(SIGN_IN)}, not {self.sign_in!r}.")
        needed = {"oidc": ("oidc_issuer", "oidc_client_id"), "ldap": ("ldap_server", "ldap_search")}
        for name in needed.get(self.sign_in, ()):
            if not getattr(self, name):
                raise SettingsError(f"PORTAL_{name.upper()} is not set: PORTAL_SIGN_IN={self.sign_in} needs it.")
        if self.mode != "production":
            return
        if self.sign_in == "oidc" and not self.oidc_issuer.startswith("https://"):
            raise SettingsError("PORTAL_OIDC_ISSUER must begin with https:// in production mode.")
        if self.sign_in == "ldap" and not (self.ldap_server.startswith("ldaps://") or self.ldap_start_tls):
            raise SettingsError("PORTAL_LDAP_SERVER must begin with ldaps://, or PORTAL_LDAP_START_TLS be 1.")

    def _writable_instance(self) -> None:
        try:
            self.instance_path.mkdir(parents=True, exist_ok=True)
            probe = self.instance_path / f".write-{os.getpid()}-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            why = f"The instance folder {self.instance_path} is not writable: {error.strerror}."
            raise SettingsError(why) from None

    def _kept_secret(self, name: str) -> str:
        """A generated secret that stays the same over restarts; two processes starting at once agree on it."""
        path = self.instance_path / name
        if not path.exists():
            fresh = self.instance_path / f".{name}-{os.getpid()}-{secrets.token_hex(4)}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(32))
            try:
                os.link(fresh, path)  # fails when another process was first: its secret counts
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text().strip()

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def _role_groups(text: str) -> dict[str, tuple[str, ...]]:
    """`group=role,role;group=role`. A group may be a distinguished name: the last = parts it from its roles."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        group, equals, names = part.rpartition("=")
        roles = tuple(name.strip() for name in names.split(",") if name.strip())
        if not (equals and group.strip() and roles):
            raise SettingsError(f"PORTAL_ROLE_GROUPS needs group=role,role;group=role, not {part!r}.")
        found[group.strip()] = roles
    return found


SINGLE = "1"
"""The id of the key that PORTAL_MASTER_KEY gives."""


def _is_key(text: str) -> bool:
    return re.fullmatch("[0-9a-fA-F]{64}", text) is not None


def parse_keys(text: str) -> dict[str, str]:
    """Master keys by their ids from `id:hex,id:hex`; a key alone goes by the id 1. Raises SettingsError."""
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key_id, colon, key = (piece.strip() for piece in part.rpartition(":"))
        key_id = key_id if colon else SINGLE
        if not re.fullmatch("[A-Za-z0-9._-]{1,16}", key_id):
            raise SettingsError("PORTAL_MASTER_KEYS: an id has 1 to 16 letters, digits, dots, hyphens or underscores.")
        if not _is_key(key):
            raise SettingsError(f"PORTAL_MASTER_KEYS: the key {key_id} must be 64 hexadecimal digits.")
        if key_id in found:
            raise SettingsError(f"PORTAL_MASTER_KEYS: there are two keys with the id {key_id}.")
        found[key_id] = key
    if not found:
        raise SettingsError("PORTAL_MASTER_KEYS names no key.")
    return found


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, not {text!r}.")
    return int(text)
