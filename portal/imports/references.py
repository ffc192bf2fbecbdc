"""References in files: codes of other records, found in the database or promised by the same file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from flask_babel import gettext

from portal.core.fields import Field
from portal.imports.kinds.kind import Part, Run
from portal.imports.lookups import ids_by_code
from portal.imports.reading import LINE


def id_column(name: str) -> str:
    """Column of a judged frame that holds the ids of a reference."""
    return f"\0{name}"


def names_in(fields: Mapping[str, Field], frame: pl.DataFrame) -> list[str]:
    """The reference fields that a frame has."""
    return [name for name, described in fields.items() if described.type == "ref" and name in frame.columns]


def with_ids(
    frame: pl.DataFrame, fields: Mapping[str, Field], part: Part, run: Run, later: type | None = None
) -> pl.DataFrame:
    """The frame with the ids of its references; notes codes that nobody has.

    References to the model `later` may stand further down in the file: they are not noted here.
    """
    for name in names_in(fields, frame):
        target: Any = fields[name].target
        codes = frame[name].drop_nulls().unique().to_list()
        found, promised = ids_by_code(target, codes), run.pending.get(target, set())
        unknown = [code for code in codes if code not in found and code not in promised]
        if unknown and target is not later:
            for line, code in frame.filter(pl.col(name).is_in(unknown)).select(LINE, name).iter_rows():
                part.note({LINE: line, name: code}, name, no_such(fields[name], code))
        frame = frame.with_columns(_ids(frame[name], found).alias(id_column(name)))
    return frame


def resolved(frame: pl.DataFrame, fields: Mapping[str, Field]) -> pl.DataFrame:
    """The frame when it is written: codes that were only promised have ids by now."""
    for name in names_in(fields, frame):
        ids = frame[id_column(name)]
        waiting = frame.filter(ids.is_null())[name].drop_nulls().unique()
        if len(waiting):
            found = _ids(frame[name], ids_by_code(fields[name].target, waiting))
            frame = frame.with_columns(ids.fill_null(found).alias(id_column(name)))
    return frame


def no_such(described: Field, code: str) -> str:
    """The sentence for a code that nobody has."""
    return gettext("There is no %(what)s with the code “%(code)s”.", what=str(described.label).lower(), code=code)


def _ids(codes: pl.Series, found: Mapping[str, int]) -> pl.Series:
    return codes.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.Int64)


def stands_above_itself(code: str, above: Mapping[str, str | None]) -> bool:
    """Whether following the references upwards from a code comes back to it."""
    seen, at = {code}, above.get(code)
    while at is not None and at not in seen:
        seen.add(at)
        at = above.get(at)
    return at == code
