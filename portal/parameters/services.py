"""Parameters: what is in force on a date, and how a new value comes into force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask import g, has_request_context
from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.setup import on_prepare
from portal.core.work import current_unit, unit_of_work, verb
from portal.parameters.known import FROM_THE_START, known, parsed_dates
from portal.parameters.models import Operator, Parameter


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
    """The values of several parameters in force on a date, in one statement. Raises Refused when one has none."""
    held: dict[tuple[str, date], ParameterValue] = g.setdefault("parameters", {}) if has_request_context() else {}
    missing = [key for key in keys if (key, on) not in held]
    if missing:
        rows = db.session.execute(
            select(
                Parameter.key,
                Parameter.value,
                Parameter.operator,
                Parameter.source,
                Parameter.valid_from,
                Parameter.confirmed,
            )
            .where(Parameter.key.in_(missing), Parameter.valid_from <= on)
            .order_by(Parameter.valid_from)
        )
        held |= {(row[0], on): ParameterValue(*row[1:]) for row in rows}
    for key in missing:
        if (key, on) not in held:
            raise Refused(gettext("No value of the parameter %(key)s is in force on %(day)s.", key=key, day=on))
    return {key: held[key, on] for key in keys}


@verb("parameters.set")
def set_parameter(
    key: str, value: str, valid_from: date, source: str, operator: Operator | None = None, confirmed: bool = False
) -> Parameter:
    """Let a value apply from a date on, until the next one begins; a value that begins that very day is replaced.

    Raises InvalidValues for a key that no rule reads, a value that does not fit it, or a threshold without operator.
    """
    value = value.strip()
    check_value(key, value, operator)
    row = db.session.scalar(select(Parameter).where(Parameter.key == key, Parameter.valid_from == valid_from))
    if row is None:
        row = Parameter(key=key, valid_from=valid_from)
        db.session.add(row)
    row.value, row.operator, row.source, row.confirmed = value, operator, source, confirmed
    db.session.flush()
    current_unit().about(row)
    if has_request_context():
        g.pop("parameters", None)
    return row


def check_value(key: str, value: str, operator: Operator | None) -> None:
    """Raise InvalidValues when no rule could read this value."""
    if key not in known:
        raise InvalidValues({"key": [gettext("No rule reads a parameter of this name.")]})
    problem = known[key].problem(value)
    if problem is not None:
        raise InvalidValues({"value": [problem]})
    if known[key].threshold != (operator is not None):
        sentence = (
            gettext("A threshold needs its operator.") if known[key].threshold else gettext("Only thresholds have one.")
        )
        raise InvalidValues({"operator": [sentence]})


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
