"""Viewing as others: how it begins, whom it shows, and everything that ends it."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import func, select, update

from portal.access import viewing
from portal.core.accounts.viewings import Viewing, ViewingEnd
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.notifications import Notification, notify
from portal.core.recent import RecentRecord
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.view_as import NOBODYS
from portal.core.work import unit_of_work
from portal.organization import users
from portal.organization.models import Staff
from tests.world import TODAY, World

BANNER = "data-viewing"


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    response = client.get(address + ("&" if "?" in address else "?") + "_l_=en")
    text = unescape(response.get_data(as_text=True))
    assert response.status_code == status, (address, response.status_code, response.headers.get("Location"))
    return text


def send(client: FlaskClient, address: str, **data: str) -> tuple[int, str, str]:
    """POST with the token of the banner, or of a form of one's own."""
    pages = (client.get(path).get_data(as_text=True) for path in ("/help/HomeView", "/account/password"))
    token = next(found for html in pages if (found := re.search(r'name="csrf_token" value="([^"]+)"', html)))
    response = client.post(f"{address}?_l_=en", data={"csrf_token": token[1], **data})
    return response.status_code, unescape(response.get_data(as_text=True)), response.headers.get("Location", "")


def user_id(company: World, name: str) -> int:
    with company.app.app_context():
        return int(db.session.scalars(select(User.id).where(User.username == name)).one())


def begun(company: World, viewer: str = "administrator", login: str = "a1") -> FlaskClient:
    client = company.login(viewer)
    status, _html, where = send(client, f"/view-as/login/{user_id(company, login)}", reason="A question of a1")
    assert (status, where) == (302, "/")
    return client


def last(company: World) -> Viewing:
    with company.app.app_context():
        return db.session.scalars(select(Viewing).order_by(Viewing.id.desc()).limit(1)).one()


def test_from_the_page_of_a_login_to_its_rows_and_back(company: World):
    client, a1 = company.login("administrator"), user_id(company, "a1")
    assert f'href="/view-as/login/{a1}"' in page(client, f"/userview/show/{a1}")
    asked = page(client, f"/view-as/login/{a1}")
    assert "It ends after 30 minutes" in asked
    assert "Customer manager" in asked
    assert page(client, "/loanview/list/", 403)  # an administrator sees no loans
    status, html, _where = send(client, f"/view-as/login/{a1}", reason="  ")
    assert (status, "Please give a reason." in html) == (422, True)
    client = begun(company)
    html = page(client, "/loanview/list/")
    assert BANNER in html
    assert "You see the portal as a1 (a1)" in html
    assert set(re.findall(r"LOAN-[AB]-(\w\d)-\d", html)) == {"a1"}
    for address in ("/", "/customerview/list/", "/dashboards/portfolio/", "/search/?q=cust", "/help/LoanView"):
        assert BANNER in page(client, address), address
    assert BANNER in page(client, "/nowhere", 404)
    refused = page(client, f"/customerview/edit/{company.customers['C-A-a1-0']}", 403)
    assert BANNER in refused
    assert "You are only looking" in refused
    status, _html, where = send(client, "/view-as/stop")
    assert (status, where) == (302, f"/userview/show/{a1}")
    assert BANNER not in page(client, f"/userview/show/{a1}")
    assert page(client, "/loanview/list/", 403)
    assert last(company).end is ViewingEnd.STOPPED


def test_a_role_is_seen_where_somebody_with_it_works(company: World):
    client = company.login("administrator")
    assert 'href="/view-as/role/branch_head"' in page(client, "/roles/role/branch_head")
    form = page(client, "/view-as/role/team_lead")
    assert f'value="t{company.teams["TA"]}"' in form
    assert "Own only" not in form.split("view-as-terms")[1].split("</ul>")[0]
    assert "stays empty here" in page(client, "/view-as/role/customer_manager")
    status, html, _where = send(client, "/view-as/role/team_lead", reason="A question", place="")
    assert (status, "Choose where somebody" in html, 'value="A question"' in html) == (422, True, True)
    status, *_rest = send(client, "/view-as/role/team_lead", reason="A question", place=f"t{company.teams['TB']}")
    assert status == 302
    html = page(client, "/customerview/list/")
    assert set(re.findall(r"cust-[AB]-(\w\d)-\d", html)) == {"b1"}
    assert "You see the portal as Team lead" in html
    assert "team-TB" in html.split(BANNER)[1].split("</p>")[0]
    assert page(client, "/notifications/")
    assert page(client, "/userview/list/", 403)
    with company.app.app_context():
        assert not db.session.scalar(
            select(func.count()).select_from(RecentRecord).where(RecentRecord.user_id == NOBODYS)
        )
    send(client, "/view-as/stop")
    send(client, "/view-as/role/branch_head", reason="A question", place=f"b{company.branches['HO']}")
    html = page(client, "/customerview/list/")
    assert set(re.findall(r"cust-[AB]-(\w\d)-\d", html)) == {"a1", "a2", "b1"}  # of the head office: the company


def test_nothing_of_who_is_viewed_is_touched(company: World):
    a1 = user_id(company, "a1")
    with company.app.app_context(), acting(SYSTEM):
        notify([a1], "access.approved", "/", role="audit")
    client = begun(company)
    page(client, f"/customerview/show/{company.customers['C-A-a1-0']}")
    page(client, "/notifications/")
    page(client, "/notifications/panel")
    assert send(client, "/notifications/read")[0] == 403
    assert "tour" not in page(client, "/?tour=1").split("<main")[1].split("</main>")[0]
    with company.app.app_context():
        for user in (a1, user_id(company, "administrator")):
            opened = select(func.count()).select_from(RecentRecord).where(RecentRecord.user_id == user)
            assert db.session.scalar(opened.where(RecentRecord.screen == "CustomerView")) == 0
        unread = select(func.count()).select_from(Notification).where(Notification.user_id == a1)
        assert db.session.scalar(unread.where(Notification.read_at.is_(None))) == 1


def test_personal_data_stays_masked_and_cannot_be_revealed(company: World):
    client, key = begun(company), company.customers["C-A-a1-0"]
    html = page(client, f"/customerview/show/{key}")
    assert not re.search(r"1390000\d{4}", html)
    assert page(client, f"/customerview/reveal/{key}/phone", 403)
    assert send(client, f"/customerview/reveal/{key}/phone", reason="contact")[0] == 403


def test_only_who_has_the_right_begins_and_nobody_as_himself(company: World):
    a1 = user_id(company, "a1")
    for login in ("compliance", "branch_head", "hr"):
        client = company.login(login)
        assert page(client, f"/view-as/login/{a1}", 403)
        assert send(client, f"/view-as/login/{a1}", reason="a test")[0] == 403
        assert send(client, "/view-as/stop")[0] == 403
    own = company.login("audit")
    status, html, _where = send(own, f"/view-as/login/{user_id(company, 'audit')}", reason="a test")
    assert (status, "your own login" in html) == (409, True)
    assert page(own, "/view-as/login/987654", 404)
    assert page(own, "/view-as/role/nothing", 404)
    assert "/view-as/" not in page(company.login("compliance"), "/roles/role/branch_head")


def test_no_viewing_begins_within_a_viewing(company: World):
    client = begun(company, login="audit")  # who might view himself
    assert send(client, f"/view-as/login/{user_id(company, 'committee')}", reason="a test")[0] == 403
    assert page(client, f"/view-as/login/{user_id(company, 'committee')}", 403)


def test_it_ends_when_its_time_is_over(company: World):
    client = begun(company)
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.late"):
        db.session.execute(update(Viewing).values(ends_at=dt.datetime.now(dt.UTC)))
    response = client.get("/customerview/list/?_l_=en")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    html = page(client, "/")
    assert BANNER not in html
    assert "The time of viewing is over" in html
    assert last(company).end is ViewingEnd.EXPIRED


def test_a_script_is_told_by_status_that_the_viewing_is_over(company: World):
    client = begun(company)
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.late"):
        db.session.execute(update(Viewing).values(ends_at=dt.datetime.now(dt.UTC)))
    assert client.get("/api/v1/customer/").status_code == 403
    assert client.get("/api/v1/customer/").status_code == 403  # as an administrator, who sees no customers


def test_it_ends_when_who_is_viewed_leaves_or_is_closed(company: World):
    client = begun(company)
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.left"):
        db.session.get_one(Staff, company.staff["a1"]).left_on = TODAY - dt.timedelta(days=1)
    try:
        assert client.get("/loanview/list/").status_code == 302
        assert last(company).end is ViewingEnd.GONE
        status, html, _where = send(client, f"/view-as/login/{user_id(company, 'a1')}", reason="a test")
        assert (status, "it sees nothing" in html) == (409, True)
    finally:
        with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.back"):
            db.session.get_one(Staff, company.staff["a1"]).left_on = None
    client = begun(company, login="a2")
    with company.app.app_context(), acting(SYSTEM):
        users.set_active("a2", False)
    try:
        assert client.get("/loanview/list/").status_code == 302
        assert last(company).end is ViewingEnd.GONE
    finally:
        with company.app.app_context(), acting(SYSTEM):
            users.set_active("a2", True)


def test_it_ends_when_the_viewer_loses_the_right(company: World):
    client = begun(company, viewer="second")
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("second", ["hr"])
    assert client.get("/loanview/list/").status_code == 302
    assert "You may no longer view" in page(client, "/")
    assert last(company).end is ViewingEnd.WITHDRAWN
    assert page(client, "/loanview/list/", 403)


def test_signing_out_ends_it_and_the_trail_says_so_of_the_viewer(company: World):
    client = begun(company)
    assert client.get("/logout/").status_code == 302
    assert last(company).end is ViewingEnd.SIGNED_OUT
    with company.app.app_context(), acting(SYSTEM):
        entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(3)).all()
        told = {entry.verb: (entry.actor, entry.user_id) for entry in entries}
        admin = actor_for_username("administrator").user_id
    assert told["view_as.stop"] == ("administrator", admin)
    assert told["account.logout"] == ("administrator", admin)
    assert client.get("/loanview/list/").status_code in (302, 401)


def test_another_session_of_the_viewer_sees_as_himself(company: World):
    begun(company)
    other = company.login("administrator")
    assert BANNER not in page(other, "/roles/")
    assert page(other, "/loanview/list/", 403)


def test_a_second_click_leaves_one_viewing_open(company: World):
    """Two tabs that begin at once: the later counts, the earlier has ended."""
    client = begun(company)
    first = last(company)
    with company.app.app_context(), acting(actor_for_username_in(company, "administrator")):
        fresh = {
            "session_id": first.session_id,
            "reason": "again",
            "began_at": first.began_at,
            "ends_at": first.ends_at,
        }
        viewing.view_as.begin(Viewing(viewed_id=user_id(company, "b1"), **fresh), {"login": "b1"})
        open_ones = select(Viewing.viewed_id).where(Viewing.session_id == first.session_id, Viewing.ended_at.is_(None))
        assert db.session.scalars(open_ones).all() == [user_id(company, "b1")]
    assert "as b1 (b1)" in page(client, "/loanview/list/")


def actor_for_username_in(company: World, name: str):
    with acting(SYSTEM):
        return actor_for_username(name)


def test_the_duration_is_a_parameter(company: World):
    with company.app.app_context(), acting(SYSTEM):
        assert viewing.minutes() == 30
    begun(company)
    row = last(company)
    assert row.ends_at - row.began_at == dt.timedelta(minutes=30)
    assert row.reason == "A question of a1"


@pytest.mark.parametrize("place", ["b0", "t999", "x", "b", "1"])
def test_a_place_that_was_not_offered_is_refused_at_its_field(company: World, place: str):
    status, html, _where = send(company.login("audit"), "/view-as/role/risk", reason="a test", place=place)
    assert (status, "Choose where somebody" in html) == (422, True)
