"""Passwords: what they must be like, when they are changed, and that the old ones stay away."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from portal.core.accounts import passwords
from portal.core.accounts.policy import Policy
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.scope import SYSTEM, acting
from portal.organization import users
from tests.portal.core.accounts.conftest import Browser, audited, user_id, words
from tests.world import PASSWORD, World

New = Callable[[], Browser]
RULES = Policy(password_length=10, password_kinds=2)


@pytest.mark.parametrize(
    ("password", "words_of_problem"),
    [
        ("short1", "at least 10"),
        ("onlysmallletters", "2 kinds"),
        ("Password2026!", "tried first"),
        ("1234567890!!", "tried first"),
        ("aaaaaaaaaaa1", "tried first"),
        ("Woaini1314520", "tried first"),
        ("zhangsan-and-tea", "user name"),
        ("x1" * 200, "at most 256"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused_with_the_reason(
    world: World, password: str, words_of_problem: str
) -> None:
    with world.app.test_request_context(headers={"Accept-Language": "en"}):
        assert any(words_of_problem in sentence for sentence in passwords.problems(password, "zhangsan", RULES))


@pytest.mark.parametrize("password", ["blue orchard 7", "苹果园在栖霞 2026", "correct-horse-battery", PASSWORD])
def test_a_password_that_is_not_easily_guessed_is_taken(world: World, password: str) -> None:
    with world.app.test_request_context():
        assert passwords.problems(password, "zhangsan", RULES) == []


def test_one_changes_the_own_password_with_the_present_one_and_other_sessions_end(world: World, browser: New) -> None:
    visitor, other = browser(), browser()
    visitor.sign_in("risk")
    other.sign_in("risk")
    fresh = {"password": "blue orchard 7", "repeated": "blue orchard 7"}
    assert "Wrong user name or password" in words(visitor.post("/account/password", current="not it", **fresh))
    assert "differ" in words(
        visitor.post("/account/password", current=PASSWORD, password="blue orchard 7", repeated="x")
    )
    assert "at least" in words(visitor.post("/account/password", current=PASSWORD, password="a1", repeated="a1"))
    assert visitor.post("/account/password", current=PASSWORD, **fresh).status_code == 302
    assert visitor.is_in
    assert not other.is_in
    old, new = browser(), browser()
    old.sign_in("risk")
    new.sign_in("risk", "blue orchard 7")
    assert not old.is_in
    assert new.is_in
    assert audited(world, "account.password")[-1]["password"] == "changed"


def test_former_passwords_do_not_come_back(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        user = users.find("finance")
        passwords.change(user, "blue orchard 1")
        for former in (PASSWORD, "blue orchard 1"):
            with pytest.raises(Refused, match="used before"):
                passwords.change(users.find("finance"), former)
        for number in range(2, 7):
            passwords.change(users.find("finance"), f"blue orchard {number}")
        kept = db.session.scalars(select(passwords.FormerPassword.id)).all()
        assert len(kept) == 5
        passwords.change(users.find("finance"), PASSWORD)  # long enough ago


def test_a_new_login_changes_its_password_before_anything_else(world: World, browser: New) -> None:
    with world.app.app_context(), acting(SYSTEM):
        name = "newcomer"
        users.add_user(name, "New", "Comer", f"{name}@example.test", ["risk"], "given by somebody 1")
    visitor = browser()
    visitor.sign_in(name, "given by somebody 1")
    for page in ("/", "/account/", "/loanview/list/", "/dashboards/portfolio/", "/search?q=x"):
        answer = visitor.get(page)
        assert answer.status_code == 302, page
        assert "/login/" in answer.headers["Location"], page
    assert visitor.get("/api/v1/loan/").status_code == 401
    assert "Choose a new password" in visitor.text("/login/step/")
    same = "given by somebody 1"
    assert "used before" in words(visitor.post("/login/password/", password=same, repeated=same))
    answer = visitor.post("/login/password/?next=/glossary/", password="my own pass 9", repeated="my own pass 9")
    assert answer.headers["Location"].endswith("/glossary/")
    assert visitor.is_in
    again = browser()
    again.sign_in(name, "my own pass 9")
    assert again.is_in


def test_a_password_that_is_too_old_is_changed(world: World, browser: New, pass_time: Callable[..., None]) -> None:
    with world.app.app_context(), acting(SYSTEM):
        passwords.change(users.find("hr"), "blue orchard 7")
    pass_time(days=91)
    visitor = browser()
    visitor.sign_in("hr", "blue orchard 7")
    assert not visitor.is_in
    assert "too old" in visitor.text("/login/step/")


def test_the_administrator_gives_a_password_for_once_with_a_reason(world: World, browser: New) -> None:
    holder, administrator = browser(), browser()
    holder.sign_in("approver")
    administrator.sign_in("administrator")
    address = f"/accounts/{user_id(world, 'approver')}/password"
    assert administrator.post(address, reason="").status_code == 422
    assert holder.is_in
    told = re.search(r"data-told>([^<]+)<", words(administrator.post(address, reason="forgot it")))
    assert told
    assert not holder.is_in
    holder.sign_in("approver", told[1])
    assert "Choose a new password" in holder.text("/login/step/")
    assert audited(world, "account.password")[-1]["reason"] == "forgot it"


def test_the_command_line_keeps_the_same_rules(world: World) -> None:
    from portal.organization.command import user

    run = world.app.test_cli_runner()
    with world.app.app_context(), acting(SYSTEM):
        answer = run.invoke(user, ["password", "hr"], input="password123\npassword123\n", standalone_mode=False)
        assert isinstance(answer.exception, Refused)
        before = users.find("hr").password
        answer = run.invoke(user, ["password", "hr"], input="blue orchard 8\nblue orchard 8\n", standalone_mode=False)
        assert answer.exception is None
        db.session.expire_all()
        assert users.find("hr").password != before
        assert passwords.must_be_changed(users.find("hr").id)
