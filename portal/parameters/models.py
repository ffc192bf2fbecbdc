"""Parameters: each value with its validity, its operator where it is a threshold, and its source."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped

from portal.core.db import BusinessDate, Choice, Code, Id, Model, Text, Versioned
from portal.core.fields import field
from portal.parameters.known import Operator, problems


class Parameter(Versioned, Model):
    """One value of one parameter from a date on, until the next value of the same key begins (参数)."""

    __table_args__ = (UniqueConstraint("key", "valid_from"),)

    id: Mapped[Id]
    key: Mapped[Code] = field(_("Key"), search=True, help=_("Which rule reads it; see the list of known keys."))
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
        return f"{self.key} {self.operator or ''} {self.value}".replace("  ", " ")
