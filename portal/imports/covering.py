"""What of a file somebody is shown whose roles cover fields of the records that the file brings.

Columns of covered fields are left out of the first rows, and the values in errors and mappings are covered. The files
themselves cannot be taken, and nobody assigns the columns of somebody else's file anew: both would show everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from portal.core.masks import COVER
from portal.core.role_store import CLEAR
from portal.core.scope import actor
from portal.imports.kinds import kinds
from portal.imports.kinds.kind import Kind
from portal.imports.models import ImportBatch

Definition = Mapping[str, Any]


def covered_fields(kind: Kind) -> frozenset[str]:
    """The fields that the actor's roles mask or hide; what is masked for everybody is masked when it is read."""
    masks = actor().masks
    return frozenset(name for name in kind.fields if masks.get((kind.resource, name), CLEAR) != CLEAR)


def is_covered(batch: ImportBatch) -> bool:
    """Whether the file holds, or may hold, what the actor is not shown."""
    return any(covered_fields(kinds[key]) for key, _rules in _parts(batch) if key in kinds)


def may_assign(batch: ImportBatch) -> bool:
    """Whether the actor may look at the file's columns."""
    return batch.created_by == actor().name or not is_covered(batch)


def shown_report(batch: ImportBatch) -> dict[str, Any]:
    """The report of the check, as the actor may see it."""
    report: dict[str, Any] = batch.report or {}
    if not report or not is_covered(batch):
        return report
    covered = covered_fields(kinds[batch.kind]) if batch.kind in kinds else frozenset()
    places = [place for place, name in enumerate(report["columns"]) if name not in covered]
    headings = _headings(batch)
    return {
        **report,
        "columns": [report["columns"][place] for place in places],
        "rows": [{**row, "values": [row["values"][place] for place in places]} for row in report["rows"]],
        "problems": [
            # a reason may quote the value
            [line, column, COVER, COVER] if column in headings else [line, column, value, reason]
            for line, column, value, reason in report["problems"]
        ],
    }


def _headings(batch: ImportBatch) -> set[str]:
    """What errors call the covered fields: their column of the file, or our label."""
    found: set[str] = set()
    for key, rules in _parts(batch):
        if key in kinds:
            for name in covered_fields(kinds[key]):
                found |= {str(kinds[key].fields[name].label), rules.get(name, {}).get("column", "")}
    return found - {""}


def _parts(batch: ImportBatch) -> Iterator[tuple[str, Definition]]:
    """(kind, rules) of the file's rows and of what is created on the way."""
    definition: Definition = batch.definition or {}
    yield batch.kind, definition.get("fields", {})
    for creation in definition.get("create", ()):
        yield creation["kind"], creation["fields"]
