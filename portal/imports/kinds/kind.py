"""A kind of import: which fields its rows have, how they are judged against the database, how they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from portal.core.fields import Field
from portal.core.registry import Registry
from portal.imports.checking import Checks, Converter, Problems
from portal.imports.mapping import Rule
from portal.imports.reading import LINE, Limits, Table, open_table
from portal.imports.traces import remove_added, traced_models, undo_changes

STATUS = "\0status"


class Status(StrEnum):
    """What importing a row would do."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WRONG = "wrong"


@dataclass
class Run:
    """One pass over one file: what its parts share."""

    problems: Problems
    to_write: bool
    """Whether the rows will be written after the check; if not, costly preparation is left out."""
    batch_id: int | None = None
    cut_over: date | None = None
    warnings: Counter[str] = field(default_factory=Counter)
    """Sentences for the reader, with how often each applies."""
    pending: dict[type, set[str]] = field(default_factory=dict)
    """Codes this file will add, by model."""


class Part:
    """A kind under the rules of one mapping: the file's main rows, or records created on the way."""

    def __init__(self, kind: Kind, rules: Mapping[str, Rule], converter: Converter, creation: bool) -> None:
        self.kind, self.rules, self.converter, self.creation = kind, rules, converter, creation
        self.seen: dict[str, Seen] = {}
        self.kept: dict[str, Any] = {}
        """What the kind remembers from chunk to chunk."""
        self.inner: dict[str, list[pl.DataFrame]] = {}
        """References to rows of the same model, by field: they are settled after the last chunk."""

    def note(self, row: Mapping[str, Any], name: str, reason: Any, value: Any = None) -> None:
        """Something is wrong with one field of one row."""
        held = row.get(name) if value is None else value
        self.converter.note(name, [row[LINE]], [held], reason)

    def has_problem(self, line: int, name: str) -> bool:
        """Whether something is wrong already with this field of this row."""
        return (line, self.converter.heading_of(name)) in self.converter.problems.cells

    def watch(self, name: str, frame: pl.DataFrame, values: pl.Expr, content: pl.Expr | None = None) -> None:
        """Remember values that may occur only once in the file; or, with `content`, only with the same content."""
        self.seen.setdefault(name, Seen()).add(frame, values, content)


class Seen:
    """Values of one field over the whole file, with their rows."""

    def __init__(self) -> None:
        self.parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, values: pl.Expr, content: pl.Expr | None) -> None:
        beside = pl.col(LINE) if content is None else content.hash()
        found = frame.select(LINE, values.alias("value"), beside.cast(pl.UInt64).alias("content"))
        self.parts.append(found.drop_nulls().unique(["value", "content"], keep="first", maintain_order=True))

    def repeated(self) -> Iterator[tuple[int, Any, int]]:
        """(row, value, first row with it) of every row that contradicts an earlier one."""
        if not self.parts:
            return
        every = pl.concat(self.parts)
        if every["value"].n_unique() == every.height:
            return
        every = every.sort(LINE)
        first = every.with_columns(
            pl.col(LINE).first().over("value").alias("line"), pl.col("content").first().over("value").alias("said")
        )
        yield from first.filter(pl.col("content") != pl.col("said")).select(LINE, "value", "line").iter_rows()


class Kind:
    """Base of all kinds. `key` is what the command line and mappings call it."""

    key: str
    label: Any
    resource: str
    """The resource one must be able to list, besides the right to import."""
    needs_cut_over = False
    """Whether its rows only make sense at a cut-over date."""
    creatable = False
    """Whether mappings may create such records on the way."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields a mapping may fill, by name."""
        raise NotImplementedError

    def example(self) -> dict[str, str]:
        """Texts of the template's example row, by field."""
        return {}

    def open(self, path: Path, limits: Limits) -> Table:
        """The file's rows; kinds with a format of their own read it here."""
        return open_table(path, limits)

    def checks(self) -> Checks:
        """Field checks in place of those of the metadata (to read the business date once, say)."""
        return {}

    def needed(self, rules: Mapping[str, Rule]) -> Sequence[str]:
        """Fields that no row can do without, so that the mapping must fill them."""
        return [name for name, described in self.fields.items() if described.required]

    def judge(self, frame: pl.DataFrame, part: Part, run: Run) -> pl.DataFrame:
        """The frame with STATUS and whatever `write` needs; notes what is wrong. Reads only."""
        raise NotImplementedError

    def finish(self, part: Part, run: Run) -> None:
        """Checks that need the whole file."""

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        """Write judged rows; inside the unit of work. Codes that were only pending can be looked up now."""
        raise NotImplementedError

    def close(self, part: Part, run: Run) -> None:
        """What is left to write after the last row."""

    def undo(self, batch_id: int) -> None:
        """Take back what a batch did; Refused when something depends on it. Inside the unit of work, unscoped."""
        models = traced_models(batch_id)
        undo_changes(batch_id, models)
        remove_added(batch_id, models)

    def shown(self, row: Mapping[str, Any], name: str) -> str:
        """A value of a judged row as the preview shows it, masked where it is personal."""
        raise NotImplementedError


kinds: Registry[Kind] = Registry("kinds of import")


def fields_by_kind() -> dict[str, Mapping[str, Field]]:
    """What mappings may name."""
    return {key: kind.fields for key, kind in kinds.items()}


def with_status(frame: pl.DataFrame, statuses: Sequence[Status]) -> pl.DataFrame:
    return frame.with_columns(pl.Series(STATUS, [status.value for status in statuses], dtype=pl.String))
