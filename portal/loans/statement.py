"""The bank statement: lines are brought in once, and somebody says of each what it was.

A line is matched with what is booked already, booked as a payment or a held receipt under the bank's own reference, or
left alone for a reason. So nothing is booked twice, and what is still open is the difference between bank and books.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import and_, or_, select

from portal.core.bulk import chunks, insert_rows, reserve_ids
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, NotFound, Refused
from portal.core.scope import actor, unscoped
from portal.core.work import current_unit, verb
from portal.customers.models import Customer
from portal.loans.bank_lines import BankLine, LineState
from portal.loans.models import Loan, Repayment
from portal.loans.receipts import HeldReceipt
from portal.loans.suspense import CODE_LENGTH, in_closed_month, receive, take


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line as a file gives it; amount above 0 came in."""

    code: str
    value_date: date
    amount: int
    payer: str | None = None
    payer_account: str | None = None
    remark: str | None = None
    account: str | None = None


@verb("statement.take_in")
def take_in(rows: Sequence[StatementLine], batch_id: int | None = None) -> int:
    """Bring in lines, for imports, which check the rights. Returns how many are new: a reference that is there already
    changes nothing.

    A line whose reference and amount are those of a booked receipt is matched with it at once.
    """
    held = known_lines([row.code for row in rows])
    new = list({row.code: row for row in rows if row.code not in held}.values())
    booked = _booked_under([receipt_number(row.code) for row in new])
    ids, lines = reserve_ids(db.session(), BankLine, len(new)), []
    for row in new:
        repayment_id, held_id = booked.get((receipt_number(row.code), row.amount), (None, None))
        matched = repayment_id is not None or held_id is not None
        line = {
            "id": next(ids),
            "code": row.code,
            "account": row.account,
            "value_date": row.value_date,
            "amount": row.amount,
            "payer": row.payer,
            "payer_account": row.payer_account and row.payer_account[-4:],
            "remark": row.remark,
            "state": LineState.MATCHED if matched else LineState.OPEN,
            "reason": None,
            "decided_on": business_date() if matched else None,
            "decided_by": None,
            "repayment_id": repayment_id,
            "held_id": held_id,
            "batch_id": batch_id,
        }
        lines.append(line)
    insert_rows(db.session(), BankLine, lines)
    current_unit().note(lines=len(new), batch=batch_id)
    return len(new)


def known_lines(codes: Collection[str]) -> dict[str, BankLine]:
    """Lines that are there already, by reference."""
    found: dict[str, BankLine] = {}
    for part in chunks(codes):
        found |= {line.code: line for line in db.session.scalars(select(BankLine).where(BankLine.code.in_(part)))}
    return found


def receipt_number(reference: str) -> str:
    """The receipt number under which a line is booked: the bank's reference, or the end of a longer one."""
    return reference[-CODE_LENGTH:]


def _booked_under(codes: Collection[str]) -> dict[tuple[str, int], tuple[int | None, int | None]]:
    """(repayment, held receipt) by number and amount. A payment of which a part is held is booked under both."""
    found: dict[tuple[str, int], tuple[int | None, int | None]] = {}
    with unscoped("receipts that a bank statement names"):
        for part in chunks(codes):
            repaid = select(Repayment).where(
                Repayment.code.in_(part), Repayment.reversed_on.is_(None), Repayment.held_id.is_(None)
            )
            found |= {(row.code, row.amount): (row.id, None) for row in db.session.scalars(repaid)}
            kept = select(HeldReceipt).where(HeldReceipt.code.in_(part), HeldReceipt.reversed_on.is_(None))
            found |= {(row.code, row.amount): (None, row.id) for row in db.session.scalars(kept)}
    return found


@verb("statement.undo")
def take_back(batch_id: int) -> int:
    """Remove the lines of a batch; Refused once somebody has decided on one of them."""
    lines = db.session.scalars(select(BankLine).where(BankLine.batch_id == batch_id)).all()
    if any(line.decided_by for line in lines):
        raise Refused(gettext("Some lines of this statement are decided on; they are history by now."))
    for line in lines:
        db.session.delete(line)
    current_unit().note(lines=len(lines), batch=batch_id)
    return len(lines)


@verb("statement.match")
def match(line: BankLine, repayment: Repayment | None = None, held: HeldReceipt | None = None) -> BankLine:
    """The line is what is booked already. Refused for another amount, or for a booking that another line is."""
    row = _open(line)
    booked = repayment or held
    if booked is None or booked.reversed_on is not None:
        raise NotFound(gettext("There is no such booking."))
    if booked.amount != row.amount:
        raise Refused(gettext("The amounts differ."))
    key = BankLine.repayment_id if repayment else BankLine.held_id
    if db.session.scalar(select(BankLine.id).where(key == booked.id)):
        raise Refused(gettext("This booking is matched with another line already."))
    return _decided(row, LineState.MATCHED, repayment, held)


@verb("statement.book")
def book(line: BankLine, loan: Loan, instalments: Collection[int] = (), ahead: bool = False) -> BankLine:
    """Book the line as a payment of a loan, from its value date; what is too much is held. Raises as `take` does."""
    row = _open(line)
    if row.amount < 0:
        raise Refused(gettext("This money went out."))
    code = receipt_number(row.code)
    late = in_closed_month(row.value_date, business_date())
    reason = gettext("Bank statement, line %(code)s", code=row.code) if late else ""
    repayment, held = take(
        loan,
        row.amount,
        row.value_date,
        code,
        instalments,
        ahead=ahead,
        payer=row.payer or "",
        reason=reason,
    )
    return _decided(_open(line), LineState.MATCHED, repayment, held)


@verb("statement.hold")
def hold(line: BankLine, customer: Customer | None = None, note: str = "") -> BankLine:
    """Book the line as money that belongs to no loan yet."""
    row = _open(line)
    if row.amount < 0:
        raise Refused(gettext("This money went out."))
    held = receive(receipt_number(row.code), row.amount, row.value_date, customer, row.payer or "", note)
    return _decided(row, LineState.MATCHED, None, held)


@verb("statement.ignore")
def ignore(line: BankLine, reason: str) -> BankLine:
    """Leave the line alone: it is no matter of loans. InvalidValues without a reason."""
    row = _open(line)
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why this line is left alone.")]})
    row.reason = reason.strip()[:400]
    return _decided(row, LineState.IGNORED, None, None)


@verb("statement.reopen")
def reopen(line: BankLine) -> BankLine:
    """Decide anew on a line. Refused while what was booked for it stands: that is reversed first."""
    row = db.session.get_one(BankLine, line.id, with_for_update=True)
    for booked in (row.repayment, row.held):
        if booked is not None and booked.reversed_on is None and booked.code.startswith(receipt_number(row.code)):
            raise Refused(gettext("Reverse what was booked for this line first."))
    row.state, row.reason, row.repayment_id, row.held_id = LineState.OPEN, None, None, None
    row.decided_by = row.decided_on = None
    current_unit().about(row)
    current_unit().note(line=row.code, state=row.state.value)
    return row


def _open(line: BankLine) -> BankLine:
    """The line, locked; Refused when somebody has decided on it meanwhile."""
    row: BankLine = db.session.get_one(BankLine, line.id, with_for_update=True, populate_existing=True)
    if row.state is not LineState.OPEN:
        raise Refused(gettext("This line is decided on already."))
    return row


def _decided(row: BankLine, state: LineState, repayment: Repayment | None, held: HeldReceipt | None) -> BankLine:
    row.state, row.decided_on, row.decided_by = state, business_date(), actor().name[:80]
    row.repayment_id = repayment.id if repayment else None
    row.held_id = held.id if held else None
    current_unit().about(row)
    current_unit().note(line=row.code, state=state.value, amount=row.amount)
    return row


def unmatched_bookings(codes: Collection[str], amounts: Collection[int]) -> list[Repayment]:
    """Standing repayments of these amounts or numbers that no line is matched with."""
    matched = select(BankLine.id).where(BankLine.repayment_id == Repayment.id).exists()
    statement = select(Repayment).where(
        Repayment.reversed_on.is_(None),
        Repayment.held_id.is_(None),
        or_(Repayment.code.in_(codes), and_(Repayment.amount.in_(amounts))),
        ~matched,
    )
    return list(db.session.scalars(statement.order_by(Repayment.value_date.desc(), Repayment.id.desc()).limit(500)))
