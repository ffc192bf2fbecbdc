"""Post-loan checks (贷后检查): what became of the money, how the borrower does, and whether the contract is kept."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, relationship

from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Id, Labelled, Model, Text, Versioned, db
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.models import Loan, LoanChild
from portal.risk.deciding import staff_of_actor


class CheckKind(Labelled):
    """Why a loan was checked."""

    FIRST = "first", _("First check of use")
    REGULAR = "regular", _("Regular check")
    SPECIAL = "special", _("Special check")


class Manner(Labelled):
    """How it was checked."""

    VISIT = "visit", _("On site")
    PHONE = "phone", _("By phone")
    PAPERS = "papers", _("By papers")


class UseOfFunds(Labelled):
    """What the borrower did with the money, held against the contract."""

    AS_AGREED = "as_agreed", _("Used as agreed")
    PARTLY = "partly", _("Partly used otherwise")
    OTHERWISE = "otherwise", _("Used otherwise")
    UNUSED = "unused", _("Not used yet")


class Business(Labelled):
    """How the borrower does, compared with before."""

    BETTER = "better", _("Better than before")
    SAME = "same", _("As before")
    WORSE = "worse", _("Worse than before")
    STOPPED = "stopped", _("Stopped working")


class Breach(Labelled):
    """The gravest breach of the contract that was found."""

    NONE = "none", _("No breach")
    USE = "use", _("Funds used otherwise than agreed")
    INFORMATION = "information", _("Information withheld or untrue")
    SECURITY = "security", _("Collateral or guarantee impaired")
    DEBT = "debt", _("New debts or guarantees beyond the contract")
    OTHER = "other", _("Another breach")


class Conclusion(Labelled):
    """What follows from a check."""

    FINE = "fine", _("Nothing to object to")
    WATCH = "watch", _("Watch closely")
    ACT = "act", _("Act now")


MISUSED = (UseOfFunds.PARTLY, UseOfFunds.OTHERWISE)


class PostLoanCheck(LoanChild, Model, Versioned):
    """One check of a loan after its payout: by whom (the login that records it), how, and what was found."""

    __table_args__ = (
        UniqueConstraint("loan_id", "checked_on", "kind"),
        Index("ix_post_loan_check_checked_on", "checked_on"),
        CheckConstraint("next_check_on IS NULL OR next_check_on > checked_on", name="next_afterwards"),
    )

    id: Mapped[Id]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), search=True, section=_("Check"))
    kind: Mapped[CheckKind] = field(
        _("Kind of check"),
        Choice(CheckKind),
        section=_("Check"),
        help=_("First: whether the money went where the contract says. Special: out of turn, such as after a warning."),
    )
    checked_on: Mapped[BusinessDate] = field(
        _("Checked on"), section=_("Check"), help=_("The day of the visit, the call or the look at the papers.")
    )
    manner: Mapped[Manner] = field(_("Manner"), Choice(Manner), section=_("Check"))
    use: Mapped[UseOfFunds] = field(
        _("Use as found"), Choice(UseOfFunds), section=_("Use of funds"), help=_("Held against the agreed purpose.")
    )
    flow: Mapped[Text | None] = field(
        _("Where the money went"),
        personal=True,
        section=_("Use of funds"),
        help=_(
            "Paid to whom, for what, how much; what was seen of it. Needed in a first check, and if used otherwise."
        ),
    )
    business: Mapped[Business] = field(_("State of the business"), Choice(Business), section=_("Borrower"))
    breach: Mapped[Breach] = field(
        _("Breach of contract"),
        Choice(Breach),
        default=Breach.NONE,
        section=_("Borrower"),
        help=_("The gravest one, if there are several."),
    )
    breach_note: Mapped[Text | None] = field(
        _("About the breach"), personal=True, section=_("Borrower"), help=_("What was broken, since when, how far.")
    )
    conclusion: Mapped[Conclusion] = field(_("Conclusion"), Choice(Conclusion), section=_("Conclusion"))
    next_check_on: Mapped[BusinessDate | None] = field(
        _("Next check by"),
        section=_("Conclusion"),
        help=_("Blank: the last day that the parameters allow. An earlier day may be set, never a later one."),
    )
    evidence: Mapped[Text] = field(
        _("Evidence"),
        personal=True,
        section=_("Conclusion"),
        help=_("Which papers, photos or bank statements show it, and where they are kept."),
    )
    checked_by_id: Mapped[int | None] = field(
        _("Checked by"),
        ForeignKey("staff.id"),
        default=staff_of_actor,
        index=True,
        readonly=True,
        section=_("Check"),
    )

    loan: Mapped[Loan] = relationship()
    checked_by: Mapped[Any] = relationship("Staff")

    @property
    def misused(self) -> bool:
        """Whether money was used otherwise than agreed."""
        return self.use in MISUSED

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Days in order, one check of a kind on a day, and findings that do not contradict each other."""
        return cls._day_problem(values, row) or findings_problem(values)

    @classmethod
    def _day_problem(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        given, day = values["loan"], values["checked_on"]
        with db.session.no_autoflush:
            loan = given if isinstance(given, Loan) else db.session.get(Loan, given)
            same = select(cls.id).where(cls.checked_on == day, cls.kind == values["kind"])
            same = same.where(cls.loan_id == getattr(loan, "id", None), cls.id != getattr(row, "id", None))
            twice = db.session.scalar(same.limit(1)) is not None
        if day > business_date():
            return {"checked_on": [gettext("This day has not come yet.")]}
        if loan is not None and day < loan.disbursed_on:
            return {"checked_on": [gettext("This is before the loan was paid out.")]}
        if loan is not None and loan.closed_on is not None and day > loan.closed_on:
            return {"checked_on": [gettext("The loan was closed before this day.")]}
        if twice:
            return {"checked_on": [gettext("There is a check of this kind of this day already: correct that one.")]}
        if values.get("next_check_on") and values["next_check_on"] <= day:
            return {"next_check_on": [gettext("This is not after the check.")]}
        return {}

    def __str__(self) -> str:
        return f"{told(self, 'loan')} · {told(self, 'kind')}"


def findings_problem(values: dict[str, Any]) -> dict[str, list[str]]:
    """What of the findings contradicts the rest, or is missing beside it."""
    found: dict[str, list[str]] = {}
    misused, breach = values["use"] in MISUSED, values.get("breach") or Breach.NONE
    if (misused or values["kind"] == CheckKind.FIRST) and not str(values.get("flow") or "").strip():
        found["flow"] = [gettext("Say where the money went; if it was not used yet, where it is.")]
    if misused and breach == Breach.NONE:
        found["breach"] = [gettext("Money used otherwise than agreed is a breach of the contract.")]
    if breach != Breach.NONE and not str(values.get("breach_note") or "").strip():
        found["breach_note"] = [gettext("Say what was broken.")]
    if values["conclusion"] == Conclusion.FINE:
        if breach != Breach.NONE or misused:
            found["conclusion"] = [gettext("With a breach of the contract there is something to object to.")]
        elif values["business"] == Business.STOPPED:
            found["conclusion"] = [gettext("A business that has stopped needs a closer watch, or action.")]
    return found
