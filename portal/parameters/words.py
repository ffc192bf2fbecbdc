"""Parameters in words: what each is called, and its value as lists, cards and forms tell it."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import label_of
from portal.core.roles import roles
from portal.parameters.known import Operator, known

PARTS = {"fee": _("Fee"), "interest": _("Interest"), "penalty": _("Penalty interest"), "principal": _("Principal")}
SWITCH = {"on": _("On"), "off": _("Off")}


TOLD: dict[str, Callable[[str], str]] = {}
"""By unit: how values of an area's own units are told."""


class _Known:
    """The keys that rules read; a key that none reads any more stands for itself."""

    def of(self, key: str) -> str:
        return str(known[key].label) if key in known else key

    def keys(self, text: str) -> list[str]:
        return [key for key, item in known.items() if text.lower() in str(item.label).lower()]


KNOWN = _Known()


def value_in_words(key: str, value: str) -> str:
    """A value as people say it: names instead of codes, thousands separated. The unit is in the parameter's name."""
    unit = known[key].unit if key in known else ""
    if unit in TOLD:
        return TOLD[unit](value)
    match unit:
        case "order":
            return " → ".join(str(PARTS.get(part, part)) for part in value.split(","))
        case "switch":
            return str(SWITCH.get(value, value))
        case "roles":
            names = [part.strip() for part in value.split(",") if part.strip()]
            named = gettext(", ").join(str(roles[name].label) if name in roles else name for name in names)
            return named or gettext("None")
        case "days" | "rows" | "number" | "times" | "fen" if value.isdigit():
            return f"{int(value):,}"
        case _:
            return value


def threshold_in_words(key: str, value: str, operator: Operator | None) -> str:
    """The same with its operator: “more than 90”."""
    words = value_in_words(key, value)
    return f"{label_of(operator)} {words}" if operator is not None else words
