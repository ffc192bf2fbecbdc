"""Writing contacts: who made them, and the demands that some of them are."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from portal.collection.checking import problems_of
from portal.collection.models import CollectionContact, clock_time
from portal.core import records, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.locks import alone
from portal.core.work import current_unit, verb
from portal.guarantees import services as guarantees
from portal.guarantees.models import LegalAct
from portal.guarantees.rules import Act

SAID = ("loan", "done_on", "outcome", "promised_amount", "promised_on")
"""What a promise is judged by."""


@verb("collection.add")
def add(values: dict[str, Any]) -> CollectionContact:
    """A new contact, made by whoever is signed in; with the demand that it is. InvalidValues by field."""
    values = _timed(values)
    wrong = records.problems(CollectionContact, values)
    if not wrong:
        alone(db.session(), "collection.calls")  # two calls at the same moment are counted one after the other
        wrong = problems_of(values)
    if wrong:
        raise InvalidValues(wrong)
    row: CollectionContact = records.add(CollectionContact, values)
    number = scope.actor().staff_id
    row.made_by_id = number if number > 0 else None
    _demand(row)
    return row


@verb("collection.change")
def change(row_id: int, values: dict[str, Any], version_seen: int | None = None) -> CollectionContact:
    """Change a contact, and the demand that follows from it. A promise of an earlier day stands as it was entered.

    Conflict when somebody else changed it meanwhile; InvalidValues by field.
    """
    values = _timed(values)
    row: CollectionContact = records.load(CollectionContact, row_id)
    wrong = records.problems(CollectionContact, values, row, partial=True)
    if not wrong:
        held = records.held(row)
        wrong = _settled(row, held, values) or problems_of({**held, **values}, row)
    if wrong:
        raise InvalidValues(wrong)
    records.change(CollectionContact, row_id, values, version_seen)
    _demand(row)
    return row


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    """The time as it is kept, however it was typed."""
    return {**values, "done_time": clock_time(values["done_time"])} if values.get("done_time") else values


def _settled(row: CollectionContact, held: dict[str, Any], values: dict[str, Any]) -> dict[str, list[str]]:
    """What was promised is not rewritten once its day is over: whoever agrees on something else enters that."""
    if row.promised_on is None or row.done_on >= business_date():
        return {}
    text = gettext("This promise stands as it was entered. What was agreed later is a contact of its own.")
    return {name: [text] for name in SAID if name in values and values[name] != held[name] and name != "loan"}


def _demand(row: CollectionContact) -> None:
    """Write, change or take back the demand that the contact is: one at most, and the clocks with it."""
    wanted = {"act": Act.DEMAND, "done_on": row.done_on, "evidence": row.evidence, "guarantor": row.guarantor_id}
    if row.is_demand and row.legal_act_id is None:
        act: LegalAct = guarantees.add(LegalAct, {"loan": row.loan_id, **wanted})
        row.legal_act_id = act.id
    elif row.is_demand and row.legal_act_id is not None:
        guarantees.change(LegalAct, row.legal_act_id, wanted)
    elif row.legal_act_id is not None:
        taken_back, row.legal_act_id = row.legal_act_id, None
        db.session.flush()
        guarantees.remove(LegalAct, taken_back)
    db.session.flush()
    current_unit().about(row)
