"""Every setting of the portal: read from the environment, typed, with a working default for each."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent

#: Areas in their fixed order: an area imports only areas before it.
AREAS = ("organization", "parameters", "products", "customers", "grids", "loans", "imports")

#: Packages above the areas; each has `register(app)`. This is the one place that names them.
APPS = ("portal.metrics", "dashboards", "reports")

LANGUAGES = {"zh": {"flag": "cn", "name": "中文"}, "en": {"flag": "gb", "name": "English"}}

MODES = ("demo", "production", "test")


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
    """Wraps the data keys of personal data (64 hexadecimal digits). Production must set it."""
    host: str = "127.0.0.1"
    port: int = 8080
    web_workers: int = 2
    web_threads: int = 8
    company_zh: str = "栖霞示范小额贷款有限公司"
    company_en: str = "Qixia Demonstration Microloan Company"
    session_minutes: int = 480
    secure_cookies: bool = False
    """Send cookies over https only; on by default in production."""
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
            host=env.get("PORTAL_HOST", cls.host),
            port=_whole(env, "PORT", cls.port),
            web_workers=_whole(env, "PORTAL_WEB_WORKERS", cls.web_workers),
            web_threads=_whole(env, "PORTAL_WEB_THREADS", cls.web_threads),
            company_zh=env.get("PORTAL_COMPANY_ZH", cls.company_zh),
            company_en=env.get("PORTAL_COMPANY_EN", cls.company_en),
            session_minutes=_whole(env, "PORTAL_SESSION_MINUTES", cls.session_minutes),
            secure_cookies=env.get("PORTAL_SECURE_COOKIES", "1" if mode == "production" else "0") == "1",
            log_level=env.get("PORTAL_LOG_LEVEL", cls.log_level).upper(),
        )
        return settings.completed()

    def completed(self) -> Settings:
        """Fill in what may be derived: the database file and, outside production, generated secrets of the instance."""
        if self.mode == "production":
            for name, value in (("PORTAL_SECRET_KEY", self.secret_key), ("PORTAL_MASTER_KEY", self.master_key)):
                if not value:
                    raise SettingsError(f"{name} is not set: production mode does not start without it.")
        self._writable_instance()
        url = self.database_url or f"sqlite:///{self.instance_path / 'gridlend.db'}"
        if url.startswith(("postgresql://", "postgres://")):
            url = "postgresql+psycopg://" + url.split("://", 1)[1]
        done = replace(
            self,
            database_url=url,
            secret_key=self.secret_key or self._kept_secret("secret_key"),
            master_key=self.master_key or self._kept_secret("master_key"),
        )
        if len(done.master_key) != 64 or any(c not in "0123456789abcdefABCDEF" for c in done.master_key):
            raise SettingsError("PORTAL_MASTER_KEY must be 64 hexadecimal digits.")
        return done

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


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, not {text!r}.")
    return int(text)
