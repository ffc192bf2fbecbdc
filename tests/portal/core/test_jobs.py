"""Durable jobs: the row is the truth. A worker that dies in the middle loses nothing; two workers never share a job."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from portal.core import jobs, scope
from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.jobs import Job, JobState
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from tests.world import World

RAN: list[int] = []


def _register(name: str, function):
    if name not in jobs.functions:
        jobs.functions._items[name] = function  # the registry is frozen once an application exists


def _count(report, number: int):
    report(1, 2, "half way")
    RAN.append(number)
    return {"number": number}


def _refuse(report):
    raise Refused("The books are closed.")


def _break(report):
    raise ZeroDivisionError


@pytest.fixture
def queue(world: World) -> Iterator[World]:
    for name, function in (("tests.count", _count), ("tests.refuse", _refuse), ("tests.break", _break)):
        _register(name, function)
    RAN.clear()
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


def test_a_job_runs_with_the_rights_of_whoever_asked(world: World):
    seen: list[str] = []

    def look(report):
        seen.append(scope.actor().name)

    _register("tests.look", look)
    jobs.functions._items["tests.look"] = look
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username("a1")
        with acting(who):
            job_id = jobs.submit("tests.look").id
        with acting(SYSTEM):
            jobs.run(job_id)
    assert seen == ["a1"]
