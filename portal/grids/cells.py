"""Grids as the map draws them: what they are called, and their outlines as GeoJSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, select

from portal.core import filters
from portal.core.db import db
from portal.core.fields import Field
from portal.core.masks import COVER, is_clear
from portal.grids.models import Grid, GridKind, MapLine

DECIMALS = 5
"""Of a degree: about a metre."""


KINDS = tuple(GridKind)


def search_of(arguments: Mapping[str, str]) -> filters.Search:
    """What an address narrows the grids to: the same as their list's."""
    return filters.read(Grid, arguments)


def filter_fields() -> dict[str, Field]:
    """What the grids may be filtered by."""
    return filters.filterable(Grid)


@dataclass(frozen=True)
class Cell:
    """A grid without its outline."""

    id: int
    code: str
    name: str
    town: str
    kind: GridKind
    manager_id: int | None
    drawn: bool
    """Whether it has an outline."""


def cells(conditions: Sequence[ColumnElement[bool]] = ()) -> list[Cell]:
    """The grids in scope that meet the conditions, by code."""
    columns = (Grid.id, Grid.code, Grid.name, Grid.town, Grid.kind, Grid.manager_id, Grid.geometry.is_not(None))
    found = [Cell(*row) for row in db.session.execute(select(*columns).where(*conditions).order_by(Grid.code))]
    masked: dict[str, Any] = {name: COVER for name in ("code", "name", "town") if not is_clear(Grid, name)}
    return [replace(cell, **masked) for cell in found] if masked else found


def stamp() -> str:
    """Twelve characters that change when any outline in scope does, or when another grid comes into scope."""
    digest = hashlib.blake2b(str(DECIMALS).encode(), digest_size=6)
    for model in (Grid, MapLine):
        for row in db.session.execute(select(model.id, model.version).order_by(model.id)):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def outlines() -> str:
    """A GeoJSON FeatureCollection of every outline in scope and of the lines around them.

    A grid's feature has its id and nothing else: what is told of it comes separately and may change each minute.
    """
    features = [
        *(_feature(geometry, id=row_id) for row_id, geometry in _drawn()),
        *(
            _feature(line.geometry, properties={"name": line.name, "source": line.source})
            for line in db.session.scalars(select(MapLine).order_by(MapLine.id))
        ),
    ]
    return json.dumps(
        {"type": "FeatureCollection", "features": [f for f in features if f]}, ensure_ascii=False, separators=(",", ":")
    )


def _drawn() -> Iterator[tuple[int, str]]:
    for row_id, geometry in db.session.execute(
        select(Grid.id, Grid.geometry).where(Grid.geometry.is_not(None)).order_by(Grid.id)
    ):
        yield row_id, geometry or ""


def _feature(text: str, **own: Any) -> dict[str, Any] | None:
    """A feature of a geometry's text; None for what is no geometry, which must not take the rest of the map along."""
    try:
        geometry = json.loads(text)
        rounded = {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])}
    except (ValueError, TypeError, KeyError):
        return None
    return {"type": "Feature", "properties": None, **own, "geometry": rounded}


def _rounded(coordinates: Any) -> Any:
    """Longitudes and latitudes to DECIMALS; a height is left out."""
    if isinstance(coordinates, list) and coordinates and isinstance(coordinates[0], (int, float)):
        return [round(number, DECIMALS) for number in coordinates[:2]]
    return [_rounded(part) for part in coordinates]
