"""Durable jobs: the row is the truth. A worker that dies in the middle loses nothing; two workers never share a job."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import redis
from flask import Flask
from flask_babel import force_locale
from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from config import Settings
from portal import create_app
from portal.core import jobs, scope
from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.jobs import Job, JobState
from portal.core.notifications import Notification
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from tests.world import World

RAN: list[int] = []


def _count(report, number: int):
    report(1, 2, "half way")
    RAN.append(number)
    return {"number": number}


def _refuse(report):
    raise Refused("The books are closed.")


def _break(report):
    raise ZeroDivisionError


def _look(report):
    return scope.actor().name


@pytest.fixture
def known_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of the tests beside the portal's own, whose registry is frozen."""
    made = {"tests.count": _count, "tests.refuse": _refuse, "tests.break": _break, "tests.look": _look}
    monkeypatch.setattr(jobs, "functions", {**jobs.functions, **made})
    RAN.clear()


@pytest.fixture
def queue(world: World, known_jobs: None) -> Iterator[World]:
    with world.app.app_context(), acting(SYSTEM):
        yield world
        db.session.rollback()


def waiting(name: str, **arguments) -> int:
    job_id = jobs.submit(name, **arguments).id
    db.session.rollback()  # or this session would go on looking at the moment before
    return job_id


def state_of(job_id: int) -> Job:
    db.session.rollback()
    return db.session.get(Job, job_id)


def test_a_job_runs_and_keeps_its_result(queue: World):
    job_id = waiting("tests.count", number=7)
    jobs.run(job_id)
    job = state_of(job_id)
    assert (job.state, job.result, job.done, job.total, job.message) == (JobState.DONE, {"number": 7}, 1, 2, "half way")


def test_a_refusal_and_a_fault_are_told_in_words(queue: World):
    refused, broken = waiting("tests.refuse"), waiting("tests.break")
    jobs.run(refused)
    jobs.run(broken)
    assert state_of(refused).message == "The books are closed."
    assert state_of(broken).state == JobState.FAILED
    assert "ZeroDivision" not in state_of(broken).message


def test_why_a_job_failed_is_read_in_the_readers_language(queue: World, monkeypatch: pytest.MonkeyPatch):
    """Whoever asked spoke Chinese; the auditor who looks at it later may not."""

    def refuse(_report):
        with force_locale("zh"):
            raise Refused(_("Only an imported batch can be undone."))

    monkeypatch.setitem(jobs.functions, "tests.refuse", refuse)
    with acting(actor_for_username("finance")):
        refused, broken = waiting("tests.refuse"), waiting("tests.break")
    for job_id in (refused, broken):
        jobs.run(job_id)
    told = db.session.scalars(select(Notification).order_by(Notification.id.desc()).limit(2)).all()
    words = {"en": "Only an imported batch can be undone.", "zh": "只有已导入的批次可以撤销。"}
    for language, sentence in words.items():
        with force_locale(language):
            assert state_of(refused).reason == sentence
            assert told[1].text.endswith(sentence)
    number = re.search(r"[0-9A-F]{8}", state_of(broken).message)
    with force_locale("zh"):
        assert number and number[0] in state_of(broken).reason
        assert "reference" not in state_of(broken).reason


def test_a_reason_kept_by_an_earlier_version_is_still_shown(queue: World):
    job_id = waiting("tests.refuse")
    with db.engine.begin() as connection:
        old = update(Job).where(Job.id == job_id).values(state=JobState.FAILED, message="Old words.", result=None)
        connection.execute(old)
    assert state_of(job_id).reason == "Old words."


def test_two_workers_never_run_the_same_job(queue: World):
    ids = [waiting("tests.count", number=n) for n in range(6)]

    def work() -> None:
        with queue.app.app_context(), acting(SYSTEM):
            for job_id in ids:
                jobs.run(job_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(RAN) == list(range(6))


def test_a_job_whose_worker_died_is_run_again_when_its_lease_is_over(queue: World):
    job_id = waiting("tests.count", number=1)
    later = now() + dt.timedelta(hours=1)
    held = {"state": JobState.RUNNING, "owner": "dead", "tries": 1}
    with db.engine.begin() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(lease_until=later, **held))
    assert job_id not in jobs.due()
    jobs.run(job_id)
    assert RAN == []
    with db.engine.begin() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(lease_until=now() - dt.timedelta(seconds=1)))
    db.session.rollback()
    assert job_id in jobs.due()
    jobs.run(job_id)
    assert state_of(job_id).state == JobState.DONE


def test_a_job_that_keeps_killing_its_worker_is_given_up(queue: World):
    job_id = waiting("tests.count", number=1)
    with db.engine.begin() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(tries=jobs.MOST_TRIES))
    jobs.run(job_id)
    assert state_of(job_id).state == JobState.FAILED
    assert RAN == []


def test_a_job_runs_with_the_rights_of_whoever_asked(queue: World):
    with acting(actor_for_username("a1")):
        job_id = jobs.submit("tests.look").id
    jobs.run(job_id)
    assert state_of(job_id).result == "a1"


# --- several machines over one Redis ----------------------------------------------------------------------------------


@pytest.fixture
def nodes(
    migrated_url: str, settings: Callable[[str], Settings], redis_url: str, redis_prefix: str
) -> Iterator[list[Flask]]:
    """Two machines of one portal: the same database and Redis, an instance folder of its own each."""
    shared = {"redis_url": redis_url, "redis_prefix": redis_prefix, "mode": "demo"}
    apps = [create_app(replace(settings(migrated_url), **shared)) for _node in range(2)]
    yield apps
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.redis
def test_what_one_machine_submits_another_one_does(nodes: list[Flask], known_jobs: None):
    web, worker = nodes
    with web.app_context(), acting(SYSTEM):
        job_id = jobs.submit("tests.count", number=7).id
    with worker.app_context(), acting(SYSTEM):
        huey = jobs.queue()
        huey.execute(huey.dequeue())
        assert huey.dequeue() is None
        assert state_of(job_id).result == {"number": 7}
    assert RAN == [7]


@pytest.mark.redis
def test_attempts_to_log_in_are_counted_over_all_machines(nodes: list[Flask], redis_url: str, redis_prefix: str):
    clients = [app.test_client() for app in nodes]
    tokens = [re.search(r'csrf_token"[^>]*value="([^"]+)', c.get("/login/").get_data(as_text=True)) for c in clients]
    typed = [{"csrf_token": token[1], "username": "nobody", "password": "a guess"} for token in tokens if token]
    answers = [clients[n % 2].post("/login/", data=typed[n % 2]).status_code for n in range(21)]
    assert 429 not in answers[:20]
    assert answers[20] == 429
    with redis.Redis.from_url(redis_url) as server:
        assert list(server.scan_iter(f"*{redis_prefix}*"))
