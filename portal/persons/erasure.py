"""Erasing a person: the data key is destroyed, names and numbers go, figures stay.

Whatever was sealed with the key is unreadable from then on, wherever a copy lies. What stands in plain elsewhere in the
portal goes with it: files of imports, prepared exports, saved searches. Loans, balances and counts keep their rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext
from sqlalchemy import delete, exists, func, or_, select, text

from portal.collection.models import CollectionContact
from portal.core import files
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.export_jobs import WRITE, ExportJob
from portal.core.jobs import Job
from portal.core.saved_lists import SavedFilter
from portal.core.scope import unscoped
from portal.core.sealed import empty
from portal.core.work import current_unit, verb
from portal.customers.consents import Consent
from portal.customers.facts import CustomerFact
from portal.customers.models import Customer, RelatedParty
from portal.customers.statements import FinancialStatement
from portal.guarantees.models import Guarantor
from portal.imports.models import ImportBatch, ImportedChange, ImportedRange
from portal.loans.models import Loan, LoanStatus, Repayment
from portal.parameters.services import parameter
from portal.persons.models import PersonRequest
from portal.persons.rules import Bonds, Refusal, erasure_refusal
from portal.risk.checks import PostLoanCheck

RETENTION = "persons.retention_years"
NOBODY = "已删除 / Erased"
"""Stands where a name was; the same in every language, for it is data."""
CLOSED = (LoanStatus.SETTLED, LoanStatus.CANCELLED)


def bonds_of(customer: Customer) -> Bonds:
    """What the rule asks about a customer, of all branches: a loan that the actor does not see counts, too, and so does
    one that the customer stands in for."""
    stands_in = select(Guarantor.loan_id).where(Guarantor.customer_id == customer.id)
    with unscoped("whether a person may be erased: every loan counts"):
        open_loans, last = db.session.execute(
            select(
                func.count().filter(Loan.status.not_in(CLOSED)),
                func.max(func.coalesce(Loan.closed_on, Loan.matures_on)),
            ).where(or_(Loan.customer_id == customer.id, Loan.id.in_(stands_in)))
        ).one()
    return Bonds(open_loans, last, customer.disputed_on, customer.erased_on)


def refusal_of(customer: Customer) -> Refusal | None:
    """Why the customer cannot be erased today; None when nothing stands against it."""
    today = business_date()
    return erasure_refusal(bonds_of(customer), int(parameter(RETENTION, today).value), today)


def words_of(refusal: Refusal) -> str:
    """The refusal as the person is told."""
    match refusal.ground:
        case "erased":
            return gettext("The data of this person have been erased already.")
        case "open_loan":
            return gettext("A loan is still open: the data are needed to carry out the contract.")
        case "dispute":
            return gettext("A dispute is pending: the data are needed for legal claims.")
        case "retention":
            rule = parameter(RETENTION, business_date())
            return gettext(
                "The law demands that the data are kept until %(until)s (%(years)s years after the last loan was "
                "closed; %(source)s).",
                until=refusal.until,
                years=rule.text,
                source=rule.source,
            )


@verb("persons.erase")
def erase(customer: Customer) -> list[str]:
    """Destroy the customer's data key and everything personal in plain. Refused while the rule stands against it.

    Returns the hashes of the files that `clean_up` takes away once this is committed.
    """
    refusal = refusal_of(customer)
    if refusal is not None:
        raise Refused(words_of(refusal))
    if db.session.get_bind().dialect.name == "sqlite":
        db.session.execute(text("PRAGMA secure_delete=ON"))  # what is overwritten leaves no copy in the file
    name = customer.name
    with unscoped("erase a person: every row that belongs to it"):
        _rows(customer)
        destroyed, counts = _copies(customer, name)
        customer.erase()
        customer.name = f"{NOBODY} {customer.code}"
        customer.uscc, customer.disputed_on, customer.erased_on = None, None, business_date()
        db.session.flush()
    unit = current_unit()
    unit.about(customer)
    unit.note(**counts)
    return destroyed


def _rows(customer: Customer) -> None:
    """What is personal in the rows that belong to the customer."""
    for guarantor in db.session.scalars(select(Guarantor).join(Loan).where(Loan.customer_id == customer.id)):
        guarantor.erase()
        if guarantor.name:
            guarantor.name = NOBODY
    ties = or_(RelatedParty.customer_id == customer.id, RelatedParty.related_id == customer.id)
    for tie in db.session.scalars(select(RelatedParty).where(ties)):
        tie.note = None
        if tie.customer_id == customer.id and tie.name:
            tie.name = NOBODY
    for model in (CustomerFact, PersonRequest):
        for row in db.session.scalars(select(model).where(model.customer_id == customer.id)):
            empty(row)
    for statement in db.session.scalars(
        select(FinancialStatement).where(FinancialStatement.customer_id == customer.id)
    ):
        db.session.delete(statement)
    for consent in db.session.scalars(select(Consent).where(Consent.customer_id == customer.id)):
        consent.evidence = None
    loans = select(Loan.id).where(Loan.customer_id == customer.id)
    for check in db.session.scalars(select(PostLoanCheck).where(PostLoanCheck.loan_id.in_(loans))):
        check.flow, check.breach_note, check.evidence = None, None, NOBODY
    for repayment in db.session.scalars(select(Repayment).where(Repayment.loan_id.in_(loans), Repayment.note != "")):
        repayment.note = None
    stood_in = select(Guarantor.id).where(Guarantor.customer_id == customer.id)
    contacts = or_(CollectionContact.loan_id.in_(loans), CollectionContact.guarantor_id.in_(stood_in))
    for contact in db.session.scalars(select(CollectionContact).where(contacts, CollectionContact.note != "")):
        contact.note = None


def _copies(customer: Customer, name: str) -> tuple[list[str], dict[str, Any]]:
    """Copies of the data outside the customer's rows. Returns the files to destroy, and counts for the trail."""
    requests = select(PersonRequest).where(PersonRequest.customer_id == customer.id)
    destroyed = [row for request in db.session.scalars(requests) for row in (request.pdf, request.json) if row]
    batches = db.session.scalars(select(ImportBatch).where(ImportBatch.id.in_(_batches_with(customer)))).all()
    for batch in batches:
        destroyed += [row for row in (batch.file, batch.error_file) if row]
        batch.report = None
    for export in db.session.scalars(select(ExportJob).where(ExportJob.file_id.is_not(None))):
        if export.file is not None:
            destroyed.append(export.file)
    undo = (ImportedChange.resource == "Customer", ImportedChange.row_id == customer.id)
    db.session.execute(delete(ImportedChange).where(*undo), execution_options={"synchronize_session": False})
    searches = 0
    for saved in db.session.scalars(select(SavedFilter)):
        kept = [pair for pair in saved.pairs if name not in pair[1]]
        if len(kept) < len(saved.pairs):
            saved.arguments, searches = kept, searches + 1
    for job in db.session.scalars(select(Job).where(Job.name == WRITE)):
        pairs = job.arguments.get("pairs", [])
        kept = [pair for pair in pairs if name not in str(pair[-1])]
        if len(kept) < len(pairs):
            job.arguments = {**job.arguments, "pairs": kept}
    counts = {"imports": [batch.id for batch in batches], "files": len(destroyed), "saved_filters": searches}
    return [row.sha256 for row in destroyed], counts


def _batches_with(customer: Customer) -> Any:
    """Imports whose file names the customer, or a loan of the customer."""
    loans = select(Loan.id).where(Loan.customer_id == customer.id)
    own = (ImportedRange.resource == "Customer") & (ImportedRange.first_id <= customer.id)
    own &= ImportedRange.last_id >= customer.id
    inside = exists(loans.where(Loan.id.between(ImportedRange.first_id, ImportedRange.last_id)))
    changed = select(ImportedChange.batch_id).where(
        ImportedChange.resource == "Customer", ImportedChange.row_id == customer.id
    )
    added = select(ImportedRange.batch_id).where(or_(own, (ImportedRange.resource == "Loan") & inside))
    return added.union(changed)


def clean_up(destroyed: Iterable[str]) -> None:
    """After the erasure is committed: the files go; on SQLite so does the write-ahead log, with pages as they were."""
    for sha256 in destroyed:
        files.destroy(sha256)
    if db.engine.dialect.name == "sqlite":
        db.session.rollback()
        with db.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
