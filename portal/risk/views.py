"""Screens of this area: assessments of risk, checks and judgements on loans, news of industries."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_page, add_screens
from portal.core.help import Help
from portal.core.views import ScopedInterface
from portal.risk import history as _history  # noqa: F401 - contributes to timelines and records
from portal.risk import reviews, write_offs
from portal.risk.assessment_page import RiskMatrixView
from portal.risk.assessment_view import RiskAssessmentView
from portal.risk.check_view import PostLoanCheckView
from portal.risk.decided_view import MENU, DecidedView
from portal.risk.due_checks_view import DueChecksView
from portal.risk.models import CategoryReview, ProposalState, ReviewState, WriteOffProposal
from portal.risk.notice_view import IndustryNoticeView


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
    add_page(builder, RiskMatrixView, _("Risk matrix"), MENU, "fa-th")
    add_page(builder, DueChecksView, _("Post-loan checks due"), MENU, "fa-calendar-check-o")
    add_screens(
        builder, RiskAssessmentView, PostLoanCheckView, CategoryReviewView, WriteOffProposalView, IndustryNoticeView
    )
