"""Cookies, tokens, ids, bodies and files that somebody tampered with: refused in words, and nothing changes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
import xlsxwriter
from flask.sessions import SecureCookieSessionInterface

from tests.contracts.owners import Company, fingerprint
from tests.contracts.test_routes_and_roles import url_of
from tests.contracts.visitor import Prober
from tests.world import World


@pytest.fixture(scope="module")
def company(world: World) -> Company:
    return Company(world)


@pytest.fixture
def prober(company: Company) -> Iterator[Prober]:
    """The branch head; whatever is sent, the company stays as it is."""
    with company.world.app.app_context():
        before = fingerprint()
    yield Prober(company, next(one for one in company.logins if one.name == "branch_head"))
    with company.world.app.app_context():
        assert fingerprint() == before


@pytest.mark.parametrize("user_id", ["None", "", "abc", "-1", "1 OR 1=1", "9" * 40, "１", None, [1]])
def test_a_session_whose_user_is_no_number_is_nobodys(world: World, user_id: object):
    client = world.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user_id, True
    assert client.get("/loanview/list/").status_code == 302
    assert client.get("/api/v1/loan/").status_code == 401


def test_a_cookie_that_was_changed_or_signed_by_somebody_else_is_nobodys(world: World):
    client = world.login("committee")
    cookie = client.get_cookie("session")
    assert cookie is not None
    signer = SecureCookieSessionInterface().get_signing_serializer(world.app)
    assert signer is not None
    signer.secret_keys = ["guessed"]
    for forged in (cookie.value[:-3] + "AAA", "A" + cookie.value[1:], signer.dumps({"_user_id": "1"}), "x" * 3000):
        stranger = world.app.test_client()
        stranger.set_cookie("session", forged)
        assert stranger.get("/loanview/list/").status_code == 302


def test_every_address_that_writes_refuses_a_request_without_the_token(world: World):
    client, tried = world.login("finance"), 0
    with world.app.app_context():
        before = fingerprint()
    for rule in world.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}):
            if rule.endpoint in ("SecurityApi.login", "SecurityApi.refresh"):
                continue  # nobody is signed in by a cookie there
            for token in ({}, {"X-CSRFToken": "forged"}, {"X-CSRFToken": ""}):
                tried += 1
                status = client.open(url_of(rule), method=method, headers=token).status_code
                form = rule.endpoint.endswith((".add", ".edit"))
                expected = {400, 403, 404, 422} if form else {400, 404}
                assert status in expected, (rule.endpoint, method, status)
    with world.app.app_context():
        assert fingerprint() == before
    assert tried > 200


def test_unknown_and_read_only_fields_are_refused_by_name(company: Company, prober: Prober):
    for name, value in (("nothing", 1), ("id", 5), ("data_key", "x"), ("created_by", 1), ("__class__", "x")):
        for method, path in (("POST", "/api/v1/customer/"), ("PUT", f"/api/v1/customer/{own(company, prober)}")):
            answer = prober.ask(path, method, json={name: value})
            assert answer.status == 422, (method, name)
            assert name in answer.json["fields"]


def own(company: Company, prober: Prober) -> int:
    return min(company.inside(prober.login, company.screens["CustomerView"], "edit"))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name": 1' + b"0" * 5000 + b"}",
        b"",
    ],
)
def test_json_that_is_no_object_is_refused_in_words(prober: Prober, body: bytes):
    for method, path in (("POST", "/api/v1/customer/"), ("PUT", "/api/v1/customer/1")):
        answer = (
            prober.ask(path, method, data=body, content_type="application/json")
            if method == "PUT"
            else (prober.ask(path, method, json=None, content_type="application/json", input_stream=io.BytesIO(body)))
        )
        assert answer.status in (400, 422), (method, body[:20])
        assert answer.json["message"]


@pytest.mark.parametrize("value", ["\ud800", "\x00", "a\x00b", "﷽" * 5000, {"a": 1}, [1], 1e308, True, "x" * 100_000])
def test_values_of_the_wrong_kind_never_break_anything(company: Company, prober: Prober, value: object):
    for name in ("branch", "name", "since", "type", "uscc"):
        answer = prober.ask("/api/v1/customer/", "POST", json={name: value})
        assert answer.status == 422, (name, answer.status)


@pytest.mark.parametrize("row_id", ["0", "-1", "1.5", "abc", "9" * 30, "1'--", "%00", "1;2", "../1", "null"])
def test_ids_that_are_none_are_not_found(company: Company, prober: Prober, row_id: str):
    for path in ("/customerview/show/{}", "/customerview/edit/{}", "/api/v1/customer/{}", "/exports/{}/file"):
        assert prober.ask(path.format(row_id)).status in (404, 308), path
    for path in ("/customerview/delete/{}", "/customerview/action/run/{}", "/customerview/drop_filter/{}"):
        assert prober.ask(path.format(row_id), "POST").status in (302, 403, 404, 308), path


@pytest.mark.parametrize(
    "arguments",
    [
        "_oc_CustomerView=created_by.password&_od_CustomerView=asc",
        "order=created_by.password",
        "order=data_key&direction=x",
        "psize=20000&psize_CustomerView=20000",
        "size=20000",
        "page=abc",
        "page=-5&size=-1",
        "page=99999999999999999999",
        "_flt_0_branch=1",
        "f.branch.eq=1 OR 1=1",
        "f.data_key.eq=1",
        "f.password.eq=x",
        "f.code.contains=%25%27%3B--",
        "f.code.eq=%00",
        "f.since.ge=%0b",
        "f.branch.in=,,,",
        "f..eq=1",
        "q=%ff%fe",
        "list=%00" + "x" * 3000,
    ],
)
def test_arguments_that_mean_nothing_are_left_out(prober: Prober, arguments: str):
    answer = prober.ask(f"/customerview/list/?{arguments}")
    assert answer.status == 200
    assert answer.text.count('<tr data-id="') <= 200
    assert prober.ask(f"/api/v1/customer/?{arguments}").status in (200, 400)


# ---- files ----------------------------------------------------------------------------------------------------------


def workbook(**parts: bytes) -> bytes:
    """A workbook with one row, and more parts in it."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["code", "name"])
    sheet.write_row(1, 0, ["N-1", "x"])
    book.close()
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return target.getvalue()


FILES = {
    "a program called .csv": (b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 500, "customers.csv"),
    "a program called .xlsx": (b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 500, "customers.xlsx"),
    "an ELF program": (b"\x7fELF\x02\x01\x01" + b"\x00" * 500, "customers.csv"),
    "a CSV with NUL bytes": (b"code,name\nN-1,a\x00b\n", "customers.csv"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 200, "customers.xlsx"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "customers.csv"),
    "a web page": (b"<!DOCTYPE html><html><script>alert(1)</script></html>", "customers.csv"),
    "a zip of something else": (b"PK\x03\x04" + b"\x00" * 100, "customers.xlsx"),
    "a zip bomb": (workbook(xl__media__big_dot_bin=b"\0" * 400_000_000), "customers.xlsx"),
    "macros": (workbook(xl__vbaProject_dot_bin=b"macro"), "customers.xlsx"),
    "links to other workbooks": (workbook(xl__externalLinks__externalLink1_dot_xml=b"<x/>"), "customers.xlsx"),
    "embedded objects": (workbook(xl__embeddings__oleObject1_dot_bin=b"x"), "customers.xlsx"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_judged_by_its_content_and_refused_in_a_sentence(company: Company, what: str):
    content, name = FILES[what]
    with company.world.app.app_context():
        before = fingerprint()
    prober = Prober(company, next(one for one in company.logins if one.name == "administrator"))
    for kind in ("staff", "grids"):
        data = {"kind": kind, "file": (io.BytesIO(content), name)}
        answer = prober.ask("/imports/new", "POST", data=data, content_type="multipart/form-data")
        if answer.status == 422 and "Choose what the file holds" in answer.text:
            continue
        assert answer.status == 422, (what, answer.status, answer.location)
        assert "Traceback" not in answer.text
        break
    else:
        raise AssertionError("no kind took a file")
    with company.world.app.app_context():
        assert fingerprint() == before


def test_the_answer_to_bad_json_is_json(prober: Prober):
    answer = prober.ask("/api/v1/customer/", "POST", json={"name": {"deep": [1]}})
    assert json.loads(answer.text)["reference"]
