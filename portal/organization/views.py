"""Screens of branches, teams and staff."""

from __future__ import annotations

import json
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import select

from portal.core.application import add_screens
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.help import Help
from portal.core.roles import roles
from portal.core.security import Place, register_place_of
from portal.core.views import PortalView, ScopedInterface
from portal.organization import users as _described_users  # noqa: F401 - describes FAB's columns
from portal.organization.models import Branch, Staff, Team

MENU = ("organization", _("Organisation"))
ADMINISTRATION = ("administration", _("Administration"))


@register_place_of
def place_of(user_id: int) -> Place | None:
    """Where a user stands; None for somebody who is not, or no longer, on the staff."""
    found = db.session.execute(
        select(Staff.id, Staff.branch_id, Staff.team_id, Branch.parent_id)
        .join(Branch, Staff.branch_id == Branch.id)
        .where(Staff.user_id == user_id, Staff.left_on.is_(None))
    ).first()
    if found is None:
        return None
    teams = frozenset() if found.team_id is None else frozenset({found.team_id})
    return Place(found.id, found.branch_id, subtree(found.branch_id), teams, found.parent_id is None)


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
            "HR keeps the records. Somebody who has left gets a leaving date: the login then sees nothing, the "
            "history stays."
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
    related = (("GridView", "manager"), ("CustomerView", "manager"), ("LoanView", "manager"))


class UserView(PortalView):
    """Logins and their roles. They are made and changed with `portal user`."""

    help = Help(
        _("The logins of the portal and the roles they have."),
        _(
            "Administrators and auditors check here who may do what. Logins are made and changed on the command "
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

    def cell(self, row: Any, name: str) -> Any:
        if name == "role_names":
            return gettext(", ").join(str(roles[role.name].label) for role in row.roles if role.name in roles)
        return super().cell(row, name)


class AuditView(PortalView):
    """Who changed, exported and imported what."""

    help = Help(
        _("Who added, changed, imported, exported or printed what, and when; of changes the old and the new value."),
        _("Auditors and compliance read it; nobody can change it. Personal data are named but never written out."),
    )
    datamodel = ScopedInterface(AuditEntry)
    menu, icon = ADMINISTRATION, "fa-history"
    list_title, show_title = _("Audit trail"), _("Audit entry")
    empty_text = _("Whatever is changed, exported or imported is written down here.")
    list_columns = ["at", "actor", "verb", "resource", "subject_id", "request_id"]
    order_by = ("at",)
    show_columns = ["at", "business_date", "actor", "verb", "resource", "subject_id", "request_id", "changes"]
    label_columns = {"changes": _("What changed")}
    order = ("at", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False

    def cell(self, row: Any, name: str) -> Any:
        if name == "changes":
            shown = json.dumps(row.changes, ensure_ascii=False, indent=2)
            return Markup("<pre class='json'>{}</pre>").format(shown)
        return super().cell(row, name)


def register(builder: Any) -> None:
    add_screens(builder, BranchView, TeamView, StaffView, UserView, AuditView)
