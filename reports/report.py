"""What a report is: a name, a permission, a template, and a function that gathers its figures.

A report gets figures only through `ReportContext.evaluate`: one number, one place. It holds no SQL and asks no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Protocol

from portal.core.metric import Metric, MetricResult, metrics
from portal.core.registry import Registry
from portal.parameters.services import ParameterValue, parameter


class Evaluate(Protocol):
    """`portal.core.metric.evaluate`, bound to the context's `known_at`."""

    def __call__(
        self,
        keys: Sequence[str],
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        as_of: date | None = None,
        start: date | None = None,
    ) -> MetricResult: ...


@dataclass(frozen=True)
class ReportContext:
    """Everything a report may know."""

    as_of: date
    """The business date of the figures."""
    locale: str
    """zh or en: the language of the document, whatever the screen speaks."""
    company: str
    evaluate: Evaluate
    parameters: Callable[[str, date], ParameterValue] = parameter
    definition: Callable[[str], Metric] = metrics.__getitem__
    """Label, formula and source of a metric, for the notes."""
    known_at: date | None = None
    """Set to reprint the report as it was known at the end of that day."""
    scope: str = ""
    """What part of the company the reader's figures cover; empty = all of it. Printed on the cover."""

    @property
    def dated(self) -> datetime:
        """The moment the document bears: never the clock, so that the same figures give the same bytes."""
        return datetime.combine(self.known_at or self.as_of, time())


@dataclass(frozen=True)
class DataTable:
    """A table of the report as data: attached to the PDF as CSV, exact and unrounded."""

    name: str
    """File name without its ending."""
    description: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | None]]


@dataclass(frozen=True)
class Report:
    """One report of the catalogue. `build` returns the template's variables, with the attached data under `tables`."""

    key: str
    title: Any
    """Lazy text."""
    description: Any
    """Lazy text: what it answers and for whom."""
    permission: tuple[str, str]
    """(resource, action) of the role table that lets a role open and print it."""
    template: str
    """Path under `reports/`."""
    build: Callable[[ReportContext], dict[str, Any]]


REPORTS: Registry[Report] = Registry("Reports")


def register(report: Report) -> Report:
    """Enter a report into the catalogue under its key."""
    return REPORTS.register(report.key, report)
