"""Extending and restructuring loans: proposed with a reason, decided on by a second person, then booked.

An extension (展期) puts off what is not due yet, within the legal length; what is late stays late. A restructuring
(重组) takes in what is late as well: its principal bears interest again, its interest is due with the next line and
bears none. Both are at least special mention and observed from the decision on; a restructured loan is no better than
it was before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, Refused
from portal.core.scope import actor
from portal.core.values import rate_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount
from portal.loans.booking import account_of, books, check_value_date, open_date
from portal.loans.classification import Category
from portal.loans.judging import keep_down, standing_of
from portal.loans.ledger import Journal, JournalKind
from portal.loans.minima import Ground
from portal.loans.models import Loan, LoanStatus
from portal.loans.rescheduling import NewTerms, extendable, take_terms
from portal.loans.terms import Rescheduling, ReschedulingKind, ReschedulingState, TermsChange
from portal.parameters.known import Known, declare
from portal.parameters.services import parameters

SOURCE = "贷款通则（中国人民银行令〔1996〕第2号）第十二条"
MOST_MONTHS = 600

for known in (
    Known("extension.short_term", _("Longest term of a short-term loan (months)"), "number", "12", SOURCE),
    Known("extension.medium_term", _("Longest term of a medium-term loan (months)"), "number", "60", SOURCE),
    Known(
        "extension.short_share", _("Extensions of a short-term loan: share of its term (%)"), "percent", "100", SOURCE
    ),
    Known(
        "extension.medium_share", _("Extensions of a medium-term loan: share of its term (%)"), "percent", "50", SOURCE
    ),
    Known("extension.long_months", _("Extensions of a long-term loan (months)"), "number", "36", SOURCE),
):
    declare(known)


@dataclass(frozen=True)
class ExtensionRules:
    """How far a loan may be extended in all, on one date."""

    short_term: int
    """Months up to which a loan is short-term."""
    medium_term: int
    short_share: Fraction
    """Percent of the original term."""
    medium_share: Fraction
    long_months: int

    def longest(self, term: int) -> int:
        """Months by which a loan of so many months may be extended in all, whole months only."""
        if term <= self.short_term:
            return int(term * self.short_share / 100)
        if term <= self.medium_term:
            return int(term * self.medium_share / 100)
        return self.long_months


def extension_rules(on: date) -> ExtensionRules:
    """The legal lengths in force on a date."""
    keys = ("short_term", "medium_term", "short_share", "medium_share", "long_months")
    found = parameters([f"extension.{key}" for key in keys], on)
    short, medium, short_share, medium_share, longest = (Fraction(found[f"extension.{key}"].value) for key in keys)
    return ExtensionRules(int(short), int(medium), short_share, medium_share, int(longest))


@verb("rescheduling.propose")
def propose(
    loan: Loan, kind: ReschedulingKind, months: int, value_date: date, reason: str, rate: int | None = None
) -> Rescheduling:
    """Ask for an extension or a restructuring from a day on; `rate` is the new one in ppm a year, None: as it is.

    Raises InvalidValues by field for a length beyond the legal one, a rate beyond the limit, nothing that changes, no
    reason; Refused for a closed loan, one that is proposed already, a day to come or before the last booking.
    """
    today, account = open_date(), account_of(loan)
    wanted = account.rate if rate is None else rate
    check(loan, account, kind, months, wanted, value_date, reason, today)
    waiting = select(Rescheduling.id).where(
        Rescheduling.loan_id == loan.id, Rescheduling.state == ReschedulingState.PROPOSED
    )
    if db.session.scalar(waiting) is not None:
        raise Refused(gettext("An extension or restructuring of this loan awaits approval already."))
    row = Rescheduling(
        loan_id=loan.id,
        kind=kind,
        months=months,
        rate=wanted,
        value_date=value_date,
        reason=reason.strip()[:400],
        state=ReschedulingState.PROPOSED,
        proposed_by=actor().name[:80],
        proposed_on=today,
    )
    db.session.add(row)
    db.session.flush()
    current_unit().about(loan)
    current_unit().note(proposal=row.id, kind=kind.value, months=months, rate=wanted, reason=row.reason)
    return row


@verb("rescheduling.approve")
def approve(proposal: Rescheduling) -> Rescheduling:
    """Decide for what somebody else proposed and book it, on the day asked for or, if later, that of the last booking.

    Refused to whoever proposed it, when it is decided on already, and as `propose` would.
    """
    row = _waiting(proposal)
    if row.proposed_by == actor().name:
        raise Refused(gettext("Somebody else has to decide on this: you proposed it."))
    loan, key = row.loan, f"rescheduling/{row.loan_id}/{row.id}"
    before = standing_of(loan, open_date())
    with books() as opened:
        today, account = opened.open_date, account_of(loan)
        on = day_of(row, account)
        check(loan, account, row.kind, row.months, row.rate, on, row.reason, today)
        opened.reason = row.reason
        take_terms(opened, account, new_terms(account, row, on), key)
    least, ground = Category.SPECIAL_MENTION, Ground.EXTENDED
    if row.kind is ReschedulingKind.RESTRUCTURING:
        ground, least = Ground.RESTRUCTURED, max(least, before.category if before else least)
    keep_down(loan, ground, least, today)
    row = db.session.get_one(Rescheduling, row.id)
    row.state, row.decided_by, row.decided_on = ReschedulingState.BOOKED, actor().name[:80], business_date()
    row.value_date = on
    row.journal_id = db.session.scalar(select(Journal.id).where(Journal.key == key))
    db.session.flush()
    current_unit().about(row.loan)
    current_unit().note(proposal=row.id, kind=row.kind.value, value_date=on.isoformat(), proposed_by=row.proposed_by)
    return row


@verb("rescheduling.refuse")
def refuse(proposal: Rescheduling, reason: str) -> Rescheduling:
    """Decide against it; nothing is booked. InvalidValues without a reason."""
    row = _waiting(proposal)
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why.")]})
    row.state, row.decided_by, row.decided_on = ReschedulingState.REFUSED, actor().name[:80], business_date()
    db.session.flush()
    current_unit().about(row.loan)
    current_unit().note(proposal=row.id, reason=reason.strip())
    return row


def day_of(row: Rescheduling, account: LoanAccount) -> date:
    """From when a proposal would hold: the day asked for, or that of a later booking."""
    return max(row.value_date, account.last_on or row.value_date)


def new_terms(account: LoanAccount, row: Rescheduling, on: date) -> NewTerms:
    """What is proposed, as the ledger works with it."""
    return terms_wanted(account, row.kind, row.months, row.rate, on)


def terms_wanted(account: LoanAccount, kind: ReschedulingKind, months: int, rate: int, on: date) -> NewTerms:
    """An extension or restructuring as the ledger works with it."""
    return replace(NewTerms.like(account, JournalKind(kind.value), on), months=months, rate=rate)


def extended_by(loan: Loan) -> int:
    """Months by which the loan was extended in all; reversed extensions cancel out."""
    total = select(func.coalesce(func.sum(TermsChange.months), 0)).where(
        TermsChange.loan_id == loan.id, TermsChange.kind == JournalKind.EXTENSION
    )
    return int(db.session.scalar(total) or 0)


def check(
    loan: Loan,
    account: LoanAccount,
    kind: ReschedulingKind,
    months: int,
    rate: int,
    on: date,
    reason: str,
    today: date,
) -> None:
    """Raise unless the loan may be extended or restructured so."""
    if account.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=account.code))
    check_value_date(account, on, today)
    found: dict[str, list[str]] = {}
    if not 0 <= months <= MOST_MONTHS:
        found["months"] = [gettext("Between 0 and %(most)s months.", most=str(MOST_MONTHS))]
    elif kind is ReschedulingKind.EXTENSION:
        found |= _beyond(loan, months, today)
        if not extendable(account, on):
            raise Refused(gettext("An extension is agreed before the last due date; nothing is to come on this loan."))
    elif not months and rate == account.rate and not account.days_past_due(today, 0):
        found["months"] = [gettext("Nothing would change: no month, no other rate, nothing late.")]
    limit = account.limit_on(on)
    if rate < 0 or (limit is not None and rate > limit):
        most = rate_text(limit or 0)
        found["rate"] = [gettext("The rate may be from 0 %% to %(most)s %%.", most=most)]
    if not reason.strip():
        found["reason"] = [gettext("Please say why.")]
    if found:
        raise InvalidValues(found)


def _beyond(loan: Loan, months: int, today: date) -> dict[str, list[str]]:
    if months < 1:
        return {"months": [gettext("An extension is by at least one month.")]}
    longest, already = extension_rules(today).longest(loan.count), extended_by(loan)
    if months + already <= longest:
        return {}
    said = {"term": str(loan.count), "longest": str(longest), "already": str(already)}
    sentence = gettext(
        "A loan over %(term)s months may be extended by %(longest)s months in all; it was extended by %(already)s.",
        **said,
    )
    return {"months": [sentence]}


def _waiting(proposal: Rescheduling) -> Rescheduling:
    statement = select(Rescheduling).where(Rescheduling.id == proposal.id).with_for_update(of=Rescheduling)
    row: Rescheduling | None = db.session.scalar(statement)
    if row is None:
        raise OutOfScope("rescheduling")
    if row.state is not ReschedulingState.PROPOSED:
        raise Refused(gettext("This is decided on already."))
    return row
