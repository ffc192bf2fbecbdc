"""While somebody views as another, nothing is written: every route, every method, every export.

The walk asks all there is with a viewer's session; afterwards every table but the trail holds what it held before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from werkzeug.routing import Rule

from portal.core import scope, view_as, work
from portal.core.application import csrf
from portal.core.audit import AuditEntry
from portal.core.clock import now
from portal.core.db import Model, db
from portal.core.errors import Forbidden
from portal.core.notifications import Notification, notify
from portal.core.scope import SYSTEM, Actor, acting
from portal.core.security import PUBLIC_ENDPOINTS, actor_for_username, task_of, views_by_name
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from tests.contracts.test_routes_and_roles import url_of
from tests.world import World

TRAIL = frozenset({"audit_entry", "audit_row"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
SENTENCE = "You are only looking"


def content() -> dict[str, str]:
    """What every table holds but the trail; that a session was seen is its viewer's own."""
    found = {}
    with acting(SYSTEM), db.engine.connect() as connection:
        for table in Model.metadata.sorted_tables:
            if table.name in TRAIL:
                continue
            columns = [c.name for c in table.columns if c.name not in ("seen_at", "idle_until")]
            chosen = ", ".join(f'"{name}"' for name in columns)
            rows = sorted(map(repr, connection.exec_driver_sql(f'SELECT {chosen} FROM "{table.name}"')))
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


@pytest.fixture
def no_csrf() -> Iterator[None]:
    """The token has tests of its own; here it would refuse every POST before the viewing does."""
    protect, csrf.protect = csrf.protect, lambda: None
    yield
    csrf.protect = protect


@pytest.fixture
def told(world: World) -> World:
    """a1 and the branch head have been told something that they have not read."""
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.told"):
        ids = [actor_for_username(name).user_id for name in ("a1", "branch_head")]
        notify(ids, "access.approved", "/", role="audit")
    return world


def viewing(world: World, viewer: str = "administrator", login: str = "branch_head") -> FlaskClient:
    """A client of the viewer who sees the portal as the login."""
    client = world.login(viewer)
    with world.app.app_context(), acting(SYSTEM):
        user_id = actor_for_username(login).user_id
    response = client.post(f"/view-as/login/{user_id}", data={"reason": "a test"})
    assert response.status_code == 302, response.get_data(as_text=True)
    return client


def routes(world: World) -> list[tuple[Rule, str]]:
    """(rule, method) of everything but static files and what ends the viewing."""
    return [
        (rule, method)
        for rule in world.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if not rule.endpoint.endswith("static")
        and "_dash-component-suites" not in rule.rule
        and rule.endpoint not in view_as.AS_ONESELF
    ]


def asked(world: World, rule: Rule) -> str:
    """The rule's address with a row that the branch head may see, as far as the small company has one."""
    view = views_by_name().get(rule.endpoint.partition(".")[0])
    address = url_of(rule)
    model = getattr(view, "model", None) or getattr(getattr(view, "datamodel", None), "obj", None)
    if model is None or "<" not in rule.rule:
        return address
    with acting(actor_for_username("branch_head"), getattr(view, "resource", ""), "show"):
        key = db.session.scalar(select(view.pk if hasattr(view, "pk") else model.id).limit(1))
    return re.sub(r"/1(?=/|$)", f"/{key}", address) if key is not None else address


def test_no_route_writes_and_all_but_reading_is_refused_in_a_sentence(told: World, no_csrf: None) -> None:
    client = viewing(told)
    with told.app.test_request_context():
        before = content()
        walked = [(rule, method, asked(told, rule)) for rule, method in routes(told)]
    refused = shown = 0
    for rule, method, address in walked:
        response = client.open(f"{address}?_l_=en", method=method, headers={"Accept": "text/html"})
        text = response.get_data(as_text=True)
        response.close()
        assert response.status_code < 500, (rule.endpoint, method, response.status_code)
        if method not in READS and response.status_code != 404 and address not in view_as._posts:
            assert response.status_code == 403, (rule.endpoint, method, response.status_code)
            assert SENTENCE in text, (rule.endpoint, method)
            refused += 1
        shown += response.status_code == 200
    assert refused > 60
    assert shown > 60
    with told.app.app_context():
        after = content()
    assert [name for name in before if before[name] != after[name]] == []


def test_gets_that_write_reveal_or_take_files_away_are_refused(told: World, no_csrf: None) -> None:
    client = viewing(told)
    with told.app.test_request_context():
        taken = []
        for rule, method in routes(told):
            view_name, _dot, name = rule.endpoint.partition(".")
            view = views_by_name().get(view_name)
            action = task_of(view, name)[1] if view is not None else ""
            if method == "GET" and action not in ("", "list", "show"):
                taken.append((rule, asked(told, rule)))
    assert {rule.endpoint.partition(".")[2] for rule, _address in taken} >= {
        "export",
        "reveal",
        "edit",
        "add",
        "pdf",
        "file",
    }
    for rule, address in taken:
        response = client.get(address, headers={"Accept-Language": "en"})
        assert response.status_code == 403, (rule.endpoint, response.status_code)
        assert SENTENCE in response.get_data(as_text=True), rule.endpoint
    for address in ("/exports/1/file", "/account/", "/account/password", "/account/keys/add", "/login/with/oidc"):
        assert client.get(address).status_code == 403, address


def test_rest_writes_are_refused_as_json(told: World, no_csrf: None) -> None:
    client = viewing(told)
    key = told.customers["C-A-a1-0"]
    for method, address in (
        ("POST", "/api/v1/customer/"),
        ("PUT", f"/api/v1/customer/{key}"),
        ("DELETE", f"/api/v1/customer/{key}"),
    ):
        response = client.open(address, method=method, json={"name": "taken over"}, headers={"Accept-Language": "en"})
        assert response.status_code == 403
        assert SENTENCE in response.get_json()["message"]
    assert client.get(f"/api/v1/customer/{key}").status_code == 200
    assert (
        client.post("/api/v1/security/login", json={"username": "a1", "password": "x", "provider": "db"}).status_code
        == 403
    )


def test_exactly_the_rows_of_who_is_viewed_are_seen(told: World, no_csrf: None) -> None:
    """Every list answers the viewer as it answers the viewed, though an administrator sees no loans himself."""
    for login in ("branch_head", "team_lead", "a1", "committee"):
        own, client = told.login(login), viewing(told, login=login)
        for name, view in told.app.extensions["screens"].items():
            address = f"/api/v1/{view.endpoint_name}/?size=200"
            theirs, seen = own.get(address), client.get(address)
            assert theirs.status_code == seen.status_code, (login, name)
            if theirs.status_code == 200:
                assert theirs.get_json() == seen.get_json(), (login, name)
        assert client.get(f"/loanview/show/{told.loans['LOAN-B-b1-0']}").status_code == (
            200 if login == "committee" else 404
        )


def test_behind_the_first_wall_no_unit_of_work_begins_and_nothing_is_flushed(world: World) -> None:
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username("branch_head")
        viewed = replace(who, viewer=Actor("administrator (as branch_head)", user_id=1))
        with acting(viewed, "Customer", "edit"):
            with pytest.raises(Forbidden), unit_of_work("tests.write"):
                pass
            for verb in work.verbs.values():
                with pytest.raises(Forbidden):  # before it looks at what it is given
                    verb()
            row = db.session.scalars(select(Customer).limit(1)).one()
            row.name = "taken over"
            with pytest.raises(Forbidden):
                db.session.flush()
            db.session.rollback()
            with pytest.raises(Forbidden):
                db.session.execute(update(Notification).values(read_at=now()))
            with pytest.raises((Forbidden, scope.Unscoped)):
                db.session.execute(insert(Notification).values(user_id=1, key="x", created_at=now()))
            db.session.rollback()


def test_the_trail_names_the_viewer_and_whom_he_viewed(told: World, no_csrf: None) -> None:
    with told.app.app_context(), acting(SYSTEM):
        last = db.session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)) or 0
        viewer, viewed = (actor_for_username(name).user_id for name in ("administrator", "branch_head"))
    client, key = viewing(told), told.customers["C-A-a1-0"]
    assert client.get(f"/customerview/show/{key}").status_code == 200
    assert client.post(f"/customerview/delete/{key}").status_code == 403
    assert client.post("/view-as/stop").status_code == 302
    with told.app.app_context(), acting(SYSTEM):
        entries = list(db.session.scalars(select(AuditEntry).where(AuditEntry.id > last).order_by(AuditEntry.id)))
        noted = [(e.verb, e.actor, e.user_id, e.resource, e.subject_id) for e in entries if e.verb != "account.session"]
        assert noted == [
            ("view_as.start", "administrator", viewer, "User", viewed),
            ("view_as.seen", "administrator (as branch_head)", viewer, "Customer", key),
            ("access.refused", "administrator (as branch_head)", viewer, "Customer", key),
            ("view_as.stop", "administrator", viewer, "User", viewed),
        ]
        began = next(e for e in entries if e.verb == "view_as.start")
        assert began.changes == {"login": "branch_head", "reason": "a test", "minutes": 30}
    assert scope.actor() is scope.NOBODY


def test_every_public_address_is_thought_of() -> None:
    """A new address that is open to everybody has to be judged: does it only read?"""
    judged = {
        "AuthDBView.login",
        "AuthDBView.logout",
        "LocaleView.index",
        "healthz",
        "readyz",
        "static",
        "appbuilder.static",
    }
    writes = {"step", "code", "enrol", "new_password", "sign_in_with", "oauth_authorized"}
    assert judged | {f"AuthDBView.{name}" for name in writes} | {"SecurityApi.login"} == PUBLIC_ENDPOINTS
