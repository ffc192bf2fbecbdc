"""Contacts with debtors of the demo company: about loans late or written off, by what was really paid after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from portal.collection.models import CollectionContact
from portal.collection.rules import Channel, Outcome, Whom
from portal.core.db import db
from portal.core.scope import unscoped
from portal.guarantees.models import LegalAct
from portal.guarantees.rules import Act
from portal.loans.components import Component
from portal.loans.models import Allocation, Instalment, Loan, LoanStatus
from portal.loans.state import LoanState
from portal.organization.models import Post, Staff
from seed.company import BUSINESS_DATE

CADENCE = (1, 3, 7, 14, 21, 28, 45, 60, 90)
"""Days past due on which the demo company made contact."""
MONTH = 30
"""Days between contacts from then on."""
AFTER_LOSS, SINCE_LOSS = 45, timedelta(days=400)
"""Days between contacts about a written-off loan, and for how long it has had them."""
EARLY = 7
"""Days past due up to which the customer manager calls himself."""
LIKELY = timedelta(days=10)
"""A payment within so many days after a contact is what was promised then."""
LEAST = 10_000
WITHOUT_MONEY = (
    (Outcome.INFORMED, 30),
    (Outcome.UNREACHABLE, 25),
    (Outcome.PROMISE, 25),
    (Outcome.HARDSHIP, 12),
    (Outcome.REFUSES, 5),
    (Outcome.WRONG_NUMBER, 3),
)
NOTES = {
    Outcome.PROMISE: ("承诺收到货款后还款", "承诺按期转账", "称果品款到账后立即归还"),
    Outcome.HARDSHIP: ("货款未收回，周转困难", "受灾减产，收入下降", "住院治疗，暂无收入"),
    Outcome.INFORMED: ("已告知逾期金额和罚息", "已发送还款账号"),
    Outcome.REFUSES: ("称暂不考虑还款",),
}
SHARES = (30, 50, 100)


@dataclass
class Past:
    """What was due of a loan and paid on it, principal and interest, in fen."""

    due: list[tuple[date, int]]
    paid: list[tuple[date, int]]

    def owed(self, day: date, until: date) -> int:
        """What fell due by a day, less what had been paid before another."""
        return sum(a for on, a in self.due if on <= until) - sum(a for on, a in self.paid if on < day)

    def coming(self, day: date) -> tuple[date, int] | None:
        """The first payment from a day on that was soon enough to be what was promised then."""
        found = [(on, amount) for on, amount in self.paid if day <= on <= day + LIKELY and amount > 0]
        return min(found, default=None)


def load_collection() -> None:
    """Write the contacts, within a unit of work; demands that were sent have their letters."""
    rng = Random("demo company: collection")
    with unscoped("the demo company is loaded"):
        late = select(LoanState).where(LoanState.days_past_due > 0).order_by(LoanState.loan_id)
        since = {row.loan_id: row.oldest_due_on for row in db.session.scalars(late)}
        lost = select(Loan).where(Loan.status == LoanStatus.WRITTEN_OFF)
        gone = {row.id: row.closed_on for row in db.session.scalars(lost)}
        ids = sorted({*since, *gone})
        loans = {row.id: row for row in db.session.scalars(select(Loan).where(Loan.id.in_(ids)))}
        pasts = _pasts(ids)
        demands = select(LegalAct).where(LegalAct.loan_id.in_(ids), LegalAct.act == Act.DEMAND).order_by(LegalAct.id)
        letters = list(db.session.scalars(demands))
        collectors = select(Staff.id).where(Staff.post == Post.COLLECTIONS).order_by(Staff.id)
        staff = list(db.session.scalars(collectors))
    for loan_id in ids:
        loan, past = loans[loan_id], pasts[loan_id]
        days = _late_days(since[loan_id]) if loan_id in since else _days_after_loss(gone[loan_id])
        for on, early in days:
            if rng.random() < 0.12:
                continue  # nobody got round to it
            maker = loan.manager_id if early else rng.choice(staff)
            db.session.add(CollectionContact(loan_id=loan_id, made_by_id=maker, **_contact(rng, on, past)))
    for act in letters:
        db.session.add(_letter(act, staff[act.id % len(staff)]))
    db.session.flush()


def _late_days(since: date | None) -> Iterator[tuple[date, bool]]:
    """(day, whether the manager calls himself) of contacts with a debtor who is late since a due date."""
    if since is None:
        return
    late = (BUSINESS_DATE - since).days
    for days in (*CADENCE, *range(CADENCE[-1] + MONTH, late + 1, MONTH)):
        if days <= late:
            yield since + timedelta(days=days), days <= EARLY


def _days_after_loss(closed_on: date | None) -> Iterator[tuple[date, bool]]:
    day = max(closed_on or BUSINESS_DATE, BUSINESS_DATE - SINCE_LOSS) + timedelta(days=AFTER_LOSS)
    while day <= BUSINESS_DATE:
        yield day, False
        day += timedelta(days=AFTER_LOSS)


def _pasts(ids: list[int]) -> dict[int, Past]:
    found: dict[int, Past] = defaultdict(lambda: Past([], []))
    for line in db.session.scalars(select(Instalment).where(Instalment.loan_id.in_(ids))):
        found[line.loan_id].due.append((line.due_date, line.principal + line.interest))
    counted = Allocation.component.in_((Component.PRINCIPAL, Component.INTEREST))
    for part in db.session.scalars(select(Allocation).where(Allocation.loan_id.in_(ids), counted)):
        found[part.loan_id].paid.append((part.value_date, part.amount))
    return found


def _contact(rng: Random, on: date, past: Past) -> dict[str, Any]:
    at = f"{rng.randrange(9, 18):02}:{rng.choice((0, 10, 20, 30, 40, 50)):02}"
    channel = rng.choice((Channel.PHONE, Channel.PHONE, Channel.PHONE, Channel.VISIT, Channel.SMS))
    told = {"done_on": on, "done_time": at, "channel": channel, "whom": Whom.BORROWER}
    coming = past.coming(on)
    if coming is not None and channel is not Channel.SMS:
        paid_on, amount = coming
        promised = {"promised_amount": amount, "promised_on": paid_on + timedelta(days=rng.randrange(3))}
        return {**told, "outcome": Outcome.PROMISE, "note": rng.choice(NOTES[Outcome.PROMISE]), **promised}
    outcome = rng.choices([one for one, _weight in WITHOUT_MONEY], [weight for _one, weight in WITHOUT_MONEY])[0]
    if channel is Channel.SMS:
        outcome = Outcome.INFORMED
    if channel is Channel.VISIT and outcome is Outcome.WRONG_NUMBER:
        outcome = Outcome.UNREACHABLE
    promised = {}
    if outcome is Outcome.PROMISE:
        until = on + timedelta(days=rng.randrange(2, 11))
        amount = past.owed(on, until) * rng.choice(SHARES) // 100 // LEAST * LEAST
        if amount >= LEAST:
            promised = {"promised_amount": amount, "promised_on": until}
        else:
            outcome = Outcome.INFORMED
    note = rng.choice(NOTES[outcome]) if outcome in NOTES and rng.random() < 0.7 else None
    return {**told, "outcome": outcome, "note": note, **promised}


def _letter(act: LegalAct, maker: int) -> CollectionContact:
    """The letter that a demand was."""
    return CollectionContact(
        loan_id=act.loan_id,
        done_on=act.done_on,
        done_time="10:00",
        channel=Channel.LETTER,
        whom=Whom.BORROWER if act.guarantor_id is None else Whom.GUARANTOR,
        guarantor_id=act.guarantor_id,
        outcome=Outcome.INFORMED,
        evidence=act.evidence,
        is_demand=True,
        legal_act_id=act.id,
        made_by_id=maker,
    )
