"""Several master keys: what each opens, rotation, a missing or wrong one; the keys of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Settings, SettingsError, parse_keys
from portal.core import key_rotation
from portal.core.db import db
from portal.core.key_ring import KeyRing, MissingKey, key_id_of, key_ring
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from tests.world import World

OLD, NEW = "7e" * 32, "b1f2" * 16
ROTATED = f"2026a:{NEW},1:{OLD}"
QUIET = lambda *_figures: None  # noqa: E731


@pytest.fixture
def rings(world: World):
    """`rings(text)` gives the portal other keys for the rest of the test."""
    kept = world.app.extensions["key_ring"]
    yield lambda text: world.app.extensions.update(key_ring=KeyRing(text))
    world.app.extensions["key_ring"] = kept


def raw(world: World) -> dict[str, tuple[bytes, bytes, bytes]]:
    with world.app.app_context(), acting(SYSTEM):
        return {c.code: (c.data_key, c.phone_sealed, c.phone_index) for c in db.session.query(Customer)}


def phone(world: World) -> str:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(Customer, world.customers["C-A-a1-0"]).phone


def test_a_key_tells_which_master_wrapped_it_and_older_masters_still_open():
    old, both = KeyRing(OLD), KeyRing(ROTATED)
    before, after = old.new_data_key(), both.new_data_key()
    assert (key_id_of(before), key_id_of(after)) == ("1", "2026a")
    assert both.cipher(before)
    assert both.rewrapped(before).startswith(b"\x02\x052026a")
    with pytest.raises(MissingKey, match="2026a"):
        old.cipher(after)
    with pytest.raises(MissingKey, match="not the one"):
        KeyRing(f"1:{NEW}").cipher(before)


def test_indexes_stay_while_the_oldest_key_stays_or_have_a_key_of_their_own():
    assert KeyRing(ROTATED).blind_index("phone", "1") == KeyRing(OLD).blind_index("phone", "1")
    own = "c3d4" * 16
    assert KeyRing(OLD, own).blind_index("phone", "1") == KeyRing(NEW, own).blind_index("phone", "1")


def test_rotation_rewraps_the_keys_and_touches_no_value(world: World, rings, monkeypatch):
    before = raw(world)
    rings(ROTATED)
    monkeypatch.setattr(key_rotation, "BATCH", 5)
    with world.app.app_context(), acting(SYSTEM):
        assert key_rotation.used_ids() == {"1": 24}  # customers and guarantors who are none
        seen: list[int] = []

        def killed(_table: str, done: int, _total: int) -> None:
            seen.append(done)
            if done == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            key_rotation.rotate(killed)
        assert key_rotation.used_ids() == {"1": 19, "2026a": 5}
        assert key_rotation.rotate(QUIET) == 19
        assert key_rotation.rotate(QUIET) == 0
        assert key_rotation.check().sound
    after = raw(world)
    assert all(key_id_of(key) == "2026a" for key, *_rest in after.values())
    assert {code: values[1:] for code, values in after.items()} == {code: v[1:] for code, v in before.items()}
    with world.app.app_context(), acting(SYSTEM):
        rings(f"1:{OLD},2026a:{NEW}")
        assert key_rotation.rotate(QUIET) == 24  # and back, for the tests that follow


def test_a_missing_key_is_named_and_nothing_is_lost(world: World, rings):
    plain, before = phone(world), raw(world)
    rings(f"2026a:{NEW}")
    with world.app.app_context(), acting(SYSTEM):
        found = key_rotation.check()
        assert (found.missing, found.sound) == (["1"], False)
        assert "The master key 1 is missing" in found.sentences[0]
    client = world.login("branch_head")
    number = world.customers["C-A-a1-0"]
    assert "unavailable (key 1)" in client.get(f"/customerview/show/{number}").get_data(as_text=True)
    assert client.get("/customerview/list/").status_code == 200
    assert client.get("/customerview/export/csv").status_code == 200
    world.app.extensions.pop("keys_complete", None)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (503, {"status": "master keys missing", "keys": ["1"]})
    page = client.get(f"/customerview/edit/{number}").get_data(as_text=True)
    assert "unavailable (key 1)" in page
    kept = client.put(f"/api/v1/customer/{number}", json={"industry": "trade"})
    assert kept.status_code in (200, 400), kept.json
    assert raw(world) == before
    world.app.extensions["key_ring"] = KeyRing(OLD)
    assert phone(world) == plain


def test_a_value_whose_key_is_missing_is_not_overwritten(world: World, rings):
    before = raw(world)
    with world.app.app_context(), acting(SYSTEM):
        rings(f"2026a:{NEW}")
        row = db.session.get_one(Customer, world.customers["C-A-a1-1"])
        with pytest.raises(MissingKey):
            row.phone = "13900009999"
        row.since = row.since  # everything else of the row can be set
        db.session.rollback()
        assert key_ring().current == "2026a"
    assert raw(world) == before


def test_reindexing_makes_every_index_anew(world: World, rings):
    before = raw(world)
    kept = world.app.extensions["key_ring"]
    world.app.extensions["key_ring"] = KeyRing(OLD, "c3d4" * 16)
    with world.app.app_context(), acting(SYSTEM):
        assert not key_rotation.check().index_fits
        assert key_rotation.reindex(QUIET) == 36  # customers, what their keys seal, and guarantors
        assert key_rotation.check().sound
        assert db.session.query(Customer).filter_by(phone_index=Customer.phone.index("13900000000")).count() == 1
        world.app.extensions["key_ring"] = kept
        key_rotation.reindex(QUIET)
    assert raw(world) == before


def settings(tmp_path: Path, **given: str) -> Settings:
    return Settings.from_env({"PORTAL_INSTANCE": str(tmp_path), **given})


def test_keys_come_from_one_setting_several_or_a_file(tmp_path: Path):
    good = {"PORTAL_MASTER_KEYS": f"2026a:{NEW}", "PORTAL_MASTER_KEY": OLD}
    assert settings(tmp_path, **good).master_keys == ROTATED
    assert settings(tmp_path, PORTAL_MASTER_KEY=OLD).master_keys == f"1:{OLD}"
    file = tmp_path / "keys"
    file.write_text(f"# the current one first\n2026a:{NEW}\n1:{OLD}\n")
    assert settings(tmp_path, PORTAL_MASTER_KEYS_FILE=str(file)).master_keys == ROTATED
    for wrong in ("", "x", f"a b:{NEW}", f"1:{NEW},1:{OLD}", "1:12"):
        with pytest.raises(SettingsError):
            parse_keys(wrong)
    with pytest.raises(SettingsError, match="cannot be read"):
        settings(tmp_path, PORTAL_MASTER_KEYS_FILE=str(tmp_path / "none"))


def test_production_refuses_the_keys_of_a_demo_and_those_anybody_would_guess(tmp_path: Path):
    demo = settings(tmp_path).master_key
    production = {"PORTAL_MODE": "production", "PORTAL_SECRET_KEY": "9f8e7d6c5b4a39281706f5e4d3c2b1a0fe12"}
    with pytest.raises(SettingsError, match="made for the demo"):
        settings(tmp_path, PORTAL_MASTER_KEY=demo, **production)
    with pytest.raises(SettingsError, match=r"easy to guess|no secret"):
        settings(tmp_path, PORTAL_MASTER_KEY=OLD, **production)
    with pytest.raises(SettingsError, match="PORTAL_MASTER_KEY is not set"):
        settings(tmp_path, **production)
    sound = "c41f7a93e60b2d588d7e19f4a05cb3627b90e2d1f8364ac5590d1e7f42a8b36c"
    assert settings(tmp_path, PORTAL_MASTER_KEY=sound, **production).master_keys == f"1:{sound}"
