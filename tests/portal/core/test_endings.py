"""Numbers by their last four characters: a filter of its own, kept on every way of writing."""

from __future__ import annotations

import pytest

from portal.core.bulk import insert_rows
from portal.core.db import db
from portal.core.filters import filterable, read
from portal.core.key_ring import key_ring
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from tests.world import World


def found(world: World, **asked: str) -> list[str]:
    with world.app.test_request_context(), acting(SYSTEM):
        search = read(Customer, {f"f.{name}.ends": text for name, text in asked.items()})
        assert search.problems == ()
        return sorted(row.code for row in db.session.query(Customer).filter(*search.conditions))


def test_a_phone_is_found_by_its_last_four_digits_and_followed_when_it_changes(world: World):
    assert found(world, phone="0001") == ["C-A-a1-1"]
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.phone"):
        db.session.get_one(Customer, world.customers["C-A-a1-1"]).phone = "13900007777"
    assert (found(world, phone="0001"), found(world, phone="7777")) == ([], ["C-A-a1-1"])


def test_rows_of_a_bulk_writer_are_found_and_an_x_is_read_in_either_case(world: World):
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.bulk"):
        key, cipher = key_ring().new_cipher()
        value = Customer.resident_id
        sealed = dict(zip(value.columns, value.seal_with(cipher, "11010119900307123x"), strict=True))
        row = {"code": "C-BULK", "name": "bulk", "type": "farmer", "branch_id": world.branches["A"], "version": 1}
        insert_rows(db.session(), Customer, [{**row, "data_key": key, **sealed}])
    assert found(world, resident_id="123X") == found(world, resident_id="123x") == ["C-BULK"]


@pytest.mark.parametrize("text", ["1", "123", "12345", "12 4", "12-4"])
def test_fewer_or_more_than_four_are_refused_with_a_sentence(world: World, text: str):
    with world.app.test_request_context(), acting(SYSTEM):
        search = read(Customer, {"f.phone.ends": text})
    assert search.conditions == ()
    assert "last 4 characters" in search.problems[0]


def test_the_search_box_does_not_take_four_digits_for_an_ending(world: World):
    with world.app.test_request_context(), acting(SYSTEM):
        search = read(Customer, {"q": "0002"})
        assert [row.code for row in db.session.query(Customer).filter(*search.conditions)] == []
        assert {n for n, f in filterable(Customer).items() if f.type == "tail"} == {"resident_id", "phone"}


def test_no_search_for_words_becomes_a_look_up_of_an_address(world: World):
    with world.app.test_request_context(), acting(SYSTEM):
        search = read(Customer, {"q": "cust-A-a1-2"})
        assert [row.code for row in db.session.query(Customer).filter(*search.conditions)] == ["C-A-a1-2"]
