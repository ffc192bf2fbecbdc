"""`portal serve` as an operator starts it: the web server is forked, the worker takes what it submits."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds until a portal answers or a job is done on a machine that does other things as well."""


@pytest.fixture
def portal(seeded_url: str, environment: Callable[[str], dict[str, str]]) -> Iterator[str]:
    """Its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {**os.environ, **environment(seeded_url), "PORT": str(port)}
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], cwd=ROOT, env=told) as process:
        assert eventually(lambda: _answers(address)), "the portal does not answer"
        yield address
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=10).ok
    except requests.ConnectionError:
        return False


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def test_what_the_web_server_submits_the_worker_does(portal: str, seeded_url: str):
    person = requests.Session()
    form = {"username": "finance", "password": "gridlend-demo"}
    form["csrf_token"] = _token(person.get(f"{portal}/login/").text)
    person.post(f"{portal}/login/", data=form)
    page = person.get(f"{portal}/day-end/")
    assert page.ok
    answer = person.post(f"{portal}/day-end/reconcile", data={"csrf_token": _token(page.text)})
    assert answer.ok
    engine = create_engine(seeded_url)

    def state() -> str | None:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT state FROM job ORDER BY id DESC LIMIT 1"))

    assert state() is not None, "a job was submitted"
    assert eventually(lambda: state() in ("done", "failed"))
    assert state() == "done"
    engine.dispose()
