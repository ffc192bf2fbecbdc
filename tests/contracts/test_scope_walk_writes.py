"""The walk with writing hands: what changes rows, adds them or moves them reaches none outside the scope."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from portal.core.db import db
from portal.core.saved_lists import SavedFilter
from portal.core.scope import SYSTEM, acting
from tests.contracts.owners import Company
from tests.contracts.visitor import Prober
from tests.contracts.walking import (
    base,
    each_login,
    foreign_keys,
    granted,
    rest,
    screen_of,
    screens,
    typical_logins,
)


@each_login
def test_writing_to_rows_of_others_is_answered_as_if_they_were_not_there(company: Company, prober: Prober):
    for _name, view in screens(company):
        for action, verbs in (("edit", _edits(view)), ("delete", _deletes(view))):
            if not verbs:
                continue
            may = granted(prober, view, action)
            outside = sorted(company.outside(prober.login, view, action))
            for foreign in {*outside[:1], *outside[-1:]}:
                for method, path, given in verbs:
                    answer = prober.same(path, foreign, method, **given)
                    assert answer.status == (404 if may else 403), (method, path, answer.status)
            if may and action == "edit" and not view.record_view:
                for row_id in sorted(company.inside(prober.login, view, "edit"))[:2]:
                    status = prober.ask(f"{rest(view)}{row_id}", "PUT", json={}).status
                    assert status in (200, 409), (rest(view), status)  # what was decided on may be closed to changes
        _actions(company, prober, view)


def _edits(view: Any) -> list[tuple[str, str, dict[str, Any]]]:
    if "edit" in (view.exclude_route_methods or ()) or not view.can_edit:
        return []
    found = [("POST", f"{base(view)}/edit/{{}}", {"data": {"name": "taken over", "version_seen": "1"}})]
    return found + [("PUT", f"{rest(view)}{{}}", {"json": {"name": "taken over", "version": 1}})] * (
        not view.record_view
    )


def _deletes(view: Any) -> list[tuple[str, str, dict[str, Any]]]:
    if "delete" in (view.exclude_route_methods or ()) or not view.can_delete:
        return []
    return [("POST", f"{base(view)}/delete/{{}}", {})] + [("DELETE", f"{rest(view)}{{}}", {})] * (not view.record_view)


def _actions(company: Company, prober: Prober, view: Any) -> None:
    """Actions on one row and on many, known and unknown ones, on rows that the action does not reach."""
    for name in [*view.actions, "run", "delete", "nothing"]:
        outside = sorted(company.outside(prober.login, view, name if name in view.actions else "list"))
        for foreign in outside[:1]:
            for path, given in (
                (f"{base(view)}/action/{name}/{{}}", {}),
                (f"{base(view)}/action_post", {"rowid": "{}"}),
            ):
                answer = prober.same(path, foreign, "POST", data={"action": name, **given})
                assert answer.status in (302, 403, 404), path


@typical_logins
def test_no_row_can_be_added_to_or_moved_into_somebody_elses_hands(company: Company, prober: Prober):
    for _name, view in screens(company):
        if view.record_view:
            continue
        for action, columns in (("add", view.add_columns), ("edit", view.edit_columns)):
            if action in (view.exclude_route_methods or ()) or not getattr(view, f"can_{action}"):
                continue
            may = granted(prober, view, action)
            mine = sorted(company.inside(prober.login, view, "edit"))
            if action == "edit" and not mine:
                continue
            method, path = ("POST", rest(view)) if action == "add" else ("PUT", f"{rest(view)}{mine[0]}")
            for name in columns:
                field = view.fields[name]
                if field.type != "ref" or field.readonly:
                    continue
                for foreign in foreign_keys(company, prober, field, view if action == "edit" else None):
                    filled = _filled(company, prober, view, columns) if action == "add" else {}
                    answer = prober.same(path, foreign, method, json={**filled, name: "{}"})
                    assert answer.status == (422 if may else 403), (path, name, answer.status, answer.text[:200])


def _filled(company: Company, prober: Prober, view: Any, columns: Any) -> dict[str, Any]:
    """Values for a new row, references within the scope."""
    found: dict[str, Any] = {}
    samples = {"money": "1.00", "rate": "1", "int": 1, "date": "2026-01-01", "bool": True, "code": "WALK-1"}
    for name in columns:
        field = view.fields[name]
        if field.readonly or not field.required:
            continue
        if field.type == "ref":
            target = screen_of(company, field.target)
            own = sorted(company.inside(prober.login, target, "list")) if target is not None else []
            found[name] = own[0] if own else None
        elif field.choices is not None:
            found[name] = next(iter(field.choices)).value
        else:
            found[name] = samples.get(field.type, "WALK-1")
    return found


@typical_logins
def test_bulk_edits_and_kept_filters_reach_no_row_of_others(company: Company, prober: Prober):
    for _name, view in screens(company):
        path = f"{base(view)}/bulk_edit"
        for name in view.bulk_fields or ("code",):
            outside = sorted(company.outside(prober.login, view, "edit"))
            for foreign in outside[:1]:
                common = {"field": name, "step": "preview", name: "1"}
                for more in ({"rowid": "{}"}, {"seen": "{}"}, {"all": "1"}):
                    prober.same(f"{path}?f.id.eq={{}}", foreign, "POST", data={**common, **more})
                confirm = {**common, "step": "confirm", "shown": "1", "seen": f"{foreign}:1"}
                assert prober.ask(path, "POST", data=confirm).status in (302, 403, 404, 422)
        with company.world.app.app_context(), acting(SYSTEM):
            theirs = db.session.scalars(
                select(SavedFilter.id).where(SavedFilter.name.not_like(f"%-{prober.login.name}-%"))
            ).all()
        for foreign in theirs:
            for method, verb in (("GET", "saved"), ("POST", "drop_filter")):
                answer = prober.same(f"{base(view)}/{verb}/{{}}", foreign, method)
                assert answer.status in (302, 403, 404)
