"""五级分类及准备金情况表: loans by category and customer group, and the provisions they require, as at a date.

The layout follows the annex of the rural cooperative institutions' five-category return: each block is 金额, 笔数,
占比, then 金额 and 占比 of each category, and *every* 占比 is divided by the balance of all loans, not of its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.errors import Refused
from portal.core.metric import Row, Value
from portal.metrics.formatting import half_up
from portal.parameters.services import ParameterValue
from reports.charts import ChartData, Series
from reports.figures import ten_thousands, whole, yuan
from reports.footing import Check, Footing
from reports.notes import settings
from reports.report import DataTable, Report, ReportContext, register

T = TypeVar("T")
Pair = tuple[T, T]

CATEGORIES: Mapping[str, Any] = {
    "normal": _("Normal"),
    "special_mention": _("Special mention"),
    "substandard": _("Substandard"),
    "doubtful": _("Doubtful"),
    "loss": _("Loss"),
}
NON_PERFORMING = ("substandard", "doubtful", "loss")
BELOW_NORMAL = ("special_mention", *NON_PERFORMING)

#: The rows of the return, in its own words and order; a group without loans keeps its row.
CUSTOMER_GROUPS: Mapping[str, Any] = {
    "farmer": _("Natural persons: farm households"),
    "individual": _("Natural persons: others"),
    "self_employed": _("Self-employed businesses"),
    "small_enterprise": _("Small and micro enterprises"),
    "enterprise": _("Other enterprises"),
    "unidentified": _("Unidentified (migrated)"),
}

FACTS = (
    "loan_balance",
    "loan_count",
    "borrower_count",
    "npl_balance",
    "npl_ratio",
    "provision_required",
    "overdue_loan_balance",
    "par_1",
    "par_30",
    "par_90",
)

AMOUNT_DECIMALS = "five_category_return.amount_decimals"
SHARE_DECIMALS = "five_category_return.share_decimals"
FOOTING_TOLERANCE = "five_category_return.footing_tolerance"
PROVISION_RATIO = "provision_ratio.{category}"
GENERAL_RATIO = "provision_ratio.general"
CATEGORY_FLOOR = "category_floor.{category}"
PARAMETERS = (
    *(CATEGORY_FLOOR.format(category=key) for key in BELOW_NORMAL),
    *(PROVISION_RATIO.format(category=key) for key in CATEGORIES),
    GENERAL_RATIO,
    AMOUNT_DECIMALS,
    SHARE_DECIMALS,
    FOOTING_TOLERANCE,
)


@dataclass(frozen=True)
class Line:
    """One row of the return: fen and loans, and fen per category."""

    label: str
    balance: int
    count: int
    categories: Mapping[str, int]


@dataclass(frozen=True)
class Movement:
    """A category now and how far it moved (fen); None where there is nothing to compare with."""

    label: str
    balance: int
    count: int
    since_month_end: int | None
    since_year_end: int | None


@dataclass(frozen=True)
class Provision:
    """What a category requires: its balance and the provision in fen, and the ratio with its source."""

    label: str
    balance: int
    required: int
    parameter: ParameterValue


def build(context: ReportContext) -> dict[str, Any]:
    """Gather the figures and lay them out. Raises Refused when a loan has no category at that date."""
    facts = context.evaluate(FACTS, as_of=context.as_of).total
    year_end = context.as_of.replace(month=1, day=1) - timedelta(days=1)
    month_end = context.as_of.replace(day=1) - timedelta(days=1)
    this_year = context.evaluate(("written_off",), as_of=context.as_of, start=year_end + timedelta(days=1)).total
    footing = Footing(int(_number(context, AMOUNT_DECIMALS)), _number(context, FOOTING_TOLERANCE))
    movements, overall = _movements(context, month_end, year_end)
    provisions = _provisions(context)
    total = Line(
        overall.label,
        whole(facts, "loan_balance"),
        whole(facts, "loan_count"),
        {key: movement.balance for key, movement in movements.items()},
    )
    groups = _lines(context, "customer_group", CUSTOMER_GROUPS)
    branches = _lines(context, "branch", {})
    checks = [
        *_balance_checks(footing, total, groups, branches, whole(facts, "npl_balance")),
        _provision_check(context, footing, provisions, whole(facts, "provision_required")),
    ]
    return {
        "facts": facts,
        "written_off": this_year["written_off"],
        "total": total,
        "overall": overall,
        "movements": movements,
        "groups": groups,
        "branches": branches,
        "provisions": provisions,
        "general": context.parameters(GENERAL_RATIO, context.as_of),
        "category_labels": CATEGORIES,
        "footing": footing,
        "checks": checks,
        "foots": all(check.passed for check in checks),
        "share_decimals": int(_number(context, SHARE_DECIMALS)),
        "month_end": month_end,
        "year_end": year_end,
        "definitions": [context.definition(key) for key in (*FACTS, "category_balance", "written_off")],
        "settings": settings(context, PARAMETERS),
        "charts": _charts(context, groups, footing.decimals),
        "tables": _tables(total, groups, branches, provisions),
    }


def _number(context: ReportContext, key: str) -> Decimal:
    return context.parameters(key, context.as_of).value


def _lines(context: ReportContext, dimension: str, fixed: Mapping[str, Any]) -> list[Line]:
    """The rows of one breakdown: first the fixed ones, then whatever else there is."""
    rows = context.evaluate(("loan_balance", "loan_count"), by=(dimension,), as_of=context.as_of).rows
    split = context.evaluate(("category_balance",), by=(dimension, "category"), as_of=context.as_of).rows
    labels = {key: str(label) for key, label in fixed.items()}
    labels |= {row.by[dimension]: row.labels[dimension] for row in rows if row.by[dimension] not in fixed}
    sums = {row.by[dimension]: (whole(row.values, "loan_balance"), whole(row.values, "loan_count")) for row in rows}
    categories = {key: dict.fromkeys(CATEGORIES, 0) for key in labels}
    for row in split:
        categories[row.by[dimension]][_category_of(row)] = whole(row.values, "category_balance")
    return [Line(label, *sums.get(key, (0, 0)), categories[key]) for key, label in labels.items()]


def _by_category(context: ReportContext, keys: Pair[str], day: date) -> tuple[dict[str, Pair[int]], Pair[int]]:
    """Two figures of each category, 0 where there is no loan, and of all loans."""
    result = context.evaluate(keys, by=("category",), as_of=day)

    def both(values: Mapping[str, Value]) -> Pair[int]:
        return whole(values, keys[0]), whole(values, keys[1])

    found = dict.fromkeys(CATEGORIES, (0, 0)) | {_category_of(row): both(row.values) for row in result.rows}
    return found, both(result.total)


def _category_of(row: Row) -> str:
    category = row.by["category"]
    if category not in CATEGORIES:
        raise Refused(gettext("Some loans have no category at this date. Run the day-end for it, then print again."))
    return str(category)


def _movements(context: ReportContext, month_end: date, year_end: date) -> tuple[dict[str, Movement], Movement]:
    """The five categories and all loans, now and against two earlier dates, unless there were no loans then."""
    keys = ("category_balance", "loan_count")
    (now, all_now), *earlier = (_by_category(context, keys, day) for day in (context.as_of, month_end, year_end))

    def moved(label: Any, balance: int, count: int, then: Sequence[int]) -> Movement:
        since = [
            balance - before if all_before[1] else None
            for before, (_found, all_before) in zip(then, earlier, strict=True)
        ]
        return Movement(str(label), balance, count, *since)

    movements = {
        key: moved(label, *now[key], [found[key][0] for found, _all in earlier]) for key, label in CATEGORIES.items()
    }
    return movements, moved(gettext("All loans"), *all_now, [all_before[0] for _found, all_before in earlier])


def _provisions(context: ReportContext) -> dict[str, Provision]:
    figures, _all = _by_category(context, ("category_balance", "provision_required"), context.as_of)
    return {
        key: Provision(
            str(label), *figures[key], context.parameters(PROVISION_RATIO.format(category=key), context.as_of)
        )
        for key, label in CATEGORIES.items()
    }


def _balance_checks(
    footing: Footing, total: Line, groups: Sequence[Line], branches: Sequence[Line], npl_balance: int
) -> list[Check]:
    """The footings of the balances, down each table and across each customer group."""
    return [
        footing.check(gettext("All loans = customer groups"), total.balance, (line.balance for line in groups)),
        footing.check(gettext("All loans = branches"), total.balance, (line.balance for line in branches)),
        footing.check(gettext("All loans = categories"), total.balance, total.categories.values()),
        *(
            footing.check(gettext("%(group)s = categories", group=line.label), line.balance, line.categories.values())
            for line in groups
        ),
        footing.check(
            gettext("NPL balance = substandard + doubtful + loss"),
            npl_balance,
            (total.categories[key] for key in NON_PERFORMING),
        ),
    ]


def _provision_check(
    context: ReportContext, footing: Footing, provisions: Mapping[str, Provision], required: int
) -> Check:
    """The provision metric against the balances and ratios that the return prints."""
    general = _number(context, GENERAL_RATIO)
    shares = (line.balance * Fraction(line.parameter.value + general) / 100 for line in provisions.values())
    expected = int(half_up(sum(shares, Fraction()), 0))
    printed = footing.difference(required, [line.required for line in provisions.values()])
    return Check(gettext("Provision required = balances × ratios"), required, expected, printed, footing.tolerance)


def _charts(context: ReportContext, groups: Sequence[Line], decimals: int) -> dict[str, ChartData]:
    """Loans below normal by customer group, and how the branches compare."""
    shown = [line for line in groups if any(line.categories[key] for key in BELOW_NORMAL)]
    ratios = context.evaluate(("npl_ratio",), by=("branch",), as_of=context.as_of).rows
    named = [(row.labels["branch"], row.values["npl_ratio"]) for row in ratios]
    named.sort(key=lambda branch: branch[1] or 0, reverse=True)
    return {
        "below_normal": ChartData(
            "stacked_bar",
            gettext("Loans below normal by customer group"),
            [line.label for line in shown],
            [
                Series(str(CATEGORIES[key]), [ten_thousands(line.categories[key], decimals) for line in shown], key)
                for key in BELOW_NORMAL
            ],
            gettext("10,000 yuan"),
        ),
        "branches": ChartData(
            "bar",
            gettext("NPL ratio of each branch, of its own loans"),
            [name for name, _ratio in named],
            [Series(gettext("NPL ratio"), [_percent(ratio) for _name, ratio in named])],
            "%",
        ),
    }


def _percent(ratio: Value) -> Decimal | None:
    return None if ratio is None else half_up(ratio * 100, 2)


def _tables(
    total: Line, groups: Sequence[Line], branches: Sequence[Line], provisions: Mapping[str, Provision]
) -> list[DataTable]:
    """The same figures for machines: exact yuan, never rounded. Columns are named by keys, alike in each language."""
    columns = ["name", "loan_balance", "loan_count", *(f"balance_{key}" for key in CATEGORIES)]

    def exact(lines: Iterable[Line]) -> list[list[str | int]]:
        return [[i.label, yuan(i.balance), i.count, *(yuan(i.categories[key]) for key in CATEGORIES)] for i in lines]

    by_group = gettext("Balances by category and customer group, exact, in yuan")
    by_branch = gettext("Balances by category and branch, exact, in yuan")
    required = gettext("Provisions required by category, exact, in yuan")
    provision_columns = ["category", "loan_balance", "ratio", "provision_required"]
    provision_rows = [
        [key, yuan(line.balance), line.parameter.text, yuan(line.required)] for key, line in provisions.items()
    ]
    return [
        DataTable("by_customer_group", by_group, columns, exact([*groups, total])),
        DataTable("by_branch", by_branch, columns, exact([*branches, total])),
        DataTable("provisions", required, provision_columns, provision_rows),
    ]


REPORT = register(
    Report(
        key="loan_classification",
        title=_("Five-category loan classification and provisions"),
        description=_(
            "Loans by category and customer group and the provisions they require, as at a date: a supervisory return."
        ),
        permission=("Report", "run"),
        template="catalogue/loan_classification.html",
        build=build,
    )
)
