"""Reversals: a mistake is undone by a journal with the signs turned, never by changing what was booked.

The reversal carries the kind, value date and owner of what it undoes, so balances, flows and lateness read as if it
had not happened, and its own booking date, so what was known before stays known. Bookings of a loan rest on one another
and are undone last first; accruals follow by themselves. The receipt or loan number is free again afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.booking import account_of, accounts_of, books
from portal.loans.books import Books, Entry, Receipt
from portal.loans.components import Component
from portal.loans.judging import let_go
from portal.loans.ledger import NO_REVERSAL, TERMS, Account, Journal, JournalKind, Posting
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Allocation, Charge, Loan, LoanStatus, Repayment, RepaymentKind
from portal.loans.receipts import HeldReceipt
from portal.loans.terms import TermsChange, TermsStep

CLOSING = (JournalKind.REPAYMENT, JournalKind.WRITE_OFF, JournalKind.RELIEF)
"""What may close a loan."""
BY_RECEIPT = (JournalKind.REPAYMENT, JournalKind.RECOVERY)
KEPT_DOWN_BY = {JournalKind.EXTENSION: Ground.EXTENDED, JournalKind.RESTRUCTURING: Ground.RESTRUCTURED}
"""What keeps the category down since such an event."""
CODE_LENGTH = 40
REASON_LENGTH = 400


@verb("ledger.reverse")
def reverse(journal: Journal, reason: str) -> Journal:
    """Undo one event of a loan that the actor may see; returns the reversal. The reason goes into the audit entry.

    Raises Refused for a reversal, what is reversed already, an accrual (month-end brings it right), an opening position
    (undo its import) or an event on which later ones rest; InvalidValues without a reason.
    """
    loan = journal.loan
    with books() as opened:
        account = account_of(loan)
        stand = standing_journals([loan.id])[loan.id]
        check_reversible(journal, stand, reason)
        if journal.kind is JournalKind.DISBURSEMENT:
            undone = [*reversed([held for held in stand if held.kind is JournalKind.ACCRUAL]), journal]
        else:
            undone = [journal, *(held for held in stand if held.key == f"{journal.key}/accrual")]
        opened.reason, what = reason.strip(), What.of(undone)
        turn(opened, account, undone, what)
        for receipt in what.receipts.values():
            release(receipt)
        number, kind, booked_on, today = journal.id, journal.kind, journal.booking_date, opened.open_date
    if kind in KEPT_DOWN_BY:
        _end_observation(loan, KEPT_DOWN_BY[kind], booked_on, today)
    current_unit().about(loan)
    current_unit().note(reversed=journal.key, reason=reason.strip())
    return db.session.scalars(select(Journal).where(Journal.reverses_id == number)).one()


def _end_observation(loan: Loan, ground: Ground, since: date, today: date) -> None:
    """What a reversed extension or restructuring had begun holds no longer."""
    with unscoped("an observation that is reversed"):
        began = select(CategoryMinimum).where(
            CategoryMinimum.loan_id == loan.id,
            CategoryMinimum.ground == ground,
            CategoryMinimum.first_day == since,
            CategoryMinimum.day_after.is_(None),
        )
        row = db.session.scalar(began.order_by(CategoryMinimum.id.desc()).limit(1))
    if row is not None:
        let_go(loan, row, today)


def check_reversible(journal: Journal, stand: Sequence[Journal], reason: str) -> None:
    """Raise unless this journal may be reversed on its own; `stand` are the loan's journals that stand."""
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("A reversal needs a reason.")]})
    if journal.reverses_id is not None:
        raise Refused(_("A reversal cannot be reversed; book the event again."))
    if journal.id not in {held.id for held in stand}:
        raise Refused(_("This journal is reversed already."))
    if journal.kind is JournalKind.ACCRUAL:
        raise Refused(_("Accrued interest is brought right by the next month-end; it is not reversed by hand."))
    if journal.opening:
        raise Refused(_("An opening position is undone together with its import."))
    if any(held.id > journal.id and held.kind is not JournalKind.ACCRUAL for held in stand):
        raise Refused(_("Later bookings of this loan rest on this one; reverse them first, the latest one first."))


@verb("ledger.undo_batch")
def undo_batch(batch_id: int, reason: str) -> int:
    """Reverse every journal of an import batch, all or none, and cancel the loans it brought. Returns how many loans.

    Raises Refused when something was booked since on one of these loans: then the batch has become history.
    """
    with unscoped("the loans of an import batch"):
        loans = db.session.scalars(select(Journal.loan_id).where(Journal.batch_id == batch_id).distinct()).all()
    for part in chunks(sorted(loans)):
        with books() as opened:
            opened.reason = reason[:REASON_LENGTH]
            accounts, stand = accounts_of(part), standing_journals(part)
            undone = {loan_id: _undone_with(batch_id, accounts[loan_id], stand[loan_id]) for loan_id in part}
            what = What.of([journal for journals in undone.values() for journal in journals])
            for loan_id, journals in undone.items():
                turn(opened, accounts[loan_id], journals, what)
    current_unit().note(batch=batch_id, loans=len(loans), reason=reason)
    return len(loans)


def _undone_with(batch_id: int, loan: LoanAccount, stand: Sequence[Journal]) -> list[Journal]:
    """The journals of one loan that go with the batch, last first."""
    first = min((held.id for held in stand if held.batch_id == batch_id), default=0)
    later = [held for held in stand if held.id >= first] if first else []
    if any(held.batch_id != batch_id and held.kind is not JournalKind.ACCRUAL for held in later):
        raise Refused(_("The loan %(code)s was used since; this import cannot be undone any more.", code=loan.code))
    brought = any(held.kind is JournalKind.DISBURSEMENT for held in later)
    return [held for held in reversed(later) if brought or held.batch_id == batch_id]


def standing_journals(loans: Collection[int]) -> dict[int, list[Journal]]:
    """Per loan: its journals that are neither reversals nor reversed, in the order they were booked."""
    reversal = aliased(Journal)
    stands = ~select(reversal.id).where(reversal.reverses_id == Journal.id).exists()
    found: dict[int, list[Journal]] = defaultdict(list)
    with unscoped("journals that a reversal looks at"):
        statement = select(Journal).where(Journal.loan_id.in_(loans), NO_REVERSAL, stands)
        for journal in db.session.scalars(statement.order_by(Journal.id)):
            found[journal.loan_id].append(journal)
    return found


@dataclass(frozen=True)
class What:
    """What journals consist of, and the payments behind them, read for many at once."""

    entries: Mapping[int, Sequence[tuple[Account, Component, int, int | None]]]
    """By journal: account, component, amount, instalment."""
    receipts: Mapping[int, Repayment]
    """By repayment, as are the rest: (instalment, component, amount)."""
    parts: Mapping[int, Sequence[tuple[int, Component, int]]]
    charges: Mapping[int, Sequence[tuple[int, Component, int]]]
    changes: Mapping[int, Sequence[tuple[int, Component, int]]]
    """By journal: what events without a payment charged."""
    terms: Mapping[int, TermsStep]
    """By journal: what it changed of the loan's terms."""

    @classmethod
    def of(cls, journals: Sequence[Journal]) -> What:
        receipts = [receipt_of(journal) for journal in journals if by_receipt(journal)]
        entries: dict[int, list[Any]] = defaultdict(list)
        found: dict[int, Repayment] = {}
        parts: dict[type, dict[int, list[Any]]] = {}
        changes: dict[int, list[Any]] = defaultdict(list)
        terms: dict[int, TermsStep] = {}
        lines: Any
        with unscoped("what a reversal undoes"):
            for some in chunks([journal.id for journal in journals]):
                lines = select(
                    Posting.journal_id, Posting.account, Posting.component, Posting.amount, Posting.instalment_id
                )
                for number, *line in db.session.execute(lines.where(Posting.journal_id.in_(some)).order_by(Posting.id)):
                    entries[number].append(tuple(line))
                lines = select(Charge.journal_id, Charge.instalment_id, Charge.component, Charge.amount)
                for number, *line in db.session.execute(lines.where(Charge.journal_id.in_(some)).order_by(Charge.id)):
                    changes[number].append(tuple(line))
            for some in chunks([journal.id for journal in journals if journal.kind in TERMS]):
                steps = db.session.scalars(select(TermsChange).where(TermsChange.journal_id.in_(some)))
                terms |= {row.journal_id: row.step() for row in steps}
            for some in chunks(receipts):
                rows = db.session.scalars(select(Repayment).where(Repayment.id.in_(some)))
                found |= {row.id: row for row in rows}
            for model in (Allocation, Charge):
                parts[model] = defaultdict(list)
                for some in chunks(receipts):
                    lines = select(model.repayment_id, model.instalment_id, model.component, model.amount)
                    for number, *line in db.session.execute(lines.where(model.repayment_id.in_(some))):
                        parts[model][number].append(tuple(line))
        return cls(entries, found, parts[Allocation], parts[Charge], changes, terms)


def by_receipt(journal: Journal) -> bool:
    """Whether a payment stands behind the journal."""
    return journal.kind in BY_RECEIPT and not journal.opening


def receipt_of(journal: Journal) -> int:
    """Number of the repayment that the journal books: the end of its key."""
    return int(journal.key.rpartition("/")[2])


def booking_of(row: Repayment) -> Journal | None:
    """The journal that books a repayment."""
    kind = JournalKind.RECOVERY if row.kind is RepaymentKind.RECOVERY else JournalKind.REPAYMENT
    return db.session.scalar(select(Journal).where(Journal.key == f"{kind.value}/{row.id}"))


def turn(opened: Books, loan: LoanAccount, journals: Sequence[Journal], what: What) -> None:
    """Book the reversals of these journals, in this order, and bring schedule and status back."""
    lines = {line.id: line for line in loan.lines}
    for journal in journals:
        entries = [
            Entry(account, component, -amount, lines[instalment] if instalment else None)
            for account, component, amount, instalment in what.entries[journal.id]
        ]
        receipt = _turn_receipt(opened, loan, receipt_of(journal), what) if by_receipt(journal) else None
        changes = [(lines[number], component, -amount) for number, component, amount in what.changes[journal.id]]
        for line, component, amount in changes:
            line.charge(component, amount)
            if line.settled_on is not None and line.ageing:
                line.settled_on = None
        step = what.terms[journal.id].turned() if journal.id in what.terms else None
        if step is not None:
            _take_back_terms(loan, journal, step, [line for line, _component, _amount in changes])
        opened.post(
            loan,
            journal.kind,
            f"reversal/{journal.id}",
            entries,
            journal.value_date,
            opening=journal.opening,
            receipt=receipt,
            reverses=journal.id,
            owner=Owner(journal.branch_id, journal.team_id, journal.manager_id),
            charges=changes,
            terms=step,
        )
        match journal.kind:
            case JournalKind.DISBURSEMENT:
                loan.close(LoanStatus.CANCELLED, opened.open_date)
                loan.code = freed(loan.code, journal.id)
            case kind if kind in CLOSING and loan.status is not LoanStatus.ACTIVE:
                loan.reopen()


def _turn_receipt(opened: Books, loan: LoanAccount, number: int, what: What) -> Receipt:
    """Take a payment back from the instalments, and what it had charged."""
    row = what.receipts[number]
    receipt = opened.receive(
        loan, freed(row.code, row.id), row.amount, row.value_date, id=row.id, kind=row.kind, held_id=row.held_id
    )
    lines = {line.id: line for line in loan.lines}
    for instalment, component, amount in what.parts[number]:
        lines[instalment].pay(component, -amount)
        receipt.parts.append((lines[instalment], component, -amount))
    for instalment, component, amount in what.charges[number]:
        lines[instalment].charge(component, -amount)
        receipt.charges.append((lines[instalment], component, -amount))
    added = _take_back_prepayment(loan, receipt) if row.kind in (RepaymentKind.SHORTEN, RepaymentKind.LOWER) else None
    for line in loan.lines:
        emptied = not line.principal + line.interest and line.settled_on == row.value_date and line is not added
        if line.settled_on is not None and (line.ageing or emptied):
            line.settled_on, line.changed = None, True
    return receipt


def _take_back_prepayment(loan: LoanAccount, receipt: Receipt) -> Line:
    """The instalment that an early repayment had added asks for nothing any more; the period it had cut is whole again.

    It stays, settled on its day, as the trace of what was.
    """
    added = max((line for line, _component, _amount in receipt.charges), key=lambda line: line.number)
    for line in loan.lines:
        if line is not added and line.period_start == added.period_end and added.period_start < added.period_end:
            line.period_start, line.changed = added.period_start, True
    loan.note_maturity()
    return added


def _take_back_terms(loan: LoanAccount, journal: Journal, step: TermsStep, touched: Sequence[Line]) -> None:
    """The terms before hold again. Instalments that the change had added ask for nothing and stay as a trace.

    They count as settled from the first, so that no later change gives them anything.
    """
    for line in touched:
        if not line.owed and line.settled_on is None:
            line.settled_on, line.changed = loan.disbursed_on, True
    cut = [
        line
        for line in loan.lines
        if not line.principal + line.interest and line.period_start < line.period_end == journal.value_date
    ]
    for line in cut:
        for running in loan.lines:
            if running.period_start == line.period_end and running.due_date == line.due_date:
                running.period_start, running.changed = line.period_start, True
    loan.agree(step.after)
    loan.note_maturity()


def release(receipt: Repayment) -> None:
    """Money that a reversed payment had taken from a held receipt is held again."""
    if receipt.held_id is not None:
        with unscoped("held money whose use is reversed"):
            db.session.get_one(HeldReceipt, receipt.held_id, with_for_update=True).rest += receipt.amount


def freed(code: str, number: int) -> str:
    """A number that is given back for use: the old holder keeps it with a suffix of its own."""
    suffix = f"~{number}"
    return code[: CODE_LENGTH - len(suffix)] + suffix
