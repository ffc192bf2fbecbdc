"""What guarantees add to search and home pages."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import derived, told
from portal.core.search import records
from portal.guarantees.clocks import OWING
from portal.guarantees.models import Clock, GuaranteeContract
from portal.guarantees.parameters import REMIND
from portal.loans.models import Loan
from portal.parameters.services import parameter

records(
    "guarantee_contracts",
    _("Guarantee contracts"),
    "GuaranteeContractView",
    lambda row: (told(row, "kind"), told(row, "loan")),
    ("loan",),
)


def running_out() -> Waiting:
    """Clocks that run out soon, or ran out while the debt was still owed; the first first."""
    today = business_date()
    last = today + timedelta(days=int(parameter(REMIND, today).value))
    statement = select(Clock).where(Clock.runs_out_on <= last).order_by(Clock.runs_out_on, Clock.id)
    found, count = waiting_rows(statement.options(joinedload(Clock.loan), joinedload(Clock.guarantor)))
    lines = [
        Line(
            told(row, "kind"),
            told(row, "loan"),
            derived(Clock, ("runs_out_on",), row.runs_out_on.isoformat()),
            record_url(row.loan),
            "danger" if row.runs_out_on < today else "warn",
        )
        for (row,) in found
    ]
    asked = {"f.runs_out_on.le": last, "order": "runs_out_on", "direction": "asc"}
    return Waiting(lines, count=count, url=list_url("ClockView", asked))


def to_release() -> Waiting:
    """Guarantees of loans that are paid back, not released yet."""
    statement = (
        select(GuaranteeContract)
        .join(Loan, Loan.id == GuaranteeContract.loan_id)
        .where(GuaranteeContract.released_on.is_(None), Loan.status.not_in(OWING))
        .order_by(Loan.closed_on, GuaranteeContract.id)
        .options(joinedload(GuaranteeContract.loan))
    )
    found, count = waiting_rows(statement)
    lines = [
        Line(
            told(row, "code"),
            f"{label_of(row.kind)} · {told(row, 'loan')}",
            gettext("paid back"),
            record_url(row),
        )
        for (row,) in found
    ]
    return Waiting(lines, count=count)


register_card(
    HomeCard(
        "clocks_running_out",
        _("Clocks running out"),
        "GuaranteeContract",
        "list",
        {"risk": 25, "collections": 15, "branch_head": 45},
        running_out,
        _("No limitation, guarantee period or appraisal runs out soon."),
        "fa-hourglass-end",
        quiet=True,
        later=True,
    )
)
register_card(
    HomeCard(
        "guarantees_to_release",
        _("Guarantees to release"),
        "GuaranteeContract",
        "run",
        {"risk": 50},
        to_release,
        _("Every guarantee of a loan that is paid back was released."),
        "fa-unlock",
        quiet=True,
        later=True,
    )
)
