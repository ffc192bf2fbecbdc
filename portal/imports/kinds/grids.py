"""Grids: from GeoJSON, or from a table that gives an outline or an H3 cell for each. Broken outlines are repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.fields import Field, fields_of
from portal.grids.models import Grid
from portal.imports.geojson import ShapeProblem, cell_outline, is_geojson, open_geojson, outline
from portal.imports.kinds.entity import EntityKind
from portal.imports.kinds.kind import Part, Run
from portal.imports.mapping import Rule
from portal.imports.reading import LINE, Limits, Table, open_table

CELL = "cell"


class GridKind(EntityKind):
    """Grids. Code and area follow from the cell and the outline where the file does not give them."""

    def open(self, path: Path, limits: Limits) -> Table:
        return open_geojson(path, limits) if is_geojson(path) else open_table(path, limits)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        shape = replace(
            fields_of(Grid)["geometry"], type="text", help=_("GeoJSON, WGS 84; or leave it to the H3 cell.")
        )
        cell = Field(_("H3 cell"), name=CELL, type="code", max_length=16, help=_("In place of an outline and a code."))
        return {**super().fields, "geometry": shape, CELL: cell}

    def needed(self, rules: Mapping[str, Rule]) -> Sequence[str]:
        return () if CELL in rules else super().needed(rules)

    def shown(self, row: Mapping[str, Any], name: str) -> str:
        if name == CELL:
            return str(row.get(CELL) or "")
        text = super().shown(row, name)
        return text[:40] + "…" if name == "geometry" and len(text) > 40 else text

    def prepared(self, frame: pl.DataFrame, part: Part, run: Run) -> pl.DataFrame:
        for name in ("code", CELL, "geometry"):
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
        if "area" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("area"))
        shapes, areas = [], []
        for row in frame.iter_rows(named=True):
            shape, area = self._shape(row, part, run)
            shapes.append(shape)
            areas.append(row["area"] if row["area"] is not None else area)
        return frame.with_columns(
            pl.col("code").fill_null(pl.col(CELL)),
            pl.Series("geometry", shapes, dtype=pl.String),
            pl.Series("area", areas, dtype=pl.Int64),
        )

    def _shape(self, row: Mapping[str, Any], part: Part, run: Run) -> tuple[str | None, int | None]:
        given = "geometry" if row["geometry"] else CELL
        if not row[given]:
            return None, None
        try:
            text, area, broken = outline(row["geometry"] or cell_outline(row[CELL]))
        except ShapeProblem as problem:
            part.note({LINE: row[LINE]}, given, problem, value=str(row[given])[:40])
            return None, None
        if broken:
            run.warnings[gettext("An outline that crosses itself was repaired.")] += 1
        return text, area


GridKind("grids", _("Grids"), Grid, creatable=True)
