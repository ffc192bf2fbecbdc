"""Who is tied to a customer: what a tie may say."""

from __future__ import annotations

from typing import Any

import pytest

from portal.core import records
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.scope import SYSTEM, acting
from portal.customers.models import RelatedParty, Tie
from tests.world import World

#: Rules of the model do not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

SHARE = 300_000


def wrong_with(world: World, **values: Any) -> dict[str, list[str]]:
    """What keeps such a tie from being added; nothing of it stays."""
    given = {"code": "T-1", "customer": world.customers["C-A-a1-0"], "name": "n", "tie": Tie.SPOUSE} | values
    with world.app.app_context(), acting(SYSTEM):
        found = records.problems(RelatedParty, given)
        db.session.rollback()
    return found


def test_only_who_owns_a_part_has_a_share(world: World) -> None:
    assert wrong_with(world, share=SHARE).keys() == {"share"}
    assert wrong_with(world, share=SHARE, tie=Tie.SHAREHOLDER) == {}
    assert wrong_with(world, share=SHARE, tie=Tie.CONTROLLER) == {}
    assert wrong_with(world) == {}
    assert wrong_with(world, share=1_200_000, tie=Tie.SHAREHOLDER) == {"share": ["At most 100.00."]}


def test_a_shareholder_who_becomes_something_else_loses_the_share(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        given = {"code": "T-2", "customer": world.customers["C-A-a1-0"], "name": "n", "tie": Tie.SHAREHOLDER}
        row_id = records.add(RelatedParty, {**given, "share": SHARE}).id
        with pytest.raises(InvalidValues, match="share"):
            records.change(RelatedParty, row_id, {"tie": Tie.KIN})
        assert records.change(RelatedParty, row_id, {"tie": Tie.KIN, "share": None}).share is None
        records.remove(RelatedParty, row_id)


def test_a_tie_leads_to_somebody_else_and_to_one_only(world: World) -> None:
    own, other = world.customers["C-A-a1-0"], world.customers["C-A-a1-1"]
    assert wrong_with(world, name=None).keys() == {"related"}
    assert wrong_with(world, related=other).keys() == {"related"}
    assert wrong_with(world, name=None, related=own).keys() == {"related"}
    assert wrong_with(world, name=None, related=other) == {}
