"""Sentences in the language that is spoken now, however often it changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, render_template_string
from flask_babel import force_locale, gettext, lazy_gettext, refresh
from markupsafe import Markup

from tests.world import World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

SAVE = lazy_gettext("Save")


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    with world.app.test_request_context("/?_l_=en"):
        yield world.app


def test_the_language_may_change_and_change_back_within_a_request(app: Flask):
    said = []
    for locale in ("en", "zh", "en", "zh"):
        with force_locale(locale):
            said.append((gettext("Save"), str(SAVE), render_template_string("{{ _('Save') }}")))
    assert said[0] == said[2] == ("Save",) * 3
    assert said[1] == said[3] == ("保存",) * 3
    assert gettext("Save") == render_template_string("{{ _('Save') }}") == "Save"


def test_a_language_chosen_anew_counts_after_a_refresh(app: Flask, monkeypatch: pytest.MonkeyPatch):
    assert gettext("Save") == "Save"
    monkeypatch.setattr(app.extensions["babel"], "locale_selector", lambda: "zh")
    refresh()
    assert gettext("Save") == "保存"


def test_values_in_sentences_of_templates_are_escaped_and_our_own_words_are_not(app: Flask):
    html = render_template_string("{{ _('%(count)s records', count=value) }}", value="<script>")
    assert html == "&lt;script&gt; records"
    assert render_template_string("{{ _('%(count)s records', count=value) }}", value=Markup("<b>2</b>")).startswith(
        "<b>"
    )
    assert render_template_string("{{ _('100%%') }}") == "100%"


def test_outside_of_everything_sentences_are_as_they_were_written(world: World):
    assert str(SAVE) == "Save"
