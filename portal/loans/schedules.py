"""Imported schedules: the instalments of a loan that was taken over, in place of its placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from flask_babel import gettext

from portal.core.bulk import chunks, update_rows
from portal.core.db import db
from portal.core.errors import PortalError, Refused
from portal.core.scope import unscoped
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount
from portal.loans.agreed_fees import write_agreed
from portal.loans.booking import RowsRefused, accounts_of, books
from portal.loans.models import Loan, LoanStatus
from portal.loans.periods import add_months
from portal.pricing.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """An instalment that is still to be paid, or is in arrears; money in fen."""

    loan_id: int
    number: int
    due_date: date
    principal: int
    interest: int = 0
    fee: int = 0


@verb("loans.bulk_schedules")
def bulk_schedules(rows: Sequence[ScheduleLine], batch_id: int | None = None) -> int:
    """Give loans these instalments in place of those they have; for imports, which check the rights. Returns how many.

    Together they ask for exactly the balance of the loan. Their fees come in under the catalogue's item for loans taken
    over. Interest of an instalment is earned from the due date before
    it, of the first one from a month before its own.

    Raises RowsRefused, by the first row of each loan that fails: a loan that is closed or was paid on since, principal
    that is not the balance, numbers or dates out of order, negative amounts.
    """
    by_loan: dict[int, list[tuple[int, ScheduleLine]]] = {}
    for place, row in enumerate(rows):
        by_loan.setdefault(row.loan_id, []).append((place, row))
    problems: list[tuple[int, PortalError]] = []
    catalogue = Catalogue()
    for part in chunks(sorted(by_loan)):
        with books(batch_id) as opened:
            maturities, agreed = [], []
            for loan_id, account in accounts_of(part).items():
                place, _row = by_loan[loan_id][0]
                try:
                    account.lines = new_lines(account, sorted((row for _, row in by_loan[loan_id]), key=_by_number))
                    if fees := sum(line.fee for line in account.lines):
                        on = account.disbursed_on
                        agreed.append((account, catalogue.taken_over(on), fees, on))
                except Refused as problem:
                    problems.append((place, problem))
                    continue
                opened.replace_lines(account)
                maturities.append({"row_id": loan_id, "new_matures_on": account.lines[-1].due_date})
            if problems:
                opened.clear()
                continue
            with unscoped("schedules are replaced"):
                update_rows(db.session(), Loan, ["matures_on"], maturities)
        write_agreed(agreed, replaced=part)
    if problems:
        raise RowsRefused(problems)
    current_unit().note(loans=len(by_loan), instalments=len(rows), batch=batch_id)
    return len(rows)


def _by_number(row: ScheduleLine) -> int:
    return row.number


def new_lines(loan: LoanAccount, rows: Sequence[ScheduleLine]) -> list[Line]:
    """The new instalments; Refused when they do not fit the loan."""
    if loan.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
    touched = loan.changes_of_terms or any(
        line.paid_principal or line.paid_interest or line.paid_fee or line.paid_penalty or line.penalty
        for line in loan.lines
    )
    if touched:
        raise Refused(gettext("The loan %(code)s was paid on; its schedule stays as it is.", code=loan.code))
    if any(min(row.principal, row.interest, row.fee) < 0 for row in rows):
        raise Refused(gettext("An instalment cannot be negative."))
    out_of_order = any(later.number == row.number or later.due_date <= row.due_date for row, later in pairwise(rows))
    if out_of_order or rows[0].due_date <= loan.disbursed_on:
        raise Refused(gettext("Numbers and due dates of the instalments must rise, from the disbursement on."))
    asked = sum(row.principal for row in rows)
    if asked != loan.balance:
        given, balance = money_text(asked, thousands=True), money_text(loan.balance, thousands=True)
        raise Refused(
            gettext("The instalments ask for %(given)s yuan, the balance is %(balance)s.", given=given, balance=balance)
        )
    starts = [max(add_months(rows[0].due_date, -1), loan.disbursed_on), *(row.due_date for row in rows)]
    return [
        Line(row.number, start, row.due_date, row.due_date, row.principal, row.interest, row.fee)
        for start, row in zip(starts, rows, strict=False)
    ]
