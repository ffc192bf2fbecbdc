"""Parameters: what is in force on a date, and how a new value comes into force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import g, has_request_context
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core import records
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.setup import on_prepare
from portal.core.work import current_unit, unit_of_work, verb
from portal.parameters.known import FROM_THE_START, Operator, known, parsed_dates, problems
from portal.parameters.models import Parameter

FIRST_STAYS = _("The first value of a parameter stays; let another one follow it.")


@dataclass(frozen=True)
class ParameterValue:
    """A parameter's value as in force on some date."""

    text: str
    operator: Operator | None
    source: str
    valid_from: date
    confirmed: bool

    @property
    def value(self) -> Decimal:
        """The value as an exact number; decimal.InvalidOperation when it is none."""
        return Decimal(self.text)

    @property
    def dates(self) -> list[date]:
        """The value of a parameter that lists dates."""
        return parsed_dates(self.text)

    def met_by(self, number: int | Decimal) -> bool:
        """Whether a number reaches this threshold; ValueError for a parameter without an operator."""
        match self.operator:
            case Operator.GREATER:
                return number > self.value
            case Operator.GREATER_OR_EQUAL:
                return number >= self.value
            case Operator.LESS:
                return number < self.value
            case Operator.LESS_OR_EQUAL:
                return number <= self.value
        raise ValueError("only a threshold can be met")


def parameter(key: str, on: date) -> ParameterValue:
    """The value in force on a date. Raises Refused when there is none; read once per request."""
    return parameters([key], on)[key]


def parameters(keys: Collection[str], on: date) -> dict[str, ParameterValue]:
    """The values of several parameters in force on a date. Raises Refused when one has none.

    A request reads all there are at its first question: they are few, and a page asks for many.
    """
    found = in_force(keys, on)
    for key, value in found.items():
        if value is None:
            raise Refused(gettext("No value of the parameter %(key)s is in force on %(day)s.", key=key, day=on))
    return {key: value for key, value in found.items() if value is not None}


def in_force(keys: Collection[str], on: date) -> dict[str, ParameterValue | None]:
    """The same, where a parameter may have no value on the date."""
    if not has_request_context():
        held = _read(keys)
    elif "parameters" in g:
        held = g.parameters
    else:
        held = g.parameters = _read()
    return {key: next((v for v in reversed(held.get(key, ())) if v.valid_from <= on), None) for key in keys}


def _read(keys: Collection[str] | None = None) -> dict[str, list[ParameterValue]]:
    """The values of these parameters, or of all, those of each in the order in which they came into force."""
    statement = select(
        Parameter.key,
        Parameter.value,
        Parameter.operator,
        Parameter.source,
        Parameter.valid_from,
        Parameter.confirmed,
    ).order_by(Parameter.valid_from)
    found: dict[str, list[ParameterValue]] = {}
    for row in db.session.execute(statement if keys is None else statement.where(Parameter.key.in_(keys))):
        found.setdefault(row[0], []).append(ParameterValue(*row[1:]))
    return found


@verb("parameters.set")
def set_parameter(
    key: str, value: str, valid_from: date, source: str, operator: Operator | None = None, confirmed: bool = False
) -> Parameter:
    """Let a value apply from a date on, until the next one begins; a value that begins that very day is replaced.

    Raises InvalidValues for a key that no rule reads, a value that does not fit it, or a threshold without operator.
    """
    value = value.strip()
    wrong = problems(key, value, operator)
    if wrong:
        raise InvalidValues(wrong)
    row = db.session.scalar(select(Parameter).where(Parameter.key == key, Parameter.valid_from == valid_from))
    if row is None:
        row = Parameter(key=key, valid_from=valid_from)
        db.session.add(row)
    row.value, row.operator, row.source, row.confirmed = value, operator, source, confirmed
    db.session.flush()
    current_unit().about(row)
    _forget()
    return row


@verb("parameters.add")
def add_value(values: dict[str, Any]) -> Parameter:
    """Add one value. InvalidValues when no rule could read it."""
    row: Parameter = records.add(Parameter, values)
    _forget()
    return row


@verb("parameters.change")
def change_value(row_id: int, values: dict[str, Any], version_seen: int | None = None) -> Parameter:
    """Change one value. InvalidValues when no rule could read it, or when days would be left without a value."""
    key = records.load(Parameter, row_id).key
    since = _first_day(key)
    row: Parameter = records.change(Parameter, row_id, values, version_seen)
    if _first_day(key) != since:
        raise InvalidValues({"valid_from" if row.key == key else "key": [FIRST_STAYS]})
    _forget()
    return row


@verb("parameters.remove")
def remove_value(row_id: int) -> None:
    """Take a value back; the one before it goes on. Refused for the first, which nothing would replace."""
    key = records.load(Parameter, row_id).key
    since = _first_day(key)
    records.remove(Parameter, row_id)
    if _first_day(key) != since:
        raise Refused(str(FIRST_STAYS))
    _forget()


def _first_day(key: str) -> date | None:
    return db.session.scalar(select(func.min(Parameter.valid_from)).where(Parameter.key == key))


def _forget() -> None:
    """What this request has read of the parameters no longer holds."""
    if has_request_context():
        g.pop("parameters", None)


@on_prepare
def load_defaults() -> None:
    """Give every known parameter that has no value yet the one the portal starts with. Does nothing when run again."""
    held = set(db.session.scalars(select(Parameter.key).distinct()))
    missing = [item for key, item in known.items() if key not in held]
    if not missing:
        return
    with unit_of_work("parameters.load_defaults") as unit:
        db.session.add_all(
            Parameter(
                key=item.key,
                value=item.value,
                operator=item.operator,
                valid_from=FROM_THE_START,
                source=item.cited,
                confirmed=item.confirmed,
            )
            for item in missing
        )
        unit.note(keys=[item.key for item in missing])
