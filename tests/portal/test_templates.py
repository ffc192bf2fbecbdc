"""Rules every template keeps: what the content security policy, translation and accessibility need."""

import re
from pathlib import Path

import pytest

import portal

FOLDER = Path(portal.__file__).parent / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*.html"))
SCRIPTS = sorted((FOLDER.parent / "static" / "portal").glob("*.js"))


#: Names of keys and file formats are the same in every language.
NAMES = {"Ctrl", "Esc", "CSV", "LPR", "PDF", "XLSX", "YAML"}


def markup(path: Path) -> str:
    """The template without its comments."""
    return re.sub(r"\{#.*?#\}", "", (FOLDER / path).read_text(encoding="utf-8"), flags=re.DOTALL)


def words(path: Path) -> list[str]:
    """Text between tags that is written into the template and not translated."""
    text = re.sub(r"<(script|style|code)\b.*?</\1>", " ", markup(path), flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    return re.findall(r"[A-Za-z]{3,}|[\u4e00-\u9fff]+", re.sub(r"<[^>]*>", " ", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_scripts_carry_the_nonce(path: Path) -> None:
    assert [tag for tag in re.findall(r"<script\b[^>]*>", markup(path)) if "nonce" not in tag] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_no_handler_or_style_is_written_into_a_tag(path: Path) -> None:
    assert re.findall(r"\s(?:on[a-z]+|style)=[\"']", markup(path)) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_forms_that_post_carry_a_token(path: Path) -> None:
    forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", markup(path), flags=re.DOTALL)
    assert [form[:80] for form in forms if "ui.csrf()" not in form and "hidden_tag()" not in form] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_people_read_no_untranslated_word(path: Path) -> None:
    assert set(words(path)) - NAMES == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_buttons_with_only_an_icon_have_a_name(path: Path) -> None:
    buttons = re.findall(r"<(?:button|a)\b[^>]*class=\"icon-button[^>]*>", markup(path))
    assert [button for button in buttons if "aria-label" not in button] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_hold_no_words_of_their_own(path: Path) -> None:
    """Words come from messages.html, in the reader's language."""
    assert re.findall(r"[\u4e00-\u9fff]", path.read_text(encoding="utf-8")) == []
