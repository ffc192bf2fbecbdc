"""Groups of related borrowers from the ties on record, and which borrowers are insiders.

A group is the same whoever asks: ties and loans are read of the whole company, whatever the actor may see of them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.core.bulk import chunks
from portal.core.scope import unscoped
from portal.customers.models import RelatedParty
from portal.limits.models import Insider
from portal.limits.parameters import ties_on
from portal.limits.rules import groups


def all_groups(session: Session, day: date) -> list[tuple[int, ...]]:
    """Every group of at least two customers, by the kinds of ties that count on a day."""
    statement = select(RelatedParty.customer_id, RelatedParty.related_id).where(
        RelatedParty.related_id.is_not(None), RelatedParty.tie.in_(ties_on(day))
    )
    with unscoped("groups are found over all ties"):
        return groups((one, other) for one, other in session.execute(statement) if other is not None)


def group_of(session: Session, customer_id: int, day: date) -> tuple[int, ...]:
    """The customers who make one group with this one, itself among them, in order; found tie by tie."""
    counted = ties_on(day)
    found, fresh = {customer_id}, {customer_id}
    with unscoped("a group is found over all ties"):
        while fresh:
            met: set[int] = set()
            for part in chunks(fresh):
                tied = select(RelatedParty.customer_id, RelatedParty.related_id).where(
                    RelatedParty.related_id.is_not(None),
                    RelatedParty.tie.in_(counted),
                    or_(RelatedParty.customer_id.in_(part), RelatedParty.related_id.in_(part)),
                )
                met |= {one for row in session.execute(tied) for one in row}
            fresh = met - found
            found |= fresh
    return tuple(sorted(found))


def insiders(session: Session, day: date, among: Collection[int] | None = None) -> frozenset[int]:
    """The customers who are insiders on a day; of these only, where some are named."""
    held = select(Insider.customer_id).where(
        Insider.valid_from <= day, or_(Insider.valid_until.is_(None), Insider.valid_until >= day)
    )
    with unscoped("insiders are marked whoever looks after them"):
        if among is None:
            return frozenset(session.scalars(held))
        found: set[int] = set()
        for part in chunks(among):
            found |= set(session.scalars(held.where(Insider.customer_id.in_(part))))
        return frozenset(found)
