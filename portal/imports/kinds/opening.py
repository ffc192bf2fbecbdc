"""Opening positions: loans taken over at a cut-over date from a ledger that comes without its history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.bulk import chunks
from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.fields import Field
from portal.core.scope import unscoped
from portal.core.values import money_text
from portal.imports import references
from portal.imports.kinds.kind import STATUS, Part, Run, Status
from portal.imports.kinds.ledger import LedgerKind, Owners, sound_rows
from portal.imports.kinds.loans import NOWHERE, loan_field, note_other_contract, owned, place_fields
from portal.imports.lookups import rows_by_key
from portal.loans.accounts import Owner
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import Guarantee, Loan, LoanStatus
from portal.loans.opening import problems_of
from portal.loans.services import OpeningPosition, bulk_open_positions


def _not_cancelled(status: str) -> Any:
    return _("A cancelled loan is not taken over.") if status == LoanStatus.CANCELLED else None


PAID = {
    "paid_interest": Component.INTEREST,
    "paid_fees": Component.FEE,
    "paid_penalty": Component.PENALTY,
}


class OpeningKind(LedgerKind):
    """Loans as the old ledger left them. `balance` is a control: amount less what was paid and written off."""

    resource = "Loan"
    needs_cut_over = True

    def described(self) -> Sequence[Field]:
        return (
            loan_field("code"),
            loan_field("customer"),
            loan_field("product"),
            loan_field("amount", "principal", minimum=1),
            loan_field("rate"),
            loan_field("count"),
            loan_field("disbursed_on"),
            loan_field("status", check=_not_cancelled),
            Field(
                _("Balance"),
                name="balance",
                type="money",
                help=_("Checked: the amount less the principal paid and written off."),
            ),
            Field(
                _("Principal paid"),
                name="paid_principal",
                type="money",
                help=_("If there is no such column: the amount less the balance."),
            ),
            Field(_("Interest paid"), name="paid_interest", type="money"),
            Field(_("Fees paid"), name="paid_fees", type="money"),
            Field(_("Penalty interest paid"), name="paid_penalty", type="money"),
            Field(
                _("Principal written off"),
                name="written_off",
                type="money",
                help=_("If there is no such column: what is left of a written-off loan."),
            ),
            Field(
                _("Days past due"),
                name="days_late",
                type="int",
                minimum=0,
                help=_("At the end of the cut-over date; blank means 0."),
            ),
            loan_field("guarantee"),
            loan_field("purpose"),
            *place_fields(),
        )

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        assert run.cut_over is not None
        held = rows_by_key(Loan, ["code"], frame["code"].drop_nulls())
        booked = opening_sums([row["id"] for row in held.values()])
        owners = part.kept.setdefault("owners", Owners())
        open_date = db.session.scalar(select(BusinessDay.open_date)) or run.cut_over
        found = [Status.NEW] * frame.height
        for place, row in sound_rows(frame, run):
            position = opening_position(row, NOWHERE)
            known = held.get((row["code"],))
            if known is not None:
                found[place] = Status.UNCHANGED
                note_other_position(part, row, position, known, booked[known["id"]], run.cut_over)
                continue
            for name, texts in problems_of(position, run.cut_over, open_date).items():
                part.note(row, name if name in self.fields else "code", " ".join(texts))
            for name, text in owners.problems(row).items():
                part.note(row, name, text)
            if row["balance"] not in (None, position.balance):
                worked_out = money_text(position.balance, thousands=True)
                reason = gettext("By amount, principal paid and written off it would be %(amount)s.", amount=worked_out)
                part.note(row, "balance", reason, value=money_text(row["balance"], thousands=True))
        return found

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        assert run.cut_over is not None
        new = references.resolved(frame.filter(pl.col(STATUS) == Status.NEW), self.fields)
        rows = [opening_position(row, owner) for row, owner in owned(new, part)]
        if rows:
            bulk_open_positions(rows, run.cut_over, run.batch_id)


def opening_position(row: Mapping[str, Any], owner: Owner) -> OpeningPosition:
    """The position of a row; amounts that the file leaves out follow from the others."""
    status = LoanStatus(row["status"] or LoanStatus.ACTIVE)
    amount, balance, paid, lost = row["amount"], row["balance"], row["paid_principal"], row["written_off"]
    if lost is None:
        lost = amount - (paid or 0) - (balance or 0) if status is LoanStatus.WRITTEN_OFF else 0
    if paid is None:
        paid = 0 if balance is None else amount - balance - lost
    return OpeningPosition(
        code=row["code"],
        customer_id=row[references.id_column("customer")] or 0,
        product_id=row[references.id_column("product")] or 0,
        owner=owner,
        amount=amount,
        rate=row["rate"],
        count=row["count"],
        disbursed_on=row["disbursed_on"],
        paid_principal=paid,
        paid_interest=row["paid_interest"] or 0,
        paid_fees=row["paid_fees"] or 0,
        paid_penalty=row["paid_penalty"] or 0,
        written_off=lost,
        status=status,
        days_late=row["days_late"] or 0,
        guarantee=Guarantee(row["guarantee"] or Guarantee.CREDIT),
        purpose=row["purpose"],
    )


def opening_sums(loan_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """What the opening journals of loans say was paid and written off, by the names of a position."""
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    names = {component: name for name, component in PAID.items()} | {Component.PRINCIPAL: "paid_principal"}
    statement = (
        select(Posting.loan_id, Posting.kind, Posting.component, func.sum(Posting.amount))
        .join(Journal, Journal.id == Posting.journal_id)
        .where(Journal.opening, Posting.account == Account.CLEARING)
        .group_by(Posting.loan_id, Posting.kind, Posting.component)
    )
    with unscoped("import: opening positions that are booked already"):
        for some in chunks(sorted(loan_ids)):
            for loan_id, kind, component, amount in db.session.execute(statement.where(Posting.loan_id.in_(some))):
                if kind == JournalKind.REPAYMENT:
                    found[loan_id][names[component]] = int(amount)
                elif kind == JournalKind.WRITE_OFF:
                    found[loan_id]["written_off"] = int(amount)
    return found


def note_other_position(
    part: Part, row: Mapping[str, Any], ours: OpeningPosition, held: Mapping[str, Any], booked: Any, cut_over: Any
) -> None:
    """Note where the loan of this number was taken over with other figures."""
    if note_other_contract(part, row, held):
        return
    if held["cut_over_on"] != cut_over:
        part.note(row, "code", gettext("A loan of this number exists already, of another cut-over date."))
        return
    for name in ("paid_principal", *PAID, "written_off"):
        if getattr(ours, name) != booked[name]:
            part.note(row, name, gettext("A loan of this number exists already, with another value here."))
            return


OpeningKind("opening-positions", _("Opening positions"))
