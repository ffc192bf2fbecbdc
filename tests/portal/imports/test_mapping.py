"""Column mappings: their file form, what is wrong with them, and headings that need none."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from portal.imports.kinds import kinds
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.mapping import MappingProblem, Rule, from_definition, heading, load_mapping, suggest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _application():
    app = Flask("mapping", root_path=str(ROOT / "portal"))
    Babel(app)
    with app.app_context():
        yield


def definition(**changes) -> dict:
    return {"kind": "branches", "fields": {"code": "Nr", "name": {"column": "Name"}}, **changes}


def test_a_mapping_survives_being_saved_as_json():
    made = from_definition(
        definition(
            cut_over="2026-06-30",
            blanks=["NA"],
            notes=["read me"],
            create=[{"kind": "products", "fields": {"code": {"column": "p", "prefix": "P-", "values": {"1": "one"}}}}],
        ),
        fields_by_kind(),
    )
    again = from_definition(json.loads(json.dumps(made.as_definition())), fields_by_kind())
    assert again == made
    assert again.cut_over == dt.date(2026, 6, 30)


def test_the_mapping_of_the_reference_ledger_loads():
    found = load_mapping(ROOT / "seed" / "mappings" / "lendingclub.toml", fields_by_kind())
    assert found.kind == "opening-positions"
    assert [creation.kind for creation in found.create] == ["branches", "branches", "products", "customers"]
    assert found.rules["amount"] == Rule(column="loan_amount")
    assert "paid_total" not in {rule.column for rule in found.rules.values()}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([], "a table with kind and fields"),
        (definition(kind="cats"), "no kind of import called “cats”"),
        (definition(fields={}), "names no fields"),
        (definition(extra=1), "unknown entry “extra”"),
        (definition(fields={"colour": "x"}), "branches have no field “colour”"),
        (definition(fields={"code": {}}), "is empty"),
        (definition(fields={"code": {"column": "a", "constant": "b"}}), "either a column or a constant"),
        (definition(fields={"code": {"prefix": "b"}}), "either a column or a constant"),
        (definition(fields={"code": {"column": "a", "colour": "b"}}), "unknown entry “colour”"),
        (definition(fields={"code": {"column": "a", "scale": "wan"}}), "“wan” is no scale"),
        (definition(cut_over="soon"), "“soon” is not a date"),
        (definition(create=[{"kind": "cats", "fields": {"code": "a"}}]), "no kind of import called “cats”"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_sentence(made, words):
    with pytest.raises(MappingProblem) as caught:
        from_definition(made, fields_by_kind())
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "content"), [("a.toml", "kind = "), ("a.json", "{"), ("a.toml", "\xff")])
def test_a_file_that_is_no_mapping_is_refused_in_one_sentence(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(MappingProblem, match="cannot be read"):
        load_mapping(path, fields_by_kind())
    with pytest.raises(MappingProblem, match="cannot be read"):
        load_mapping(tmp_path / "none.toml", fields_by_kind())


@pytest.mark.parametrize("key", list(kinds))
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_headings_of_a_template_find_their_fields_by_themselves(key, locale):
    fields = kinds[key].fields
    with force_locale(locale):
        headings = [heading(described) for described in fields.values()]
    assert len(set(headings)) == len(headings)
    assert {name: rule.column for name, rule in suggest(fields, headings).items()} == dict(
        zip(fields, headings, strict=True)
    )


def test_headings_are_found_by_field_name_and_without_their_unit():
    fields = kinds["loans"].fields
    found = suggest(fields, ["loan number", "Amount（元）", "disbursed_on", "something else", "Amount"])
    assert {name: rule.column for name, rule in found.items()} == {
        "code": "loan number",
        "amount": "Amount（元）",
        "disbursed_on": "disbursed_on",
    }
