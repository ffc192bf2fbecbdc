"""Risk: reviews of categories and proposals to write off."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from portal.core.db import BigKey, BusinessDate, Choice, Id, Labelled, Model, Money, Text, Versioned, label_of
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.classification import Category
from portal.loans.models import Loan, LoanChild


class ReviewKind(Labelled):
    """What is judged."""

    CATEGORY = "category", _("Category")
    TECHNICAL = "technical", _("Technical lateness")


class ReviewState(Labelled):
    """How far a review is."""

    PROPOSED = "proposed", _("Waits for a second person")
    IN_FORCE = "in_force", _("In force")
    ENDED = "ended", _("Followed by a later one")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Taken back")


class Decided:
    """Who proposed and who decided. The logins tell the two apart; people are shown as staff."""

    proposed_on: Mapped[BusinessDate] = field(_("Proposed on"), readonly=True, section=_("Decision"))
    proposer: Mapped[str] = mapped_column(String(80))
    decided_on: Mapped[BusinessDate | None] = field(_("Decided on"), readonly=True, section=_("Decision"))
    decision_note: Mapped[Text | None] = field(_("Note on the decision"), readonly=True, section=_("Decision"))

    @declared_attr
    def proposed_by_id(cls) -> Mapped[int | None]:
        return field(_("Proposed by"), ForeignKey("staff.id"), readonly=True, section=_("Decision"))

    @declared_attr
    def decided_by_id(cls) -> Mapped[int | None]:
        return field(_("Decided by"), ForeignKey("staff.id"), readonly=True, section=_("Decision"))


class CategoryReview(Decided, LoanChild, Model, Versioned):
    """A judgement on the category of a loan (分类认定): worse than its days past due, or back towards them."""

    __table_args__ = (
        Index("ix_category_review_state", "state"),
        Index("ix_category_review_next", "next_review_on"),
        Index(
            "uq_category_review_waiting",
            "loan_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
            sqlite_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[Id]
    kind: Mapped[ReviewKind] = field(
        _("What is judged"),
        Choice(ReviewKind),
        default=ReviewKind.CATEGORY,
        section=_("Judgement"),
        help=_("Technical lateness: a few days late through no fault of the customer. It needs a second person."),
    )
    category: Mapped[Category] = field(
        _("Category"),
        Choice(Category),
        section=_("Judgement"),
        help=_(
            "Worse than now: in force at once. Better than now: a second person approves it. Never better than the"
            " floor of the days past due."
        ),
    )
    reason: Mapped[Text] = field(
        _("Reason"), section=_("Judgement"), help=_("What is known of the borrower that the days past due do not say.")
    )
    evidence: Mapped[Text] = field(
        _("Evidence"),
        section=_("Judgement"),
        help=_("Which papers show it, and where they are kept: report of a visit, statement of account, court paper."),
    )
    floor: Mapped[Category] = field(_("Floor by days then"), Choice(Category), readonly=True, section=_("Judgement"))
    before: Mapped[Category] = field(_("Category before"), Choice(Category), readonly=True, section=_("Judgement"))
    state: Mapped[ReviewState] = field(_("State"), Choice(ReviewState), readonly=True, section=_("Decision"))
    next_review_on: Mapped[BusinessDate | None] = field(
        _("Review again by"), readonly=True, section=_("Decision"), help=_("Set by the parameter review.months.")
    )
    minimum_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("category_minimum.id"))

    loan: Mapped[Loan] = relationship(backref="reviews")
    proposed_by: Mapped[Any] = relationship("Staff", foreign_keys="CategoryReview.proposed_by_id")
    decided_by: Mapped[Any] = relationship("Staff", foreign_keys="CategoryReview.decided_by_id")

    def __str__(self) -> str:
        return f"{told(self, 'loan')} · {label_of(self.category)}"


class ProposalState(Labelled):
    """How far a proposal to write off is."""

    PROPOSED = "proposed", _("Waits for approval")
    POSTED = "posted", _("Written off")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Taken back")


class WriteOffProposal(Decided, LoanChild, Model, Versioned):
    """A proposal to write a loan off (核销申请). Approved by whoever has the authority for its amount, it is booked."""

    __table_args__ = (
        Index("ix_write_off_proposal_state", "state"),
        Index(
            "uq_write_off_proposal_waiting",
            "loan_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
            sqlite_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[Id]
    reason: Mapped[Text] = field(
        _("Reason"), section=_("Proposal"), help=_("Why nothing more is to be expected from the borrower.")
    )
    evidence: Mapped[Text] = field(
        _("Collection so far"),
        section=_("Proposal"),
        help=_("What was tried and what came of it: calls, visits, guarantors, court; and where the papers are."),
    )
    balance: Mapped[Money] = field(_("Balance"), readonly=True, section=_("Loan"))
    interest: Mapped[Money] = field(_("Accrued interest"), readonly=True, section=_("Loan"))
    days_past_due: Mapped[int] = field(_("Days past due"), readonly=True, section=_("Loan"))
    category: Mapped[Category] = field(_("Category"), Choice(Category), readonly=True, section=_("Loan"))
    state: Mapped[ProposalState] = field(_("State"), Choice(ProposalState), readonly=True, section=_("Decision"))

    loan: Mapped[Loan] = relationship(backref="write_off_proposals")
    proposed_by: Mapped[Any] = relationship("Staff", foreign_keys="WriteOffProposal.proposed_by_id")
    decided_by: Mapped[Any] = relationship("Staff", foreign_keys="WriteOffProposal.decided_by_id")

    def __str__(self) -> str:
        return told(self, "loan")
