"""Repayments: money received, allocated and booked as if it had been entered on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.fields import Field, fields_of
from portal.imports import references
from portal.imports.kinds.instalments import LOAN_ID, by_loans
from portal.imports.kinds.kind import STATUS, Part, Run, Status
from portal.imports.kinds.ledger import LedgerKind, note_error, sound_rows
from portal.imports.reading import LINE
from portal.loans.books import Books
from portal.loans.loading import load_accounts
from portal.loans.models import Repayment
from portal.loans.repayments import held_receipts, take_payment
from portal.loans.services import Payment, bulk_repay
from portal.loans.thresholds import allocation_order


class RepaymentKind(LedgerKind):
    """Payments. They settle what is due, oldest first, or the instalment they name."""

    resource = "Repayment"

    def described(self) -> Sequence[Field]:
        own = fields_of(Repayment)
        return (
            own["code"],
            own["loan"],
            own["amount"],
            own["value_date"],
            Field(
                _("Instalment no."),
                name="instalment",
                type="int",
                minimum=1,
                help=_("Only if the payer named the instalment that the money is for."),
            ),
            own["note"],
        )

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        held = held_receipts(frame["code"].drop_nulls().to_list())
        found = [Status.NEW] * frame.height
        for place, row in sound_rows(frame, run):
            receipt = held.get(row["code"])
            if receipt is None:
                continue
            found[place] = Status.UNCHANGED
            ours = (row[LOAN_ID], row["amount"], row["value_date"])
            if ours != (receipt.loan_id, receipt.amount, receipt.value_date):
                part.note(
                    row, "code", gettext("The receipt number %(code)s belongs to another payment.", code=row["code"])
                )
        new = [status == Status.NEW for status in found]
        part.kept.setdefault("rows", []).append(frame.filter(pl.Series(new)))
        return found

    def finish(self, part: Part, run: Run) -> None:
        """Book everything in memory, to see whether it could be booked."""
        super().finish(part, run)
        wrong = pl.Series(list(run.problems.rows), dtype=pl.UInt32)
        frame = pl.concat(part.kept["rows"]).filter(~pl.col(LINE).is_in(wrong.implode()))
        orders = {day: allocation_order(day) for day in frame["value_date"].unique()}
        today = business_date()
        for some in by_loans(frame):
            accounts = load_accounts(db.session(), some[LOAN_ID].unique().to_list(), lock=False)
            books = Books(today)
            for rows in _of_each_loan(some):
                for row in rows:
                    try:
                        take_payment(books, accounts[row[LOAN_ID]], _payment(row), orders[row["value_date"]])
                    except Refused as problem:
                        note_error(part, row, problem)
                        break

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        part.kept.setdefault("rows", []).append(frame.filter(pl.col(STATUS) == Status.NEW))

    def close(self, part: Part, run: Run) -> None:
        for some in by_loans(references.resolved(pl.concat(part.kept["rows"]), self.fields)):
            bulk_repay([_payment(row) for rows in _of_each_loan(some) for row in rows], run.batch_id)


def _of_each_loan(frame: pl.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """The rows of one loan after the other, each by value date."""
    for rows in frame.sort(LOAN_ID, "value_date", LINE).partition_by(LOAN_ID, maintain_order=True):
        yield rows.to_dicts()


def _payment(row: dict[str, Any]) -> Payment:
    on: date = row["value_date"]
    named = () if row["instalment"] is None else (row["instalment"],)
    return Payment(row[LOAN_ID], row["code"], row["amount"], on, named, None, row["note"])


RepaymentKind("repayments", _("Repayments"))
