"""What a role is, what a change of it means for people, and how it is written as YAML. Pure: no session, no words.

A `Table` holds the whole of a role: what it grants, what it covers. What is kept is its difference from the delivered
role that it is based on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import yaml

SCOPES = ("none", "self", "team", "branch", "all")
"""From the narrowest to the widest."""
MASKS = ("clear", "masked", "hidden")
NONE = "none"
LARGEST_YAML = 500_000
"""Characters."""
LONGEST_LABEL, LONGEST_DESCRIPTION = 60, 300

Task = tuple[str, str]
"""(resource, action)."""
FieldOf = tuple[str, str]
"""(resource, field)."""
Grants = Mapping[Task, str]


def N_(msgid: str) -> str:  # noqa: N802 - the name by which the extractor of messages knows it
    """Mark a message id for translation without translating it here."""
    return msgid


@dataclass(frozen=True)
class Rights:
    """What a role can be given of one resource."""

    actions: Mapping[str, tuple[str, ...]]
    """Action -> how far it can reach."""
    masks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field -> how it can be shown; the first is what it is without a word."""
    needed: frozenset[str] = frozenset()
    """Fields without which no row can be added."""


Vocabulary = Mapping[str, Rights]


@dataclass(frozen=True)
class Table:
    """A role, whole. `grants` holds no NONE, `masks` nothing that a field is without a word."""

    label: str = ""
    """Empty for a delivered role with the words it came with."""
    description: str = ""
    based_on: str = ""
    retired: bool = False
    grants: Grants = field(default_factory=dict)
    masks: Mapping[FieldOf, str] = field(default_factory=dict)


@dataclass(eq=False)
class Problem(Exception):
    """Why a table or a text cannot be taken. `message` is a message id with %(name)s for `arguments`."""

    message: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    """Of the YAML text, from 1; 0 = none."""


# ---- differences -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One thing that differs between two tables: `what` is a property of Table, `key` the task or field."""

    what: Literal["label", "description", "based_on", "retired", "grants", "masks"]
    key: tuple[str, str]
    before: Any
    after: Any


def diff(a: Table, b: Table) -> tuple[Change, ...]:
    """What has to change in `a` to make it `b`."""
    found = [
        Change(what, ("", ""), getattr(a, what), getattr(b, what))
        for what in ("label", "description", "based_on", "retired")
        if getattr(a, what) != getattr(b, what)
    ]
    for key in sorted({*a.grants, *b.grants}):
        before, after = a.grants.get(key, NONE), b.grants.get(key, NONE)
        if before != after:
            found.append(Change("grants", key, before, after))
    for key in sorted({*a.masks, *b.masks}):
        if a.masks.get(key) != b.masks.get(key):
            found.append(Change("masks", key, a.masks.get(key, ""), b.masks.get(key, "")))
    return tuple(found)


def apply(table: Table, changes: Iterable[Change]) -> Table:
    """The table with the changes made."""
    grants, masks, plain = dict(table.grants), dict(table.masks), {}
    for change in changes:
        if change.what == "grants":
            grants[change.key] = change.after
        elif change.what == "masks":
            masks[change.key] = change.after
        else:
            plain[change.what] = change.after
    return replace(
        table,
        **plain,
        grants={key: scope for key, scope in grants.items() if scope != NONE},
        masks={key: mask for key, mask in masks.items() if mask},
    )


def difference(grants: Grants, base: Grants) -> dict[Task, str]:
    """What to keep of grants over those of the delivered role; NONE takes one away."""
    return {key: grants.get(key, NONE) for key in {*grants, *base} if grants.get(key, NONE) != base.get(key, NONE)}


def over(base: Grants, kept: Grants) -> dict[Task, str]:
    """The grants that a kept difference means."""
    return {key: scope for key, scope in {**base, **kept}.items() if scope != NONE}


# ---- what a change means for people ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Somebody active with his roles."""

    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """People for whom a task reaches further or less far than before."""

    task: Task
    before: str
    after: str
    people: tuple[str, ...]

    @property
    def gains(self) -> bool:
        return SCOPES.index(self.after) > SCOPES.index(self.before)


def widest(names: Iterable[str], tables: Mapping[str, Grants]) -> dict[Task, str]:
    """What several roles allow together."""
    found: dict[Task, str] = {}
    for name in names:
        for task, scope in tables.get(name, {}).items():
            if SCOPES.index(scope) > SCOPES.index(found.get(task, NONE)):
                found[task] = scope
    return found


def preview(people: Iterable[Person], before: Mapping[str, Grants], after: Mapping[str, Grants]) -> tuple[Effect, ...]:
    """Who gains and who loses what when the roles' grants become `after`."""
    concerned = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    found: dict[tuple[Task, str, str], list[str]] = {}
    for person in people:
        if not concerned & set(person.roles):
            continue
        had, has = widest(person.roles, before), widest(person.roles, after)
        for task in {*had, *has}:
            if had.get(task, NONE) != has.get(task, NONE):
                found.setdefault((task, had.get(task, NONE), has.get(task, NONE)), []).append(person.name)
    return tuple(Effect(*key, tuple(sorted(names))) for key, names in sorted(found.items()))


def who(people: Iterable[Person], tables: Mapping[str, Grants], task: Task) -> frozenset[str]:
    """Those who may do it."""
    return frozenset(person.name for person in people if any(task in tables.get(role, {}) for role in person.roles))


def locks_out(
    people: Sequence[Person], before: Mapping[str, Grants], after: Mapping[str, Grants], keeping: Task, deciding: Task
) -> Problem | None:
    """Why a change may not be made: nobody could change roles, or nobody could decide on another's change, any more."""
    kept, decided = who(people, after, keeping), who(people, after, deciding)
    if not kept and who(people, before, keeping):
        return Problem(
            N_("Nobody could change roles any more after this: at least one active person must keep that right.")
        )
    had = _pairs(who(people, before, keeping), who(people, before, deciding))
    if had and not _pairs(kept, decided):
        return Problem(N_("Nobody could approve a change of roles any more after this: it takes a second person."))
    return None


def _pairs(keeping: frozenset[str], deciding: frozenset[str]) -> bool:
    """Whether a change can be proposed by one and decided by another."""
    return bool(keeping) and bool(deciding) and len(keeping | deciding) > 1


# ---- what can be granted ---------------------------------------------------------------------------------------------


def check(table: Table, vocabulary: Vocabulary) -> None:
    """Raises Problem for the first thing that the table cannot hold."""
    for (resource, action), scope in table.grants.items():
        check_grant(vocabulary, resource, action, scope)
    for (resource, name), mask in table.masks.items():
        check_mask(vocabulary, resource, name, mask)
    for resource, name in table.masks:
        hides = table.masks[resource, name] == "hidden" and name in vocabulary[resource].needed
        if hides and (resource, "add") in table.grants:
            raise Problem(
                N_("%(resource)s: the field %(field)s cannot be hidden from somebody who adds records: they need it."),
                {"resource": resource, "field": name},
            )
    if len(table.label) > LONGEST_LABEL or len(table.description) > LONGEST_DESCRIPTION:
        raise Problem(
            N_("A name has at most %(name)s characters, a description at most %(text)s."),
            {"name": LONGEST_LABEL, "text": LONGEST_DESCRIPTION},
        )


def check_grant(vocabulary: Vocabulary, resource: str, action: str, scope: str, line: int = 0) -> None:
    """Raises Problem unless the resource can be given so."""
    rights = _rights(vocabulary, resource, line)
    if action not in rights.actions:
        raise Problem(
            N_("%(resource)s has no action “%(action)s”; it has: %(known)s."),
            {"resource": resource, "action": action[:40], "known": ", ".join(sorted(rights.actions))},
            line,
        )
    if scope not in rights.actions[action]:
        raise Problem(
            N_("%(resource)s, %(action)s: “%(scope)s” is no scope here; choose from: %(known)s."),
            {"resource": resource, "action": action, "scope": scope[:40], "known": ", ".join(rights.actions[action])},
            line,
        )


def check_mask(vocabulary: Vocabulary, resource: str, name: str, mask: str, line: int = 0) -> None:
    """Raises Problem unless the field can be shown so."""
    rights = _rights(vocabulary, resource, line)
    if name not in rights.masks:
        raise Problem(N_("%(resource)s has no field “%(field)s”."), {"resource": resource, "field": name[:40]}, line)
    if mask not in rights.masks[name]:
        raise Problem(
            N_("%(resource)s, %(field)s: “%(mask)s” is not possible; choose from: %(known)s."),
            {"resource": resource, "field": name, "mask": mask[:40], "known": ", ".join(rights.masks[name])},
            line,
        )


def _rights(vocabulary: Vocabulary, resource: str, line: int) -> Rights:
    if resource not in vocabulary:
        raise Problem(N_("There is no resource “%(resource)s”."), {"resource": resource[:40]}, line)
    return vocabulary[resource]


def tidied(table: Table, vocabulary: Vocabulary) -> Table:
    """Without NONE, and without masks that a field has anyway."""
    return replace(
        table,
        grants={task: scope for task, scope in table.grants.items() if scope != NONE},
        masks={(r, n): mask for (r, n), mask in table.masks.items() if mask != vocabulary[r].masks[n][0]},
    )


# ---- YAML ------------------------------------------------------------------------------------------------------------


def to_yaml(name: str, table: Table) -> str:
    """The role as text that `read_yaml` reads back."""
    content: dict[str, Any] = {"role": name}
    content |= {key: getattr(table, key) for key in ("label", "description", "based_on") if getattr(table, key)}
    content["grants"] = _nested(table.grants)
    if table.masks:
        content["masks"] = _nested(table.masks)
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120))


def _nested(flat: Mapping[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    nested: dict[str, dict[str, str]] = {}
    for outer, inner in sorted(flat):
        nested.setdefault(outer, {})[inner] = flat[outer, inner]
    return nested


Pair = tuple[str, int, yaml.Node]
"""(key, line, value)."""


def read_yaml(text: str, vocabulary: Vocabulary, templates: Iterable[str]) -> tuple[str, Table]:
    """(name of the role, its table). Problem names the first line that cannot be taken."""
    if len(text) > LARGEST_YAML:
        raise Problem(N_("This text is too long for a role."))
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Problem(N_("This is no YAML."), line=mark.line + 1 if mark is not None else 0) from None
    except RecursionError:
        raise Problem(N_("This is no YAML.")) from None
    name, plain = "", {}
    grants: dict[Task, str] = {}
    masks: dict[FieldOf, str] = {}
    for key, line, value in _pairs_of(node, 1):
        if key in ("role", "label", "description", "based_on"):
            plain[key] = _scalar(value, line)
            if key == "based_on" and plain[key] not in {"", *templates}:
                raise Problem(N_("There is no delivered role “%(name)s”."), {"name": plain[key][:40]}, line)
        elif key == "grants":
            for resource, action, at, scope in _cells(value, line):
                check_grant(vocabulary, resource, action, scope, at)
                grants[resource, action] = scope
        elif key == "masks":
            for resource, field_name, at, mask in _cells(value, line):
                check_mask(vocabulary, resource, field_name, mask, at)
                masks[resource, field_name] = mask
        else:
            raise Problem(N_("“%(key)s” is not known here."), {"key": key[:40]}, line)
    name = plain.pop("role", "")
    if not name:
        raise Problem(N_("The text does not say which role it is: begin with “role:”."))
    words = {key: plain.get(key, "") for key in ("label", "description", "based_on")}
    table = Table(words["label"], words["description"], words["based_on"], grants=grants, masks=masks)
    check(table, vocabulary)
    return name, tidied(table, vocabulary)


def _cells(node: yaml.Node, line: int) -> Iterator[tuple[str, str, int, str]]:
    """(outer key, inner key, line, text) of a mapping of mappings."""
    for outer, at, inner in _pairs_of(node, line):
        for key, place, value in _pairs_of(inner, at):
            yield outer, key, place, _scalar(value, place)


def _pairs_of(node: yaml.Node | None, line: int) -> Iterator[Pair]:
    if isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~"):
        return
    if not isinstance(node, yaml.MappingNode):
        raise Problem(N_("Names with values are expected here."), line=node.start_mark.line + 1 if node else line)
    seen: set[str] = set()
    for key, value in node.value:
        at = key.start_mark.line + 1
        text = _scalar(key, at)
        if text in seen:
            raise Problem(N_("“%(key)s” stands here twice."), {"key": text[:40]}, at)
        seen.add(text)
        yield text, at, value


def _scalar(node: yaml.Node, line: int) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Problem(N_("A single word is expected here."), line=line)
    return str(node.value)
