"""Parameters: each value with its validity, its operator where it is a threshold, and its source."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped

from portal.core.db import BusinessDate, Choice, Code, Id, Model, Text, Versioned
from portal.core.fields import field
from portal.core.masks import is_clear, told
from portal.parameters.known import Operator, problems
from portal.parameters.words import KNOWN, threshold_in_words


class Parameter(Versioned, Model):
    """One value of one parameter from a date on, until the next value of the same key begins (参数)."""

    __table_args__ = (UniqueConstraint("key", "valid_from"),)

    id: Mapped[Id]
    key: Mapped[Code] = field(_("Parameter"), offered=KNOWN, search=True, help=_("Which rule reads it."))
    value: Mapped[str] = field(_("Value"), String(200), search=True)
    operator: Mapped[Operator | None] = field(
        _("Operator"), Choice(Operator), help=_("Thresholds only: whether the number itself counts.")
    )
    valid_from: Mapped[BusinessDate] = field(_("Valid from"))
    source: Mapped[Text] = field(_("Source"), help=_("The rule or decision this value comes from."))
    confirmed: Mapped[bool] = field(_("Confirmed by compliance"), default=False)

    @classmethod
    def check_values(cls, values: dict[str, Any], _row: Any) -> dict[str, list[Any]]:
        """Only what some rule can read, by forms, REST and files alike."""
        return problems(values["key"], values["value"], values.get("operator"))

    @property
    def number(self) -> Decimal:
        """The value as an exact number; decimal.InvalidOperation when it is none."""
        return Decimal(self.value)

    def __str__(self) -> str:
        named = KNOWN.of(self.key) if is_clear(Parameter, "key") else told(self, "key")
        return f"{named} {self.in_words}".strip()

    @property
    def in_words(self) -> str:
        """The value with its operator, as far as the reader's roles show it."""
        if not is_clear(Parameter, "value"):
            return told(self, "value")
        return threshold_in_words(self.key, self.value, self.operator if is_clear(Parameter, "operator") else None)
