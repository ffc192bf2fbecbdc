"""The rules of roles, by properties: difference, preview against brute force, lock-out, YAML there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access import rules
from portal.access.rules import Person, Problem, Rights, Table
from portal.core import role_store, scope

ALL_SCOPES = rules.SCOPES
VOCABULARY = {
    "Customer": Rights(
        {"list": ALL_SCOPES, "show": ALL_SCOPES, "add": ALL_SCOPES, "export": ALL_SCOPES, "import": ("none", "all")},
        {"phone": ("masked", "hidden"), "name": ("clear", "masked", "hidden")},
        frozenset({"name"}),
    ),
    "Product": Rights({"list": ("none", "all"), "edit": ("none", "all")}, {"rate": ("clear", "masked", "hidden")}),
    "Role": Rights({"edit": ("none", "all"), "approve": ("none", "all")}),
}
EDIT, APPROVE = ("Role", "edit"), ("Role", "approve")

grants = st.fixed_dictionaries(
    {},
    optional={
        (resource, action): st.sampled_from([s for s in scopes if s != "none"])
        for resource, rights in VOCABULARY.items()
        for action, scopes in rights.actions.items()
    },
)
masks = st.fixed_dictionaries(
    {},
    optional={
        (resource, name): st.sampled_from(known[1:])
        for resource, rights in VOCABULARY.items()
        for name, known in rights.masks.items()
    },
)
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20).map(str.strip)
tables = st.builds(
    Table,
    label=text,
    description=text,
    based_on=st.sampled_from(["", "collections"]),
    retired=st.booleans(),
    grants=grants,
    masks=masks,
)
ROLES = ("a", "b", "c")
companies = st.fixed_dictionaries(dict.fromkeys(ROLES, grants))
people = st.lists(
    st.builds(Person, st.uuids().map(str), st.lists(st.sampled_from(ROLES), unique=True).map(tuple)), max_size=6
)


def test_the_rules_know_the_kits_scopes_and_masks():
    assert rules.SCOPES == scope.SCOPES
    assert rules.MASKS == role_store.MASKS


@given(tables, tables)
def test_a_difference_applied_to_the_first_gives_the_second(a: Table, b: Table):
    assert rules.apply(a, rules.diff(a, b)) == b
    assert rules.diff(a, a) == ()


@given(grants, grants)
def test_what_is_kept_over_the_delivered_role_gives_the_grants_back(wanted: dict, base: dict):
    assert rules.over(base, rules.difference(wanted, base)) == wanted


@given(people, companies, companies)
def test_a_preview_equals_asking_everybody_for_everything(crowd: list[Person], before: dict, after: dict):
    def reach(person: Person, company: dict, task: tuple[str, str]) -> str:
        held = [company[role].get(task, "none") for role in person.roles]
        return max(held, key=rules.SCOPES.index, default="none")

    tasks = [(r, a) for r, rights in VOCABULARY.items() for a in rights.actions]
    expected = {
        (person.name, task, reach(person, before, task), reach(person, after, task))
        for person in crowd
        for task in tasks
        if reach(person, before, task) != reach(person, after, task)
    }
    found = rules.preview(crowd, before, after)
    assert {(name, e.task, e.before, e.after) for e in found for name in e.people} == expected
    assert all(e.gains == (rules.SCOPES.index(e.after) > rules.SCOPES.index(e.before)) for e in found)


@given(people, companies, companies)
def test_a_change_that_leaves_nobody_to_change_roles_is_refused(crowd: list[Person], before: dict, after: dict):
    def may(company: dict, task: tuple[str, str]) -> set[str]:
        return {person.name for person in crowd if any(task in company[role] for role in person.roles)}

    problem = rules.locks_out(crowd, before, after, EDIT, APPROVE)
    if may(before, EDIT) and not may(after, EDIT):
        assert problem is not None
    if problem is None and may(before, EDIT):
        assert may(after, EDIT)
    assert rules.locks_out(crowd, before, before, EDIT, APPROVE) is None


def test_the_last_second_person_is_not_taken_away():
    crowd = [Person("admin", ("a",)), Person("compliance", ("b",))]
    before = {"a": {EDIT: "all", APPROVE: "all"}, "b": {APPROVE: "all"}, "c": {}}
    problem = rules.locks_out(crowd, before, {**before, "b": {}}, EDIT, APPROVE)
    assert problem is not None
    assert "second person" in problem.message


@given(tables)
def test_a_role_written_as_yaml_reads_back_the_same(table: Table):
    if ("Customer", "add") in table.grants and table.masks.get(("Customer", "name")) == "hidden":
        return  # refused, see below
    plain = rules.apply(table, [rules.Change("retired", ("", ""), table.retired, False)])
    name, read = rules.read_yaml(rules.to_yaml("r", plain), VOCABULARY, ["collections"])
    assert (name, read) == ("r", plain)


@pytest.mark.parametrize(
    ("text", "line", "about"),
    [
        ("role: r\nrights: {}\n", 2, "rights"),
        ("role: r\ngrants:\n  Customer: {list: self}\n  Kustomer: {list: self}\n", 4, "Kustomer"),
        ("role: r\ngrants:\n  Customer:\n    list: self\n    fly: all\n", 5, "fly"),
        ("role: r\ngrants:\n  Customer:\n    list: galaxy\n", 4, "galaxy"),
        ("role: r\ngrants:\n  Product:\n    list: self\n", 4, "self"),
        ("role: r\nmasks:\n  Customer:\n    shoe: hidden\n", 4, "shoe"),
        ("role: r\nmasks:\n  Customer:\n    phone: clear\n", 4, "clear"),
        ("role: r\nbased_on: wizard\n", 2, "wizard"),
        ("role: r\nrole: s\n", 2, "role"),
        ("role: r\ngrants: [list]\n", 2, ""),
        ("role: r\ngrants:\n  Customer: {list: [self]}\n", 3, ""),
        ("role: r\n  grants: {\n", 2, ""),
        ("grants: {}\n", 0, ""),
        ("- a\n", 1, ""),
        ("", 1, ""),
        ("[" * 5_000, 0, ""),
        ("x" * 600_000, 0, ""),
    ],
)
def test_yaml_that_is_not_understood_is_refused_naming_the_line(text: str, line: int, about: str):
    with pytest.raises(Problem) as caught:
        rules.read_yaml(text, VOCABULARY, ["collections"])
    assert caught.value.line == line
    assert about in "".join(str(value) for value in caught.value.arguments.values())
    assert caught.value.message % dict(caught.value.arguments)


def test_a_field_that_a_new_record_needs_cannot_be_hidden_from_who_adds():
    table = Table(grants={("Customer", "add"): "self"}, masks={("Customer", "name"): "hidden"})
    with pytest.raises(Problem):
        rules.check(table, VOCABULARY)
    rules.check(Table(grants={("Customer", "list"): "self"}, masks=table.masks), VOCABULARY)


def test_what_a_field_is_anyway_is_not_kept():
    table = Table(grants={("Customer", "list"): "none"}, masks={("Customer", "phone"): "masked"})
    assert rules.tidied(table, VOCABULARY) == Table()
