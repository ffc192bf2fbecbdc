"""Bank statements: lines that are matched with bookings afterwards; they book nothing by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.fields import Field, fields_of
from portal.imports.kinds.kind import STATUS, Part, Run, Status
from portal.imports.kinds.ledger import LedgerKind, sound_rows
from portal.loans.bank_lines import BankLine
from portal.loans.statement import StatementLine, known_lines, take_back, take_in


class BankLineKind(LedgerKind):
    """Lines of a bank statement, each under the bank's own reference."""

    resource = "BankLine"

    def described(self) -> Sequence[Field]:
        own = fields_of(BankLine)
        return (
            own["code"],
            own["value_date"],
            replace(own["amount"], label=_("Came in"), required=False, help=_("Credit of the statement, in yuan.")),
            Field(_("Went out"), name="outgoing", type="money", help=_("Debit of the statement, in yuan.")),
            own["payer"],
            replace(own["payer_account"], max_length=40),
            own["remark"],
            own["account"],
        )

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        held = known_lines(frame["code"].drop_nulls().to_list())
        found = [Status.NEW] * frame.height
        for place, row in sound_rows(frame, run):
            sides = (row["amount"] or 0, row["outgoing"] or 0)
            if min(sides) < 0 or (sides[0] > 0) == (sides[1] > 0):
                sentence = gettext("Please fill in what came in or what went out, one of both and above zero.")
                part.note(row, "amount", sentence, value=row["amount"] or "")
                continue
            line = held.get(row["code"])
            if line is None:
                continue
            found[place] = Status.UNCHANGED
            if (line.value_date, line.amount) != (row["value_date"], sides[0] - sides[1]):
                sentence = gettext("The bank reference %(code)s stands for another movement.", code=row["code"])
                part.note(row, "code", sentence)
        return found

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        rows = frame.filter(pl.col(STATUS) == Status.NEW).to_dicts()
        take_in([_line(row) for row in rows], run.batch_id)

    def undo(self, batch_id: int) -> None:
        take_back(batch_id)


def _line(row: dict[str, Any]) -> StatementLine:
    amount = (row["amount"] or 0) - (row["outgoing"] or 0)
    return StatementLine(
        row["code"], row["value_date"], amount, row["payer"], row["payer_account"], row["remark"], row["account"]
    )


BankLineKind("bank_lines", _("Bank statement"))
