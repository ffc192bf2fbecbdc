"""No untranslated string: every message that the code or a template can show has its Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "portal" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "N_": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def extracted() -> set[str | tuple[str, ...]]:
    found: set[str | tuple[str, ...]] = set()
    for folder in ("portal", "dashboards", "reports"):
        for message in extract_from_dir(ROOT / folder, METHODS, {"**.html": {"silent": "false"}}, KEYWORDS):
            found.add(message[2])
    return found


@pytest.fixture(scope="module")
def chinese() -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    with CATALOGUE.open("rb") as file:
        return {message.id: message.string for message in read_po(file, locale="zh") if message.id}


def test_every_message_has_its_chinese(chinese: dict):
    missing = sorted(str(message) for message in extracted() if not chinese.get(message) or not all(chinese[message]))
    assert missing == []


def test_translations_keep_the_placeholders(chinese: dict):
    for message, translated in chinese.items():
        one = message[0] if isinstance(message, tuple) else message
        text = translated[0] if isinstance(translated, tuple) else translated
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(one)), message


def test_the_same_words_are_translated_only_once(chinese: dict):
    """A message and the same message with a full stop or another case must not say different things."""
    by_words: dict[str, set[str]] = {}
    for message, translated in chinese.items():
        if isinstance(message, str) and isinstance(translated, str):
            by_words.setdefault(message.strip(" .:").lower(), set()).add(translated.strip(" 。：:"))
    assert {words: texts for words, texts in by_words.items() if len(texts) > 1} == {}


def test_no_message_stands_in_the_catalogue_twice():
    """The reader keeps the first of two without a word: the second place would be told the first one's meaning."""
    messages = re.findall(r'^msgid "(.+)"$', CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted({message for message in messages if messages.count(message) > 1}) == []
