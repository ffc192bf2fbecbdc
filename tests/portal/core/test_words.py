"""Words are found wherever they stand in a name, by index, exactly as reading every name would find them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.core import records
from portal.core.db import db
from portal.core.filters import quick_search
from portal.core.scope import SYSTEM, acting
from portal.core.words import anywhere, keys_where
from portal.customers.models import Customer
from portal.loans.models import Loan
from tests.world import World

NAMES = (
    "张伟",
    "张伟明",
    "小张伟",
    "欧阳张伟",
    "张小伟",
    "伟张",
    "青溪县张伟农资经营部",
    "青溪县老张",
    "张%",
    "张_伟",
    "张伟_伟",
    "㛃䶮",
    "王㛃䶮",
    "𬭎𬭎张伟",
    "Zhang Wei",
    "张",
)
WORDS = (
    "张伟",
    "伟明",
    "阳张",
    "张伟明",
    "欧阳张伟",
    "农资经营",
    "经营部",
    "㛃䶮",
    "𬭎张",
    "张%",
    "张_",
    "_伟",
    "老张",
    "青溪县",
    "无此",
    "张",
)


@pytest.fixture(scope="module")
def named(world: World):
    with world.app.app_context(), acting(SYSTEM):
        ids = [
            records.add(Customer, {"code": f"W-{n}", "name": name, "type": "farmer", "branch": world.branches["A"]}).id
            for n, name in enumerate(NAMES)
        ]
        yield world
        for key in ids:
            records.remove(Customer, key)


@pytest.mark.parametrize("words", WORDS)
def test_a_list_finds_the_names_that_hold_the_words(named: World, words: str):
    every = dict(db.session.execute(select(Customer.code, Customer.name)).all())
    found = set(db.session.scalars(select(Customer.code).where(quick_search(Customer, words))))
    assert found == {code for code, name in every.items() if words in name}


@pytest.mark.parametrize("words", [w for w in WORDS if len(w) > 1])
def test_the_indexed_ways_together_find_what_reading_finds(named: World, words: str):
    every = dict(db.session.execute(select(Customer.id, Customer.name)).all())
    found = set(db.session.scalars(keys_where(Customer, anywhere(Customer.name, words))))
    assert found == {key for key, name in every.items() if words in name}


def test_loans_are_found_by_their_customers_names(named: World):
    row = db.session.execute(select(Loan.code, Customer.name).join(Loan.customer).order_by(Loan.id)).first()
    assert row is not None
    found = set(db.session.scalars(select(Loan.code).where(quick_search(Loan, row.name[-2:]))))
    expected = select(Loan.code).join(Loan.customer).where(Customer.name.contains(row.name[-2:]))
    assert row.code in found
    assert found == set(db.session.scalars(expected))
