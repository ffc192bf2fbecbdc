"""The numbers of the demo company pass every check and belong to nobody."""

from __future__ import annotations

from datetime import date

import pytest
from stdnum import numdb

from portal.customers import rules
from seed import identity

BORN = date(1980, 5, 17)


def test_one_serial_gives_one_number_and_another_serial_another():
    serials = range(20_000)
    assert len({identity.mobile(n) for n in serials}) == 20_000
    assert len({identity.bank_card(n) for n in serials}) == 20_000
    assert len({identity.credit_code("enterprise", n) for n in serials}) == 20_000
    assert len({identity.resident_id(BORN, sex, n) for sex in ("male", "female") for n in range(500)}) == 1_000


def test_a_thousand_and_first_birthday_is_refused():
    with pytest.raises(ValueError, match="500 people"):
        identity.resident_id(BORN, "male", 500)


def test_every_number_passes_its_check():
    for serial in range(500):
        assert rules.resident_id_problem(identity.resident_id(BORN, "female", serial), on=date(2026, 6, 30)) is None
        assert rules.uscc_problem(identity.credit_code("cooperative", serial)) is None
        assert rules.phone_problem(identity.mobile(serial)) is None
        assert rules.bank_card_problem(identity.bank_card(serial)) is None


def test_no_county_ever_had_the_code_of_the_demo_numbers():
    def county(code: str) -> dict[str, str]:
        """Every name that the code of a county ever stood for."""
        return {part: found["county"] for part, found in numdb.get("cn/loc").info(code) if "county" in found}

    assert county("370686") == {"0686": "[1995-]栖霞市"}
    assert county(identity.NO_COUNTY) == {}
    assert identity.resident_id(BORN, "male", 1)[:6] == identity.NO_COUNTY
    assert identity.credit_code("enterprise", 1)[2:8] == identity.NO_COUNTY
