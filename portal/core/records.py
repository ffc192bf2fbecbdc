"""The generic verbs: add, change and remove a row of any described model.

Screens, REST and imports use them; an area that has more to say overrides them with verbs of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import gettext
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from portal.core import places
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues, NotFound, PortalError, Refused
from portal.core.fields import Field, fields_of
from portal.core.lookup import may_be_named
from portal.core.scope import Scoped
from portal.core.values import as_text
from portal.core.work import current_unit, taken_value, verb


class Conflict(PortalError):
    """Somebody else changed the row since it was read."""

    status = 409


def problems(model: type, values: dict[str, Any], row: Any = None, partial: bool = False) -> dict[str, list[str]]:
    """What is wrong with values for a row, by field name; empty when all is well.

    `partial` leaves out fields that are not given (REST changes). Branch, team and customer manager of every model that
    has them must belong together (places.py). A model may add rules of its own in a class method
    `check_values(values, row)` that returns the same shape.
    """
    found: dict[str, list[str]] = {}
    given, values = values, places.settled(model, values, row)
    for name, field in fields_of(model).items():
        if field.readonly or (partial and name not in values):
            continue
        if row is not None and field.type == "ref" and values.get(name) == held_reference(row, name):
            continue  # what was there stays, whether this actor sees it or not
        if field.required and not belongs(field, values):
            continue
        text = _problem(field, values.get(name))
        if text:
            found.setdefault(name, []).append(text)
    if found:
        return found
    merged = {**held(row), **values} if row is not None else values
    found = misplaced(model, merged) | places.misfits(model, values, row, given)
    own = getattr(model, "check_values", None)
    if own is not None and not found:
        for name, texts in own(merged, row).items():
            found.setdefault(name, []).extend(str(t) for t in texts)
    return found


def held(row: Any) -> dict[str, Any]:
    """What a row holds, by field; a sealed value whose key is missing as it is shown."""
    sealed = getattr(type(row), "__sealed__", {})
    return {n: sealed[n].held(row) if n in sealed else getattr(row, n) for n in fields_of(type(row))}


def misplaced(model: type, values: dict[str, Any]) -> dict[str, list[str]]:
    """Values that do not belong beside the others: a credit code of a person. By field name."""
    found: dict[str, list[str]] = {}
    for name, field in fields_of(model).items():
        if field.only_if is None or values.get(name) in (None, "") or belongs(field, values):
            continue
        which = gettext(", ").join(str(label_of(v)) if isinstance(v, StrEnum) else str(v) for v in field.only_if[1])
        found[name] = [str(gettext("Leave this empty: it is only for %(which)s.", which=which))]
    return found


def belongs(field: Field, values: dict[str, Any]) -> bool:
    """Whether a field has a place beside these values; unknown (nothing chosen yet) counts as yes."""
    if field.only_if is None:
        return True
    other, allowed = field.only_if
    return values.get(other) is None or values[other] in allowed


def _problem(field: Field, value: Any) -> str | None:
    if value is None or value == "":
        return str(gettext("This is needed.")) if field.required else None
    if field.minimum is not None and value < field.minimum:
        return str(gettext("At least %(least)s.", least=as_text(field, field.minimum)))
    if field.type == "money" and field.minimum is None and value < 0:
        return str(gettext("An amount cannot be negative."))
    if field.maximum is not None and value > field.maximum:
        return str(gettext("At most %(most)s.", most=as_text(field, field.maximum)))
    if field.check is not None:
        text = field.check(value)
        if text:
            return str(gettext(str(text)))
    if field.type == "ref":
        assert field.target is not None
        if db.session.get(field.target, value) is None:
            return _not_there()
    return None


def _not_there() -> str:
    return str(gettext("There is no such record within your area of responsibility."))


def held_reference(row: Any, name: str) -> int | None:
    """The id that a reference holds, seen or unseen."""
    return getattr(row, _key_of(type(row), name))  # type: ignore[no-any-return]


def _key_of(model: type, name: str) -> str:
    """The attribute that holds a reference's key."""
    mapper: Any = inspect(model)
    column = next(iter(mapper.relationships[name].local_columns))
    return str(mapper.get_property_by_column(column).key)


def assign(row: Any, values: dict[str, Any]) -> None:
    """Set values by field name; references take ids."""
    mapper: Any = inspect(type(row))
    for name, value in values.items():
        field = fields_of(type(row))[name]
        if field.type == "ref":
            column = next(iter(mapper.relationships[name].local_columns))
            setattr(row, mapper.get_property_by_column(column).key, value)
        else:
            setattr(row, name, value)


@verb("records.add")
def add(model: type, values: dict[str, Any]) -> Any:
    """A new row. InvalidValues by field; OutOfScope when it would belong to somebody else."""
    wrong = problems(model, values)
    if wrong:
        raise InvalidValues(wrong)
    values = places.settled(model, values)
    row = model()
    with db.session.no_autoflush:
        assign(row, {n: v for n, v in values.items() if v is not None and not fields_of(model)[n].readonly})
    db.session.add(row)
    _flush(model, values)
    current_unit().about(row)
    return row


@verb("records.change")
def change(model: type, row_id: int, values: dict[str, Any], version_seen: int | None = None) -> Any:
    """Change a row. Conflict when `version_seen` is no longer its version."""
    row = load(model, row_id)
    if version_seen is not None and getattr(row, "version", version_seen) != version_seen:
        raise Conflict(gettext("Someone else changed this record meanwhile."))
    wrong = problems(model, values, row, partial=True)
    if wrong:
        raise InvalidValues(wrong)
    values = places.settled(model, values, row)
    with db.session.no_autoflush:
        assign(row, {n: v for n, v in values.items() if not fields_of(model)[n].readonly})
    current_unit().about(row)
    _flush(model, values)
    return row


@verb("records.remove")
def remove(model: type, row_id: int) -> None:
    """Delete a row that nothing refers to; Refused otherwise."""
    row = load(model, row_id)
    current_unit().about(row)
    db.session.delete(row)
    try:
        db.session.flush()
    except IntegrityError:
        raise Refused(gettext("Other records refer to this one; it cannot be deleted.")) from None


def load(model: type, row_id: int) -> Any:
    """The row, if the actor's present task reaches it; else NotFound."""
    pk: Any = inspect(model).primary_key[0]
    row = (
        db.session.scalar(select(model).where(pk == row_id))
        if issubclass(model, Scoped)
        else db.session.get(model, row_id)
    )
    if row is None:
        raise NotFound(gettext("This record does not exist, or it lies outside your area of responsibility."))
    return row


def _flush(model: type, values: dict[str, Any]) -> None:
    try:
        db.session.flush()
    except StaleDataError:
        raise Conflict(gettext("Someone else changed this record meanwhile.")) from None
    except IntegrityError as error:
        name = _field_of_column(model, taken_value(error).removesuffix("_index"))
        if name is None:
            raise Refused(gettext("These values contradict other records.")) from error
        target = fields_of(model)[name].target
        if target is not None and not may_be_named(target):  # whoever may not list logins learns of none that it exists
            raise InvalidValues({name: [_not_there()]}) from None
        raise InvalidValues({name: [gettext("Another record has this value already.")]}) from None


def _field_of_column(model: type, column: str) -> str | None:
    """The field that a column belongs to: a reference goes by its relationship, not by its key."""
    fields = fields_of(model)
    if column in fields:
        return column
    references = (name for name, field in fields.items() if field.type == "ref")
    return next((name for name in references if _key_of(model, name) == column), None)
