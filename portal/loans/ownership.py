"""Ownership: loans change hands; old figures stay with the old owner."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope
from portal.core.places import Place, places_of
from portal.core.work import current_unit, verb
from portal.loans.accounts import Owner
from portal.loans.booking import accounts_of, books
from portal.loans.models import Loan
from portal.organization.models import Staff, Team


@verb("loans.hand_over")
def hand_over(loans: Sequence[Loan], owner: Owner) -> int:
    """Give loans to another branch, team and customer manager from the open business date on. Returns how many moved.

    Raises InvalidValues when team and manager do not belong together with the branch, OutOfScope for a loan, a team or
    a manager that the actor may not see.
    """
    owner = settled(owner)
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


def settled(owner: Owner) -> Owner:
    """The owner with the team of the manager where none is named; refused as `hand_over` says."""
    for model, number in ((Team, owner.team_id), (Staff, owner.manager_id)):
        if number is not None and db.session.get(model, number) is None:
            raise OutOfScope(f"{model.__name__} {number} to hand over to")
    place = Place(*owner)
    places = places_of(Loan, place)
    wrong = places.problems(place)
    if wrong:
        raise InvalidValues({name: [text] for name, text in wrong.items()})
    return owner._replace(team_id=places.filled(place).team)
