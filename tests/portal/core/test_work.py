"""The unit of work: one commit, one audit entry, all or nothing, no personal data in plain."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from portal.core import records
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import SYSTEM, acting
from portal.core.work import current_unit, record, unit_of_work
from portal.customers.models import Customer
from portal.organization.models import Branch
from tests.world import World


@pytest.fixture
def books(world: World) -> Iterator[World]:
    with world.app.app_context(), acting(SYSTEM):
        yield world
        db.session.rollback()


def entries() -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def newest() -> AuditEntry:
    return db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()  # type: ignore[return-value]


def test_nested_verbs_make_one_commit_and_one_entry(books: World):
    before = entries()
    with unit_of_work("tests.both"):
        records.add(Branch, {"code": "N1", "name": "n1", "kind": "outlet"})
        records.add(Branch, {"code": "N2", "name": "n2", "kind": "outlet"})
    assert entries() == before + 1
    assert {row["resource"] for row in newest().changes["rows"]} == {"Branch"}
    assert len(newest().changes["rows"]) == 2


def test_an_error_at_the_end_undoes_everything_before_it(books: World):
    before = entries()
    with pytest.raises(InvalidValues), unit_of_work("tests.half"):
        records.add(Branch, {"code": "H1", "name": "h1", "kind": "outlet"})
        records.add(Branch, {"code": "H1", "name": "h1 again", "kind": "outlet"})
    assert db.session.scalar(select(Branch.id).where(Branch.code == "H1")) is None
    assert entries() == before


def test_a_change_names_the_field_with_its_old_and_new_value(books: World):
    row = records.add(Branch, {"code": "V1", "name": "before", "kind": "outlet"})
    records.change(Branch, row.id, {"name": "after"})
    changed = newest().changes["rows"][0]
    assert changed["fields"]["name"] == ["before", "after"]
    assert newest().verb == "records.change"


def test_personal_data_never_stands_in_an_entry(books: World):
    secret = {"phone": "13911112222", "address": "翠屏街道某号", "bank_account": "6222020200112233445"}
    owner = {"branch": books.branches["A"], "type": "farmer"}
    row = records.add(Customer, {"code": "PD", "name": "n", **owner, **secret})
    records.change(Customer, row.id, {"phone": "13933334444"})
    kept = json.dumps([e.changes for e in db.session.scalars(select(AuditEntry))], ensure_ascii=False)
    for value in (*secret.values(), "13933334444"):
        assert value not in kept
    assert "phone" in newest().changes["rows"][0]["fields"]


def test_a_reading_can_be_recorded_without_a_change(books: World):
    record("tests.read", "Customer", {"count": 3})
    assert newest().changes == {"count": 3}
    assert newest().resource == "Customer"


def test_there_is_no_unit_outside_a_verb(books: World):
    with pytest.raises(RuntimeError):
        current_unit()


def test_rows_changed_outside_a_unit_are_not_slipped_into_the_next(books: World):
    row = db.session.scalars(select(Branch)).first()
    row.name = "slipped"
    with pytest.raises(RuntimeError), unit_of_work("tests.slip"):
        pass
    db.session.rollback()


def test_a_row_that_others_refer_to_is_not_deleted(books: World):
    with pytest.raises(Refused):
        records.remove(Branch, books.branches["A"])
    assert db.session.get(Branch, books.branches["A"]) is not None
