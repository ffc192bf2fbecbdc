"""Turns loans of the story, with what happened to each, into what `bulk_history` of the ledger books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from portal.loans.disbursement import NewLoan
from portal.loans.history import Event, HandedOver, Life, Paid, Recovered, SettledEarly, WrittenOff
from portal.loans.models import Guarantee
from seed import events as told
from seed.company import company
from seed.organisation_loading import Ids, Organisation
from seed.story import Story


def lives(story: Story, organisation: Organisation, borrowers: Ids) -> Iterator[Life]:
    """The lives of these loans, in order. `borrowers` holds the customers' ids by code."""
    happened: dict[str, list[told.Event]] = defaultdict(list)
    for event in story.events:
        happened[event.loan_code].append(event)
    joined = {person.code: person.joined_on for person in company().staff}
    for loan in story.loans:
        events = [_event(event) for event in happened[loan.code]]
        if loan.originator_code != loan.manager_code:
            owner = organisation.owner(loan.branch_code, loan.team_code, loan.manager_code)
            events.append(HandedOver(joined[loan.manager_code], owner))
            events.sort(key=lambda event: event.on)
        yield Life(
            NewLoan(
                code=loan.code,
                customer_id=borrowers[loan.customer_code],
                product_id=organisation.products[loan.product_code],
                amount=loan.principal,
                rate=loan.rate,
                count=loan.count,
                disbursed_on=loan.disbursed_on,
                owner=organisation.owner(loan.branch_code, loan.team_code, loan.originator_code),
                first_due_on=loan.first_due_on,
                guarantee=Guarantee(loan.guarantee),
                purpose=loan.purpose,
            ),
            events,
        )


def _event(event: told.Event) -> Event:
    match event:
        case told.PaymentSpec():
            penalties = {charge.instalment: charge.amount for charge in event.charges}
            return Paid(event.on, event.code, event.amount, (), penalties)
        case told.EarlySettlementSpec():
            return SettledEarly(event.on, event.code, event.amount)
        case told.WriteOffSpec():
            return WrittenOff(event.on)
        case told.RecoverySpec():
            return Recovered(event.on, event.code, event.amount)
