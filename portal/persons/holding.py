"""Everything we hold on a person, in plain: the content of the copy that a person may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import and_, or_, select

from portal.collection.models import CollectionContact
from portal.core import timeline
from portal.core.audit import AuditEntry, AuditRow
from portal.core.db import db, label_of
from portal.core.fields import Field, fields_of
from portal.core.recent import RecentRecord
from portal.core.reveal import REVEALED, RevealReason, opened_note
from portal.core.values import CHINA, UNITS, as_shown, as_text
from portal.customers.consents import Consent
from portal.customers.facts import CustomerFact
from portal.customers.models import Customer, RelatedParty
from portal.customers.statements import FinancialStatement
from portal.guarantees.models import Guarantor
from portal.imports.models import ImportBatch, ImportedChange, ImportedRange
from portal.limits.models import Insider
from portal.loans.models import Loan, Repayment
from portal.persons.models import PersonRequest
from portal.risk.checks import PostLoanCheck

MOST_ENTRIES = 1_000
"""Of the trail; what is left out is said."""


MODELS: dict[str, Any] = {
    model.__name__: model
    for model in (Customer, CustomerFact, FinancialStatement, Consent, RelatedParty, Loan, PersonRequest)
}
SHEETS = {
    "Customer": _("Master data"),
    "CustomerFact": _("Customer information"),
    "FinancialStatement": _("Financial statements"),
    "Consent": _("Consents"),
    "RelatedParty": _("Related parties"),
    "Loan": _("Loans"),
    "PersonRequest": _("Requests about the data"),
}


@dataclass(frozen=True)
class Part:
    """A table of the copy: (machine name, heading) of each column, and rows of text."""

    key: str
    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    upright: bool = False
    """One record: shown as pairs, not as a table."""

    def pairs(self, row: Sequence[str]) -> list[tuple[str, str]]:
        """(heading, value) of what a row holds."""
        return [(words, cell) for (_name, words), cell in zip(self.columns, row, strict=True) if cell]

    def as_json(self) -> Any:
        names = [name for name, _words in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def held_on(customer: Customer) -> list[Part]:
    """Every part, in the present language, as far as the actor sees it. Raises MissingKey: never half a copy."""
    loans = list(db.session.scalars(select(Loan).where(Loan.customer_id == customer.id).order_by(Loan.id)))
    ids = [loan.id for loan in loans]
    facts = _of(CustomerFact, CustomerFact.customer_id == customer.id)
    statements = _of(FinancialStatement, FinancialStatement.customer_id == customer.id)
    consents = _of(Consent, Consent.customer_id == customer.id)
    ties = _of(RelatedParty, or_(RelatedParty.customer_id == customer.id, RelatedParty.related_id == customer.id))
    stands_in = _of(Guarantor, Guarantor.customer_id == customer.id)
    insiders = _of(Insider, Insider.customer_id == customer.id)
    checks = _of(PostLoanCheck, PostLoanCheck.loan_id.in_(ids))
    contacts = _of(CollectionContact, CollectionContact.loan_id.in_(ids))
    requests = _of(PersonRequest, PersonRequest.customer_id == customer.id)
    kept = (facts, statements, consents, ties, requests)
    about = [("Customer", [customer.id]), ("Loan", ids)]
    about += [(type(rows[0]).__name__, [row.id for row in rows]) for rows in kept if rows]
    return [
        replace(_table("customer", gettext("Master data"), Customer, [customer]), upright=True),
        _table("facts", gettext("Customer information"), CustomerFact, facts, without=("customer",)),
        _table("statements", gettext("Financial statements"), FinancialStatement, statements, without=("customer",)),
        _table("consents", gettext("Consents"), Consent, consents, without=("customer",)),
        _table("related_parties", gettext("Related parties"), RelatedParty, ties),
        _table("loans", gettext("Loans"), Loan, loans, without=("customer",)),
        _table("insiders", gettext("Shareholders and staff"), Insider, insiders, without=("customer",)),
        _table("guarantees", gettext("Stands in for"), Guarantor, stands_in, without=("customer", "name")),
        _table("payments", gettext("Payments"), Repayment, _of(Repayment, Repayment.loan_id.in_(ids))),
        _table("checks", gettext("Post-loan checks"), PostLoanCheck, checks),
        _table("contacts", gettext("Contacts with debtors"), CollectionContact, contacts),
        _table("requests", gettext("Requests about the data"), PersonRequest, requests, without=("customer",)),
        _files(customer, ids),
        _trail(customer, about),
        _opened(customer),
        _exports(),
    ]


def _of(model: Any, where: Any) -> list[Any]:
    return list(db.session.scalars(select(model).where(where).order_by(model.id)))


def _table(key: str, title: str, model: Any, rows: Iterable[Any], without: Sequence[str] = ()) -> Part:
    fields = [f for n, f in fields_of(model).items() if n not in without and f.type != "json"]
    columns = [(f.name, _heading(f)) for f in fields]
    return Part(key, title, columns, [[_plain(row, f) for f in fields] for row in rows])


def _heading(field: Field) -> str:
    unit = UNITS.get(field.type)
    return f"{field.label} ({unit})" if unit else str(field.label)


def _plain(row: Any, field: Field) -> str:
    value = getattr(row, field.name)
    if value is None or value == "":
        return ""
    if field.type == "choice":
        return str(label_of(value))
    if field.type in ("money", "int", "bool", "datetime"):
        return str(as_shown(field, value))
    return str(value) if field.type == "ref" else as_text(field, value)


def _files(customer: Customer, loan_ids: Sequence[int]) -> Part:
    """Files that a row of the person came from."""
    here = and_(
        ImportedRange.resource == "Customer",
        ImportedRange.first_id <= customer.id,
        ImportedRange.last_id >= customer.id,
    )
    loans = [
        and_(ImportedRange.resource == "Loan", ImportedRange.first_id <= key, ImportedRange.last_id >= key)
        for key in loan_ids[:200]
    ]
    changed = select(ImportedChange.batch_id).where(
        ImportedChange.resource == "Customer", ImportedChange.row_id == customer.id
    )
    batches = select(ImportedRange.batch_id).where(or_(here, *loans)).union(changed)
    found = db.session.scalars(select(ImportBatch).where(ImportBatch.id.in_(batches)).order_by(ImportBatch.id))
    columns = [("file", gettext("File")), ("uploaded_at", gettext("Uploaded at")), ("by", gettext("Uploaded by"))]
    return Part(
        "files", gettext("Imported files"), columns, [[b.file_name, _at(b.created_at), b.created_by] for b in found]
    )


def _trail(customer: Customer, about: Sequence[tuple[str, Sequence[int]]]) -> Part:
    """Who changed the data or had them shown, the newest first."""
    rows = or_(*(and_(AuditRow.resource == name, AuditRow.row_id.in_(ids)) for name, ids in about if ids))
    entries = select(AuditRow.entry_id).where(rows)
    statement = select(AuditEntry).where(AuditEntry.id.in_(entries)).order_by(AuditEntry.id.desc()).limit(MOST_ENTRIES)
    columns = [
        ("at", gettext("When")),
        ("who", gettext("Who")),
        ("what", gettext("What")),
        ("details", gettext("Details")),
    ]
    lines = [
        [_at(e.at), e.actor, _verb(e.verb), "; ".join(_details(e, customer, {name: set(ids) for name, ids in about}))]
        for e in db.session.scalars(statement)
    ]
    return Part("trail", gettext("Who changed or saw the data"), columns, lines)


def _verb(verb: str) -> str:
    generic = {
        "records.add": gettext("Created"),
        "records.change": gettext("Edited"),
        "records.remove": gettext("Deleted"),
    }
    return generic.get(verb) or str(timeline.verbs.get(verb) or verb)


def _details(entry: AuditEntry, customer: Customer, about: dict[str, set[int]]) -> Iterator[str]:
    """Which fields changed; for values that were shown, which and why."""
    changes = entry.changes or {}
    if entry.verb == REVEALED:
        known = fields_of(MODELS[entry.resource]).get(changes.get("field", ""))
        yield str(known.label) if known is not None else str(changes.get("field", ""))
        reason = changes.get("reason", "")
        yield str(label_of(RevealReason(reason))) if reason in set(RevealReason) else reason
        if changes.get("note") and customer.data_key is not None:
            yield opened_note(customer.data_key, changes["note"])
        return
    for noted in changes.get("rows", ()):
        if noted["id"] in about.get(noted["resource"], ()):
            described = fields_of(MODELS[noted["resource"]])
            names = [name.removesuffix("_id") for name in noted["fields"]]
            labels = [str(described[name].label) if name in described else name for name in names]
            yield f"{SHEETS[noted['resource']]}: {gettext(', ').join(labels)}"


def _opened(customer: Customer) -> Part:
    """Who opened the record and when last: kept for each person's newest records only."""
    statement = (
        select(User.username, RecentRecord.opened_at)
        .join(User, User.id == RecentRecord.user_id)
        .where(RecentRecord.screen == "CustomerView", RecentRecord.row_id == customer.id)
        .order_by(RecentRecord.opened_at.desc())
    )
    columns = [("who", gettext("Who")), ("at", gettext("Last opened at"))]
    rows = [[username, _at(at)] for username, at in db.session.execute(statement)]
    return Part("opened", gettext("Who opened the record last"), columns, rows)


def _exports() -> Part:
    """Exports of lists of customers: which held this person cannot be told; numbers in them are masked."""
    about = ("Customer", "Consent", "CustomerFact", "FinancialStatement")
    statement = (
        select(AuditEntry)
        .where(AuditEntry.verb == "records.export", AuditEntry.resource.in_(about))
        .order_by(AuditEntry.id.desc())
        .limit(MOST_ENTRIES)
    )
    columns = [("at", gettext("When")), ("who", gettext("Who")), ("list", gettext("List"))]
    rows = [[_at(e.at), e.actor, e.resource] for e in db.session.scalars(statement)]
    return Part("exports", gettext("Exports of lists that may name the person"), columns, rows)


def _at(moment: Any) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}" if moment is not None else ""
