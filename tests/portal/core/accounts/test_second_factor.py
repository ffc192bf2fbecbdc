"""The second factor: set up, used once per code, replaced by recovery codes, asked for by role."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import select

from portal.core.accounts import second_factor
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.parameters.services import set_parameter
from tests.portal.core.accounts.conftest import Browser, audited, user_id, words
from tests.world import PASSWORD, TODAY, World

New = Callable[[], Browser]


def shown(page: str) -> tuple[str, str]:
    """(the secret in letters, the sealed one) of a page that sets an authenticator up."""
    secret = re.search(r'<code class="secret">([A-Z2-7]+)</code>', page)
    sealed = re.search(r'name="secret" value="([^"]+)"', page)
    assert secret and sealed
    assert "<svg" in page
    return secret[1], sealed[1]


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(int(second_factor.now().timestamp()) // 30 + steps)


def with_factor(visitor: Browser, name: str) -> tuple[str, list[str]]:
    """Sign in and set an authenticator up; its secret and the recovery codes."""
    visitor.sign_in(name)
    secret, sealed = shown(visitor.text("/account/second-factor"))
    page = words(visitor.post("/account/second-factor", secret=sealed, code=code_of(secret, -1)))
    codes = re.findall(r"<li>(\w{5}-\w{5})</li>", page)
    assert len(codes) == 10
    return secret, codes


def test_with_a_second_factor_the_password_alone_opens_nothing(world: World, browser: New) -> None:
    secret, _codes = with_factor(browser(), "risk")
    visitor = browser()
    visitor.sign_in("risk")
    assert not visitor.is_in
    assert visitor.get("/loanview/list/").headers["Location"].startswith("/login/step/")
    assert visitor.get("/api/v1/loan/").status_code == 401
    assert "does not fit" in words(visitor.post("/login/code/", code="000000"))
    answer = visitor.post("/login/code/?next=/glossary/", code=code_of(secret))
    assert answer.headers["Location"].endswith("/glossary/")
    assert visitor.is_in
    assert audited(world, "account.login")[-1]["actor"] == "risk"


def test_a_code_counts_once(world: World, browser: New, pass_time: Callable[..., None]) -> None:
    secret, _codes = with_factor(browser(), "risk")
    pass_time(seconds=60)
    first, second = browser(), browser()
    code = code_of(secret)
    first.sign_in("risk")
    first.post("/login/code/", code=code)
    assert first.is_in
    second.sign_in("risk")
    assert "used already" in words(second.post("/login/code/", code=code))
    assert "used already" in words(second.post("/login/code/", code=code_of(secret, -1))), "nor does an older one"
    assert not second.is_in
    assert audited(world, "account.login_failed")[-1]["outcome"] == "used_code"


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(
    world: World, browser: New, pass_time: Callable[..., None], steps: int, opens: bool
) -> None:
    secret, _codes = with_factor(browser(), "risk")
    pass_time(minutes=5)
    visitor = browser()
    visitor.sign_in("risk")
    visitor.post("/login/code/", code=code_of(secret, steps))
    assert visitor.is_in is opens


def test_guessing_codes_locks_like_guessing_passwords(world: World, browser: New) -> None:
    secret, _codes = with_factor(browser(), "risk")
    visitor = browser()
    visitor.sign_in("risk")
    for _attempt in range(5):
        answer = visitor.post("/login/code/", code="000000")
    assert "Try again in 1 minute" in words(answer)
    assert "Try again in" in words(visitor.post("/login/code/", code=code_of(secret)))
    assert not visitor.is_in


def test_signing_in_again_with_the_password_gives_no_more_guesses(world: World, browser: New) -> None:
    with_factor(browser(), "risk")
    for attempt in range(5):
        visitor = browser()
        visitor.sign_in("risk")
        answer = visitor.post("/login/code/", code=f"00000{attempt}")
    assert "Try again in" in words(answer)


def test_a_recovery_code_opens_once(world: World, browser: New) -> None:
    _secret, codes = with_factor(browser(), "risk")
    visitor = browser()
    visitor.sign_in("risk")
    visitor.post("/login/code/", code=codes[3].upper().replace("-", " "))
    assert visitor.is_in
    assert "9 of 10" in visitor.text("/account/")
    again = browser()
    again.sign_in("risk")
    assert "used already" in words(again.post("/login/code/", code=codes[3]))
    assert not again.is_in


def test_nothing_of_it_is_stored_in_plain(world: World, browser: New) -> None:
    secret, codes = with_factor(browser(), "risk")
    with world.app.app_context(), acting(SYSTEM):
        held = db.session.scalars(select(second_factor.SecondFactor)).one()
        hashes = db.session.scalars(select(second_factor.RecoveryCode.code_hash)).all()
        assert secret not in held.secret_sealed
        assert not {code.replace("-", "") for code in codes} & set(hashes)
        other = user_id(world, "hr")
        with pytest.raises(second_factor.Refused):
            second_factor.opened(other, held.secret_sealed)


def test_a_secret_made_for_somebody_else_is_refused(browser: New) -> None:
    one, other = browser(), browser()
    one.sign_in("risk")
    other.sign_in("finance")
    secret, sealed = shown(one.text("/account/second-factor"))
    assert "no longer valid" in words(other.post("/account/second-factor", secret=sealed, code=code_of(secret)))
    assert "no longer valid" in words(other.post("/account/second-factor", secret="made up", code="123456"))


def test_a_role_may_require_it(world: World, browser: New) -> None:
    def required(roles: str) -> None:
        with world.app.app_context(), acting(SYSTEM):
            set_parameter("account.second_factor_roles", roles, TODAY, "tests")

    required("finance, committee")
    try:
        visitor = browser()
        visitor.sign_in("finance")
        assert not visitor.is_in
        page = visitor.text("/login/step/")
        assert "Your role needs one" in page
        secret, sealed = shown(page)
        assert "does not fit" in words(visitor.post("/login/enrol/", secret=sealed, code="000000"))
        assert not visitor.is_in
        done = words(visitor.post("/login/enrol/?next=/glossary/", secret=sealed, code=code_of(secret)))
        assert len(re.findall(r"<li>\w{5}-\w{5}</li>", done)) == 10
        assert 'href="/glossary/"' in done
        assert visitor.is_in
        assert visitor.post("/account/second-factor/remove", code=code_of(secret, 1)).status_code == 409
        other = browser()
        other.sign_in("risk")
        assert other.is_in, "a role that does not ask for it goes straight in"
        token = other.world.app.test_client().post(
            "/api/v1/security/login", json={"username": "finance", "password": PASSWORD, "provider": "db"}
        )
        assert token.status_code == 401, "no token around the second factor"
    finally:
        required("")


def test_the_administrator_resets_a_lost_one_with_a_reason(world: World, browser: New) -> None:
    holder, administrator = browser(), browser()
    with_factor(holder, "risk")
    administrator.sign_in("administrator")
    address = f"/accounts/{user_id(world, 'risk')}/second-factor/remove"
    assert administrator.post(address, reason=" ").status_code == 422
    administrator.post(address, reason="phone lost")
    assert not holder.is_in
    visitor = browser()
    visitor.sign_in("risk")
    assert visitor.is_in
    assert audited(world, "account.second_factor")[-1]["reason"] == "phone lost"


def test_it_is_removed_and_its_codes_renewed_only_with_a_code(
    browser: New, pass_time: Callable[..., None], world: World
) -> None:
    visitor = browser()
    secret, codes = with_factor(visitor, "risk")
    assert "does not fit" in words(visitor.post("/account/codes", code="000000")) or "does not fit" in visitor.text(
        "/account/"
    )
    pass_time(seconds=60)
    renewed = re.findall(r"<li>(\w{5}-\w{5})</li>", words(visitor.post("/account/codes", code=code_of(secret))))
    assert len(renewed) == 10
    assert not set(renewed) & set(codes)
    visitor.post("/account/second-factor/remove", code=renewed[0])
    alone = browser()
    alone.sign_in("risk")
    assert alone.is_in


def test_what_was_typed_comes_through_the_second_factor_too(
    world: World, browser: New, pass_time: Callable[..., None]
) -> None:
    secret, _codes = with_factor(browser(), "branch_head")
    pass_time(minutes=2)
    visitor = browser()
    visitor.sign_in("branch_head")
    visitor.post("/login/code/", code=code_of(secret))
    address = f"/customerview/edit/{world.customers['C-A-a1-1']}"
    author = re.search(r'name="typed_by" value="([^"]*)"', visitor.text(address))
    assert author
    pass_time(minutes=31)
    asked = visitor.client.post(address, data={"name": "typed with care", "typed_by": author[1]})
    kept = re.search(r'name="kept" value="([^"]*)"', words(asked))
    assert kept
    step = words(visitor.post("/login/", username="branch_head", password=PASSWORD, kept=kept[1]))
    assert "Second factor" in step
    assert f'name="kept" value="{kept[1]}"' in step
    wrong = words(visitor.post("/login/code/", code="000000", kept=kept[1]))
    assert f'name="kept" value="{kept[1]}"' in wrong, "a wrong code costs nothing that was typed"
    back = words(visitor.post("/login/code/", code=code_of(secret), kept=kept[1]))
    assert "You are signed in again" in back
    assert 'value="typed with care"' in words(visitor.post(address, kept=kept[1]))


def test_a_waiting_session_runs_out(browser: New, pass_time: Callable[..., None]) -> None:
    with_factor(browser(), "risk")
    visitor = browser()
    visitor.sign_in("risk")
    pass_time(minutes=16)
    answer = visitor.get("/login/step/")
    assert answer.status_code == 302
    assert "took too long" in visitor.text("/login/")
    assert not visitor.is_in
