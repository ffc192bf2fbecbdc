"""Notes of a document: the dated parameters its figures rest on, in words and with their sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.core.db import label_of
from portal.parameters.known import TO_CONFIRM, known
from portal.parameters.services import ParameterValue
from reports.report import ReportContext


@dataclass(frozen=True)
class Setting:
    """One parameter as a note prints it."""

    label: str
    value: str
    """With the words of its operator, if it is a threshold."""
    parameter: ParameterValue


def settings(context: ReportContext, keys: Iterable[str]) -> list[Setting]:
    """The parameters in force at the date of the report."""
    found = []
    for key in keys:
        parameter = context.parameters(key, context.as_of)
        operator = f"{label_of(parameter.operator)} " if parameter.operator else ""
        found.append(Setting(str(known[key].label), operator + parameter.text, parameter))
    return found


def cited(parameter: ParameterValue) -> str:
    """Its source without the remark that compliance has to confirm it: documents print that in their own language."""
    return parameter.source.removesuffix(TO_CONFIRM)
