"""What the organisation adds to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import told
from portal.core.search import records
from portal.organization.models import Post, Staff, Team

records("staff", _("Staff"), "StaffView", lambda row: (told(row, "post"), told(row, "branch")), ("branch",), place=40)
records("branches", _("Branches"), "BranchView", lambda row: (told(row, "code"), told(row, "kind")))
records("teams", _("Teams"), "TeamView", lambda row: (told(row, "code"), told(row, "branch")), ("branch",))


def staff_without_login() -> Waiting:
    """Employees who cannot sign in."""
    statement = select(Staff).where(Staff.user_id.is_(None), Staff.left_on.is_(None)).order_by(Staff.code)
    found, count = waiting_rows(statement.options(joinedload(Staff.branch)))
    lines = [
        Line(told(row, "name"), f"{told(row, 'post')} · {told(row, 'branch')}", url=record_url(row)) for (row,) in found
    ]
    arguments = {"f.user.empty": "1", "f.left_on.empty": "1"}
    return Waiting(lines, count=count, url=list_url("StaffView", arguments))


def teams_without_lead() -> Waiting:
    """Teams in which nobody has the post of a lead."""
    lead = exists().where(Staff.team_id == Team.id, Staff.post == Post.TEAM_LEAD, Staff.left_on.is_(None))
    found, count = waiting_rows(select(Team).where(~lead).order_by(Team.code).options(joinedload(Team.branch)))
    lines = [Line(str(row), f"{told(row, 'code')} · {told(row, 'branch')}", url=record_url(row)) for (row,) in found]
    return Waiting(lines, count=count, url=list_url("TeamView", {}))


register_card(
    HomeCard(
        "staff_without_login",
        _("Staff without a login"),
        "Staff",
        "list",
        {"administrator": 40, "hr": 10},
        staff_without_login,
        _("Everybody on the staff has a login."),
        "fa-id-badge",
    )
)
register_card(
    HomeCard(
        "teams_without_lead",
        _("Teams without a lead"),
        "Team",
        "list",
        {"hr": 20},
        teams_without_lead,
        _("Every team has a lead."),
        "fa-users",
    )
)
