"""Proposals to write off: criteria checked, approved by whoever has the authority for the amount, then booked.

The ledger goes on afterwards (账销案存): what comes in later is booked as a recovery, allotted and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import records, scope
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues, Refused
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.booking import open_date
from portal.loans.classification import Threshold
from portal.loans.judging import Standing, standing_of
from portal.loans.models import Loan
from portal.loans.write_offs import write_off
from portal.parameters.known import HOUSE, Known, Operator, declare
from portal.parameters.services import parameters
from portal.risk.deciding import decide_on, proposal
from portal.risk.models import ProposalState, WriteOffProposal
from portal.risk.rules import WriteOffRules, criteria_met, has_authority

SOURCE = "金融企业呆账核销管理办法（财金〔2017〕90号）"

for known in (
    Known(
        "write_off.days",
        _("Days past due from which a loan may be written off"),
        "days",
        "365",
        SOURCE,
        operator=Operator.GREATER_OR_EQUAL,
    ),
    Known(
        "write_off.committee_from",
        _("Principal and interest from which the committee decides on a write-off (fen)"),
        "fen",
        "5000000",
        HOUSE,
    ),
):
    declare(known)


def rules_on(day: date) -> WriteOffRules:
    """The rules in force on a date."""
    found = parameters(["write_off.days", "write_off.committee_from"], day)
    days = found["write_off.days"]
    assert days.operator is not None  # set_parameter sees to it
    operator: Any = days.operator.value
    return WriteOffRules(Threshold(operator, int(days.value)), int(found["write_off.committee_from"].value))


@verb("risk.propose_write_off")
def propose(values: Mapping[str, Any]) -> WriteOffProposal:
    """Propose to write a loan off. InvalidValues by field: no reason, a closed loan, one that meets no criterion."""
    wrong = records.problems(WriteOffProposal, dict(values))
    for name, problem in (("reason", gettext("Say why.")), ("evidence", gettext("Say what was tried."))):
        if not str(values.get(name) or "").strip():
            wrong[name] = [problem]
    if wrong:
        raise InvalidValues(wrong)
    day, loan = open_date(), records.load(Loan, values["loan"])
    stands = standing_of(loan, day)
    if stands is None:
        raise InvalidValues({"loan": [gettext("The loan %(code)s is closed.", code=loan.code)]})
    _check(stands, day)
    waiting = select(WriteOffProposal.id).where(
        WriteOffProposal.loan_id == loan.id, WriteOffProposal.state == ProposalState.PROPOSED
    )
    if db.session.scalar(waiting) is not None:
        raise InvalidValues({"loan": [gettext("This loan is proposed for write-off already.")]})
    row = WriteOffProposal(
        loan_id=loan.id,
        reason=str(values["reason"]).strip(),
        evidence=str(values["evidence"]).strip(),
        balance=stands.balance,
        interest=stands.accrued_interest,
        days_past_due=stands.days_past_due,
        category=stands.category,
        state=ProposalState.PROPOSED,
        **proposal(day),
    )
    db.session.add(row)
    db.session.flush()
    current_unit().about(loan)
    current_unit().note(proposal=row.id)
    return row


@verb("risk.decide_write_off")
def decide(proposal_id: int, approve: bool, note: str) -> WriteOffProposal:
    """Approve, which books the write-off, or refuse. The criteria and the authority are asked as of now."""
    row: WriteOffProposal = records.load(WriteOffProposal, proposal_id)
    day, loan = open_date(), row.loan
    if row.state is not ProposalState.PROPOSED:
        raise Refused(gettext("This has been decided already."))
    decide_on(row, approve, note, day)
    if not approve:
        row.state = ProposalState.REFUSED
    else:
        stands = standing_of(loan, day)
        if stands is None:
            raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
        try:
            _check(stands, day)
        except InvalidValues as error:
            raise Refused(" ".join(str(text) for texts in error.fields.values() for text in texts)) from None
        rules = rules_on(day)
        amount = stands.balance + stands.accrued_interest
        if not (scope.actor().everything or has_authority(amount, scope.actor().templates, rules)):
            most = money_text(rules.committee_from, thousands=True)
            raise Refused(gettext("From %(most)s yuan on, the management committee decides.", most=most))
        row.balance, row.interest = stands.balance, stands.accrued_interest
        row.days_past_due, row.category = stands.days_past_due, stands.category
        row.state = ProposalState.POSTED
    db.session.flush()
    if approve:
        write_off(loan, day, row.reason)
    current_unit().about(loan)
    current_unit().note(proposal=proposal_id)
    return row


@verb("risk.withdraw_write_off")
def withdraw(proposal_id: int) -> WriteOffProposal:
    """Take back what one proposed oneself."""
    row: WriteOffProposal = records.load(WriteOffProposal, proposal_id)
    if row.state is not ProposalState.PROPOSED or row.proposer != scope.actor().name:
        raise Refused(gettext("Only what one proposed oneself, and nobody has decided on, can be taken back."))
    row.state, row.decided_on = ProposalState.WITHDRAWN, open_date()
    db.session.flush()
    current_unit().about(row.loan)
    return row


def _check(stands: Standing, day: date) -> None:
    rules = rules_on(day)
    if not criteria_met(stands.category, stands.days_past_due, rules):
        text = gettext(
            "A loan may be written off when it is classified loss, or %(operator)s %(least)s days past due; this one is"
            " “%(category)s” with %(days)s.",
            operator=Operator(rules.days.operator).label,
            least=rules.days.days,
            category=label_of(stands.category),
            days=stands.days_past_due,
        )
        raise InvalidValues({"loan": [text]})
