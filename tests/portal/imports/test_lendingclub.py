"""The reference ledger: 10,000 real loans taken over, to the cent, on both engines, by plain SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from portal.core.db import db
from portal.imports.kinds import Status
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.mapping import load_mapping
from portal.imports.services import undo_import
from tests.portal.imports.conftest import checking, imported

pytestmark = pytest.mark.shared
ROOT = Path(__file__).parents[3]


def one(statement: str) -> tuple:
    return tuple(db.session.execute(text(statement)).one())


def table(statement: str) -> dict:
    return {key: tuple(map(int, values)) for key, *values in db.session.execute(text(statement))}


def test_ten_thousand_loans_come_in_to_the_cent_change_nothing_again_and_go_again(empty, shared_data):
    path = shared_data / "lendingclub_openintro" / "loans_full_schema.csv"
    rules = load_mapping(ROOT / "seed" / "mappings" / "lendingclub.toml", fields_by_kind())

    batch = imported(path, "opening-positions", mapping=rules)
    assert batch.rows_new == 10_000
    ground_truths()

    with checking(path, "opening-positions", mapping=rules) as checked:
        assert checked.counts == {Status.UNCHANGED: 10_000, Status.WRONG: 0}
        assert set(checked.created.values()) == {0}

    undo_import(batch.id)
    assert one("SELECT coalesce(sum(amount), 0) FROM posting WHERE account = '1303'") == (0,)
    assert one("SELECT count(*) FROM loan_state") == (0,)
    assert table("SELECT status, count(*) FROM loan GROUP BY status") == {"cancelled": (10_000,)}


def ground_truths() -> None:
    """Figures of the file itself, computed independently (metrics.md)."""
    assert one("SELECT count(*), sum(principal) FROM loan") == (10_000, 163_619_225_00)
    assert one("SELECT sum(amount) FROM posting WHERE account = '1303'") == (144_589_166_10,)
    assert one("SELECT count(*), sum(balance) FROM loan_state") == (9_545, 144_589_166_10)
    paid = "SELECT component, sum(amount) FROM posting WHERE account = '1901' AND kind = 'repayment' GROUP BY component"
    assert table(paid) == {"principal": (18_944_484_66,), "interest": (5_996_667_81,), "fee": (1_195_16,)}
    assert one(
        "SELECT count(DISTINCT loan_id), sum(amount) FROM posting WHERE account = '9101' AND kind = 'write_off'"
    ) == (7, 85_574_24)
    assert table("SELECT status, count(*) FROM loan GROUP BY status") == {
        "active": (9_545,),
        "settled": (448,),  # 447 fully paid, and a current one of which nothing is left
        "written_off": (7,),
    }
    late = table("SELECT days_past_due, count(*), sum(balance) FROM loan_state GROUP BY days_past_due")
    assert {days: count for days, (count, _balance) in late.items()} == {0: 9_374, 10: 67, 20: 38, 60: 66}
    assert round(late[60][1] / 144_589_166_10 * 100, 4) == 0.8403
    assert round(sum(late[days][1] for days in (10, 20, 60)) / 144_589_166_10 * 100, 4) == 2.0746
    (rate,) = one("SELECT sum(balance * rate) * 1.0 / sum(balance) FROM loan_state")
    assert round(float(rate) / 10_000, 4) == 12.6604
    assert one("SELECT sum(amount) FROM posting") == (0,)
    assert one("SELECT count(*) FROM branch") == (51,)
    assert str(one("SELECT open_date FROM business_day")[0]) == "2018-03-31"
