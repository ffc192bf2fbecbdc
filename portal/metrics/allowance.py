"""The allowance for loan losses as the books have it: what was booked on account 1304, on loans and on groups of loans.

Provisions are booked at month-ends for groups (`portal.closing`); write-offs and recoveries of single loans use the
allowance up and give back to it. This frame is the one place that puts the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, null, select, union_all

from portal.closing.models import EntryKind, MonthEndPosting
from portal.core.metric import Frame, Question
from portal.loans.ledger import Account, JournalKind, Posting
from portal.metrics.frames import flow_frame
from portal.products.models import Product

CONSUMES = (JournalKind.WRITE_OFF, JournalKind.RECOVERY)
"""What uses the allowance up or gives back to it; anything else on the account provides for losses."""

OF_GROUPS: Mapping[str, Any] = {
    "branch": MonthEndPosting.branch_id,
    "team": MonthEndPosting.team_id,
    "manager": MonthEndPosting.manager_id,
    "product": MonthEndPosting.product_id,
    "purpose": Product.purpose,
    "product_channel": Product.channel,
}
"""What a line of a group can be cut by; it belongs to no loan and no customer."""


def allowance_frame(question: Question) -> Frame:
    """Lines on the allowance up to the date, by whoever owned the loans when they were booked."""
    loans = flow_frame(question)
    cuts = {key: value for key, value in loans.dimensions.items() if key != "month"}
    found = union_all(_of_loans(loans, cuts, question), _of_groups(cuts, question)).subquery("on_account")
    return Frame(
        name="allowance",
        select_from=found,
        columns={"amount": found.c.amount, "provides": found.c.provides},
        dimensions={key: found.c[key] for key in cuts},
        described_by=loans.described_by,
        facts=("product",),
    )


def _of_loans(loans: Frame, cuts: Mapping[str, Any], question: Question) -> Select[Any]:
    provides = case((Posting.kind.not_in(CONSUMES), 1), else_=0)
    columns = [Posting.amount.label("amount"), provides.label("provides"), *(v.label(k) for k, v in cuts.items())]
    return replace(loans, where=_up_to(Posting, question)).statement(columns)


def _of_groups(cuts: Mapping[str, Any], question: Question) -> Select[Any]:
    provides = case((MonthEndPosting.kind == EntryKind.PROVISION, 1), else_=0)
    told = [OF_GROUPS[key] if key in OF_GROUPS else cast(null(), value.type) for key, value in cuts.items()]
    return (
        select(MonthEndPosting.amount, provides, *told)
        .join(Product, Product.id == MonthEndPosting.product_id)
        .where(*_up_to(MonthEndPosting, question))
    )


def _up_to(model: Any, question: Question) -> tuple[ColumnElement[bool], ...]:
    return (
        model.account == Account.ALLOWANCE,
        model.value_date <= question.as_of,
        model.booking_date <= question.known,
    )
