"""Concentration: how much the largest borrowers and groups owe, and how much lies in one industry, product or branch.

Shares are of what the actor may see: a branch head reads the concentration of the branch. What is measured against net
assets, and groups, which reach over branches, are for whoever may read the company's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Double, Integer, Select, cast, column, func, select, values

from portal.core.db import db
from portal.core.metric import Frame, Listing, Metric, Question, Unit, register
from portal.core.scope import unscoped
from portal.limits.groups import all_groups
from portal.limits.models import CompanyFigure, FigureKind
from portal.limits.parameters import CONCENTRATED, SPREAD
from portal.limits.rules import called_after, prior_year_end
from portal.loans.groups import LARGE, owed_by_the_large
from portal.loans.state import LoanSnapshot
from portal.metrics.frames import kept_in, position_frame, position_sums

CONCENTRATION = _("Concentration")
HOUSE = _("Definition of the house")
LARGEST = 10
POINTS = 10_000
"""The Herfindahl index when everything lies in one place."""
COMPANY, LIMITS = ("CompanyFigure", "list"), ("LimitUsage", "list")


def net_assets_frame(question: Question) -> Frame:
    """The net assets at the end of the year before the date: one row, or none."""
    return Frame(
        name="net assets",
        select_from=CompanyFigure,
        columns={"amount": CompanyFigure.amount},
        dimensions={},
        where=(
            CompanyFigure.kind == FigureKind.NET_ASSETS,
            CompanyFigure.on_day == prior_year_end(question.as_of),
        ),
    )


def borrowers_frame(question: Question) -> Frame:
    """The ten borrowers who owe the most at the end of the date, one row a borrower."""
    positions = position_frame(question)
    largest = _largest_of_the_large(question)
    if largest is None:
        owed = func.sum(positions["balance"])
        largest = _summed(positions, "customer").order_by(owed.desc(), positions.dimensions["customer"]).limit(LARGEST)
    return _of_parts("largest borrowers", positions, largest, {"customer"})


def _largest_of_the_large(question: Question) -> Select[Any] | None:
    """The same, found among those who owe much; None where there are not ten of them, or none are kept of the date."""
    kept = kept_in(question)
    if kept is None:
        return None
    largest = owed_by_the_large(question.as_of if kept is LoanSnapshot else None).limit(LARGEST)
    balances = [row.balance for row in db.session.execute(largest)]
    return largest if len(balances) == LARGEST and balances[-1] >= LARGE else None


def groups_frame(question: Question) -> Frame:
    """The ten groups of related borrowers that owe the most, one row a group, under the customer it is called after."""
    positions = position_frame(question)
    named = [(one, called) for called, members in groups_on(question.as_of).items() for one in members]
    ids = (column("customer_id", Integer), column("called", Integer))
    member = values(*ids, name="member", literal_binds=True).data(named or [(0, 0)]).cte("member")
    owed = func.sum(positions["balance"])
    largest = (
        select(member.c.called.label("part"), owed.label("balance"))
        .select_from(positions.select_from)
        .join(member, member.c.customer_id == positions["customer_id"])
        .where(*positions.where)
        .group_by(member.c.called)
        .order_by(owed.desc(), member.c.called)
        .limit(LARGEST)
    )
    return _of_parts("largest groups", positions, largest, {"customer"})


def parts_frame(dimension: str, question: Question) -> Frame:
    """What is owed in each part of a dimension, one row a part."""
    sums = (frame for frame in position_sums(question) if frame.name == "loans" and dimension in frame.dimensions)
    rows = next(sums, position_frame(question))
    return _of_parts(f"parts by {dimension}", rows, _summed(rows, dimension), set())


def groups_on(day: date) -> Mapping[int, tuple[int, ...]]:
    """The groups of related borrowers, each under the customer that it is called after on a day."""
    found = all_groups(db.session(), day)
    positions = position_frame(Question(day))
    one = positions["customer_id"]
    ids = (column("customer_id", Integer),)
    everybody = [(member,) for group in found for member in group] or [(0,)]
    tied = values(*ids, name="tied", literal_binds=True).data(everybody).cte("tied")
    statement = (
        select(one, func.sum(positions["balance"]))
        .select_from(positions.select_from)
        .join(tied, tied.c.customer_id == one)
        .where(*positions.where)
        .group_by(one)
    )
    with unscoped("a group is called after the member who owes the most, whoever asks"):
        owed = {customer: int(balance) for customer, balance in db.session.execute(statement)}
    return {called_after(group, owed): group for group in found}


def _summed(positions: Frame, dimension: str) -> Select[Any]:
    part = positions.dimensions[dimension]
    return positions.statement([part.label("part"), func.sum(positions["balance"]).label("balance")]).group_by(part)


def _of_parts(name: str, positions: Frame, summed: Select[Any], cuts: set[str]) -> Frame:
    found = summed.subquery("part")
    return Frame(
        name=name,
        select_from=found,
        columns={"balance": found.c.balance},
        dimensions=dict.fromkeys(cuts, found.c.part),
        described_by=positions.described_by,
    )


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    register(Metric(key, label, unit, "stock", formula, HOUSE, CONCENTRATION, **kw))


def _sum(frame: Frame, question: Question) -> ColumnElement[Any]:
    return func.sum(frame["balance"])


def _most(frame: Frame, question: Question) -> ColumnElement[Any]:
    return func.max(frame["balance"])


def _herfindahl(frame: Frame, question: Question) -> ColumnElement[Any]:
    """In floating point: the square of a balance is beyond whole numbers, and only whole points are told."""
    part = cast(frame["balance"], Double)
    return func.round(POINTS * func.sum(part * part) / func.nullif(func.sum(part) * func.sum(part), 0.0))


def _figures(question: Question, within: Mapping[str, Sequence[Any]]) -> Mapping[str, str] | None:
    """The list of the company's net assets."""
    return {"f.kind.in": FigureKind.NET_ASSETS.value}


_stock(
    "net_assets",
    _("Net assets of the prior year-end"),
    "money",
    _("Net assets on 31 December of the year before the date, as finance entered them; unavailable where missing."),
    frame=net_assets_frame,
    measure=lambda frame, question: func.max(frame["amount"]),
    empty=None,
    permission=COMPANY,
    listing=Listing("CompanyFigureView.list", _figures),
)
_stock(
    "top_1_balance",
    _("Balance of the largest borrower"),
    "money",
    _("Loan balance of the borrower who owes the most."),
    frame=borrowers_frame,
    measure=_most,
    rows_of="loan_balance",
)
_stock(
    "top_10_balance",
    _("Balance of the ten largest borrowers"),
    "money",
    _("Loan balance of the ten borrowers who owe the most."),
    frame=borrowers_frame,
    measure=_sum,
    adds_up=True,
    rows_of="loan_balance",
)
_stock(
    "top_group_balance",
    _("Balance of the largest group"),
    "money",
    _("Loan balance of the group of related borrowers that owes the most, by the ties that count on the date."),
    frame=groups_frame,
    measure=_most,
    permission=LIMITS,
    rows_of="loan_balance",
)
_stock(
    "group_balance",
    _("Balance of the ten largest groups"),
    "money",
    _("Loan balance of the ten groups of related borrowers that owe the most."),
    frame=groups_frame,
    measure=_sum,
    adds_up=True,
    permission=LIMITS,
    rows_of="loan_balance",
)
for _part, _of, _label, _formula in (
    ("top_1", "loan_balance", _("Share of the largest borrower"), _("Balance of the largest borrower ÷ loan balance.")),
    (
        "top_10",
        "loan_balance",
        _("Share of the ten largest borrowers"),
        _("Balance of the ten largest borrowers ÷ loan balance."),
    ),
    (
        "top_1",
        "net_assets",
        _("Largest borrower to net assets"),
        _("Balance of the largest borrower ÷ net assets of the prior year-end."),
    ),
    (
        "top_10",
        "net_assets",
        _("Ten largest borrowers to net assets"),
        _("Balance of the ten largest borrowers ÷ net assets of the prior year-end."),
    ),
    (
        "top_group",
        "net_assets",
        _("Largest group to net assets"),
        _("Balance of the largest group of related borrowers ÷ net assets of the prior year-end."),
    ),
):
    _stock(
        f"{_part}_share" if _of == "loan_balance" else f"{_part}_ratio",
        _label,
        "percent",
        _formula,
        ratio=(f"{_part}_balance", _of),
        rows_of="loan_balance",
        permission=("Loan", "list") if _of == "loan_balance" else LIMITS,
    )
_INDEX = _(
    "10,000 times the sum of the squared shares: 10,000 when everything lies in one place, 10,000 ÷ n when n parts are"
    " alike. What counts as spread and as concentrated is set by parameters."
)
for _dimension, _label in (
    ("customer", _("Herfindahl index by borrower")),
    ("industry", _("Herfindahl index by industry")),
    ("product", _("Herfindahl index by product")),
    ("branch", _("Herfindahl index by branch")),
):
    _frame: Callable[[Question], Frame] = partial(parts_frame, _dimension)
    _stock(
        f"herfindahl_{_dimension}",
        _label,
        "count",
        _INDEX,
        frame=_frame,
        measure=_herfindahl,
        empty=None,
        parameters=(SPREAD, CONCENTRATED),
        rows_of="loan_balance",
    )
