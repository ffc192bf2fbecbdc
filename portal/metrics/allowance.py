"""The allowance for loan losses as the books have it: what was booked on account 1304, on loans and on groups of loans.

Provisions are booked at month-ends for groups (`portal.closing`); write-offs and recoveries of single loans use the
allowance up and give back to it. This frame is the one place that puts the two together, line by line, and for the
dates that are asked most from what single loans did added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, func, literal, null, select, union_all

from portal.closing.models import EntryKind, MonthEndPosting
from portal.core.clock import business_date, month_end
from portal.core.metric import Frame, Question, register_sums
from portal.loans.allowance_groups import AllowanceGroup
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


def allowance_sums(question: Question) -> Sequence[Frame]:
    """The same as things stand or as a month ended, lines of loans added up; none for any other date."""
    ended = question.as_of == month_end(question.as_of)
    if question.known != question.as_of or not (ended or question.as_of == business_date()):
        return ()
    owners = {"branch": "branch_id", "team": "team_id", "manager": "manager_id"}
    of_loans = select(
        AllowanceGroup.amount,
        AllowanceGroup.lines,
        case((AllowanceGroup.kind.not_in(CONSUMES), AllowanceGroup.lines), else_=0).label("provides"),
        *(getattr(AllowanceGroup, f"held_{name}").label(key) for key, name in owners.items()),
        AllowanceGroup.product_id.label("product"),
    ).where(AllowanceGroup.counts_from <= question.as_of.year * 100 + question.as_of.month)
    of_groups = select(
        MonthEndPosting.amount,
        literal(1),
        case((MonthEndPosting.kind == EntryKind.PROVISION, 1), else_=0),
        *(OF_GROUPS[key] for key in (*owners, "product")),
    ).where(*_up_to(MonthEndPosting, question))
    found = union_all(of_loans, of_groups).subquery("on_account")
    frame = Frame(
        name="allowance",
        select_from=found,
        columns={"amount": found.c.amount, "provides": found.c.provides},
        dimensions={
            **{key: found.c[key] for key in (*owners, "product")},
            "purpose": Product.purpose,
            "product_channel": Product.channel,
        },
        joins=((Product, Product.id == found.c.product),),
        having=func.sum(found.c.lines) > 0,
    )
    return (frame,)


register_sums(allowance_frame, allowance_sums)


def _up_to(model: Any, question: Question) -> tuple[ColumnElement[bool], ...]:
    return (
        model.account == Account.ALLOWANCE,
        model.value_date <= question.as_of,
        model.booking_date <= question.known,
    )
