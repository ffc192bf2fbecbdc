"""Everything that is written down has words in the audit trail; every kind of deed has verbs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from flask_babel import force_locale

from portal.core import work
from portal.core.verbs import VerbGroup, told, verbs_of
from tests.world import World

ROOT = Path(__file__).parents[2]

#: Words do not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

CALLS = {"unit_of_work", "record", "verb"}


def named_in_source() -> dict[str, str]:
    """Verb -> file, of every `unit_of_work("…")`, `record("…")` and `@verb("…")` in the code."""
    found = {}
    for folder in ("portal", "dashboards", "reports", "seed"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                    continue
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in CALLS and isinstance(node.args[0].value, str):
                    found[node.args[0].value] = str(path.relative_to(ROOT))
    return found


def test_every_verb_has_words_in_both_languages(world: World):
    wanted = {**dict.fromkeys(work.verbs, "registered"), **named_in_source()}
    assert len(wanted) > 50
    assert {verb: where for verb, where in wanted.items() if verb not in told} == {}
    with world.app.test_request_context():
        for verb in wanted:
            with force_locale("en"):
                english = str(told[verb].words)
            with force_locale("zh"):
                chinese = str(told[verb].words)
            assert english.isascii(), verb
            assert not chinese.isascii(), verb


def test_no_words_are_kept_for_a_verb_that_is_gone(world: World):
    beyond = {"audit.verify", "account.logout", "account.locked"}
    beyond |= {"account.session_ended", "account.session_revoked"}
    beyond |= {"jobs.done", "jobs.failed", "keys.rotate", "keys.reindex", "persons.reveal", "persons.reveal_refused"}
    assert set(told) - set(work.verbs) - set(named_in_source()) == beyond


def test_every_kind_of_deed_has_verbs(world: World):
    assert [group for group in VerbGroup if not verbs_of([group])] == []
