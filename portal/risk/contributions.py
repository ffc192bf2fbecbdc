"""What this area adds: words of its verbs in timelines; what waits for a decision, and news, on home pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import format_date, gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

import portal.risk.assessment_card  # noqa: F401 - registers its card
from portal.core import timeline
from portal.core.clock import business_date
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Tone, Waiting, list_url, register_card, waiting_rows, yuan
from portal.core.masks import derived, is_clear, told
from portal.core.metric import evaluate
from portal.core.scope import actor
from portal.loans.state import LoanState
from portal.risk.models import CategoryReview, ProposalState, ReviewState, WriteOffProposal
from portal.risk.notices import RECENT, Outlook, news_of

AHEAD = timedelta(days=30)
LENT = ("loan_count", "loan_balance")
"""What a reader is told of his loans in an industry."""

timeline.call("risk.review", _("Category judged"))
timeline.call("risk.decide_review", _("Judgement on the category decided"))
timeline.call("risk.withdraw_review", _("Judgement on the category taken back"))
timeline.call("risk.propose_write_off", _("Write-off proposed"))
timeline.call("risk.decide_write_off", _("Write-off decided"))
timeline.call("risk.withdraw_write_off", _("Proposal to write off taken back"))
timeline.call("risk.assess", _("Risk assessed"))
timeline.call("risk.revise_assessment", _("Assessment changed"))
timeline.call("risk.decide_assessment", _("Assessment decided"))
timeline.call("risk.withdraw_assessment", _("Assessment taken back"))
timeline.call("risk.finish_measures", _("Measures done"))


def _proposed(row: Any) -> str:
    return str(gettext("proposed on %(day)s", day=format_date(row.proposed_on, "medium")))


def reviews_waiting() -> Waiting:
    """Judgements that wait for a second person, then those in force that are due to be reviewed again."""
    waits = (
        select(CategoryReview)
        .where(CategoryReview.state == ReviewState.PROPOSED)
        .order_by(CategoryReview.proposed_on, CategoryReview.id)
        .options(joinedload(CategoryReview.loan))
    )
    found, count = waiting_rows(waits)
    lines = [
        Line(
            told(row, "loan"),
            _proposed(row),
            f"{told(row, 'before')} → {told(row, 'category')}",
            record_url(row),
            "warn",
        )
        for (row,) in found
    ]
    if lines:
        return Waiting(
            lines, count=count, url=list_url("CategoryReviewView", {"f.state.in": ReviewState.PROPOSED.value})
        )
    until = business_date() + AHEAD
    due = (
        select(CategoryReview)
        .where(CategoryReview.state == ReviewState.IN_FORCE, CategoryReview.next_review_on <= until)
        .order_by(CategoryReview.next_review_on)
        .options(joinedload(CategoryReview.loan))
    )
    found, count = waiting_rows(due)
    lines = [
        Line(
            told(row, "loan"),
            gettext("review again by %(day)s", day=format_date(row.next_review_on, "medium")),
            told(row, "category"),
            record_url(row),
        )
        for (row,) in found
    ]
    arguments = {"f.state.in": ReviewState.IN_FORCE.value, "f.next_review_on.le": until}
    return Waiting(lines, count=count, url=list_url("CategoryReviewView", arguments))


def write_offs_waiting() -> Waiting:
    """Proposals to write off that nobody has decided on."""
    waits = (
        select(WriteOffProposal)
        .where(WriteOffProposal.state == ProposalState.PROPOSED)
        .order_by(WriteOffProposal.proposed_on, WriteOffProposal.id)
        .options(joinedload(WriteOffProposal.loan))
    )
    found, count = waiting_rows(waits)
    lines = [
        Line(
            told(row, "loan"),
            _proposed(row),
            derived(WriteOffProposal, ("balance", "interest"), yuan(row.balance + row.interest)),
            record_url(row),
        )
        for (row,) in found
    ]
    return Waiting(
        lines, count=count, url=list_url("WriteOffProposalView", {"f.state.in": ProposalState.PROPOSED.value})
    )


def industry_notices() -> Waiting:
    """News of the industries in which the reader has open loans, with what is lent in each; the latest first."""
    if not actor().may("Loan", "list"):
        return Waiting()
    rows = evaluate(LENT, by=("industry",)).rows
    lent = {row.by["industry"]: row.values for row in rows if row.by["industry"] and row.values["loan_count"]}
    if not lent:
        return Waiting()
    today = business_date()
    found, _count = waiting_rows(news_of(lent, today))
    lines = []
    for (row,) in found:
        loans, balance = (int(lent[row.industry][key] or 0) for key in LENT)
        told_of = (
            told(row, "industry"),
            ngettext("%(num)s loan", "%(num)s loans", loans),
            derived(LoanState, ("balance",), yuan(balance)),
        )
        tone: Tone = "warn" if row.outlook is Outlook.WORSE and is_clear(type(row), "outlook") else ""
        lines.append(Line(told(row, "title"), " · ".join(told_of), told(row, "outlook"), record_url(row), tone))
    arguments = {"f.industry.in": ",".join(sorted(lent)), "f.published_on.ge": today - RECENT}
    return Waiting(lines, url=list_url("IndustryNoticeView", arguments))


register_card(
    HomeCard(
        "category_reviews",
        _("Category reviews"),
        "CategoryReview",
        "approve",
        {"risk": 15, "branch_head": 25},
        reviews_waiting,
        _("No judgement waits, and none is due to be reviewed again within 30 days."),
        "fa-gavel",
        quiet=True,
        later=True,
    )
)
register_card(
    HomeCard(
        "write_offs",
        _("Write-offs to decide"),
        "WriteOffProposal",
        "approve",
        {"risk": 16, "committee": 15},
        write_offs_waiting,
        _("No write-off waits for a decision."),
        "fa-ban",
        quiet=True,
        later=True,
    )
)
register_card(
    HomeCard(
        "industry_notices",
        _("Industry notices"),
        "IndustryNotice",
        "list",
        {"customer_manager": 50, "team_lead": 60, "branch_head": 70, "risk": 60, "committee": 40},
        industry_notices,
        _("No notice of the last 60 days is about an industry in which you have loans."),
        "fa-newspaper-o",
        quiet=True,
        later=True,
    )
)
