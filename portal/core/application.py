"""Putting the Flask application together: extensions, security, screens. Knows no area by name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from flask import Flask, current_app, has_request_context, jsonify, request, session
from flask_appbuilder import AppBuilder
from flask_babel import get_locale
from flask_compress import Compress
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from portal.core import (
    errors,
    filters,
    form_screen,
    headers,
    help,
    jobs,
    login,
    logs,
    recent,
    redaction,
    refusals,
    request_limits,
    scope,
    security,
    translating,
    view_as,
)
from portal.core.accounts import keys
from portal.core.accounts.directory import fab_settings
from portal.core.accounts.of_view import AccountOfView
from portal.core.accounts.own_view import AccountView
from portal.core.api import api_for
from portal.core.api_document import OpenApi, SwaggerView
from portal.core.clock import business_date
from portal.core.db import db, label_of, migrate
from portal.core.display import screens
from portal.core.export_view import ExportView
from portal.core.files import FolderStore
from portal.core.key_ring import missing
from portal.core.key_rotation import used_ids
from portal.core.migrating import behind
from portal.core.notifications import unread_count
from portal.core.sealed import KeyRing
from portal.core.views import PortalView

csrf = CSRFProtect()
HERE = Path(__file__).resolve().parent.parent


def flask_settings(settings: config.Settings) -> dict[str, Any]:
    """Flask's, FAB's and the extensions' settings derived from ours."""
    # Values stay out of the texts of database errors, which end in the log.
    engine: dict[str, Any] = {"hide_parameters": True, "connect_args": {"timeout": 15}}
    if not settings.is_sqlite:
        engine |= {"pool_pre_ping": True, "pool_size": settings.web_threads, "max_overflow": 4}
        # Each statement is planned for its values: a generic plan for a three-character search is a hundred times
        # slower. Said by not preparing, since `plan_cache_mode` would plan anew each check of a foreign key as well.
        engine["connect_args"] = {"prepare_threshold": None}
    redis = settings.redis_url
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine,
        "APP_NAME": "Gridlend",
        "FAB_CREATE_DB": False,
        "FAB_UPDATE_PERMS": False,
        "FAB_BASE_TEMPLATE": "portal/base.html",
        "FAB_ADD_OPENAPI_VIEWS": False,  # ours tell of every refusal
        "FAB_ADD_MENU_API": False,
        "FAB_API_KEY_ENABLED": True,  # keys of ours: PortalSecurityManager.validate_api_key
        "FAB_API_KEY_PREFIXES": [keys.PREFIX],
        "FAB_INDEX_VIEW": "portal.home.HomeView",
        "FAB_MENU": "portal.core.menu.PortalMenu",
        "FAB_SECURITY_MANAGER_CLASS": "portal.core.security.PortalSecurityManager",
        "LANGUAGES": config.LANGUAGES,
        "BABEL_DEFAULT_LOCALE": "en",
        "BABEL_TRANSLATION_DIRECTORIES": str(HERE / "translations"),
        "WTF_CSRF_CHECK_DEFAULT": False,  # checked below, for all but token requests
        "WTF_CSRF_TIME_LIMIT": None,
        "PERMANENT_SESSION_LIFETIME": dt.timedelta(minutes=settings.session_minutes),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        **fab_settings(settings),
        "JWT_ACCESS_TOKEN_EXPIRES": dt.timedelta(minutes=30),
        "RATELIMIT_ENABLED": settings.mode != "test",
        "AUTH_RATE_LIMITED": settings.mode != "test",
        "AUTH_RATE_LIMIT": settings.login_limit,
        "RATELIMIT_STORAGE_URI": redis or "memory://",
        "RATELIMIT_KEY_PREFIX": settings.redis_prefix,
        "MAX_CONTENT_LENGTH": request_limits.LARGEST_BODY,
        "COMPRESS_MIMETYPES": [
            "text/html",
            "text/css",
            "application/json",
            "application/javascript",
            "text/javascript",
            "image/svg+xml",
        ],
        "TEMPLATES_AUTO_RELOAD": False,
        **settings.flask,
    }


def assemble(settings: config.Settings) -> Flask:
    """The application with the kit's parts, before areas add theirs."""
    app = Flask(
        "portal",
        root_path=str(HERE),
        template_folder=str(HERE / "templates"),
        static_folder=str(HERE / "static"),
        instance_path=str(settings.instance_path.resolve()),
    )
    app.config.update(flask_settings(settings))
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.extensions["settings"] = settings
    app.extensions["key_ring"] = KeyRing(settings.master_keys, settings.index_key)
    app.extensions["file_store"] = FolderStore(settings.instance_path / "files")
    logs.configure(settings.log_level)
    redaction.hide((settings.secret_key, *config.parse_keys(settings.master_keys).values()))
    logs.register(app)
    headers.register(app)
    errors.register(app)
    refusals.register(app)
    request_limits.register(app, settings)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(HERE / "migrations"))
    csrf.init_app(app)
    Compress(app)
    jobs.register(app, settings.redis_url, settings.redis_prefix)
    recent.register(app)
    view_as.register(app)
    _probes(app)
    return app


def add_builder(app: Flask) -> AppBuilder:
    """FAB, with our menu, security and locale; then the request hooks that depend on it."""
    builder = AppBuilder()
    builder.init_app(app, db.session)
    builder.bm.babel.init_app(
        app, locale_selector=_locale, default_translation_directories=app.config["BABEL_TRANSLATION_DIRECTORIES"]
    )
    translating.register(app)
    builder.add_api(OpenApi)
    builder.add_view_no_menu(SwaggerView)
    builder.add_view_no_menu(ExportView)
    builder.add_view_no_menu(help.HelpView)
    builder.add_view_no_menu(AccountView)
    builder.add_view_no_menu(AccountOfView)
    app.before_request(security.enter_request)
    app.before_request(request_limits.check_rate)
    app.before_request(_protect)
    app.teardown_request(security.leave_request)
    app.context_processor(_for_templates)
    return builder


def add_screens(builder: AppBuilder, *views: type[PortalView]) -> None:
    """Record screens with their menu entries and REST resources."""
    for cls in views:
        key, words = cls.menu
        if key:
            entry = f"menu:{cls.__name__}"
            view = builder.add_view(
                cls, entry, icon=cls.icon, label=cls.list_title, category=f"menu:{key}", category_label=words
            )
        else:
            view = builder.add_view_no_menu(cls)
        screens()[cls.__name__] = view
        if not view.record_view:
            builder.add_api(api_for(view))


def add_page(builder: AppBuilder, cls: Any, title: Any, menu: tuple[str, Any], icon: str = "fa-circle-o") -> None:
    """A page that is no record screen: a FAB BaseView that names its `resource`."""
    key, words = menu
    builder.add_view(cls, f"menu:{cls.__name__}", icon=icon, label=title, category=f"menu:{key}", category_label=words)


def order_menu(builder: AppBuilder, keys: tuple[str, ...]) -> None:
    """Put the menu's categories in this order; others follow as they came."""
    places = {f"menu:{key}": place for place, key in enumerate(keys)}
    builder.menu.menu.sort(key=lambda item: places.get(item.name, len(places)))


def _protect() -> Any:
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and not security.is_bearer():
        if request.endpoint == "SecurityApi.login":
            return None
        if form_screen.is_form_post():
            return None if current_user.is_authenticated else login.ask(request.full_path.rstrip("?"))
        csrf.protect()
    return None


def _locale() -> str:
    """The language chosen on the screen, else the browser's, else English."""
    if not has_request_context():
        return "en"
    asked = request.args.get("_l_")
    if asked in config.LANGUAGES:
        return str(asked)
    chosen = session.get("locale")
    if chosen in config.LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(config.LANGUAGES)) or "en"


def _for_templates() -> dict[str, Any]:
    locale = str(get_locale() or "en")
    settings: config.Settings = current_settings()
    return {
        "business_date": business_date() if current_user and current_user.is_authenticated else None,
        "locale": locale,
        "actor": scope.actor(),
        "company": settings.company_zh if locale.startswith("zh") else settings.company_en,
        "demo": settings.mode == "demo",
        "languages": config.LANGUAGES,
        "label_of": label_of,
        "filter_operators": filters.OPERATORS,
        "unread_count": unread_count,
        **help.for_templates(),
    }


def current_settings() -> config.Settings:
    return current_app.extensions["settings"]  # type: ignore[no-any-return]


def missing_keys() -> list[str]:
    """Ids of master keys that data keys need and the key ring lacks; asked until all are there."""
    if not current_app.extensions.get("keys_complete"):
        lacking = missing(used_ids())
        if lacking:
            return lacking
        current_app.extensions["keys_complete"] = True
    return []


def _probes(app: Flask) -> None:
    @app.get("/healthz")
    def healthz() -> Any:
        """The process answers."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> Any:
        """The database answers, is at the newest migration, and no master key is missing."""
        try:
            db.session.execute(text("SELECT 1"))
            if behind():
                return jsonify(status="migrations missing"), 503
            lacking = missing_keys()
        except SQLAlchemyError:
            return jsonify(status="database unreachable"), 503
        if lacking:
            return jsonify(status="master keys missing", keys=lacking), 503
        return jsonify(status="ready"), 200
