"""What "why?" says is what the portal does: every screen, every delivered role, rows inside and outside.

Held against three things that know nothing of it: owners compared by hand (owners.py), the session's row scope, and the
status with which the screen answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask import url_for
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.access import services, tables, why, why_view, why_words
from portal.access.explaining import Because
from portal.access.rules import Table
from portal.core import scope
from portal.core.db import db
from portal.core.offers import offers
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.organization import users
from portal.organization.models import Post, Staff
from portal.parameters.services import set_parameter
from tests.contracts.owners import Company
from tests.contracts.visitor import NOWHERE, VARYING
from tests.contracts.walking import NARROW
from tests.world import TODAY, World

ROW_ACTIONS = ("list", "show", "edit", "delete", "export", "reveal", "run")


def login_of(name: str) -> Any:
    return db.session.scalars(select(User).where(User.username == name)).one()


def some(ids: set[int]) -> list[int]:
    return sorted({min(ids), max(ids)}) if ids else []


def test_the_verdict_on_every_screen_and_row_is_what_owners_and_the_session_say(company: Company) -> None:
    told: set[Because] = set()
    asked = 0
    for login in company.logins:
        with company.world.app.test_request_context(), acting(SYSTEM):
            user, who = login_of(login.name), actor_for_username(login.name)
            for view in company.screens.values():
                for action in [a for a in ROW_ACTIONS if a in offers()[view.resource].actions]:
                    inside = company.inside(login, view, action)
                    outside = set(company.owners[view.model]) - inside
                    few = None if login.name in NARROW else 1
                    for key in [*some(inside)[:few], *some(outside)[:few]]:
                        found = why.answer(user, view, action, str(key))
                        asked += 1
                        told.add(found.verdict.because)
                        where = (login.name, view.resource, action, key, found.verdict)
                        elsewhere = found.verdict.because is Because.NO_RECORD and key in inside
                        if found.verdict.because is Because.SCREEN or elsewhere:
                            assert type(view).base_statement is not scope_free(view), where
                            continue
                        assert found.verdict.may is (key in inside), where
                        with acting(who, view.resource, action):
                            row = db.session.get(view.model, key)
                            seen = row is not None and who.may(view.resource, action)
                        assert found.verdict.may is seen, where
                        assert "(not shown" not in why_words.sentence(found), where
    assert asked > 1000
    assert told >= {
        *(Because.COMPANY, Because.NOBODYS, Because.IN_BRANCH, Because.OUTSIDE_BRANCH, Because.IN_TEAM, Because.OWN),
        *(Because.OTHER_MANAGER, Because.NOT_GRANTED),
    }


def scope_free(view: Any) -> Any:
    """The statement of a screen that shows its whole table."""
    return next(vars(c)["base_statement"] for c in reversed(type(view).__mro__) if "base_statement" in vars(c))


@pytest.mark.parametrize("login", ["branch_head", "team_lead", "a1", "b1", "administrator", "finance", "hr", "audit"])
def test_the_verdict_is_how_the_screen_answers(company: Company, login: str) -> None:
    client = company.world.login(login)
    one = next(known for known in company.logins if known.name == login)
    statuses: set[int] = set()
    with company.world.app.app_context():
        offered = offers()
    for view in company.screens.values():
        for action, method in (("show", "show"), ("edit", "edit")):
            if action not in offered[view.resource].actions or method in (view.exclude_route_methods or ()):
                continue
            inside = company.inside(one, view, action)
            for key in [*some(inside)[:1], *some(set(company.owners[view.model]) - inside)[:1]]:
                with company.world.app.test_request_context(), acting(SYSTEM):
                    found = why.answer(login_of(login), view, action, str(key))
                    address = url_for(f"{view.endpoint}.{method}", pk=key)
                response = client.get(address)
                response.close()
                statuses.add(response.status_code)
                assert (response.status_code == 200) is found.verdict.may, (
                    address,
                    response.status_code,
                    found.verdict,
                )
                not_granted = found.verdict.because is Because.NOT_GRANTED
                assert (response.status_code == 403) is not_granted, (address, response.status_code, found.verdict)
    assert statuses >= {200, 403}


def test_pages_without_records_are_told_as_they_answer(world: World) -> None:
    with world.app.test_request_context():
        pages = [
            (name, view, url_for(f"{view.endpoint}.{view.default_view}"))
            for name, view in why_view._askable().items()
            if getattr(view, "model", None) is None
        ]
    assert {name for name, _view, _address in pages} >= {"RoleView", "WhyView", "PortfolioDashboardView"}
    for login in ("administrator", "customer_manager", "branch_head", "hr", "audit"):
        client = world.login(login)
        for name, view, address in pages:
            with world.app.test_request_context(), acting(SYSTEM):
                action = why_view.task_of(view, view.default_view)[1]
                may = why.answer(login_of(login), view, action).verdict.may
            response = client.get(address)
            response.close()
            assert (response.status_code == 200) is may, (login, name, response.status_code)


# ---- the asker is told no more than he may see -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def asking(world: World) -> Iterator[World]:
    """Logins who may ask: `asker` sees branch A only, `blind` sees all customers but not who looks after them."""
    with world.app.test_request_context(), acting(SYSTEM):
        set_parameter("access.four_eyes", "off", TODAY, "a test")
        local = dict(tables.table_of("branch_head").grants)
        services.propose("local", Table("local", grants={**local, ("Role", "show"): "all"}), "a test", 0)
        wide = {("Customer", a): "all" for a in ("list", "show")} | {("Role", "show"): "all"}
        services.propose("wide", Table("wide", grants=wide, masks={("Customer", "manager"): "hidden"}), "a test", 0)
        users.add_user("asker", "asker", "", "asker@example.test", ["local"], "a good password")
        users.add_user("blind", "blind", "", "blind@example.test", ["wide"], "a good password")
        with unit_of_work("tests.asker"):
            place = {"branch_id": world.branches["A"], "user_id": login_of("asker").id}
            db.session.add(Staff(code="S-asker", name="asker", post=Post.CUSTOMER_MANAGER, **place))
    yield world


def ask(world: World, asker: str, login: str, screen: str, record: object, action: str = "show") -> str:
    with world.app.app_context():
        user_id = login_of(login).id
    response = world.login(asker).get(
        f"/why/?_l_=en&sent=1&login={user_id}&screen={screen}&action={action}&record={record}"
    )
    assert response.status_code == 200, response.status_code
    return unescape(response.get_data(as_text=True))


def verdict(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page.split('id="verdict">')[1].split("</p>")[0]).strip()


def like(page: str, asked: object) -> str:
    """The page's own part, but for what was typed and what varies between two answers."""
    page = page.split("<main", 1)[1].split("</main>")[0].replace(f'name="record" value="{asked}"', "")
    for pattern in VARYING:
        page = pattern.sub("", page)
    return page


def test_a_record_outside_the_askers_area_is_answered_like_one_that_does_not_exist(asking: World) -> None:
    for screen, outside in (
        ("CustomerView", asking.customers["C-B-b1-1"]),
        ("LoanView", asking.loans["LOAN-B-b1-1"]),
        ("BranchView", asking.branches["B"]),
    ):
        for login in ("b1", "a1", "branch_head", "committee", "administrator"):
            there, missing = (ask(asking, "asker", login, screen, key) for key in (outside, NOWHERE))
            assert like(there, outside) == like(missing, NOWHERE), (screen, login)
            assert not re.search(r"[CG]-B-b1|cust-B|branch-B|team-TB", there), (screen, login)
    by_code, no_code = (ask(asking, "asker", "b1", "LoanView", code) for code in ("LOAN-B-b1-1", "LOAN-B-b1-9"))
    assert like(by_code, "LOAN-B-b1-1") == like(no_code, "LOAN-B-b1-9")


def test_no_such_record_is_told_only_to_who_sees_all(asking: World) -> None:
    assert "there is no such record" in verdict(ask(asking, "audit", "a1", "CustomerView", NOWHERE))
    assert "depends" in verdict(ask(asking, "asker", "a1", "CustomerView", NOWHERE))
    assert "no such record" not in ask(asking, "asker", "a1", "CustomerView", NOWHERE)


def test_an_administrator_who_sees_no_loans_learns_nothing_of_one(asking: World) -> None:
    own, other = asking.loans["LOAN-A-a1-0"], asking.loans["LOAN-B-b1-0"]
    pages = [ask(asking, "administrator", "a1", "LoanView", key) for key in (own, other, NOWHERE)]
    assert len({like(p, k) for p, k in zip(pages, (own, other, NOWHERE), strict=True)}) == 1
    assert "It depends on whose record it is" in verdict(pages[0])
    assert "May not" in verdict(ask(asking, "administrator", "hr", "LoanView", own))
    assert "whichever record it is" in verdict(ask(asking, "administrator", "committee", "LoanView", own))


def test_the_verdict_does_not_tell_an_owner_that_is_hidden_from_the_asker(asking: World) -> None:
    pages = [ask(asking, "blind", login, "CustomerView", asking.customers["C-A-a1-0"]) for login in ("a1", "a2")]
    assert all("It depends" in verdict(page) for page in pages)
    of_branch = ask(asking, "blind", "branch_head", "CustomerView", asking.customers["C-A-a1-0"])
    assert "and the record belongs to" in verdict(of_branch)  # the branch is told, the manager is not
    assert "Customer manager:" not in of_branch
    assert "Customer manager: a1" in ask(asking, "audit", "branch_head", "CustomerView", "C-A-a1-0")
    assert "a1 may," in verdict(ask(asking, "audit", "a1", "CustomerView", "C-A-a1-0"))
    assert "looked after by a1" in verdict(ask(asking, "audit", "a2", "CustomerView", "C-A-a1-0"))


def test_a_row_of_a_parent_the_asker_may_not_see_is_not_told(asking: World) -> None:
    """Whoever reads instalments, but no loans, learns from no answer whose loan it is."""
    with asking.app.test_request_context(), acting(SYSTEM):
        view, user = asking.app.extensions["screens"]["InstalmentView"], login_of("a1")
        key = str(db.session.scalar(select(view.pk).order_by(view.pk).limit(1)))
        grants = {("Instalment", "list"): "all", ("Instalment", "show"): "all"}
        with acting(scope.Actor("reader", user_id=1, grants=grants), "Role", "show"):
            assert why.answer(user, view, "show", key).verdict.because is Because.UNTOLD
        with acting(scope.Actor("reader", user_id=1, grants={**grants, ("Loan", "list"): "all"}), "Role", "show"):
            found = why.answer(user, view, "show", key)
            assert found.verdict.because in (Because.OWN, Because.OTHER_MANAGER)
            assert "LOAN-" in str(found.parent)
