"""Names are found by their spelling: the keys themselves, and that every way of writing keeps them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.core import records
from portal.core.bulk import insert_rows
from portal.core.db import db
from portal.core.pinyin import PERSON, TEXT, key_of, slips, spelled
from portal.core.scope import SYSTEM, acting, unscoped
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from tests.world import World


@pytest.mark.parametrize(
    ("name", "initials", "pinyin"),
    [
        ("张伟", "zw", "zhangwei"),
        ("单雄信", "sxx", "shanxiongxin"),
        ("曾国藩", "zgf", "zengguofan"),
        ("仇英", "qy", "qiuying"),
        ("万俟卨", "mqx", "moqixie"),
        ("㛃䶮", "jy", "jieyan"),
        ("吕布", "lb", "lvbu"),
        ("John 张", "johnz", "johnzhang"),
        ("C-01", "c01", "c01"),
    ],
)
def test_a_name_is_spelled_as_people_type_it(name: str, initials: str, pinyin: str):
    assert spelled(name, PERSON) == (initials, pinyin)


def test_a_place_is_no_surname_and_a_firm_is_read_as_words():
    assert spelled("单县", TEXT)[1] == "danxian"
    assert spelled("重庆银行栖霞分行", PERSON)[1] == "chongqingyinhangqixiafenhang"


@pytest.mark.parametrize("name", ["", None, "😀", "···"])
def test_what_cannot_be_spelled_has_no_keys(name: str | None):
    assert spelled(name) == (None, None)


def test_a_name_of_4000_characters_keeps_short_keys():
    initials, pinyin = spelled("张" * 4000)
    assert initials == "z" * 40
    assert pinyin
    assert len(pinyin) == 120


def test_what_is_typed_is_read_as_keys_are_written():
    assert key_of("Zhang Wei'") == "zhangwei"


@pytest.mark.parametrize("typed", ["zhagnwei", "zhanwei", "zhangwwei", "zhongwei", "zhangwi"])
def test_one_slip_still_meets(typed: str):
    assert "zhangwei" in slips(typed)


def test_two_slips_do_not():
    assert "zhangwei" not in slips("zanwei")


@pytest.fixture
def writer(world: World):
    with world.app.app_context(), acting(SYSTEM):
        yield world
        db.session.rollback()


def keys_of(code: str) -> tuple[str | None, str | None]:
    row = db.session.execute(select(Customer.name_initials, Customer.name_pinyin).where(Customer.code == code)).one()
    return row.name_initials, row.name_pinyin


def values(world: World, code: str, name: str) -> dict[str, object]:
    return {"code": code, "name": name, "type": "farmer", "branch": world.branches["A"]}


def test_forms_and_rest_keep_the_keys(writer: World):
    row = records.add(Customer, values(writer, "K-1", "张伟"))
    assert keys_of("K-1") == ("zw", "zhangwei")
    records.change(Customer, row.id, {"name": "单田芳"})
    assert keys_of("K-1") == ("stf", "shantianfang")
    records.remove(Customer, row.id)


@pytest.mark.parametrize("count", [1, 60], ids=["few", "many"])
def test_the_bulk_writer_keeps_the_keys(writer: World, count: int):
    first = 900_000
    plain = {"type": "farmer", "branch_id": writer.branches["A"], "version": 1}
    rows = [{"id": first + n, "code": f"K-{n}", "name": "曾伟", **plain} for n in range(count)]
    with unit_of_work("tests.bulk"), unscoped("a test"):
        insert_rows(db.session(), Customer, rows)
        assert keys_of("K-0") == ("zw", "zengwei")
        assert keys_of(f"K-{count - 1}") == ("zw", "zengwei")
        for n in range(count):
            db.session.delete(db.session.get(Customer, first + n))
