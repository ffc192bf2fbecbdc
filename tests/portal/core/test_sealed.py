"""Sealed values: unreadable in the database, found by their index, gone with their key."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from portal.core.sealed import KeyRing

RING = KeyRing("ab" * 32)


@given(st.text(min_size=1, max_size=60))
def test_equal_values_have_equal_indexes_and_others_do_not(value: str):
    assert RING.blind_index("phone", value) == KeyRing("ab" * 32).blind_index("phone", value)
    assert RING.blind_index("phone", value) != RING.blind_index("phone", value + "x")
    assert RING.blind_index("phone", value) != RING.blind_index("resident_id", value)
    assert RING.blind_index("phone", value) != KeyRing("ac" * 32).blind_index("phone", value)


def test_a_value_opens_only_with_its_own_key():
    one, two = RING.new_data_key(), RING.new_data_key()
    nonce = b"\0" * 12
    sealed = RING.cipher(one).encrypt(nonce, b"13900000000", b"phone")
    assert RING.cipher(one).decrypt(nonce, sealed, b"phone") == b"13900000000"
    for key, kind in ((two, b"phone"), (one, b"bank_account")):
        with pytest.raises(InvalidTag):
            RING.cipher(key).decrypt(nonce, sealed, kind)


def test_the_wrapped_key_does_not_hold_the_key_in_plain():
    key = RING.new_data_key()
    assert len(key) == 41
    assert RING.new_data_key() != key


def test_erasing_a_row_makes_its_values_unreadable(world):
    from portal.core.db import db
    from portal.core.scope import SYSTEM, acting
    from portal.customers.models import Customer

    with world.app.app_context(), acting(SYSTEM):
        row = db.session.get(Customer, world.customers["C-A-a1-0"])
        assert row.phone
        row.erase()
        assert row.phone is None
        assert row.phone_index is None
        db.session.rollback()
