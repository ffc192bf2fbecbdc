"""Writes who lends, what and where: the offices, teams and staff, the products, the grids and who looks after them."""

from __future__ import annotations

from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from portal.core.db import db
from portal.grids.models import Grid, GridKind, MapLine
from portal.loans.accounts import Owner
from portal.organization.models import Branch, BranchKind, Level, Post, Staff, Team
from portal.products.models import Channel, Product, Purpose
from seed.company import StaffSpec, company
from seed.geography import OUTLINE_SOURCE, county_geometry, grids
from seed.products import PRODUCTS

PASSWORD = "gridlend-demo"
"""Of every demo login; the demo mode prints it at each start."""

Ids = dict[str, int]


@dataclass(frozen=True)
class Organisation:
    """Ids of what was written, by code."""

    branches: Ids
    teams: Ids
    staff: Ids
    products: Ids
    grids: Ids

    def owner(self, branch_code: str, team_code: str, manager_code: str) -> Owner:
        return Owner(self.branches[branch_code], self.teams[team_code], self.staff[manager_code])


def load_organisation() -> Organisation:
    """Write all of it into an empty database, within a unit of work."""
    branches = _branches()
    teams = {
        team.code: _added(Team(code=team.code, name=team.name, branch_id=branches[team.branch_code]))
        for team in company().teams
    }
    staff = _staff(branches, teams)
    _added(MapLine(name="栖霞市界", geometry=county_geometry(), source=OUTLINE_SOURCE))
    return Organisation(branches, teams, staff, _products(), _grids(branches, teams, staff))


def _branches() -> Ids:
    branches: Ids = {}
    for branch in company().branches:
        row = Branch(
            code=branch.code,
            name=branch.name,
            kind=BranchKind(branch.kind),
            parent_id=branches.get(branch.parent_code or ""),
            opened_on=branch.opened_on,
        )
        branches[branch.code] = _added(row)
    return branches


def _staff(branches: Ids, teams: Ids) -> Ids:
    roles = {role.name: role for role in db.session.scalars(select(Role))}
    staff: Ids = {}
    for person in company().staff:
        row = Staff(
            code=person.code,
            name=person.name,
            post=Post(person.post),
            level=Level(person.level) if person.level else None,
            branch_id=branches[person.branch_code],
            team_id=teams.get(person.team_code or ""),
            supervisor_id=staff.get(person.supervisor_code or ""),
            joined_on=person.joined_on,
            user_id=_login(person, roles) if person.username else None,
        )
        staff[person.code] = _added(row)
    return staff


def _login(person: StaffSpec, roles: dict[str, Role]) -> int:
    return _added(
        User(
            username=person.username,
            last_name=person.name[0],
            first_name=person.name[1:],
            email=f"{person.username}@demo.invalid",
            active=True,
            password=generate_password_hash(PASSWORD),
            roles=[roles[person.username or ""]],
        )
    )


def _products() -> Ids:
    return {
        product.code: _added(
            Product(
                code=product.code,
                name=product.name,
                purpose=Purpose(product.purpose),
                channel=Channel(product.channel),
                rate_min=product.rate_min,
                rate_max=product.rate_max,
                term_min=product.term_min,
                term_max=product.term_max,
                method=product.method,
                day_count=product.day_count,
                rounding=product.rounding,
                holiday_rule=product.holiday_rule,
                penalty_markup=product.penalty_markup,
                reset_rule=product.reset_rule,
                documents=product.documents,
            )
        )
        for product in PRODUCTS
    }


def _grids(branches: Ids, teams: Ids, staff: Ids) -> Ids:
    owners = {owner.grid_code: owner for owner in company().territories}
    rows = {}
    for grid in grids():
        owner = owners[grid.code]
        rows[grid.code] = Grid(
            code=grid.code,
            name=grid.name,
            town=grid.town,
            kind=GridKind(grid.kind),
            area=grid.area_m2,
            potential_customers=grid.potential_customers,
            geometry=grid.geometry,
            branch_id=branches[owner.branch_code],
            team_id=teams[owner.team_code],
            manager_id=staff.get(owner.manager_code or ""),
        )
    db.session.add_all(rows.values())
    db.session.flush()
    return {code: row.id for code, row in rows.items()}


def _added(row: Branch | Team | Staff | User | Product | MapLine) -> int:
    db.session.add(row)
    db.session.flush()
    return int(row.id)
