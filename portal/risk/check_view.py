"""The screen of post-loan checks."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.loans.rescheduling_deeds import MISUSE
from portal.risk import checking
from portal.risk.checks import CheckKind, PostLoanCheck


class PostLoanCheckView(PortalView):
    """Post-loan checks."""

    help = Help(
        _(
            "Every check of a loan after its payout: whether the money went where the contract says, how the borrower"
            " does, which breaches were found, what follows, and by when the loan is checked again."
        ),
        _(
            "Whoever looks after a loan records a check when it is made; team leads, branch heads and risk correct one."
            " A check changes no category and no rate: misuse of funds and a worse category are decided on the loan."
        ),
    )
    datamodel = ScopedInterface(PostLoanCheck)
    menu, icon = ("risk", _("Risk")), "fa-check-square-o"
    list_title, show_title, add_title, edit_title = (
        _("Post-loan checks"),
        _("Post-loan check"),
        _("Record a post-loan check"),
        _("Correct a post-loan check"),
    )
    empty_text = _("No loan was checked yet. The page “Post-loan checks due” names those that are to be.")
    list_columns = [
        "loan",
        "kind",
        "checked_on",
        "use",
        "business",
        "breach",
        "conclusion",
        "next_check_on",
        "checked_by",
    ]
    edit_columns = [
        "kind",
        "checked_on",
        "manner",
        "use",
        "flow",
        "business",
        "breach",
        "breach_note",
        "conclusion",
        "next_check_on",
        "evidence",
    ]
    quick_filters = ("conclusion",)
    order = ("checked_on", "desc")
    order_by = ("checked_on",)
    summary_columns = ("loan", "kind", "checked_on", "use", "conclusion", "next_check_on")
    show_template = "risk/check.html"
    can_delete = False

    def add_verb(self, values: dict[str, Any]) -> Any:
        return checking.record_check(values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return checking.correct_check(row_id, values, version_seen)

    def _defaults(self, given: dict[str, str]) -> dict[str, Any]:
        """A check is recorded on its day as a rule; the list of due checks says which kind it is."""
        found = super()._defaults(given) | {"checked_on": business_date()}
        if request.args.get("kind") in list(CheckKind):
            found["kind"] = CheckKind(request.args["kind"])
        return found

    def misuse_url(self, row: PostLoanCheck) -> str:
        """Where misuse of funds is decided on, if the reader may and the loan still runs."""
        return url_for("NewTermsView.misuse", pk=row.loan_id) if MISUSE.offered(row.loan) else ""
