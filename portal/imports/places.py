"""Who works where: whether branch, team and customer manager of a row belong together."""

from __future__ import annotations

from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import unscoped
from portal.organization.models import Staff, Team


class Places:
    """Teams and staff as they are when the file is read."""

    def __init__(self) -> None:
        with unscoped("import: who works where"):
            rows = db.session.execute(select(Staff.id, Staff.branch_id, Staff.team_id))
            self.staff: dict[int, tuple[int, int | None]] = {row.id: (row.branch_id, row.team_id) for row in rows}
            self.teams: dict[int, int] = dict(db.session.execute(select(Team.id, Team.branch_id)).all())

    def problems(self, branch: int | None, team: int | None, manager: int | None) -> dict[str, str]:
        """What contradicts itself, by field. What is blank contradicts nothing."""
        if team in self.teams and branch not in (None, self.teams[team]):
            return {"team": gettext("This team does not belong to the branch.")}
        if manager in self.staff:
            his_branch, his_team = self.staff[manager]
            if branch not in (None, his_branch) or team not in (None, his_team):
                return {"manager": gettext("This customer manager does not belong to the team.")}
        return {}
