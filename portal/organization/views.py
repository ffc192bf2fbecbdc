"""Screens of branches, teams and staff."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select, true

from portal.core.application import add_screens
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.display import screens
from portal.core.help import Help
from portal.core.role_store import current
from portal.core.scope import actor
from portal.core.security import Place, register_place_of
from portal.core.view_as import register_place_in
from portal.core.views import PortalView, ScopedInterface
from portal.organization import users as _described_users  # noqa: F401 - describes FAB's columns
from portal.organization.login_roles import LoginRoles
from portal.organization.models import Branch, Staff, Team

MENU = ("organization", _("Organisation"))
ADMINISTRATION = ("administration", _("Administration"))

GONE = Place(-1, -1, frozenset(), frozenset(), whole=False, left=True)


@register_place_of
def place_of(user_id: int) -> Place | None:
    """Where a user stands; None for somebody who is not on the staff. The day somebody leaves is the last at work.

    One statement, since every request begins with it: a row for each branch of the subtree.
    """
    tree = select(Staff.branch_id.label("id")).where(Staff.user_id == user_id).cte("subtree", recursive=True)
    tree = tree.union(select(Branch.id).join(tree, Branch.parent_id == tree.c.id))
    rows = db.session.execute(
        select(Staff.id, Staff.branch_id, Staff.team_id, Branch.parent_id, Staff.left_on, tree.c.id.label("below"))
        .join(Branch, Staff.branch_id == Branch.id)
        .join(tree, true())
        .where(Staff.user_id == user_id)
    ).all()
    if not rows:
        return None
    found = rows[0]
    if found.left_on is not None and found.left_on < business_date():
        return GONE
    teams = frozenset() if found.team_id is None else frozenset({found.team_id})
    return Place(found.id, found.branch_id, frozenset(row.below for row in rows), teams, found.parent_id is None)


@register_place_in
def place_in(branch_id: int, team_id: int | None) -> Place | None:
    """Where somebody of a branch and a team would stand: nobody's staff record, so nothing is looked after by him."""
    branch = db.session.get(Branch, branch_id)
    if branch is None:
        return None
    teams = frozenset() if team_id is None else frozenset({team_id})
    return Place(-1, branch_id, subtree(branch_id), teams, branch.parent_id is None)


def subtree(branch_id: int) -> frozenset[int]:
    """A branch and everything below it."""
    tree = select(Branch.id).where(Branch.id == branch_id).cte("subtree", recursive=True)
    tree = tree.union(select(Branch.id).join(tree, Branch.parent_id == tree.c.id))
    return frozenset(db.session.scalars(select(tree.c.id)))


class BranchView(PortalView):
    """Offices."""

    help = Help(
        _("The offices of the company as a tree: head office, branches and outlets."),
        _(
            "The tree decides who sees what: a branch head sees the own branch and everything below it. Close an "
            "office with a date; do not delete it."
        ),
    )
    datamodel = ScopedInterface(Branch)
    menu, icon = MENU, "fa-building"
    list_title, show_title, add_title, edit_title = _("Branches"), _("Branch"), _("Add a branch"), _("Edit branch")
    empty_text = _("Add the head office first, then the branches below it.")
    list_columns = ["code", "name", "kind", "parent", "opened_on", "closed_on"]
    order = ("code", "asc")
    summary_columns = ("code", "kind", "parent")
    summary_metrics, summary_dimension = ("loan_balance", "loan_count", "borrower_count", "par_30"), "branch"
    related = (("TeamView", "branch"), ("StaffView", "branch"), ("CustomerView", "branch"), ("LoanView", "branch"))


class TeamView(PortalView):
    """Teams of customer managers."""

    help = Help(
        _("Teams of customer managers, each in one branch."),
        _("HR and branch heads keep them. A team lead sees the customers, grids and loans of the team."),
    )
    datamodel = ScopedInterface(Team)
    menu, icon = MENU, "fa-users"
    list_title, show_title, add_title, edit_title = _("Teams"), _("Team"), _("Add a team"), _("Edit team")
    empty_text = _("Add a team to one of your branches.")
    list_columns = ["code", "name", "branch"]
    order = ("code", "asc")
    summary_columns = ("code", "branch")
    summary_metrics, summary_dimension = ("loan_balance", "loan_count", "borrower_count", "par_30"), "team"
    related = (("StaffView", "team"), ("GridView", "team"), ("CustomerView", "team"))


class StaffView(PortalView):
    """Employees."""

    help = Help(
        _("Everybody who works here, with post, level, branch, team and superior, with or without a login."),
        _(
            "HR keeps the records. Somebody who has left gets a leaving date: from the day after, the login, its "
            "sessions and its API keys are closed; the history stays."
        ),
    )
    datamodel = ScopedInterface(Staff)
    menu, icon = MENU, "fa-id-badge"
    list_title, show_title, add_title, edit_title = (
        _("Staff"),
        _("Staff member"),
        _("Add a staff member"),
        _("Edit staff member"),
    )
    empty_text = _("Add people to your branches; customers and grids need a customer manager.")
    list_columns = ["code", "name", "post", "level", "branch", "team", "supervisor", "joined_on"]
    order = ("code", "asc")
    summary_columns = ("post", "branch", "team")
    summary_metrics, summary_dimension = ("loan_balance", "loan_count", "borrower_count", "par_30"), "manager"
    related = (
        ("GridView", "manager"),
        ("CustomerView", "manager"),
        ("LoanView", "manager"),
        ("StaffMoveView", "manager"),
    )
    show_template = "organization/staff.html"

    def may_move(self, row: Staff) -> bool:
        """Whether the reader may enter a move of this person: another post, another branch, or leaving."""
        moves = screens()["StaffMoveView"]
        return row.left_on is None and moves.may("add")


class UserView(LoginRoles, PortalView):
    """Logins and their roles. They are made and closed with `portal user`."""

    help = Help(
        _("The logins of the portal and the roles they have."),
        _(
            "Administrators give roles here, auditors check who may do what. Logins are made and closed on the command "
            "line: portal user."
        ),
    )
    datamodel = ScopedInterface(User)
    resource = "User"
    menu, icon = ADMINISTRATION, "fa-key"
    list_title, show_title = _("Logins"), _("Login")
    empty_text = _("Add a login and give it a role.")
    list_columns = ["username", "last_name", "first_name", "role_names", "active", "last_login"]
    show_columns = list_columns
    label_columns = {"role_names": _("Roles")}
    order = ("username", "asc")
    can_add = can_edit = can_delete = False
    show_template = "organization/login.html"
    method_actions = {"roles": "edit"}

    def gives_roles(self) -> bool:
        return actor().may(self.resource, "edit")

    def written(self, row: Any, name: str) -> Any:
        if name == "role_names":
            known = current().roles
            return gettext(", ").join(str(known[role.name].label) for role in row.roles if role.name in known)
        return super().written(row, name)


def register(builder: Any) -> None:
    add_screens(builder, BranchView, TeamView, StaffView, UserView)
