"""Screens of the ledger: its journals, and the register of what was corrected, backdated or booked by hand."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, and_, or_, select

from portal.core.help import Help
from portal.core.masks import derived
from portal.core.views import PortalView, ScopedInterface
from portal.loans.deeds import money
from portal.loans.ledger import Journal, JournalKind, Posting
from portal.loans.receipt_views import reversal_of

MENU = ("lending", _("Lending"))
RISK = ("risk", _("Risk"))

BACKDATED = and_(
    Journal.value_date < Journal.booking_date,
    ~Journal.opening,
    Journal.kind.not_in((JournalKind.ACCRUAL, JournalKind.DISBURSEMENT)),
)
"""Journals that count from before the day they were booked on, and need not."""


class JournalView(PortalView):
    """Booked events."""

    help = Help(
        _(
            "Every event in the double-entry ledger: disbursements, accruals, repayments, write-offs, recoveries "
            "and reversals."
        ),
        _(
            "Finance and auditors trace a figure back to here. Entries can never be changed or deleted; a mistake"
            " is put right by a reversal."
        ),
    )
    datamodel = ScopedInterface(Journal)
    menu, icon = MENU, "fa-book"
    list_title, show_title = _("Journals"), _("Journal")
    empty_text = _("Entries are booked when loans are disbursed, repaid, written off or closed for the day.")
    list_columns = ["key", "kind", "loan", "value_date", "booking_date", "reason"]
    order_by = ("key", "booking_date")
    show_template = "loans/journal.html"
    has_timeline = False
    can_add = can_edit = can_delete = False

    def money(self, fen: int) -> str:
        return derived(Posting, ("amount",), money(fen))

    def reversal(self, row: Journal) -> str:
        return reversal_of(row)


class RegisterView(PortalView):
    """Journals that somebody will ask about."""

    help = Help(
        _(
            "Bookings that a person decided on, corrections, reversals and reliefs, and those whose value date lies"
            " before the day of booking."
        ),
        _(
            "Auditors and the head of finance read it at month-end: each line says when it was booked, as of when and"
            " why. Nothing is typed here."
        ),
    )
    datamodel = ScopedInterface(Journal)
    menu, icon = MENU, "fa-history"
    resource, record_view = "Journal", "JournalView"
    list_title, show_title = _("Correction register"), _("Journal")
    empty_text = _("Nothing was corrected or backdated yet.")
    list_columns = ["key", "kind", "loan", "value_date", "booking_date", "reason"]
    order_by = ("key", "booking_date")
    order = ("booking_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False

    def base_statement(self) -> Select[Any]:
        return select(Journal).where(or_(Journal.reason.is_not(None), BACKDATED))


class BackdatedView(RegisterView):
    """Of the register, what counts from before its day of booking."""

    help = Help(
        _("Bookings whose value date lies before the day of booking: they change interest and lateness of days gone."),
        _("Risk and audit read who backdated what, by how much and why. Nothing is typed here."),
    )
    menu, icon = RISK, "fa-backward"
    list_title = _("Backdated bookings")
    empty_text = _("Nothing was backdated yet.")
    order = ("booking_date", "desc")

    def base_statement(self) -> Select[Any]:
        return select(Journal).where(BACKDATED)


class ManualView(RegisterView):
    """Of the register, what a person decided on."""

    help = Help(
        _("Bookings that a person decided on and gave a reason for: by hand, corrections, reversals and reliefs."),
        _("Risk and audit read who decided what and why. Nothing is typed here."),
    )
    menu, icon = RISK, "fa-hand-paper-o"
    list_title = _("Bookings by hand")
    empty_text = _("Nothing was booked by hand yet.")
    order = ("booking_date", "desc")

    def base_statement(self) -> Select[Any]:
        return select(Journal).where(Journal.reason.is_not(None))
