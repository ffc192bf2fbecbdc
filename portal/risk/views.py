"""Screens of judgements on loans: post-loan checks, categories and write-offs; and of news of industries."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.application import add_page, add_screens
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.values import is_whole
from portal.core.views import PortalView, ScopedInterface
from portal.risk import history as _history  # noqa: F401 - contributes to timelines and records
from portal.risk import reviews, write_offs
from portal.risk.check_view import PostLoanCheckView
from portal.risk.deciding import may_decide
from portal.risk.due_checks_view import DueChecksView
from portal.risk.models import CategoryReview, ProposalState, ReviewState, WriteOffProposal
from portal.risk.notice_view import IndustryNoticeView

MENU = ("risk", _("Risk"))


class DecidedView(PortalView):
    """A screen of what one person proposes and another decides."""

    show_template = "risk/decided.html"
    method_actions = {"decide": "approve", "withdraw": "add"}
    exclude_route_methods = {"bulk_edit"}
    can_edit = can_delete = False
    waiting: Any
    """The state in which it waits for a decision."""

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        """The verb that decides."""
        raise NotImplementedError

    def taken_back(self, pk: int) -> Any:
        """The verb that takes it back."""
        raise NotImplementedError

    def decision(self, row: Any) -> dict[str, bool]:
        """What the present login may do about a record that waits."""
        waits = row.state == self.waiting
        mine = not may_decide(row)
        return {
            "waits": waits,
            "mine": waits and mine,
            "may": waits and not mine and self.may("approve") and self._reaches(row, "approve"),
        }

    @expose("/decide/<pk>", methods=["POST"])
    @has_access
    def decide(self, pk: str) -> Any:
        """Approve or refuse what somebody else proposed."""
        self.find(pk)
        if request.form.get("do") not in ("approve", "refuse"):
            abort(400)
        approve, note = request.form["do"] == "approve", request.form.get("note", "")
        try:
            self.decided_by(int(pk), approve, note)
        except InvalidValues as error:
            return self._again(pk, note, " ".join(map(str, error.fields.get("note", [str(error)]))))
        except PortalError as refusal:
            return self._again(pk, note, str(refusal))
        flash(gettext("Approved.") if approve else gettext("Refused."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk))

    def _again(self, pk: str, note: str, problem: str) -> Any:
        """The record with what was typed, and why it was not taken."""
        flash(problem, "danger")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk, note=note[:400] or None))

    @expose("/withdraw/<pk>", methods=["POST"])
    @has_access
    def withdraw(self, pk: str) -> Any:
        """Take back what one proposed oneself."""
        if not is_whole(pk):
            abort(404)
        self.find(pk)
        try:
            self.taken_back(int(pk))
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(gettext("Taken back."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk))


class CategoryReviewView(DecidedView):
    """Judgements on categories."""

    help = Help(
        _(
            "What people judged of a loan beyond its days past due: a worse category, or the way back towards the"
            " floor of the days; with reason, evidence, who proposed and who decided."
        ),
        _(
            "Whoever looks after a loan, and risk, enter a judgement. A worse category is in force at once; a better"
            " one, and technical lateness, wait for a second person. Better than the floor is impossible."
        ),
    )
    datamodel = ScopedInterface(CategoryReview)
    menu, icon = MENU, "fa-gavel"
    list_title, show_title, add_title, edit_title = (
        _("Category reviews"),
        _("Category review"),
        _("Review a category"),
        _("Category review"),
    )
    empty_text = _("Nobody has judged a loan otherwise than its days past due do.")
    list_columns = [
        "loan",
        "kind",
        "before",
        "category",
        "floor",
        "state",
        "proposed_on",
        "proposed_by",
        "next_review_on",
    ]
    add_columns = ["loan", "kind", "category", "reason", "evidence"]
    quick_filters = ("state",)
    order = ("proposed_on", "desc")
    order_by = ("proposed_on", "next_review_on")
    summary_columns = ("loan", "before", "category", "floor", "state")
    waiting = ReviewState.PROPOSED

    def add_verb(self, values: dict[str, Any]) -> Any:
        return reviews.review(values)

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        return reviews.decide(pk, approve, note)

    def taken_back(self, pk: int) -> Any:
        return reviews.withdraw(pk)


class WriteOffProposalView(DecidedView):
    """Proposals to write off."""

    help = Help(
        _(
            "Loans proposed for write-off, what was tried before, and the decision. Approval books the write-off at"
            " once: principal and accrued interest against the allowance; the claim goes on off the balance sheet."
        ),
        _(
            "Collections and branch heads propose; the criteria are dated parameters. Risk approves smaller amounts,"
            " from the parameter write_off.committee_from on the management committee does."
        ),
    )
    datamodel = ScopedInterface(WriteOffProposal)
    menu, icon = MENU, "fa-ban"
    list_title, show_title, add_title, edit_title = (
        _("Write-offs"),
        _("Proposal to write off"),
        _("Propose a write-off"),
        _("Proposal to write off"),
    )
    empty_text = _("No loan is proposed for write-off, and none was written off through a proposal.")
    list_columns = ["loan", "balance", "interest", "days_past_due", "category", "state", "proposed_on", "proposed_by"]
    add_columns = ["loan", "reason", "evidence"]
    quick_filters = ("state",)
    order = ("proposed_on", "desc")
    order_by = ("balance", "days_past_due", "proposed_on")
    summary_columns = ("loan", "balance", "interest", "days_past_due", "state")
    waiting = ProposalState.PROPOSED

    def add_verb(self, values: dict[str, Any]) -> Any:
        return write_offs.propose(values)

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        return write_offs.decide(pk, approve, note)

    def taken_back(self, pk: int) -> Any:
        return write_offs.withdraw(pk)


def register(builder: Any) -> None:
    add_page(builder, DueChecksView, _("Post-loan checks due"), MENU, "fa-calendar-check-o")
    add_screens(builder, PostLoanCheckView, CategoryReviewView, WriteOffProposalView, IndustryNoticeView)
