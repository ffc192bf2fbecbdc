"""Signing in: the password, the lock, the session in the register, and what ends it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from portal.core.accounts import events, lockout, passwords
from portal.core.accounts.forgetting import forget
from portal.core.accounts.sessions import COOKIE, AccountSession
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.organization import users
from portal.organization.models import Staff
from portal.parameters.services import set_parameter
from tests.portal.core.accounts.conftest import Browser, audited, user_id, words
from tests.world import PASSWORD, TODAY, World

New = Callable[[], Browser]


def test_the_right_password_opens_a_session_and_is_written_down(world: World, browser: New) -> None:
    visitor = browser()
    assert visitor.sign_in("risk").status_code == 302
    assert visitor.is_in
    entry = audited(world, "account.login")[-1]
    assert (entry["actor"], entry["subject"], entry["way"]) == ("risk", user_id(world, "risk"), "password")
    assert "Signed in" in visitor.text("/account/")


def test_a_wrong_password_tells_no_more_than_a_name_that_nobody_has(
    world: World, browser: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    right = passwords.check_password_hash
    monkeypatch.setattr(passwords, "check_password_hash", lambda *given: checked.append(1) or right(*given))
    answers = []
    for name in ("finance", "nobody-at-all"):
        answer = browser().sign_in(name, "not the password")
        answers.append(
            (answer.status_code, re.sub(r'(?:nonce|value|content)="[^"]*"', "", words(answer)).replace(name, ""))
        )
        assert len(checked) == len(answers), "each costs one hash"
    assert answers[0] == answers[1]
    assert "Wrong user name or password." in answers[0][1]
    assert audited(world, "account.login_failed")[-1]["outcome"] == "wrong_password"


def test_too_many_wrong_attempts_lock_for_growing_times(
    browser: New, pass_time: Callable[..., None], world: World
) -> None:
    for _attempt in range(4):
        assert "Too many" not in words(browser().sign_in("a1", "wrong"))
    assert "Try again in 1 minute." in words(browser().sign_in("a1", "wrong"))
    locked = browser()
    assert "Try again in" in words(locked.sign_in("a1"))
    assert not locked.is_in
    assert audited(world, "account.locked")[-1]["subject"] == user_id(world, "a1")
    pass_time(seconds=61)
    assert "Try again in 2 minutes." in words(browser().sign_in("a1", "wrong"))
    pass_time(seconds=61)
    assert re.search(r"Try again in \d+ seconds\.", words(browser().sign_in("a1")))
    pass_time(seconds=61)
    visitor = browser()
    visitor.sign_in("a1")
    assert visitor.is_in
    assert "Too many" not in words(browser().sign_in("a1", "wrong")), "a right password begins anew"


def test_a_name_that_nobody_has_is_locked_alike(browser: New) -> None:
    for _attempt in range(5):
        answer = browser().sign_in("no such name", "wrong")
    assert "Try again in 1 minute." in words(answer)
    assert "Try again in" in words(browser().sign_in("NO SUCH name", "wrong"))


def test_an_address_is_locked_whatever_names_it_tries(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        for number in range(30):
            assert lockout.begin(f"name:{number}", "203.0.113.9") == 0
        assert lockout.begin("name:another", "203.0.113.9") > 0
        assert lockout.begin("name:another", "203.0.113.10") == 0
        lockout.clear("203.0.113.9", lockout.ADDRESS)
        assert lockout.begin("name:another", "203.0.113.9") == 0


def test_attempts_at_the_same_moment_get_no_further_than_in_a_row(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def attempt(_number: int) -> int:
        with world.app.app_context(), acting(SYSTEM):
            return lockout.begin("name:hammered", "")

    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(attempt, range(16)))
    assert waits.count(0) == 5


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 60), (6, 120), (8, 480), (50, 3600), (5000, 3600)]
)
def test_the_wait_doubles_up_to_the_longest(failures: int, seconds: int) -> None:
    assert lockout.delay(failures, free=5, first=60, longest=3600) == seconds


def test_the_administrator_unlocks(world: World, browser: New) -> None:
    for _attempt in range(5):
        browser().sign_in("a2", "wrong")
    administrator = browser()
    administrator.sign_in("administrator")
    page = administrator.text(f"/accounts/{user_id(world, 'a2')}")
    assert "Too many attempts" in page
    assert "Unlock" in page
    administrator.post(f"/accounts/{user_id(world, 'a2')}/unlock")
    visitor = browser()
    visitor.sign_in("a2")
    assert visitor.is_in


def test_a_closed_login_and_one_whose_person_left_stay_out(world: World, browser: New) -> None:
    with world.app.app_context(), acting(SYSTEM):
        users.set_active("hr", False)
    refused = browser()
    assert "Wrong user name or password." in words(refused.sign_in("hr"))
    assert not refused.is_in
    assert audited(world, "account.login_failed")[-1]["outcome"] == "closed"


def test_leaving_ends_sessions_and_keys_at_once(world: World, browser: New) -> None:
    visitor = browser()
    visitor.sign_in("b1")
    key = re.search(
        r"data-key>(glk_[\w-]+)<", words(visitor.post("/account/keys/add", name="job", scope="read", days="30"))
    )
    assert key
    bearer = {"Authorization": f"Bearer {key[1]}"}
    assert browser().get("/api/v1/loan/", **bearer).status_code == 200

    def leaving(day: dt.date | None) -> None:
        with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.leaving"):
            db.session.execute(update(Staff).where(Staff.id == world.staff["b1"]).values(left_on=day))

    leaving(TODAY)
    assert visitor.is_in, "the last day at work"
    leaving(TODAY - dt.timedelta(days=1))
    try:
        assert not visitor.is_in
        assert browser().get("/api/v1/loan/", **bearer).status_code == 401
        refused = browser()
        refused.sign_in("b1")
        assert not refused.is_in
    finally:
        leaving(None)
    assert not visitor.is_in, "an ended session does not come back"


def test_a_session_without_activity_ends_and_says_why(
    world: World, browser: New, pass_time: Callable[..., None]
) -> None:
    visitor = browser()
    visitor.sign_in("risk")
    pass_time(minutes=29)
    assert visitor.is_in
    pass_time(minutes=29)
    assert visitor.is_in, "activity moved the end on"
    pass_time(minutes=31)
    assert visitor.get("/account/").status_code == 302
    assert "nothing happened for a while" in visitor.text("/login/")


def test_what_a_page_asks_by_itself_keeps_no_session_alive(browser: New, pass_time: Callable[..., None]) -> None:
    visitor = browser()
    visitor.sign_in("risk")
    for _minute in range(4):
        pass_time(minutes=10)
        visitor.get("/notifications/count")
    assert not visitor.is_in


def test_a_session_ends_at_its_longest_whatever_happens(browser: New, pass_time: Callable[..., None]) -> None:
    visitor = browser()
    visitor.sign_in("risk")
    for _part in range(24):
        pass_time(minutes=19)
        assert visitor.is_in
    pass_time(minutes=25)
    assert not visitor.is_in
    assert "longest duration" in visitor.text("/login/")


def test_the_last_activity_is_written_at_most_once_a_minute(
    world: World, browser: New, pass_time: Callable[..., None]
) -> None:
    visitor = browser()
    visitor.sign_in("compliance")

    def seen() -> dt.datetime:
        with world.app.app_context(), acting(SYSTEM):
            found = select(AccountSession.seen_at).where(AccountSession.user_id == user_id(world, "compliance"))
            return db.session.scalars(found.order_by(AccountSession.id.desc())).first()  # type: ignore[return-value]

    first = seen()
    visitor.get("/account/")
    assert seen() == first
    pass_time(minutes=2)
    visitor.get("/account/")
    assert seen() > first


def test_one_session_or_all_others_are_ended_from_another_device(world: World, browser: New) -> None:
    desk, phone, lost = browser(), browser(), browser()
    for visitor in (desk, phone, lost):
        visitor.sign_in("committee")
    ids = re.findall(r'name="id" value="(\d+)"', desk.text("/account/"))
    assert len(ids) == 2
    desk.post("/account/sessions/end", id=ids[0])
    assert [phone.is_in, lost.is_in].count(True) == 1
    assert "ended from another device" in (lost.text("/login/") + phone.text("/login/"))
    desk.post("/account/sessions/end")
    assert desk.is_in
    assert not phone.is_in
    assert not lost.is_in
    assert audited(world, "account.session_revoked")[-1]["sessions"] == 1


def test_nobody_ends_a_session_of_somebody_else_by_its_number(world: World, browser: New) -> None:
    victim, attacker = browser(), browser()
    victim.sign_in("committee")
    attacker.sign_in("team_lead")
    with world.app.app_context(), acting(SYSTEM):
        ids = db.session.scalars(select(AccountSession.id).where(AccountSession.user_id == user_id(world, "committee")))
        for number in list(ids):
            attacker.post("/account/sessions/end", id=str(number))
    assert victim.is_in
    assert attacker.get(f"/accounts/{user_id(world, 'committee')}").status_code == 403


def test_the_administrator_ends_anybodys_sessions_and_the_auditor_only_looks(world: World, browser: New) -> None:
    victim, administrator, auditor = browser(), browser(), browser()
    victim.sign_in("risk")
    administrator.sign_in("administrator")
    auditor.sign_in("audit")
    page = f"/accounts/{user_id(world, 'risk')}"
    assert "End all" in administrator.text(page)
    assert "End all" not in auditor.text(page)
    assert auditor.post(f"{page}/sessions/end", id="all").status_code == 403
    assert victim.is_in
    administrator.post(f"{page}/sessions/end", id="all")
    assert not victim.is_in


def test_signing_out_ends_the_session_on_the_server_too(world: World, browser: New) -> None:
    visitor, thief = browser(), browser()
    visitor.sign_in("risk")
    stolen = visitor.client.get_cookie("session")
    assert stolen
    visitor.get("/logout/")
    thief.client.set_cookie("session", stolen.value)
    assert not thief.is_in
    assert audited(world, "account.logout")[-1]["actor"] == "risk"


def test_tampered_and_made_up_cookies_are_nobodys(world: World, browser: New) -> None:
    visitor = browser()
    visitor.sign_in("risk")
    cookie = visitor.client.get_cookie("session")
    assert cookie
    broken = browser()
    broken.client.set_cookie("session", cookie.value[:-4] + "AAAA")
    assert not broken.is_in
    for made_up in ({}, {COOKIE: "made-up"}, {COOKIE: ""}):
        forged = browser()
        with forged.client.session_transaction() as session:
            session.update({"_user_id": str(user_id(world, "risk")), "_fresh": True, **made_up})
        assert forged.get("/account/").status_code == 302
        assert "This session is not valid" in forged.text("/login/")
    other = browser()
    with other.client.session_transaction() as session:
        session.update({**visitor.cookie(), "_user_id": str(user_id(world, "administrator"))})
    assert not other.is_in, "a session opens only for its own login"


def test_after_signing_in_one_goes_only_to_pages_of_this_portal(browser: New) -> None:
    assert browser().sign_in("risk", to="/login/?next=/glossary/").headers["Location"].endswith("/glossary/")
    for outside in ("https://evil.example/", "//evil.example", "https:evil.example", "\\\\evil.example"):
        answer = browser().sign_in("risk", to=f"/login/?next={outside}")
        assert "evil" not in answer.headers["Location"], outside


def test_the_policy_is_read_from_dated_parameters(world: World, browser: New, pass_time: Callable[..., None]) -> None:
    def idle(minutes: str) -> None:
        with world.app.app_context(), acting(SYSTEM):
            set_parameter("account.idle_minutes", minutes, TODAY, "tests")

    idle("5")
    visitor = browser()
    visitor.sign_in("risk")
    idle("30")
    pass_time(minutes=6)
    assert not visitor.is_in


def test_log_ins_are_forgotten_after_half_a_year_and_a_little(
    world: World, browser: New, pass_time: Callable[..., None]
) -> None:
    browser().sign_in("audit")
    browser().sign_in("audit", "wrong")
    owner = user_id(world, "audit")
    with world.app.app_context(), acting(SYSTEM):
        pass_time(days=189)
        forget()
        outcomes = {row.outcome.value for row in events.latest(owner)}
        assert outcomes == {"signed_in", "wrong_password"}
        pass_time(days=3)
        assert forget() > 0
        assert events.latest(owner) == []
        assert forget() == 0
    assert audited(world, "account.login")


def test_what_is_typed_outlives_idle_time(world: World, browser: New, pass_time: Callable[..., None]) -> None:
    """A form in progress when the session runs out comes back with everything typed, through the log-in."""
    visitor = browser()
    visitor.sign_in("branch_head")
    address = f"/customerview/edit/{world.customers['C-A-a1-1']}"
    page = visitor.text(address)
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    fields |= {m[1]: m[0] for m in re.findall(r'value="([^"]*)"[^>]*name="([^"]+)"', page)}
    pass_time(minutes=31)
    asked = visitor.client.post(address, data={**fields, "name": "typed with care"}, headers={"Accept-Language": "en"})
    assert asked.status_code == 401
    kept = re.search(r'name="kept" value="([^"]*)"', words(asked))
    assert kept
    back = visitor.post(f"/login/?next={address}", username="branch_head", password=PASSWORD, kept=kept[1])
    assert "You are signed in again" in words(back)
    form = visitor.post(address, kept=kept[1])
    assert 'value="typed with care"' in words(form)
