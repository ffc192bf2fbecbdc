"""Ownership: loans change hands; old figures stay with the old owner."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope
from portal.core.work import current_unit, verb
from portal.loans.accounts import Owner
from portal.loans.booking import accounts_of, books
from portal.loans.models import Loan
from portal.organization.models import Staff, Team


@verb("loans.hand_over")
def hand_over(loans: Sequence[Loan], owner: Owner) -> int:
    """Give loans to another branch, team and customer manager from the open business date on. Returns how many moved.

    Raises InvalidValues when team and manager do not belong together with the branch, OutOfScope for a loan that the
    actor may not see.
    """
    check_owner(owner)
    wanted = {loan.id for loan in loans}
    seen: set[int] = set()
    for part in chunks(wanted):
        seen |= set(db.session.scalars(select(Loan.id).where(Loan.id.in_(part))))
    if wanted - seen:
        raise OutOfScope("loans to hand over")
    moved = 0
    for part in chunks(sorted(wanted)):
        with books() as opened:
            for account in accounts_of(part).values():
                moved += account.owner != owner
                opened.hand_over(account, owner, opened.open_date)
    current_unit().note(loans=moved, **owner._asdict())
    return moved


def check_owner(owner: Owner) -> None:
    """Raise InvalidValues unless the manager works in the team and the team belongs to the branch."""
    if owner.team_id is not None:
        team = db.session.get(Team, owner.team_id)
        if team is None or team.branch_id != owner.branch_id:
            raise InvalidValues({"team": [gettext("This team does not belong to the branch.")]})
    if owner.manager_id is not None:
        manager = db.session.get(Staff, owner.manager_id)
        if manager is None or (manager.branch_id, manager.team_id) != (owner.branch_id, owner.team_id):
            raise InvalidValues({"manager": [gettext("This customer manager does not belong to the team.")]})
