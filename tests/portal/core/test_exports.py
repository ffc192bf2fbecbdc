"""Large exports: made by a job, exactly what was asked for, and for nobody but whoever asked."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
import time
from html import unescape
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from huey.api import Huey
from openpyxl import load_workbook
from sqlalchemy import select

from portal.core import export_jobs, files, jobs
from portal.core.audit import AuditEntry
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.parameters.services import set_parameter
from portal.worker import work
from tests.world import World


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_jobs, "AT_ONCE", {"csv": 3, "xlsx": 3})
    monkeypatch.setattr(export_jobs, "EVERY", 2)


def text_of(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.get_data(as_text=True))


def asked(client: FlaskClient, address: str) -> int:
    """Begin an export; returns its number."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text_of(client, address))
    assert token
    answer = client.post(address, data={"csrf_token": token[1]})
    assert answer.status_code == 302
    return int(answer.headers["Location"].partition("#export-")[2])


def run_jobs(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        for job_id in jobs.due():
            jobs.run(job_id)


def download(client: FlaskClient, number: int) -> bytes:
    response = client.get(f"/exports/{number}/file")
    assert response.status_code == 200
    return response.get_data()


def test_few_rows_are_sent_at_once(world: World):
    answer = world.login("a1").get("/loanview/export/csv?q=a1-0")
    assert answer.mimetype == "text/csv"


def test_a_large_export_asks_first_and_makes_nothing_by_a_link(world: World):
    html = text_of(world.login("a1"), "/loanview/export/csv?_l_=en")
    assert "This export is large" in html
    with world.app.app_context(), acting(SYSTEM):
        assert jobs.due() == []


@pytest.mark.parametrize("login", ["a1", "risk"])
def test_the_job_writes_what_the_asker_may_see_as_it_was_filtered_and_ordered(world: World, login: str):
    client = world.login(login)
    number = asked(client, "/loanview/export/csv?f.principal.ge=10000.00&order=code&direction=asc&_l_=en")
    page = client.get("/exports/?_l_=en")
    assert page.headers["Refresh"] == "2"
    assert "Waiting" in page.get_data(as_text=True)
    run_jobs(world)
    page = client.get("/exports/?_l_=en")
    assert "Refresh" not in page.headers
    assert f"/exports/{number}/file" in page.get_data(as_text=True)
    lines = list(csv.reader(io.StringIO(download(client, number).decode("utf-8-sig"))))
    wanted = sorted(world.loans_of("a1") if login == "a1" else world.loans)
    assert lines[0][0] == "Loan number"
    assert [line[0] for line in lines[1:]] == wanted


def test_a_workbook_is_made_in_the_language_of_the_asker(world: World):
    client = world.login("a1")
    number = asked(client, "/loanview/export/xlsx?_l_=zh")
    run_jobs(world)
    sheet = load_workbook(io.BytesIO(download(client, number))).active
    assert sheet["A1"].value == "借据号"
    assert sheet.max_row == 5


@pytest.mark.parametrize("login", ["a2", "team_lead", "branch_head", "administrator", "audit"])
def test_nobody_else_sees_or_downloads_it(world: World, login: str):
    number = asked(world.login("a1"), "/loanview/export/csv")
    run_jobs(world)
    other = world.login(login)
    assert f"/exports/{number}/file" not in text_of(other, "/exports/")
    assert other.get(f"/exports/{number}/file").status_code == 404
    assert world.app.test_client().get(f"/exports/{number}/file").status_code in (302, 401, 403)


def test_asking_and_downloading_are_written_down(world: World):
    client = world.login("a1")
    number = asked(client, "/loanview/export/csv?q=LOAN")
    run_jobs(world)
    download(client, number)
    with world.app.app_context(), acting(SYSTEM):
        verbs = list(db.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id.desc()).limit(5)))
    assert {"records.export", "exports.begin", "exports.finish", "exports.download"} <= set(verbs)


def test_a_job_run_twice_writes_one_file(world: World):
    client = world.login("a1")
    number = asked(client, "/loanview/export/csv")
    run_jobs(world)
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.get_one(export_jobs.ExportJob, number)
        first, job = row.file_id, row.job
        assert job is not None
        arguments, who = job.arguments, job.username
    with world.app.app_context(), acting(actor_for_username(who)):
        export_jobs.write(lambda *_: None, **arguments)
        assert db.session.get_one(export_jobs.ExportJob, number).file_id == first


def test_a_sheet_that_cannot_hold_the_rows_is_refused_in_words(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export_jobs, "MOST_ROWS_XLSX", 3)
    client = world.login("a1")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text_of(client, "/loanview/export/xlsx"))
    assert token
    client.post("/loanview/export/xlsx", data={"csrf_token": token[1]})
    assert "A sheet holds at most 3 rows; take CSV instead." in text_of(client, "/loanview/list/?_l_=en")


def test_an_unfinished_export_has_no_file(world: World):
    client = world.login("a1")
    number = asked(client, "/loanview/export/csv")
    assert client.get(f"/exports/{number}/file").status_code == 404
    assert client.get("/exports/x/file").status_code == 404
    run_jobs(world)


def age(world: World, number: int, days: int) -> str:
    """Let an export's file be this old; returns its hash."""
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.age"):
        stored = db.session.get_one(export_jobs.ExportJob, number).file
        assert stored is not None
        stored.created_at = now() - dt.timedelta(days=days)
        path = files.local_path(stored)
        os.utime(path, (time.time() - days * 86_400,) * 2)
        return stored.sha256


def content(world: World, sha256: str) -> bool:
    return bool(world.app.extensions["file_store"].path(sha256).exists())


def tidy(world: World) -> int:
    with world.app.app_context(), acting(SYSTEM):
        return export_jobs.remove_old()


def test_files_go_after_a_week_and_the_page_says_so(world: World):
    client = world.login("a1")
    old, young = (asked(client, f"/loanview/export/csv?order=code&{how}") for how in ("_l_=zh", "direction=desc"))
    run_jobs(world)
    gone, kept = age(world, old, 8), age(world, young, 6)
    assert tidy(world) == 1
    assert (content(world, gone), content(world, kept)) == (False, True)
    page = text_of(client, "/exports/?_l_=en")
    assert "Each file is kept for 7 days." in page
    line = re.search(rf'<tr id="export-{old}">.*?</tr>', page, re.S)
    assert line and "The file is no longer kept." in line[0] and f"/exports/{old}/file" not in line[0]
    answer = client.get(f"/exports/{old}/file?_l_=en")
    assert answer.status_code == 404
    assert "ask for the export again" in answer.get_data(as_text=True)
    assert download(client, young)
    assert tidy(world) == 0


def test_a_content_that_another_file_has_stays(world: World):
    client = world.login("a1")
    numbers = [asked(client, "/loanview/export/csv?q=LOAN&order=code") for _ in range(2)]
    run_jobs(world)
    first = age(world, numbers[0], 8)
    assert age(world, numbers[1], 6) == first
    assert tidy(world) == 1
    assert download(client, numbers[1])


def test_how_long_files_are_kept_is_a_parameter(world: World):
    client = world.login("a1")
    number = asked(client, "/loanview/export/csv?q=LOAN&order=principal")
    run_jobs(world)
    age(world, number, 3)
    with world.app.app_context(), acting(SYSTEM):
        assert export_jobs.remove_old() == 0
        set_parameter("export.kept_days", "2", business_date(), "tests")
        assert export_jobs.remove_old() >= 1
        assert export_jobs.kept_days() == 2


def test_the_worker_tidies_every_night(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Huey, "create_consumer", lambda *_a, **_k: SimpleNamespace(run=lambda: None))
    ran: list[int] = []
    monkeypatch.setattr(export_jobs, "remove_old", lambda: ran.append(1) or 1)
    work(world.app)
    queue = world.app.extensions["huey"]
    half_past_two_in_china = dt.datetime(2026, 7, 1, 18, 30)  # noqa: DTZ001 - huey counts in UTC and says so nowhere
    (task,) = [t for t in queue.read_periodic(half_past_two_in_china) if t.name == "tidy"]
    queue.execute(task)
    assert ran == [1]
