"""The "why?" screen: what can be asked and how, and that the answer names role, grant, scope, version and fields."""

from __future__ import annotations

import re
from html import unescape

from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.access import rules, services, tables
from portal.access.rules import Change
from portal.core.accounts import lockout
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.organization import users
from portal.parameters.services import set_parameter
from tests.world import TODAY, World


def user_id(company: World, name: str) -> int:
    with company.app.app_context():
        return int(db.session.scalars(select(User.id).where(User.username == name)).one())


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    response = client.get(address + ("&" if "?" in address else "?") + "_l_=en")
    assert response.status_code == status, (address, response.status_code)
    return unescape(response.get_data(as_text=True))


def answer(html: str) -> str:
    """The sentence and the chain, without tags."""
    text = html.split('class="section why-answer"')[1].split("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_one_sentence_names_role_grant_scope_and_rule(company: World):
    client, a2 = company.login("audit"), user_id(company, "a2")
    asked = f"/why/?sent=1&login={a2}&screen=CustomerView&action=show&record="
    told = answer(page(client, asked + "C-A-a1-0"))
    assert (
        "a2 may not, because the role “Customer manager” grants “Customers: Open records” only for what the person "
        "looks after: this record is looked after by a1"
    ) in told
    assert "Customer manager: Own only as delivered" in told
    assert "Branch: branch-A" in told
    assert "Team: team-TA" in told
    assert "Phone: Masked" in told
    own = answer(page(client, asked + str(company.customers["C-A-a2-0"])))
    assert "a2 may, because the role “Customer manager”" in own


def test_a_row_that_belongs_to_its_parent_says_so(company: World):
    client, a1 = company.login("audit"), user_id(company, "a1")
    told = answer(page(client, f"/why/?sent=1&login={a1}&screen=InstalmentView&record=1"))
    assert "It belongs to whoever looks after" in told
    assert "LOAN-A-a1-0" in told


def test_an_address_says_screen_action_and_record(company: World):
    client, a1 = company.login("audit"), user_id(company, "a1")
    key = company.customers["C-A-a2-1"]
    for address in (f"/customerview/edit/{key}", f"https://portal.example/customerview/edit/{key}%3Flist=x"):
        told = answer(page(client, f"/why/?sent=1&login={a1}&record={address}"))
        assert "“Customers: Change”" in told
        assert "looked after by a2" in told
    told = answer(page(client, f"/why/?sent=1&login={a1}&record=/roles/"))
    assert "no role of this login grants “Roles: See lists”" in told
    wrong = page(client, f"/why/?sent=1&login={a1}&record=/nowhere", 422)
    assert "No screen of the portal has this address." in wrong
    assert 'value="/nowhere"' in wrong


def test_what_is_missing_or_unknown_is_said_at_its_field_and_nothing_is_lost(company: World):
    client, a1 = company.login("audit"), user_id(company, "a1")
    html = page(client, "/why/?sent=1&record=C-1", 422)
    assert "Choose a login." in html
    assert 'value="C-1"' in html
    assert "Choose a screen, or paste" in page(client, f"/why/?sent=1&login={a1}", 422)
    assert "There is no such login." in page(client, "/why/?sent=1&login=987654", 422)
    assert "There is no such screen." in page(client, f"/why/?login={a1}&screen=Nothing", 422)
    html = page(client, f"/why/?sent=1&login={a1}&screen=LoanView&action=approve", 422)
    assert "“Loans” has no action “Approve”; it has: See lists" in html
    html = page(client, f"/why/?sent=1&login={a1}&screen=RoleView&record=4", 422)
    assert "This screen has no records" in html
    assert "why-answer" not in page(client, "/why/")


def test_what_a_changed_role_says_is_told_with_its_version(company: World):
    with company.app.test_request_context(), acting(SYSTEM):
        set_parameter("access.four_eyes", "off", TODAY, "a test")
        held = tables.table_of("customer_manager")
        wider = rules.apply(held, [Change("grants", ("Customer", "show"), "self", "team")])
        services.propose("customer_manager", wider, "Teams stand in for each other", 0)
        also = rules.apply(wider, [Change("grants", ("Loan", "show"), "self", "team")])
        services.propose("customer_manager", also, "Loans as well", 1)
    client, a2 = company.login("audit"), user_id(company, "a2")
    told = answer(page(client, f"/why/?sent=1&login={a2}&screen=CustomerView&record=C-A-a1-0"))
    assert "a2 may, because the role “Customer manager” grants" in told
    assert "for the own team, and the record belongs to the person's team team-TA of branch-A" in told
    assert re.search(r"Own team since version 1 of \d{4}-\d\d-\d\d: Teams stand in for each other", told)
    told = answer(page(client, f"/why/?sent=1&login={a2}&screen=LoanView&record=LOAN-A-a1-0"))
    assert "since version 2" in told
    assert "as delivered" in answer(page(client, f"/why/?sent=1&login={a2}&screen=GridView"))


def test_the_widest_of_several_roles_counts_and_the_others_are_listed(company: World):
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a2", ["customer_manager", "team_lead", "hr"])
    client, a2 = company.login("audit"), user_id(company, "a2")
    told = answer(page(client, f"/why/?sent=1&login={a2}&screen=CustomerView&record=C-A-a1-0"))
    assert "a2 may, because the role “Team lead” grants" in told
    assert "Customer manager: Own only" in told
    assert "HR officer: does not grant it" in told


def test_a_closed_and_a_locked_login_are_told_apart(company: World):
    a2 = user_id(company, "a2")
    client, asked = company.login("audit"), f"/why/?sent=1&login={a2}&screen=CustomerView"
    with company.app.app_context(), acting(SYSTEM):
        users.set_active("a2", False)
    try:
        assert "a2 may not, because the login is closed." in answer(page(client, asked))
    finally:
        with company.app.app_context(), acting(SYSTEM):
            users.set_active("a2", True)
            for _attempt in range(8):
                lockout.begin(lockout.subject_of(a2, ""), "")
    told = answer(page(client, asked))
    assert "a2 may, because" in told
    assert "Locked after wrong passwords cannot sign in for" in told
    with company.app.app_context(), acting(SYSTEM):
        lockout.clear(lockout.subject_of(a2, ""))


def test_logins_are_found_by_name_and_by_role(company: World):
    client = company.login("compliance")
    found = client.get("/why/logins?q=a").get_json()["results"]
    assert {row["text"] for row in found} >= {"a1 (a1)", "a2 (a2)", "audit (audit)"}
    of_role = client.get("/why/logins?role=team_lead").get_json()["results"]
    assert [row["text"] for row in of_role] == ["team_lead (team_lead)"]
    assert client.get("/why/logins?q=%25").get_json()["results"] == []
    for login in ("branch_head", "hr"):
        assert company.login(login).get("/why/logins").status_code == 403
        assert company.login(login).get("/why/").status_code == 403


def test_ways_to_it_stand_on_logins_roles_and_records_for_those_who_may(company: World):
    a1, key = user_id(company, "a1"), company.customers["C-A-a1-0"]
    audit, lead = company.login("audit"), company.login("team_lead")
    assert f'href="/why/?login={a1}"' in page(audit, f"/userview/show/{a1}")
    assert 'href="/why/?role=team_lead"' in page(audit, "/roles/role/team_lead")
    assert f"/why/?screen=CustomerView&record={key}" in page(audit, f"/customerview/show/{key}")
    assert "/why/" not in page(lead, f"/customerview/show/{key}")
