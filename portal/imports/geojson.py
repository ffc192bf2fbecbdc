"""GeoJSON as a table: a row for each feature, a column for each property, the geometry as GeoJSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h3
import shapely
from flask_babel import lazy_gettext as _
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from portal.imports.reading import FileProblem, Limits, Table, checked_headings

GEOMETRY = "geometry"
LARGEST_FILE = 200_000_000
"""Bytes; the whole file is held in memory."""
EARTH = 6_371_008.8
"""Mean radius in metres (IUGG)."""
DECIMALS = 6
"""Of a degree: a tenth of a metre."""


class ShapeProblem(Exception):
    """The geometry cannot be used; the message says why."""


def is_geojson(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def open_geojson(path: Path, limits: Limits) -> Table:
    """The features of a FeatureCollection. FileProblem when it is none."""
    if path.stat().st_size > LARGEST_FILE:
        raise FileProblem(_("The GeoJSON file is larger than 200 MB; split it."))
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError, RecursionError):
        raise FileProblem(_("This is not valid GeoJSON.")) from None
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list) or data.get("type") != "FeatureCollection":
        raise FileProblem(_("A GeoJSON file must be a FeatureCollection."))
    if data.get("UTF8Encoding"):
        raise FileProblem(_("The coordinates of this file are compressed; save it as plain GeoJSON."))
    if not all(isinstance(feature, dict) for feature in features):
        raise FileProblem(_("This is not valid GeoJSON."))
    names: dict[str, None] = {}
    for feature in features:
        names |= dict.fromkeys(feature.get("properties") or {})
    names.pop(GEOMETRY, None)
    headings = checked_headings([*names, GEOMETRY], limits)

    def source() -> Iterator[tuple[int, list[str]]]:
        for number, feature in enumerate(features, 1):
            held = feature.get("properties") or {}
            shape = feature.get("geometry")
            yield number, [*(_text(held.get(name)) for name in names), json.dumps(shape) if shape else ""]

    notes = [_("Rows are the features of the file, counted from 1.")]
    return Table(headings, source, notes, estimate=len(features))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.15g}"
    return (
        value if isinstance(value, (str, int)) and not isinstance(value, int) else json.dumps(value, ensure_ascii=False)
    )


def outline(text: str) -> tuple[str, int, bool]:
    """(GeoJSON of the polygon or polygons, area in m², whether it had to be repaired) of a geometry in WGS 84.

    An outline that crosses itself is repaired: what its rings enclose stays enclosed.
    """
    try:
        shape = shapely.from_geojson(text)
    except shapely.errors.GEOSException:
        raise ShapeProblem(_("This is not a GeoJSON geometry.")) from None
    if shape is None or shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise ShapeProblem(_("A grid needs an outline: a polygon."))
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise ShapeProblem(_("The coordinates must be degrees of longitude and latitude (WGS 84)."))
    broken = not shape.is_valid
    if broken:
        shape = _polygons(shapely.make_valid(shape, method="structure", keep_collapsed=False))
    if shape.is_empty:
        raise ShapeProblem(_("The outline encloses no area."))
    return shapely.to_geojson(shapely.set_precision(shape, 10**-DECIMALS)), round(area(shape)), broken


def cell_outline(cell: str) -> str:
    """The hexagon of an H3 cell as GeoJSON."""
    if not h3.is_valid_cell(cell):
        raise ShapeProblem(_("There is no H3 cell of this number."))
    ring = [[longitude, latitude] for latitude, longitude in h3.cell_to_boundary(cell)]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def _polygons(shape: Any) -> BaseGeometry:
    """Only the parts with an area."""
    if isinstance(shape, (Polygon, MultiPolygon)):
        return shape
    parts = [part for part in shape.geoms if isinstance(part, (Polygon, MultiPolygon))]
    return shapely.union_all(parts) if parts else Polygon()


def area(shape: Any) -> float:
    """Square metres on the sphere; within half a percent of the ellipsoid."""
    polygons = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    return sum(
        abs(_ring_area(polygon.exterior)) - sum(abs(_ring_area(hole)) for hole in polygon.interiors)
        for polygon in polygons
    )


def _ring_area(ring: Any) -> float:
    """Bevis and Cambareri's formula for straight lines in longitude and sine of latitude."""
    points = [(math.radians(x), math.sin(math.radians(y))) for x, y in ring.coords]
    return EARTH**2 / 2 * sum((x2 - x1) * (y1 + y2) for (x1, y1), (x2, y2) in pairwise(points))
