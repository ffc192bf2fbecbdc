"""Screens of this area: Dated parameters."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.parameters import services
from portal.parameters.models import Parameter
from portal.parameters.words import KNOWN, value_in_words


class ParameterView(PortalView):
    """Dated parameters."""

    help = Help(
        _(
            "Figures that regulation and the company decide, each with the day it holds from and its source: "
            "provision rates, thresholds, limits."
        ),
        _(
            "Risk and compliance add a new value with its first day instead of changing the old one, so that past"
            " reports stay as they were. What compliance has not confirmed is marked."
        ),
    )
    datamodel = ScopedInterface(Parameter)
    menu, icon = ("parameters", _("Rules")), "fa-sliders"
    list_title, show_title, add_title, edit_title = (
        _("Parameters"),
        _("Parameter"),
        _("Add a parameter value"),
        _("Edit parameter value"),
    )
    empty_text = _("Parameters come with the installation; add a value with the date from which it holds.")
    list_columns = ["key", "value", "operator", "valid_from", "source", "confirmed"]
    order = ("key", "asc")
    related = ()

    def written(self, row: Any, name: str) -> str | Markup:
        """The name over its key, which imports and documents use; the value in words."""
        if name == "key":
            return Markup('{}<small class="cell-note">{}</small>').format(KNOWN.of(row.key), row.key)
        return value_in_words(row.key, row.value) if name == "value" else super().written(row, name)

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.add_value(values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return services.change_value(row_id, values, version_seen)

    def remove_verb(self, row_id: int) -> None:
        services.remove_value(row_id)


def register(builder: Any) -> None:
    add_screens(builder, ParameterView)
