"""The made-up lender: its offices, its teams, everybody who works there, and who looks after which grid.

The three streets of the county seat have outlets directly under the head office; those of the towns belong to an
eastern or a western branch. Each town or street has one outlet, so that a grid's town tells its outlet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from math import atan2
from random import Random
from typing import Literal

import h3

from portal.customers.rules import Sex
from seed import geography, names
from seed.geography import GridSpec

LENDER = "栖霞演示小额贷款有限公司"
BUSINESS_DATE = date(2026, 6, 30)
FOUNDED_ON = date(2015, 3, 18)
MANAGERS = 60

BranchKind = Literal["head_office", "branch", "outlet"]
Level = Literal["trainee", "junior", "intermediate", "senior"]
Post = Literal[
    "customer_manager",
    "team_lead",
    "branch_head",
    "committee",
    "risk",
    "approver",
    "finance",
    "collections",
    "compliance",
    "audit",
    "hr",
    "administrator",
]

HEAD_OFFICE, EASTERN, WESTERN = "B00", "B10", "B20"

_TOWNS_OF_BRANCH = {
    HEAD_OFFICE: ("翠屏街道", "庄园街道", "松山街道"),
    EASTERN: ("蛇窝泊镇", "唐家泊镇", "桃村镇", "亭口镇", "庙后镇"),
    WESTERN: ("观里镇", "寺口镇", "苏家店镇", "杨础镇", "西城镇", "官道镇"),
}
_WITH_TWO_TEAMS = ("翠屏街道", "庄园街道", "松山街道", "观里镇", "蛇窝泊镇", "唐家泊镇", "桃村镇", "亭口镇")

_HEAD_OFFICE_STAFF: dict[Post, int] = {
    "committee": 4,
    "risk": 3,
    "approver": 3,
    "finance": 2,
    "collections": 3,
    "compliance": 2,
    "audit": 1,
    "hr": 1,
    "administrator": 1,
}

_LOGINS = ("risk", "finance", "compliance", "administrator")

# Of every ten managers, and the years in which such a manager joined.
_LEVELS: dict[Level, tuple[int, int, int]] = {
    "senior": (2, 2015, 2018),
    "intermediate": (4, 2018, 2021),
    "junior": (3, 2021, 2024),
    "trainee": (1, 2025, 2025),
}

# So many outermost grids of these towns have nobody yet: the map of coverage has something to show.
_NOBODYS = {"唐家泊镇": 3, "桃村镇": 4, "官道镇": 3}

# The logins of a team lead and one of its managers are under the western branch, whose head has a login, too.
_TOWN_WITH_LOGINS = "官道镇"


@dataclass(frozen=True, slots=True)
class BranchSpec:
    """An office."""

    code: str
    name: str
    kind: BranchKind
    parent_code: str | None
    town: str | None
    """The town or street an outlet serves."""
    opened_on: date


@dataclass(frozen=True, slots=True)
class TeamSpec:
    """Customer managers of one outlet under one lead."""

    code: str
    name: str
    branch_code: str
    lead_code: str


@dataclass(frozen=True, slots=True)
class StaffSpec:
    """Somebody who works there."""

    code: str
    name: str
    sex: Sex
    post: Post
    level: Level | None
    branch_code: str
    team_code: str | None
    supervisor_code: str | None
    joined_on: date
    username: str | None = None
    """The demo login of this person."""


@dataclass(frozen=True, slots=True)
class TerritorySpec:
    """Who looks after a grid."""

    grid_code: str
    branch_code: str
    team_code: str
    manager_code: str | None


@dataclass(frozen=True, slots=True)
class Company:
    """Offices, teams, staff and territories, each in the order of their codes."""

    branches: tuple[BranchSpec, ...]
    teams: tuple[TeamSpec, ...]
    staff: tuple[StaffSpec, ...]
    territories: tuple[TerritorySpec, ...]


@cache
def company() -> Company:
    """The lender as it stands on the business date."""
    branches = _branches()
    people = _People(Random("demo company: staff"))
    chair = people.hire("committee", HEAD_OFFICE, None, username="committee")
    for post, number in _HEAD_OFFICE_STAFF.items():
        for nth in range(number):
            people.hire(post, HEAD_OFFICE, chair, username=post if nth == 0 and post in _LOGINS else None)
    heads = {
        HEAD_OFFICE: chair,
        EASTERN: people.hire("branch_head", EASTERN, chair),
        WESTERN: people.hire("branch_head", WESTERN, chair, username="branch_head"),
    }
    teams: list[TeamSpec] = []
    territories: list[TerritorySpec] = []
    grids_of = _grids_by_town()
    sizes = _team_sizes(grids_of)
    for branch in branches:
        if branch.town is None or branch.parent_code is None:
            continue
        head = people.hire("branch_head", branch.code, heads[branch.parent_code])
        shares = _slices(grids_of[branch.town], sum(sizes[branch.town]))
        short_name = branch.name.removesuffix("营业部").removesuffix("分理处")
        grid_codes = sorted(grid.code for grid in grids_of[branch.town])
        nobodys = grid_codes[len(grid_codes) - _NOBODYS.get(branch.town, 0) :]
        for nth, size in enumerate(sizes[branch.town]):
            team = f"T{len(teams) + 1:02d}"
            with_logins = branch.town == _TOWN_WITH_LOGINS and nth == 0
            lead = people.hire("team_lead", branch.code, head, team=team, username="team_lead" if with_logins else None)
            teams.append(TeamSpec(team, f"{short_name}{'一二'[nth]}队", branch.code, lead))
            for mth in range(size):
                login = "customer_manager" if with_logins and mth == 0 else None
                manager = people.hire("customer_manager", branch.code, lead, team=team, username=login)
                for grid in shares.pop(0):
                    owner = None if grid.code in nobodys else manager
                    territories.append(TerritorySpec(grid.code, branch.code, team, owner))
    territories.sort(key=lambda territory: territory.grid_code)
    return Company(tuple(branches), tuple(teams), tuple(people.hired), tuple(territories))


class _People:
    """Hires staff one after the other."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.hired: list[StaffSpec] = []
        self.names: set[str] = set()
        self.levels: list[Level] = []

    def hire(
        self, post: Post, branch: str, supervisor: str | None, *, team: str | None = None, username: str | None = None
    ) -> str:
        """The code of a new member of staff."""
        sex: Sex = self.rng.choice(("male", "female"))
        level = self._next_level() if post == "customer_manager" else None
        first, last = _LEVELS[level][1:] if level else (2015, 2021)
        joined = date(self.rng.randint(first, last), 4, 1) + timedelta(self.rng.randrange(275))
        born_in = joined.year - self.rng.randint(22, 27 if level in ("trainee", "junior") else 40)
        code = f"S{len(self.hired) + 1:03d}"
        name = names.person(self.rng, sex, born_in)
        while name in self.names:
            name = names.person(self.rng, sex, born_in)
        self.names.add(name)
        self.hired.append(StaffSpec(code, name, sex, post, level, branch, team, supervisor, joined, username))
        return code

    def _next_level(self) -> Level:
        """Ten managers at a time have the same mix of levels."""
        if not self.levels:
            self.levels = [level for level, (number, _, _) in _LEVELS.items() for _ in range(number)]
            self.rng.shuffle(self.levels)
        return self.levels.pop()


def _branches() -> list[BranchSpec]:
    towns = {town.name: town for town in geography.towns()}
    branches = [
        BranchSpec(HEAD_OFFICE, "总部", "head_office", None, None, FOUNDED_ON),
        BranchSpec(EASTERN, "东部支行", "branch", HEAD_OFFICE, None, date(2016, 9, 1)),
        BranchSpec(WESTERN, "西部支行", "branch", HEAD_OFFICE, None, date(2017, 3, 1)),
    ]
    for parent, served in _TOWNS_OF_BRANCH.items():
        for nth, town in enumerate(served, 1):
            name = towns[town].short_name + ("营业部" if town == "翠屏街道" else "分理处")
            opened = FOUNDED_ON if parent == HEAD_OFFICE else date(2016 + nth // 3, 2 * nth - 1, 15)
            branches.append(BranchSpec(f"{parent[:2]}{nth}", name, "outlet", parent, town, opened))
    return sorted(branches, key=lambda branch: branch.code)


def _grids_by_town() -> dict[str, list[GridSpec]]:
    """The grids of each town, clockwise around its seat: a run of them is a territory in one piece, or nearly so."""
    seats = {town.code: town.seat for town in geography.towns()}
    found: dict[str, list[GridSpec]] = defaultdict(list)
    for grid in sorted(geography.grids(), key=lambda grid: (_bearing(seats[grid.town_code], grid), grid.code)):
        found[grid.town].append(grid)
    return found


def _bearing(seat: tuple[float, float], grid: GridSpec) -> float:
    latitude, longitude = h3.cell_to_latlng(grid.cell)
    return round(atan2(longitude - seat[0], latitude - seat[1]), 6)


def _team_sizes(grids_of: dict[str, list[GridSpec]]) -> dict[str, list[int]]:
    """Two managers a team at least; each further one goes where a manager has most grids."""
    sizes = {town: [2, 2] if town in _WITH_TWO_TEAMS else [2] for town in grids_of}
    for _ in range(MANAGERS - sum(map(sum, sizes.values()))):
        town = max(grids_of, key=lambda town: (len(grids_of[town]) / sum(sizes[town]), town))
        sizes[town][sizes[town].index(min(sizes[town]))] += 1
    return sizes


def _slices(grids: list[GridSpec], number: int) -> list[list[GridSpec]]:
    """So many runs of neighbours, as equal as can be."""
    bounds = [len(grids) * nth // number for nth in range(number + 1)]
    return [grids[start:end] for start, end in pairwise(bounds)]
