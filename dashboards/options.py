"""What a page can be asked besides its date and its filters: a date to compare with, a share, one of a few ways to cut.

Like filters they stand in the address; what is as usual is left out of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

from dashboards.markup import icon
from portal.core.clock import business_date
from portal.core.metric import MetricError
from portal.metrics.answers import read_day

SINCE = "since"
COMPARED = _("Compared with")


@dataclass(frozen=True, eq=False)
class Option(ABC):
    """Something a page is asked. Its key names it in the address."""

    key: str
    label: Any

    @abstractmethod
    def usual(self, as_of: date) -> Any:
        """The value when nothing was chosen."""

    @abstractmethod
    def read(self, text: str, as_of: date) -> Any:
        """From the address; MetricError with a sentence for what means nothing."""

    def text(self, value: Any) -> str:
        """For the address and the control."""
        return str(value)

    @abstractmethod
    def words(self, value: Any) -> str:
        """For paper."""

    def fits(self, value: Any, as_of: date) -> bool:
        """Whether the value still makes sense when another date is chosen."""
        return True

    @abstractmethod
    def control(self, name: str, value: Any) -> Component:
        """The control of the filter bar, with this id; its property `value` holds the text."""


def calendar_words() -> dict[str, Any]:
    """How a date control writes dates and names its arrows, in the language of the moment."""
    chinese = str(get_locale()).startswith("zh")
    return {
        "valueFormat": "YYYY年M月D日" if chinese else "MMM D, YYYY",
        "monthLabelFormat": "YYYY年M月" if chinese else "MMMM YYYY",
        "yearLabelFormat": "YYYY年" if chinese else "YYYY",
        "ariaLabels": {
            "previousMonth": gettext("Previous month"),
            "nextMonth": gettext("Next month"),
            "previousYear": gettext("Previous year"),
            "nextYear": gettext("Next year"),
            "previousDecade": gettext("Previous decade"),
            "nextDecade": gettext("Next decade"),
        },
        "leftSection": icon("fa-calendar-day"),
        "leftSectionPointerEvents": "none",
        "popoverProps": {"withRoles": False},  # its role wants a name that it does not take
        "className": "dashboard-filter",
    }


@dataclass(frozen=True, eq=False)
class Since(Option):
    """The earlier of two dates that are compared: the month-end before, unless another is chosen."""

    def usual(self, as_of: date) -> date:
        return as_of.replace(day=1) - timedelta(days=1)

    def read(self, text: str, as_of: date) -> date:
        day = read_day(text)
        if day >= as_of:
            raise MetricError(
                gettext("The date to compare with, %(day)s, must lie before %(as_of)s.", day=day, as_of=as_of)
            )
        return day

    def text(self, value: date) -> str:
        return value.isoformat()

    def words(self, value: date) -> str:
        return value.isoformat()

    def fits(self, value: date, as_of: date) -> bool:
        return value < as_of

    def control(self, name: str, value: date) -> Component:
        return dmc.DatePickerInput(
            id=name,
            label=str(self.label),
            value=value.isoformat(),
            maxDate=(business_date() - timedelta(days=1)).isoformat(),
            **calendar_words(),
        )


@dataclass(frozen=True, eq=False)
class Percent(Option):
    """A whole percentage from 0 to 100."""

    normal: int = 10

    def usual(self, as_of: date) -> int:
        return self.normal

    def read(self, text: str, as_of: date) -> int:
        if not text.strip().isdigit() or not 0 <= int(text.strip()[:4]) <= 100:
            raise MetricError(
                gettext("%(label)s: “%(text)s” is no whole number from 0 to 100.", label=self.label, text=text[:20])
            )
        return int(text.strip())

    def words(self, value: int) -> str:
        return f"{value}%"

    def control(self, name: str, value: int) -> Component:
        return dmc.NumberInput(
            id=name,
            label=str(self.label),
            value=str(value),
            min=0,
            max=100,
            step=5,
            allowDecimal=False,
            allowNegative=False,
            clampBehavior="strict",
            debounce=400,
            suffix="%",
            className="dashboard-filter",
        )


@dataclass(frozen=True, eq=False)
class Pick(Option):
    """One of a few named values."""

    choices: tuple[tuple[str, Any], ...] = ()

    def usual(self, as_of: date) -> str:
        return self.choices[0][0]

    def read(self, text: str, as_of: date) -> str:
        if text not in dict(self.choices):
            known = ", ".join(value for value, _label in self.choices)
            raise MetricError(
                gettext(
                    "%(dimension)s: “%(value)s” is none of %(known)s.",
                    dimension=self.label,
                    value=text[:40],
                    known=known,
                )
            )
        return text

    def words(self, value: str) -> str:
        return str(dict(self.choices)[value])

    def control(self, name: str, value: str) -> Component:
        return dmc.Select(
            id=name,
            label=str(self.label),
            data=[{"value": key, "label": str(label)} for key, label in self.choices],
            value=value,
            allowDeselect=False,
            className="dashboard-filter",
        )


SINCE_OPTION = Since(SINCE, COMPARED)
