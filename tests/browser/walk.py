"""The walk through every screen, found from the registries: `make screens` photographs it, axe-core examines it.

Each screen is visited by the login that is offered most there, so that its buttons, too, are seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from sqlalchemy import select

from portal.core import filters, jobs
from portal.core.db import db
from portal.core.display import screens
from portal.core.scope import SYSTEM, Actor, acting, doing
from portal.core.security import actor_for_username, allows
from portal.core.tour import mark_seen
from portal.core.views import PortalView
from portal.imports import jobs as import_jobs
from portal.imports import services
from reports.report import REPORTS
from tests.browsers import DESKTOP, PHONE
from tests.world import enter

#: The logins of the demo company, which are among those of the tests' company.
LOGINS = (
    "branch_head",
    "finance",
    "administrator",
    "committee",
    "risk",
    "compliance",
    "team_lead",
    "customer_manager",
)
FILTERS = "[data-dialog=filters]"

#: Dash leaves its place empty for a moment between what it found there and what it draws.
DRAWN = "() => document.querySelector('#react-entry-point .dashboard:not([aria-busy=true]) > *')"
#: Nothing is loading any more, and nothing moves.
READY = """() => !document.querySelector("main :is(.skeleton, [aria-busy=true], [data-dash-is-loading=true])")
    && document.fonts.status === "loaded"
    && document.getAnimations().every((moving) => moving.playState !== "running")"""

IMPORT = """Customer code,Name,Customer group,Branch,Phone
N-1,Anna,farmer,{branch},13900000001
N-2,Berta,farmer,{branch},12
"""
UNCLEAR = "Number,Who,Kind\nN-1,Anna,farmer\n"


@dataclass(frozen=True)
class Stop:
    """One screen of the walk, as one login sees it."""

    name: str
    path: str
    login: str
    """Empty for a visitor who is not logged in."""
    press: str = ""
    """What is pressed after loading: opens a dialog."""


@dataclass(frozen=True)
class Variant:
    """Language, theme and window."""

    language: str
    theme: str
    phone: bool = False

    @property
    def size(self) -> ViewportSize:
        return PHONE if self.phone else DESKTOP

    @property
    def name(self) -> str:
        return f"{self.language}-{self.theme}-{self.size['width']}"


ZH_LIGHT = Variant("zh", "light")
VARIANTS = (ZH_LIGHT, Variant("zh", "dark"), Variant("en", "light"), Variant("en", "dark"))


def stops(app: Flask) -> list[Stop]:
    """Every screen of this portal, in the order of its menu."""
    with app.test_request_context(), acting(SYSTEM):
        actors = {name: actor_for_username(name) for name in LOGINS}
        found = [Stop("login", "/login/", ""), *_around(app, actors)]
        for entry in _menu_entries(app):
            view = entry.baseview
            if isinstance(view, PortalView):
                found += _record_screens(view, actors)
                if not any(stop.press == FILTERS for stop in found) and (choice := _choice(view)):
                    found += _narrowed_lists(view, actors, choice)
            else:
                name = type(view).__name__
                login = next(n for n, who in actors.items() if allows(who, name, view.default_view))
                found.append(Stop(name, entry.get_url(), login))
        found += _import_steps(actors["finance"])
        found += [
            Stop(f"report-{key}{part}", f"/reports/{key}{address}", "compliance")
            for key in REPORTS
            for part, address in (("", ""), ("-document", "/page"))
        ]
    return found


def _around(app: Flask, actors: dict[str, Actor]) -> Iterator[Stop]:
    """What belongs to no menu entry: homes, dialogs of the frame, own password, errors."""
    for login in actors:
        yield Stop(f"home-{login}", "/", login)
    yield Stop("palette", "/", "branch_head", press="[data-palette-open]")
    yield Stop("help", "/loanstateview/list/", "risk", press="[data-help]")
    yield Stop("help-page", "/help/LoanStateView", "risk")
    yield Stop("tour", "/?tour=1", "customer_manager")
    for page in ("", "password", "second-factor", "keys/add"):
        yield Stop(f"account-{page.replace('/', '-') or 'own'}", f"/account/{page}", "branch_head")
    yield Stop("account-of", f"/accounts/{actors['branch_head'].user_id}", "administrator")
    yield Stop("view-as-login", f"/view-as/login/{actors['branch_head'].user_id}", "administrator")
    yield Stop("view-as-role", "/view-as/role/customer_manager", "administrator")
    asked = f"login={actors['customer_manager'].user_id}&screen=CustomerView&record=1"
    yield Stop("why-answer", f"/why/?sent=1&{asked}", "compliance")
    yield Stop("not-found", "/nowhere", "branch_head")
    closed = next(v for v in screens().values() if not actors["customer_manager"].may(v.resource, "list"))
    yield Stop("forbidden", f"{closed.route_base}/list/", "customer_manager")
    yield Stop("figure-rows", "/metrics/loan_balance/rows", "committee")


def _menu_entries(app: Flask) -> Iterator[Any]:
    for category in app.extensions["appbuilder"].menu.get_list():
        yield from category.childs or [category]


def _record_screens(view: PortalView, actors: dict[str, Actor]) -> Iterator[Stop]:
    """The list, a record and the forms, as far as the screen has them."""
    name, base = type(view).__name__.removesuffix("View"), view.route_base
    login = _login_offered_most(view, actors)
    yield Stop(f"{name}-list", f"{base}/list/", login)
    with acting(actors[login]):
        pk = _a_row(view, "show")
        edited = _a_row(view, "edit") if view.may("edit") else None
        if pk is not None and view.may("show") and not view.record_view:
            yield Stop(f"{name}-record", f"{base}/show/{pk}", login)
        if view.may("add"):
            yield Stop(f"{name}-add", f"{base}/add", login)
        if edited is not None:
            yield Stop(f"{name}-edit", f"{base}/edit/{edited}", login)


def _choice(view: PortalView) -> str:
    """A condition of one value of a closed list, as it stands in the address."""
    found = next((f for f in filters.filterable(view.model, view.filter_columns).values() if f.choices), None)
    return f"f.{found.name}.in={next(iter(found.choices)).value}" if found and found.choices else ""


def _narrowed_lists(view: PortalView, actors: dict[str, Actor], choice: str) -> Iterator[Stop]:
    """What every list has, once: its filters, a narrowed list, a search that finds nothing."""
    name, path = type(view).__name__.removesuffix("View"), f"{view.route_base}/list/"
    login = _login_offered_most(view, actors)
    yield Stop(f"{name}-filters", path, login, press=FILTERS)
    yield Stop(f"{name}-filtered", f"{path}?{choice}", login)
    yield Stop(f"{name}-no-match", f"{path}?q=nothing-is-called-this", login)


def _login_offered_most(view: PortalView, actors: dict[str, Actor]) -> str:
    def offered(login: str) -> tuple[bool, int]:
        who = actors[login]
        with acting(who):
            rights = sum(view.may(action) for action in ("show", "add", "edit", "export"))
        return who.may(view.resource, "list"), rights

    return max(actors, key=offered)


def _a_row(view: PortalView, action: str) -> int | None:
    """The newest row within the reach of the action."""
    with doing(view.resource, action):
        key = db.session.scalar(view.base_statement().with_only_columns(view.pk).order_by(view.pk.desc()).limit(1))
    return int(key) if key is not None else None


def _import_steps(finance: Actor) -> list[Stop]:
    """Three files on their way: one whose columns are unknown, one with a wrong row, one that was imported."""
    from portal.organization.models import Branch

    branch = db.session.scalars(select(Branch.code).order_by(Branch.id).limit(1)).one()
    text = IMPORT.format(branch=branch)
    with acting(finance, "ImportBatch", "run"):
        columns = _uploaded("unclear.csv", UNCLEAR)
        wrong = _uploaded("customers-with-a-mistake.csv", text)
        import_jobs.begin_check(wrong)
        done = _uploaded("customers.csv", text.replace(",12\n", ",13900000002\n"))
        import_jobs.begin_import(done)
    for job_id in jobs.due():
        jobs.run(job_id)
    show = "/importbatchview/show"
    return [
        Stop("import-columns", f"/importbatchview/columns/{columns}", "finance"),
        Stop("import-with-errors", f"{show}/{wrong}", "finance"),
        Stop("import-done", f"{show}/{done}", "finance"),
    ]


def _uploaded(name: str, text: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text)
        return int(services.upload("customers", name, path, None, "", None).id)


class Walker:
    """Goes through the screens in one variant; a window for each login."""

    def __init__(self, browser: Browser, app: Flask, address: str, variant: Variant) -> None:
        self.browser, self.app, self.address, self.variant = browser, app, address, variant
        self.windows: dict[str, tuple[BrowserContext, Page]] = {}
        self._said: list[str] = []

    def visit(self, stop: Stop) -> Page:
        """The page, loaded and quiet, with its dialog open."""
        page = self._window(stop.login)
        self._said.clear()
        page.goto(stop.path)
        if page.locator("#react-entry-point").count():
            page.wait_for_load_state("networkidle")  # a dashboard asks for its figures in several turns
            page.wait_for_function(DRAWN)
        page.wait_for_function(READY)
        if stop.press and page.locator(stop.press).count():
            page.locator(stop.press).first.click()
            page.wait_for_selector("dialog[open]")
            page.wait_for_function(READY)
        return page

    def complaints(self) -> list[str]:
        """What the browser complained of on this page; that a page is missing or closed is its own answer."""
        return [text for text in self._said if "the server responded with a status of 40" not in text]

    def close(self) -> None:
        for context, _page in self.windows.values():
            context.close()

    def _window(self, login: str) -> Page:
        if login not in self.windows:
            phone = self.variant.phone
            context = self.browser.new_context(
                base_url=self.address,
                viewport=self.variant.size,
                is_mobile=phone,
                has_touch=phone,
                reduced_motion="reduce",
                locale="zh-CN" if self.variant.language == "zh" else "en-GB",
            )
            context.add_init_script(f"localStorage.setItem('portal:theme', '{self.variant.theme}')")
            if login:
                context.add_cookies([{"name": "session", "value": self._session(login), "url": self.address}])
            page = context.new_page()
            page.on("pageerror", lambda error: self._said.append(str(error)))
            page.on("console", lambda line: self._said.append(line.text) if line.type == "error" else None)
            self.windows[login] = context, page
        return self.windows[login][1]

    def _session(self, login: str) -> str:
        client = self.app.test_client()
        with self.app.app_context(), acting(SYSTEM):
            user_id = actor_for_username(login).user_id
        enter(self.app, client, user_id or 0)
        with self.app.app_context(), acting(Actor(login, user_id=user_id)):
            mark_seen()  # it would lie over every screen; it has a stop of its own
        cookie = client.get_cookie("session")
        assert cookie is not None
        return cookie.value


def narrowed(found: Sequence[tuple[int, Stop]], words: Sequence[str]) -> list[tuple[int, Stop]]:
    """The numbered stops whose name holds one of the words; all when there is none."""
    return [(n, stop) for n, stop in found if not words or any(word.lower() in stop.name.lower() for word in words)]
