"""Writing what the books collected: rows are numbered first, then inserted by executemany, parents before children."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, insert_rows, reserve_ids, update_rows
from portal.core.clock import now
from portal.core.scope import unscoped
from portal.loans.accounts import Line
from portal.loans.books import Books, Draft, Receipt
from portal.loans.components import Component
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner, Repayment
from portal.loans.terms import TermsChange

RULE_VERSION = "1"
"""Of the booking rules in this package; journals carry it."""

LINE_COLUMNS = (
    "id",
    "number",
    "period_start",
    "period_end",
    "due_date",
    "principal",
    "interest",
    "fee",
    "penalty",
    "paid_principal",
    "paid_interest",
    "paid_fee",
    "paid_penalty",
    "cost",
    "paid_cost",
    "settled_on",
)
CHANGING_COLUMNS = (
    "period_start",
    "principal",
    "interest",
    "fee",
    "penalty",
    "paid_principal",
    "paid_interest",
    "paid_fee",
    "paid_penalty",
    "cost",
    "paid_cost",
    "settled_on",
)


def write(books: Books, session: Session) -> tuple[list[int], list[int]]:
    """Write everything collected and empty the books; return the loans concerned: with a balance, and without one.

    Rows that the session holds already are expired, so that they are read again.
    """
    session.flush()
    with unscoped("the ledger writes what its verbs decided"):
        _loans(books, session)
        _instalments(books, session)
        _receipts(books.receipts, session)
        _journals(books, session)
    session.expire_all()
    touched = [(loan.id, loan.balance) for loan in books.touched.values() if loan.id is not None]
    books.clear()
    return [number for number, balance in touched if balance], [number for number, balance in touched if not balance]


def _loans(books: Books, session: Session) -> None:
    if books.new:
        ids = reserve_ids(session, Loan, len(books.new))
        rows = []
        for loan, columns in books.new:
            loan.id = next(ids)
            rows.append(
                columns
                | {
                    "id": loan.id,
                    "code": loan.code,
                    "status": loan.status,
                    "closed_on": loan.closed_on,
                    "rate": loan.rate,
                    "day_count": loan.day_count,
                    "disbursed_on": loan.disbursed_on,
                    "version": 1,
                    **loan.owner._asdict(),
                }
            )
            loan.changed = False
        insert_rows(session, Loan, rows)
    changing = (
        "code",
        "status",
        "closed_on",
        "matures_on",
        "rate",
        "misuse_markup",
        "next_reset_on",
        "branch_id",
        "team_id",
        "manager_id",
    )
    changed = [
        {
            "row_id": loan.id,
            "new_code": loan.code,
            "new_status": loan.status,
            "new_closed_on": loan.closed_on,
            "new_matures_on": loan.matures_on,
            "new_rate": loan.rate,
            "new_misuse_markup": loan.misuse_markup,
            "new_next_reset_on": loan.next_reset_on,
            **{f"new_{name}": value for name, value in loan.owner._asdict().items()},
        }
        for loan in books.touched.values()
        if loan.changed
    ]
    update_rows(session, Loan, changing, changed)
    owners = [
        {"loan_id": loan.id, "first_day": first_day, "day_after": day_after, **owner._asdict()}
        for loan, owner, first_day, day_after in books.past_owners
    ]
    insert_rows(session, PastOwner, owners)


def _instalments(books: Books, session: Session) -> None:
    for part in chunks(loan.id for loan in books.replaced.values()):
        session.connection().execute(delete(Instalment).where(Instalment.loan_id.in_(part)))
    lines = [(loan, line) for loan in books.touched.values() for line in loan.lines]
    new = [(loan, line) for loan, line in lines if line.id is None]
    changed = [
        {"row_id": line.id, **{f"new_{name}": getattr(line, name) for name in CHANGING_COLUMNS}}
        for _loan, line in lines
        if line.changed and line.id is not None
    ]
    if new:
        ids = reserve_ids(session, Instalment, len(new))
        rows = []
        for loan, line in new:
            line.id = next(ids)
            row = {name: getattr(line, name) for name in LINE_COLUMNS}
            row["loan_id"] = loan.id
            rows.append(row)
        insert_rows(session, Instalment, rows)
    update_rows(session, Instalment, CHANGING_COLUMNS, changed)


def _receipts(receipts: Sequence[Receipt], session: Session) -> None:
    new = [receipt for receipt in receipts if receipt.id is None]
    reversed_ones = [
        {"row_id": receipt.id, "new_code": receipt.code, "new_reversed_on": receipt.booking_date}
        for receipt in receipts
        if receipt.id is not None
    ]
    update_rows(session, Repayment, ("code", "reversed_on"), reversed_ones)
    if new:
        ids = reserve_ids(session, Repayment, len(new))
        for receipt in new:
            receipt.id = next(ids)
        insert_rows(session, Repayment, [_receipt_row(receipt) for receipt in new])
    insert_rows(session, Allocation, [row for receipt in receipts for row in _part_rows(receipt, receipt.parts)])
    insert_rows(session, Charge, [row for receipt in receipts for row in _part_rows(receipt, receipt.charges)])


def _receipt_row(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.id,
        "loan_id": receipt.loan.id,
        "code": receipt.code,
        "amount": receipt.amount,
        "value_date": receipt.value_date,
        "booking_date": receipt.booking_date,
        "reversed_on": None,
        "note": receipt.note,
        "kind": receipt.kind,
        "designated": ",".join(map(str, receipt.designated)) or None,
        "designation": receipt.designation,
        "held_id": receipt.held_id,
    }


def _part_rows(receipt: Receipt, parts: Iterable[tuple[Line, Component, int]]) -> Iterator[dict[str, Any]]:
    return (
        {
            "loan_id": receipt.loan.id,
            "repayment_id": receipt.id,
            "instalment_id": line.id,
            "component": component,
            "amount": amount,
            "value_date": receipt.value_date,
            "booking_date": receipt.booking_date,
        }
        for line, component, amount in parts
    )


def _charge_rows(draft: Draft, journal_id: int) -> Iterator[dict[str, Any]]:
    """What an event without a payment changes in the schedule."""
    return (
        {
            "loan_id": draft.loan.id,
            "journal_id": journal_id,
            "instalment_id": line.id,
            "component": component,
            "amount": amount,
            "value_date": draft.value_date,
            "booking_date": draft.booking_date,
        }
        for line, component, amount in draft.charges
    )


def _terms_row(draft: Draft, journal_id: int) -> dict[str, Any]:
    """What an event changes of the loan's terms."""
    assert draft.terms is not None  # the caller looks
    before, after = draft.terms.before, draft.terms.after
    return {
        "loan_id": draft.loan.id,
        "journal_id": journal_id,
        "kind": draft.kind,
        "value_date": draft.value_date,
        "booking_date": draft.booking_date,
        "reversal": draft.reverses is not None,
        "months": draft.terms.months,
        "lpr": draft.terms.lpr,
        "rate_before": before.rate,
        "rate": after.rate,
        "matured_on": before.matures_on,
        "matures_on": after.matures_on,
        "misuse_before": before.misuse_markup,
        "misuse_markup": after.misuse_markup,
        "reset_before": before.next_reset_on,
        "next_reset_on": after.next_reset_on,
    }


def _journals(books: Books, session: Session) -> None:
    drafts = books.drafts
    if not drafts:
        return
    ids, posted_at = reserve_ids(session, Journal, len(drafts)), now()
    journals: list[dict[str, Any]] = []
    postings: list[dict[str, Any]] = []
    charges: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    for draft in drafts:
        journal_id = next(ids)
        charges.extend(_charge_rows(draft, journal_id))
        if draft.terms is not None:
            terms.append(_terms_row(draft, journal_id))
        common = {
            "loan_id": draft.loan.id,
            "kind": draft.kind,
            "value_date": draft.value_date,
            "booking_date": draft.booking_date,
        }
        journals.append(
            {
                "id": journal_id,
                "key": _key(draft),
                "opening": draft.opening,
                "period": draft.booking_date.year * 100 + draft.booking_date.month,
                "reverses_id": draft.reverses,
                "rule_version": RULE_VERSION,
                "posted_at": posted_at,
                "batch_id": books.batch_id,
                "reason": draft.reason,
                **draft.owner._asdict(),
                **common,
            }
        )
        postings.extend(
            {
                "journal_id": journal_id,
                "account": entry.account,
                "component": entry.component,
                "amount": entry.amount,
                "instalment_id": entry.line and entry.line.id,
                **common,
            }
            for entry in draft.entries
        )
    insert_rows(session, Journal, journals)
    insert_rows(session, Posting, postings)
    insert_rows(session, Charge, charges)
    insert_rows(session, TermsChange, terms)


def _key(draft: Draft) -> str:
    repayment = draft.receipt.id if draft.receipt else ""
    return draft.key.replace("{loan}", str(draft.loan.id)).replace("{repayment}", str(repayment))
