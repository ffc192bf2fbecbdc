"""Who works where: branch, team and customer manager of a row belong together.

One rule for every way of writing. Blanks follow: a team and a branch that are left open are those of the customer
manager, a branch that is left open is that of the team. What is given must agree: the team belongs to the branch, the
customer manager works in both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask_babel import gettext
from sqlalchemy import inspect, select

from portal.core.db import db
from portal.core.fields import fields_of
from portal.core.scope import unscoped

NAMES = ("branch", "team", "manager")
"""From the widest to the narrowest; the names of the reference fields."""


class Place(NamedTuple):
    """The ids that a row holds; None where nothing is said."""

    branch: int | None = None
    team: int | None = None
    manager: int | None = None


@dataclass(frozen=True)
class Places:
    """Where teams and staff belong."""

    teams: Mapping[int, int]
    """Branch of each team."""
    staff: Mapping[int, tuple[int, int | None]]
    """Branch and team of each member of staff."""

    def filled(self, place: Place) -> Place:
        """The place with its blanks as they follow from the customer manager, else from the team."""
        branch, team, manager = place
        his_branch, his_team = self.staff.get(manager, (None, None)) if manager is not None else (None, None)
        team = team or his_team
        if branch is None:
            branch = self.teams.get(team, his_branch) if team is not None else his_branch
        return Place(branch, team, manager)

    def problems(self, place: Place, given: Collection[str] = NAMES) -> dict[str, str]:
        """What contradicts itself: one sentence at the narrowest field among the `given` ones that takes part."""
        branch, team, manager = place
        if team is not None and team in self.teams and branch not in (None, self.teams[team]):
            return {_narrowest(("team", "branch"), given): gettext("This team does not belong to the branch.")}
        if manager is None or manager not in self.staff:
            return {}
        his_branch, his_team = self.staff[manager]
        if branch not in (None, his_branch):
            words = gettext("This customer manager does not belong to the branch.")
            return {_narrowest(("manager", "branch"), given): words}
        if team not in (None, his_team):
            words = gettext("This customer manager does not belong to the team.")
            return {_narrowest(("manager", "team"), given): words}
        return {}


def _narrowest(names: tuple[str, str], given: Collection[str]) -> str:
    return next((name for name in (*names, *reversed(NAMES)) if name in given), names[0])


def has_place(model: Any) -> bool:
    """Whether rows of a model say in which branch and team they are."""
    fields = fields_of(model)
    return all(name in fields and fields[name].type == "ref" for name in ("branch", "team"))


def names_of(model: Any) -> list[str]:
    """The fields that make a model's place: staff have no customer manager."""
    return [name for name in NAMES if name in fields_of(model)]


def decided_by(model: Any, name: str) -> list[str]:
    """The fields of a model that follow from the choice of one: team and branch from the customer manager."""
    names = names_of(model) if has_place(model) else []
    return names[: names.index(name)] if name in names else []


def places_of(model: Any, place: Place | None = None) -> Places:
    """Where the team and the manager of one place belong; without it all teams and staff, for many rows at once."""
    with unscoped("who works where"):
        return _seen_places(model, place)


def _seen_places(model: Any, place: Place | None) -> Places:
    """The same, of teams and staff that the actor sees."""
    fields = fields_of(model)
    team: Any = fields["team"].target
    manager: Any = fields["manager"].target if "manager" in fields else None
    of_teams = select(team.id, team.branch_id)
    of_staff = select(manager.id, manager.branch_id, manager.team_id) if manager is not None else None
    if place is not None:
        of_teams = of_teams.where(team.id == place.team)
        of_staff = of_staff.where(manager.id == place.manager) if of_staff is not None else None
    staff = db.session.execute(of_staff).all() if of_staff is not None else ()
    teams = {row[0]: row[1] for row in db.session.execute(of_teams)}
    return Places(teams, {row[0]: (row[1], row[2]) for row in staff})


def settled(model: Any, values: Mapping[str, Any], row: Any = None) -> dict[str, Any]:
    """The values with what follows for the fields of the place that are blank, or not given beside one that decides
    them: giving a row to another manager takes it to the manager's team.

    Nothing follows from somebody whom the actor does not see: that would tell him from somebody who does not exist.
    """
    if not _changed(model, values, row):
        return dict(values)
    place = _place(model, values, row)
    full = _seen_places(model, place).filled(place)._asdict()
    held = _held(model, row)
    return {**values, **{name: full[name] for name in held if values.get(name, held[name]) != full[name]}}


def misfits(model: Any, values: Mapping[str, Any], row: Any, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """What contradicts itself when settled values are written to a row: at the narrowest field that takes part among
    the `given` ones, so that a form shows it at the manager, and REST at what it was sent.

    Only who changes branch, team or manager is asked: a row whose manager has moved on can still be changed elsewhere.
    """
    if not _changed(model, given, row):
        return {}
    place = Place(**{name: values.get(name, held) for name, held in _held(model, row).items()})
    found = places_of(model, place).problems(place, given)
    return {name: [text] for name, text in found.items()}


def _changed(model: Any, values: Mapping[str, Any], row: Any) -> list[str]:
    if not has_place(model):
        return []
    held = _held(model, row)
    return [name for name in held if name in values and (row is None or values[name] != held[name])]


def _place(model: Any, values: Mapping[str, Any], row: Any) -> Place:
    """What is given; what is not given stays, unless a narrower field that is given decides it."""
    place: dict[str, int | None] = {}
    decided = False
    for name, held in reversed(_held(model, row).items()):
        place[name] = values.get(name, None if decided else held)
        decided = decided or (values.get(name) is not None and values[name] != held)
    return Place(**place)


def _held(model: Any, row: Any) -> dict[str, int | None]:
    relations: Any = inspect(model).relationships
    columns = {name: next(iter(relations[name].local_columns)).key for name in names_of(model)}
    return {name: getattr(row, column, None) for name, column in columns.items()}
