"""Telling people of warnings: one message a login, with how many, whatever their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from portal.core.clock import business_date
from portal.core.notifications import Message, Notification, entry, register_message
from portal.loans.models import Loan
from portal.organization.models import Branch, Post, Staff
from portal.warnings.models import WarningCase
from portal.warnings.rules import Owner

register_message(Message("warnings.opened", _("%(count)s new warnings wait for you."), "warn"))
register_message(
    Message(
        "warnings.escalated",
        _("%(count)s warnings that nobody acknowledged in time were passed on to you."),
        "danger",
    )
)
register_message(Message("warnings.sent_back", _("The warning %(code)s stays open: see the note."), "warn"))

LIST = "/warningcaseview/list/?f.state.in=warning_open"
"""The page that a message leads to."""


@dataclass(frozen=True)
class Group:
    """Cases of one owner and one place."""

    owner: Owner
    branch_id: int
    team_id: int | None
    manager_id: int | None
    count: int


def groups_of(session: Session, which: Any, owner: Owner | None = None) -> list[Group]:
    """The cases that meet a condition, by whose they are; `owner` instead of theirs where they are to move."""
    columns = (WarningCase.owner, Loan.branch_id, Loan.team_id, Loan.manager_id)
    statement = select(*columns, func.count()).join(Loan, Loan.id == WarningCase.loan_id).where(which)
    rows = session.execute(statement.group_by(*columns))
    return [Group(owner or held, branch, team, manager, count) for held, branch, team, manager, count in rows]


def tell(session: Session, key: str, groups: Iterable[Group]) -> None:
    """Tell each login concerned how many there are for it."""
    counts: Counter[int] = Counter()
    groups = list(groups)
    if not groups:
        return
    people = _people(session)
    parents = {row.id: row.parent_id for row in session.execute(select(Branch.id, Branch.parent_id))}
    for group in groups:
        for user_id in people.concerned(group, parents):
            counts[user_id] += group.count
    rows = [entry(user_id, key, LIST, {"count": count}) for user_id, count in sorted(counts.items())]
    if rows:
        session.execute(insert(Notification), rows)


class _People:
    """Logins by what they may own: as customer manager, lead of a team, head of a branch, risk officer."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.managers: dict[int, int] = {}
        self.leads: dict[int, list[int]] = {}
        self.heads: dict[int, list[int]] = {}
        self.risk: list[int] = []
        for row in rows:
            self.managers[row.id] = row.user_id
            if row.post is Post.TEAM_LEAD and row.team_id is not None:
                self.leads.setdefault(row.team_id, []).append(row.user_id)
            elif row.post is Post.BRANCH_HEAD:
                self.heads.setdefault(row.branch_id, []).append(row.user_id)
            elif row.post is Post.RISK:
                self.risk.append(row.user_id)

    def concerned(self, group: Group, parents: dict[int, int | None]) -> list[int]:
        match group.owner:
            case Owner.CUSTOMER_MANAGER:
                login = self.managers.get(group.manager_id) if group.manager_id is not None else None
                return [login] if login is not None else []
            case Owner.TEAM_LEAD:
                return self.leads.get(group.team_id, []) if group.team_id is not None else []
            case Owner.BRANCH_HEAD:
                branch: int | None = group.branch_id
                while branch is not None and branch not in self.heads:
                    branch = parents.get(branch)
                return self.heads[branch] if branch is not None else []
        return self.risk


def _people(session: Session) -> _People:
    at_work = or_(Staff.left_on.is_(None), Staff.left_on >= business_date())
    wanted = select(Staff.id, Staff.user_id, Staff.post, Staff.team_id, Staff.branch_id)
    return _People(session.execute(wanted.where(Staff.user_id.is_not(None), at_work)))
