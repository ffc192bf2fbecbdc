"""The import centre as the browser meets it: upload, columns, check, import, undo; and who may do what."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from portal.access import services as access
from portal.access.rules import Table
from portal.core import jobs, records
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.roles import grants_of
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.imports import services
from portal.imports.checks import need_right
from portal.imports.kinds import kinds
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.mapping import from_definition
from portal.imports.models import BatchState, ImportBatch, ImportMapping
from portal.organization import users
from portal.parameters.services import set_parameter
from tests.world import TODAY, World

#: What screens do does not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

HEADINGS = "Customer code,Name,Customer group,Branch,Phone"
GOOD = f"{HEADINGS}\nN-1,Anna,farmer,A,13800000001\nN-2,Berta,farmer,B,13800000002\n"
WRONG = f"{HEADINGS}\nN-1,Anna,farmer,A,12\nN-2,Berta,farmer,NOPE,13800000002\nN-3,Carla,farmer,A,13800000003\n"
FOREIGN = "no,who,kind,place\nN-1,Anna,F,A\nN-2,Berta,X,A\n"


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    """Each test finds no batch, no mapping and no customer of another."""
    yield
    with world.app.app_context(), acting(SYSTEM):
        for batch_id in db.session.scalars(select(ImportBatch.id).where(ImportBatch.state == BatchState.DONE)).all():
            services.undo_import(batch_id)
        for mapping_id in db.session.scalars(select(ImportMapping.id)).all():
            records.remove(ImportMapping, mapping_id)


@pytest.fixture
def finance(world: World) -> FlaskClient:
    return world.login("finance")


def posted(client: FlaskClient, address: str, **data: Any) -> TestResponse:
    """A POST with the token, in English."""
    page = client.get("/?_l_=en").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page) or re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/imports/new").get_data(as_text=True)
    )
    assert token
    return client.post(f"{address}?_l_=en", data={"csrf_token": token[1], **data})


def uploaded(client: FlaskClient, content: str | bytes, kind: str = "customers", **data: Any) -> TestResponse:
    raw = content.encode() if isinstance(content, str) else content
    return posted(client, "/imports/new", kind=kind, file=(io.BytesIO(raw), "list.csv"), **data)


def text_of(response: TestResponse, status: int = 200) -> str:
    assert response.status_code == status, response.get_data(as_text=True)[:400]
    return unescape(response.get_data(as_text=True))


def page(client: FlaskClient, address: str) -> str:
    return text_of(client.get(f"{address}?_l_=en"))


def work(world: World) -> int:
    """Run what waits in the background; how many jobs that were."""
    with world.app.app_context(), acting(SYSTEM):
        waiting = jobs.due()
        for job_id in waiting:
            jobs.run(job_id)
    return len(waiting)


def held(world: World, ask: Callable[[], Any]) -> Any:
    with world.app.app_context(), acting(SYSTEM):
        return ask()


def last_batch(world: World) -> ImportBatch:
    def ask() -> ImportBatch:
        batch = db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(1)).one()
        db.session.expunge(batch)
        return batch

    batch: ImportBatch = held(world, ask)
    return batch


def new_customers(world: World) -> int:
    count: int = held(
        world, lambda: db.session.scalar(select(func.count()).select_from(Customer).where(Customer.code.like("N-%")))
    )
    return count


def test_a_file_goes_from_upload_to_result_and_back(world: World, finance: FlaskClient) -> None:
    response = uploaded(finance, GOOD)
    show = response.headers["Location"]
    assert response.status_code == 302
    assert "data-job=" in page(finance, show)
    assert work(world) == 1
    html = page(finance, show)
    assert "Import 2 rows" in html
    assert "138****0001" in html
    assert "13800000001" not in html
    assert new_customers(world) == 0

    batch_id = last_batch(world).id
    posted(finance, f"/importbatchview/run/{batch_id}")
    assert work(world) == 1
    assert new_customers(world) == 2
    assert "Undo the import" in page(finance, show)

    posted(finance, f"/importbatchview/undo/{batch_id}")
    html = page(finance, show)
    assert "The import is being undone." in html
    assert "Undo the import" not in html
    assert new_customers(world) == 2  # nothing happens while one waits for the page
    posted(finance, f"/importbatchview/undo/{batch_id}")  # pressed twice
    assert work(world) == 1
    assert new_customers(world) == 0
    assert last_batch(world).state == BatchState.UNDONE
    assert "The import of “list.csv” (Customers) was undone." in page(finance, "/notifications/")
    posted(finance, f"/importbatchview/undo/{batch_id}")
    assert "Only an imported batch can be undone." in page(finance, show)


def test_an_undo_that_is_refused_is_told_to_each_reader_in_the_own_language(world: World, finance: FlaskClient) -> None:
    show = uploaded(finance, GOOD).headers["Location"]
    work(world)
    batch_id = last_batch(world).id
    posted(finance, f"/importbatchview/run/{batch_id}")
    work(world)

    def renamed(name: str, version: int) -> None:
        with unit_of_work("tests.rename"):
            values = {"name": name, "version": version}
            db.session.execute(update(Customer.__table__).where(Customer.code == "N-1").values(**values))

    held(world, lambda: renamed("Annabel", 2))
    posted(finance, f"/importbatchview/undo/{batch_id}")
    assert work(world) == 1
    html = page(finance, show)
    assert "The import was not undone." in html
    assert "“Annabel” was changed after the import; it cannot be undone." in html
    assert "Undo the import" in html
    chinese = unescape(finance.get(f"{show}?_l_=zh").get_data(as_text=True))
    assert "“Annabel”在导入后已被修改" in chinese
    assert "在导入后已被修改" in unescape(finance.get("/notifications/?_l_=zh").get_data(as_text=True))
    assert new_customers(world) == 2
    held(world, lambda: renamed("Anna", 1))


def test_wrong_rows_are_listed_with_row_column_value_and_reason(world: World, finance: FlaskClient) -> None:
    show = uploaded(finance, WRONG).headers["Location"]
    work(world)
    html = page(finance, show)
    table = html[html.index("errors-table") :]
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", table)]
    assert cells[0:2] == ["2", "Phone"]
    assert cells[4:7] == ["3", "Branch", "NOPE"]
    assert "NOPE" in cells[7]
    assert "/importbatchview/run/" not in html
    errors = finance.get(show.replace("/show/", "/file/") + "/errors").get_data().decode("utf-8-sig")
    assert len(errors.splitlines()) == 3


def test_a_file_that_is_wrong_cannot_be_imported_by_its_address(world: World, finance: FlaskClient) -> None:
    uploaded(finance, WRONG)
    work(world)
    posted(finance, f"/importbatchview/run/{last_batch(world).id}")
    work(world)
    assert last_batch(world).state == BatchState.FAILED
    assert new_customers(world) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7", "This is a PDF"),
        (b"<html><table></table></html>", "web page"),
        (b"PK\x03\x04 broken", "damaged"),
        (HEADINGS.encode(), "headings but no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_on_the_form(finance: FlaskClient, content: bytes, words: str) -> None:
    html = text_of(uploaded(finance, content, "opening-positions", cut_over="2026-05-31"), 422)
    assert words in html[html.index('id="file-problem"') :][:400]
    assert re.search(r'value="opening-positions" checked', html)
    assert 'value="2026-05-31"' in html


def test_opening_positions_without_a_cut_over_date_are_refused_on_the_form(finance: FlaskClient) -> None:
    html = text_of(uploaded(finance, GOOD, "opening-positions"), 422)
    assert "need their cut-over date" in html[html.index('id="cut_over-problem"') :][:400]


def test_unknown_headings_lead_to_the_columns_and_values_can_be_assigned(world: World, finance: FlaskClient) -> None:
    address = uploaded(finance, FOREIGN).headers["Location"]
    assert "/columns/" in address
    chosen = {"column.code": "no", "column.name": "who", "column.type": "kind", "column.branch": "place"}
    html = text_of(posted(finance, address, do="refresh", **chosen))
    assert re.findall(r'name="text\.type\.\d" value="(\w)"', html) == ["F", "X"]
    values = {"texts_of.type": "kind", "text.type.0": "F", "value.type.0": "farmer", "text.type.1": "X"}
    values["value.type.1"] = "individual"
    response = posted(finance, address, do="check", save_as="old system", **chosen, **values)
    assert response.status_code == 302
    work(world)
    assert last_batch(world).rows_new == 2
    assert last_batch(world).rows_wrong == 0

    mapping_id = held(world, lambda: db.session.scalar(select(ImportMapping.id)))
    assert "/show/" in uploaded(finance, FOREIGN, mapping=str(mapping_id)).headers["Location"]
    work(world)
    assert last_batch(world).state == BatchState.CHECKED
    assert last_batch(world).mapping_name == "old system"


def test_leaving_out_a_needed_column_is_said_before_the_check(finance: FlaskClient) -> None:
    address = uploaded(finance, FOREIGN).headers["Location"]
    html = text_of(posted(finance, address, do="check", **{"column.name": "who"}), 422)
    assert "The file has no column for “Customer code”" in html
    assert re.search(r'value="who" selected', html)


def test_known_headings_are_chosen_already(finance: FlaskClient) -> None:
    address = uploaded(finance, f"{HEADINGS},extra\nN-1,Anna,farmer,A,13800000001,x\n").headers["Location"]
    html = page(finance, address)
    selected = dict(re.findall(r'name="column\.(\w+)">(?:(?!</select>).)*?value="([^"]+)" selected', html, re.DOTALL))
    assert selected == {
        "code": "Customer code",
        "name": "Name",
        "type": "Customer group",
        "branch": "Branch",
        "phone": "Phone",
    }


def test_pressing_import_twice_imports_once(world: World, finance: FlaskClient) -> None:
    uploaded(finance, GOOD)
    work(world)
    batch_id = last_batch(world).id
    posted(finance, f"/importbatchview/run/{batch_id}")
    posted(finance, f"/importbatchview/run/{batch_id}")
    assert work(world) == 1
    assert new_customers(world) == 2


def test_a_job_that_runs_again_after_its_end_changes_nothing(world: World, finance: FlaskClient) -> None:
    uploaded(finance, GOOD)
    work(world)
    batch_id = last_batch(world).id
    posted(finance, f"/importbatchview/run/{batch_id}")
    work(world)
    finished = last_batch(world).finished_at
    run = jobs.functions["imports.run"]
    held(world, lambda: run(lambda *_told: None, batch_id=batch_id, language="en"))
    assert new_customers(world) == 2
    assert last_batch(world).finished_at == finished


def test_a_job_that_breaks_leaves_nothing_and_can_be_tried_again(
    world: World, finance: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = uploaded(finance, GOOD).headers["Location"]
    work(world)
    posted(finance, f"/importbatchview/run/{last_batch(world).id}")
    with monkeypatch.context() as patched:
        patched.setattr(kinds["customers"], "write", lambda *_given: 1 / 0)
        work(world)
    assert new_customers(world) == 0
    html = page(finance, show)
    assert "was interrupted" in html
    assert "Try again" in html
    posted(finance, f"/importbatchview/check/{last_batch(world).id}")
    work(world)
    assert last_batch(world).state == BatchState.CHECKED


def test_the_job_speaks_the_language_of_whoever_asked(world: World, finance: FlaskClient) -> None:
    uploaded(finance, WRONG.replace("farmer", "martian"))
    work(world)
    assert "is none of: " in last_batch(world).report["problems"][0][3]


def test_nobody_imports_what_his_role_does_not_name(world: World, finance: FlaskClient) -> None:
    uploaded(finance, GOOD)
    administrator = world.login("administrator")
    html = page(administrator, "/imports/new")
    assert 'value="branches"' in html
    assert 'value="customers"' not in html
    assert uploaded(administrator, GOOD).status_code == 403
    assert administrator.get("/imports/template/customers/csv").status_code == 403
    assert administrator.get(f"/importbatchview/show/{last_batch(world).id}").status_code == 404
    assert "list.csv" not in page(administrator, "/importbatchview/list/")


@pytest.mark.parametrize("kind", ["branches", "teams", "staff", "products", "parameters", "grids"])
def test_finance_writes_no_master_data_by_file(world: World, finance: FlaskClient, kind: str) -> None:
    """What a role may look at but not change by hand, it cannot change by a file either."""
    assert f'value="{kind}"' not in page(finance, "/imports/new")
    assert uploaded(finance, "Code,Name\nX,Y\n", kind).status_code == 403
    with world.app.app_context(), acting(SYSTEM):
        who = actor_for_username("finance")
    with world.app.app_context(), acting(who), pytest.raises(Forbidden):
        services.upload(kind, "list.csv", io.BytesIO(b"Code\nX\n"), None)


def test_records_on_the_way_need_their_own_right(world: World) -> None:
    """Finance takes over a ledger and the branches it names; somebody who only brings in customers does not."""
    fields = {"code": {"column": "no"}}
    definition = {"kind": "customers", "fields": fields, "create": [{"kind": "branches", "fields": fields}]}
    with world.app.app_context(), acting(SYSTEM):
        mapping = from_definition(definition, fields_by_kind())
        finance = actor_for_username("finance")
        narrow = replace(finance, grants={k: v for k, v in finance.grants.items() if k != ("Branch", "migrate")})
    with world.app.app_context(), acting(finance):
        need_right(kinds["customers"], mapping)
    with world.app.app_context(), acting(narrow):
        need_right(kinds["customers"])
        with pytest.raises(Forbidden):
            need_right(kinds["customers"], mapping)


def test_whoever_may_only_read_sees_results_and_no_buttons(world: World, finance: FlaskClient) -> None:
    show = uploaded(finance, GOOD).headers["Location"]
    work(world)
    audit = world.login("audit")
    html = page(audit, show)
    assert "138****0001" in html
    assert "/importbatchview/run/" not in html
    assert "/importbatchview/file/" not in html
    assert audit.get(show.replace("/show/", "/file/") + "/original").status_code == 403
    assert audit.get("/imports/new").status_code == 403


def test_taking_the_original_file_is_written_down(world: World, finance: FlaskClient) -> None:
    show = uploaded(finance, GOOD).headers["Location"]
    response = finance.get(show.replace("/show/", "/file/") + "/original")
    assert response.get_data() == GOOD.encode()
    assert "attachment" in response.headers["Content-Disposition"]
    last = held(world, lambda: db.session.scalar(select(AuditEntry.verb).order_by(AuditEntry.id.desc()).limit(1)))
    assert last == "imports.download"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_headings_of_every_template_are_understood(world: World, finance: FlaskClient, language: str) -> None:
    with world.app.app_context():
        keys = [key for key, kind in kinds.items() if kind.resource != "Grid"]
    administrator = world.login("administrator")
    for key in keys:
        client = administrator if (kinds[key].resource, "import") in grants_of("administrator") else finance
        template = client.get(f"/imports/template/{key}/csv?_l_={language}").get_data()
        response = uploaded(client, template, key, cut_over="2026-05-31")
        assert "/show/" in response.headers.get("Location", ""), key
        assert client.get(f"/imports/template/{key}/xlsx").get_data().startswith(b"PK")


def test_a_file_shows_nothing_of_what_the_readers_role_covers(world: World, finance: FlaskClient) -> None:
    """A role that reads batches but is not shown the names of customers; of a good file and of one with a wrong row."""
    with world.app.test_request_context(), acting(SYSTEM):
        set_parameter("access.four_eyes", "off", TODAY, "a test")
        reads = {("ImportBatch", a): "all" for a in ("list", "show", "add", "run", "export")}
        grants = {**reads, ("Customer", "list"): "all", ("Customer", "import"): "all"}
        access.propose("reader", Table(label="R", grants=grants, masks={("Customer", "name"): "hidden"}), "a test", 0)
        users.add_user("reader", "R", "", "reader@example.test", ["reader"], "a good password")
    reader = world.login("reader")
    for name in ("Anna Veiled", "Anna Veiled" * 30):  # the second is too long, so that its row is wrong
        content = f"Customer code,Name,Customer group,Branch\nN-1,{name},farmer,A\n"
        uploaded(finance, content)
        work(world)
        batch = last_batch(world)
        address = f"/importbatchview/show/{batch.id}"
        assert "Anna Veiled" in page(finance, address)
        html = page(reader, address)
        assert "Anna" not in html
        assert "N-1" in html or "•••" in html
        assert "/file/" not in html
        assert reader.get(f"/importbatchview/file/{batch.id}/original").status_code == 403
        assert reader.get(f"/importbatchview/columns/{batch.id}").status_code == 403
        assert finance.get(f"/importbatchview/columns/{batch.id}").status_code == 200
    uploaded(reader, content)
    work(world)
    html = page(reader, f"/importbatchview/columns/{last_batch(world).id}")
    assert "Anna" not in html
    assert "•••" in html
