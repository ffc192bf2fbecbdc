"""The walk: every screen, address, verb, report and callback that is registered, as every login of the small company.

Rows inside the scope answer as the role table says. A row outside it is answered exactly as one that does not exist,
nothing of it is named, and nothing in the database changes. What is walked is read from the registries, so that a new
screen is walked without anybody writing a test for it.
"""

from __future__ import annotations

import inspect as python
from typing import Any

import pytest
from sqlalchemy import select

from dashboards import PAGES
from dashboards.dashboard import dashboards
from portal.core import export_jobs, filters, jobs
from portal.core.db import db
from portal.core.export import columns_for
from portal.core.home import cards
from portal.core.lookup import resource_of
from portal.core.metric import dimensions, metrics
from portal.core.scope import SYSTEM, Scoped, acting
from portal.core.search import sources
from portal.core.security import actor_for_username, views_by_name
from reports.report import REPORTS
from tests.contracts.owners import Company, fingerprint
from tests.contracts.visitor import NOWHERE, Prober, first_column
from tests.contracts.walking import (
    LOGINS,
    TERMS,
    base,
    each_login,
    foreign_keys,
    granted,
    holds,
    ids,
    listed_by,
    narrow_logins,
    references,
    rest,
    screen_of,
    screens,
    typical_logins,
)
from tests.dashboards.visitor import Visitor
from tests.world import PLACES


@each_login
def test_lists_counts_and_files_hold_the_rows_of_the_scope_and_no_other(company: Company, prober: Prober):
    for _name, view in screens(company):
        may = granted(prober, view, "list")
        wanted = listed_by(company, prober, view) if may else set()
        assert prober.ask(f"{base(view)}/list/?size=200").status == (200 if may else 403)
        if not view.record_view:
            answer = prober.ask(f"{rest(view)}?size=200")
            assert answer.status == (200 if may else 403), rest(view)
            if may:
                noisy = view.model.__tablename__ in NOISY
                assert noisy or holds(answer.json, wanted), rest(view)
        for field in filters.filterable(view.model, view.filter_columns).values():
            if field.type == "choice":
                counted = prober.ask(f"{base(view)}/counts/{field.name}")
                assert counted.status == (200 if may else 403)
                if may and view.model.__tablename__ not in NOISY:
                    assert sum(map(int, counted.json.values())) <= len(wanted)
        _exports(company, prober, view)


NOISY = frozenset({"audit_entry"})
"""Tables that the walk itself adds to."""


def _exports(company: Company, prober: Prober, view: Any) -> None:
    if "export" in (view.exclude_route_methods or ()):
        return
    may = granted(prober, view, "export")
    inside = listed_by(company, prober, view, "export") if may else set()
    for fmt in ("csv", "xlsx"):
        answer = prober.ask(f"{base(view)}/export/{fmt}")
        assert answer.status == (200 if may else 403), (base(view), fmt)
        if not may or fmt != "csv" or view.model.__tablename__ in NOISY:
            continue
        if inside == set(company.owners[view.model]):
            assert len(first_column(answer.text)) <= len(inside)
        else:
            assert len(first_column(answer.text)) == len(inside), base(view)
    assert columns_for(view.model, view.export_columns)


@typical_logins
def test_searches_and_filters_by_foreign_ids_find_nothing_of_others(company: Company, prober: Prober):
    for _name, view in screens(company):
        if not granted(prober, view, "list"):
            assert prober.ask(f"{base(view)}/list/?q=cust").status == 403
            continue
        inside = company.inside(prober.login, view, "list")
        for place, term in enumerate(TERMS):
            if not place or view.record_view:  # pages and REST search alike
                assert prober.ask(f"{base(view)}/list/?q={term}").status == 200
            if not view.record_view:
                assert ids(prober.ask(f"{rest(view)}?size=200&q={term}").json) <= inside | _noise(view)
        for field in filters.filterable(view.model, view.filter_columns).values():
            if field.type != "ref":
                continue
            for foreign, operator in zip(foreign_keys(company, prober, field, view), ("eq", "in"), strict=False):
                prober.same(f"{base(view)}/list/?f.{field.name}.{operator}={{}}", foreign)
                if not view.record_view:
                    found = prober.same(f"{rest(view)}?f.{field.name}.{operator}={{}}", foreign)
                    assert ids(found.json) == set()
                if operator == "eq":
                    prober.ask(f"{base(view)}/list/?f.{field.name}.ne={foreign}")
                    prober.same(f"{base(view)}/export/csv?f.{field.name}.eq={{}}", foreign)


def _noise(view: Any) -> set[int]:
    return set(range(10**6)) if view.model.__tablename__ in NOISY else set()


@typical_logins
def test_lookups_offer_the_rows_of_the_scope_and_no_other(company: Company, prober: Prober):
    for _name, view in screens(company):
        for field in references(view):
            for term in ("", "b", "S-"):
                answer = prober.ask(f"{base(view)}/lookup/{field.name}?q={term}")
                listed = granted(prober, view, "list")
                target = screen_of(company, field.target)
                told = (
                    issubclass(field.target, Scoped) or prober.login.scope(resource_of(field.target), "list") != "none"
                )
                may = listed and (told or _writes(prober, view, field))
                assert answer.status == (200 if may else 403), (base(view), field.name)
                if answer.status == 200 and target is not None:
                    offered = {row["id"] for row in answer.json["results"]}
                    known = company.inside(prober.login, target, "list")
                    assert _writes(prober, view, field) or offered <= known, (base(view), field.name)


def _writes(prober: Prober, view: Any, field: Any) -> bool:
    """Whether the login fills in this reference, and so has to choose among rows that no scope cuts."""
    excluded = view.exclude_route_methods or ()
    return not issubclass(field.target, Scoped) and any(
        a not in excluded and granted(prober, view, a) and field.name in getattr(view, f"{a}_columns")
        for a in ("add", "edit")
    )


@each_login
def test_records_of_others_are_answered_as_if_they_were_not_there(company: Company, prober: Prober):
    for _name, view in screens(company):
        outside, inside = (sorted(get(prober.login, view, "show")) for get in (company.outside, company.inside))
        pages = ["show", "timeline"] if not view.record_view else []
        paths = [f"{base(view)}/{page}/{{}}" for page in pages if page not in (view.exclude_route_methods or ())]
        paths += [f"{base(view)}/related/{{}}/{other}" for other, _ref in view.related]
        paths += [f"{rest(view)}{{}}"] * (not view.record_view)
        paths += [f"{base(view)}/edit/{{}}"] * ("edit" not in (view.exclude_route_methods or ()) and view.can_edit)
        for path in paths:
            editing = "/edit/" in path
            action = "edit" if editing else "show"
            may = granted(prober, view, action)
            for foreign in {*outside[:1], *outside[-1:]}:
                assert prober.same(path, foreign).status == (404 if may else 403), path
            mine = sorted(company.inside(prober.login, view, action)) if editing else inside
            for row_id in mine[:2]:
                expected = {200} if may else {403}
                if "/related/" in path:
                    expected |= {404}  # a tab of a screen that the role does not open
                if "/timeline/" in path and not view.has_timeline:
                    expected = {404}
                if view.model.__tablename__ in PARTS:
                    expected |= {404}
                assert prober.ask(path.replace("{}", str(row_id))).status in expected, path


PARTS = frozenset({"import_batch", "import_mapping"})
"""Tables of whose rows a screen shows each reader a part."""


@typical_logins
def test_pages_cards_searches_and_notifications_name_nobody_else(company: Company, prober: Prober):
    app = company.world.app
    with app.app_context():
        views = views_by_name()
    for rule in app.url_map.iter_rules():
        name = rule.endpoint.partition(".")[0]
        if name in company.screens or name not in views or rule.arguments or "GET" not in (rule.methods or set()):
            continue
        if name == "AuthDBView":  # its steps end the session, or begin another one
            continue
        assert prober.ask(rule.rule).status in (200, 302, 403, 404, 405), rule.rule
    for key in cards:
        assert prober.ask(f"/home/{key}").status in (200, 404)
    assert sources
    for term in TERMS:
        assert prober.ask(f"/search/?q={term}").status == 200
        assert prober.ask(f"/search/find?q={term}").status == 200
    for page in ("/notifications/", "/notifications/panel", "/exports/"):
        answer = prober.ask(page)
        own = {"a1": "A-a1", "b1": "B-b1"}.get(prober.login.name, "nobody")
        assert {tag for tag in ("A-a1", "B-b1") if f"job of cust-{tag}-0" in answer.text} <= {own}
    for number in (1, 2):
        prober.same(
            "/notifications/read",
            number if prober.login.name not in ("a1", "b1") else NOWHERE - 1,
            "POST",
            data={"id": "{}"},
        )
    prober.same("/exports/{}/file", 1 if prober.login.name != "nobody" else 2)


@narrow_logins
def test_every_metric_by_every_dimension_counts_the_scope_only(company: Company, prober: Prober):
    foreign = "B" if PLACES[prober.login.name][0] == "A" else "A"
    narrowings = (f"where=branch:{foreign}",)
    for key, metric in metrics.items():
        if metric.internal:
            continue
        assert prober.ask(f"/api/v1/metrics/{key}").status in (200, 400, 403), key
        for where in narrowings:
            for path in (f"/api/v1/metrics/{key}?{where}", f"/api/v1/metrics/{key}/rows?{where}"):
                answer = prober.ask(path)
                assert answer.status in (200, 400, 403, 404), path
                if answer.status == 200:
                    assert answer.json.get("count", 0) == 0, path
        prober.ask(f"/metrics/{key}/rows")
    for dimension in dimensions:
        for key in ("loan_balance", "par_30", "loan_count"):
            assert prober.ask(f"/api/v1/metrics/{key}?by={dimension}").status in (200, 400, 403, 404), (key, dimension)


@narrow_logins
@pytest.mark.parametrize("key", PAGES)
def test_every_dashboard_callback_answers_for_the_scope_only(company: Company, prober: Prober, key: str):
    foreign = "B" if PLACES[prober.login.name][0] == "A" else "A"
    dashboard = dashboards[key]
    searches = ["", f"?branch={foreign}", f"?manager=S-b1&branch={foreign}", "?as_of=2026-05-31"]
    searches += [f"?{option.key}=nonsense" for option in dashboard.options]
    for search in searches:
        visitor = Visitor(prober.client, search, key=key)
        if visitor.page.status_code == 403:
            assert prober.login.scope(dashboard.resource, "show") == "none"
            return
        Prober.probes += len(visitor.callbacks) + 1
        assert visitor.callbacks
        assert not prober.named(visitor.everything(), search), search
        for chart in dashboard.charts:
            answer = prober.ask(f"{visitor.address}{chart.key}.csv{search}")
            assert answer.status in ((200, 403) if not search or "as_of" in search else (200, 400, 403))


def test_every_dashboard_is_walked():
    assert set(PAGES) == set(dashboards)


@each_login
def test_every_report_holds_the_scope_only(prober: Prober):
    assert REPORTS
    for key, report in REPORTS.items():
        may = prober.login.scope(*report.permission) != "none"
        for path in (f"/reports/{key}", f"/reports/{key}/page", f"/reports/{key}/page?as_of=2026-05-31&language=zh"):
            assert prober.ask(path).status == (200 if may else 403), path


@pytest.mark.parametrize("name", ["a1", "branch_head"])
def test_a_large_export_is_written_as_whoever_asked_and_is_nobody_elses(
    company: Company, count_probes: None, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr(export_jobs, "AT_ONCE", {"csv": 0, "xlsx": 0})
    login = next(one for one in company.logins if one.name == name)
    prober, app = Prober(company, login), company.world.app
    for view in (company.screens["CustomerView"], company.screens["LoanView"]):
        for fmt in ("csv", "xlsx"):
            assert prober.ask(f"{base(view)}/export/{fmt}", "POST").status == 302
            with app.app_context(), acting(SYSTEM):
                for job_id in jobs.due():
                    jobs.run(job_id)
                row = db.session.scalars(
                    select(export_jobs.ExportJob).order_by(export_jobs.ExportJob.id.desc())
                ).first()
                assert row is not None and row.file_id is not None
                number = row.id
            answer = prober.ask(f"/exports/{number}/file")
            assert answer.status == 200
            if fmt == "csv":
                assert len(first_column(answer.text)) == len(company.inside(login, view, "export"))
            for other in company.logins:
                if other.name != name:
                    assert Prober(company, other).same("/exports/{}/file", number).status == 404


TEXTS: dict[str, Any] = {"pairs": [], "to": "2026-06-15", "day": "2026-05-31"}


def test_every_job_on_somebodys_behalf_stays_within_that_persons_reach(company: Company, count_probes: None):
    """Each job, with ids that lie outside the reach of whoever it runs for: nothing but the job's own row changes."""
    app = company.world.app
    assert jobs.functions
    with app.app_context(), acting(SYSTEM):
        before = fingerprint()
        for name, function in jobs.functions.items():
            wanted = list(python.signature(function).parameters)[1:]
            given = {n: 1 if n.endswith("_id") else TEXTS.get(n, "en") for n in wanted}
            for login in ("hr", "b1"):
                with acting(actor_for_username(login)):
                    number = jobs.submit(name, **given).id
                jobs.run(number)
                Prober.probes += 1
                ended = db.session.get(jobs.Job, number, populate_existing=True)
                assert ended is not None and ended.state == jobs.JobState.FAILED, (name, login, ended.result)
                assert "Something went wrong" not in ended.message, (name, ended.message)
        assert fingerprint() == before


def test_every_registered_screen_was_walked(company: Company):
    """The walk reads the registry; this says aloud how much that is."""
    assert len(company.screens) >= 15
    assert {login.name for login in company.logins} == set(LOGINS)
    assert {"all", "branch", "team", "self", "none"} <= {
        login.scope(view.resource, "list") for login in company.logins for _n, view in screens(company)
    }
