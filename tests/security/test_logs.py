"""No log line holds a secret or somebody's number, whoever wrote it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import structlog

from portal.core import redaction

SECRETS = {
    "password": "Tr0ub4dor&3",
    "resident": "110101199003077758",
    "phone": "13912345678",
    "card": "6222021234567890123",
    "bearer": "abcdefghijklmnop.qrstuv",
    "cookie": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "master": "9f" * 32,
}


@pytest.fixture(autouse=True)
def known_key():
    redaction.hide([SECRETS["master"]])
    yield
    redaction._own.discard(SECRETS["master"])


def clear(text: str) -> bool:
    return not any(secret in text for secret in SECRETS.values())


def test_facts_named_like_secrets_are_never_written(written: Callable[[], str]):
    facts = {"password": SECRETS["password"], "form": {"new_password": SECRETS["password"], "name": "kept"}}
    facts |= {"headers": {"Cookie": f"session={SECRETS['cookie']}", "Authorization": f"Bearer {SECRETS['bearer']}"}}
    structlog.get_logger("test").info("posted", **facts, api_key="k-1", master_key=SECRETS["master"])
    text = written()
    assert "kept" in text and "posted" in text
    assert clear(text)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_the_middle_of_a_text_is_taken_out(written: Callable[[], str], name: str):
    wording = {"password": "password={}", "bearer": "Authorization: Bearer {}", "cookie": "Cookie: session={}; x=1"}
    structlog.get_logger("test").warning("said", text=f"before {wording.get(name, '{}').format(SECRETS[name])} after")
    text = written()
    assert "before" in text
    assert clear(text), text


def test_a_traceback_that_quotes_values_is_cleaned(written: Callable[[], str]):
    try:
        raise ValueError(f"Key (phone)=({SECRETS['phone']}) exists; id {SECRETS['resident']}; key {SECRETS['master']}")
    except ValueError as error:
        structlog.get_logger("test").error("unexpected", exc_info=error)
    text = written()
    assert "ValueError" in text
    assert clear(text), text


def test_what_libraries_log_is_cleaned_as_well():
    [handler] = [h for h in logging.getLogger().handlers if isinstance(h.formatter, redaction.Cleaning)]
    record = logging.LogRecord("library", logging.WARNING, "", 0, "postgresql://portal:%s@db/x phone %s", (), None)
    record.args = (SECRETS["password"], SECRETS["phone"])
    assert clear(handler.format(record))


def test_what_is_no_secret_stays_readable():
    for text in (
        "customer 1234567 loan LOAN-A-a1-0",
        "took 139.5 ms",
        "2026-06-30 due 1000000.00",
        "id 18000000000000",
    ):
        assert redaction.clean(text) == text


def test_a_request_with_secrets_in_it_leaves_none_in_the_log(world, written: Callable[[], str]):
    client = world.login("committee")
    client.get(f"/customerview/list/?q={SECRETS['resident']}&phone={SECRETS['phone']}")
    client.get("/api/v1/loan/", headers={"Authorization": f"Bearer {SECRETS['bearer']}"})
    client.post("/login/", data={"username": "committee", "password": SECRETS["password"]})
    text = written()
    assert "/customerview/list/" in text
    assert clear(text)


def test_the_database_keeps_values_out_of_its_errors(world):
    from portal.core.db import db

    with world.app.app_context():
        assert db.engine.hide_parameters
