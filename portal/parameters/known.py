"""The parameters that rules read: what each means, and the value the portal starts with.

Where a value is general knowledge, or less than certain for a microloan company, its source says that compliance has to
confirm it. Each value becomes a dated row, which a later one supersedes from its day on: rules read rows, never this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from flask_babel import lazy_gettext as _

from portal.core.db import Labelled
from portal.core.registry import Registry
from portal.core.roles import roles

FROM_THE_START = date(2000, 1, 1)
"""First day of a default value: before any loan that is taken over."""

TO_CONFIRM = "（待合规部门确认）"

Unit = Literal[
    "days",
    "years",
    "fen",
    "percent",
    "rows",
    "decimals",
    "ten_thousand_yuan",
    "order",
    "dates",
    "day_list",
    "number",
    "roles",
    "switch",
    "times",
    "cost_method",
    "ties",
    "missing_figure",
    "income_parts",
]


class Operator(Labelled):
    """以上 includes the number, 超过 does not (民法典 1259): a threshold without its operator is ambiguous."""

    GREATER = ">", _("more than")
    GREATER_OR_EQUAL = ">=", _("at least")
    LESS = "<", _("less than")
    LESS_OR_EQUAL = "<=", _("at most")


@dataclass(frozen=True)
class Known:
    """A parameter that some rule reads."""

    key: str
    label: Any
    unit: Unit
    value: str
    """What it is until somebody decides otherwise."""
    source: str
    confirmed: bool = False
    operator: Operator | None = None
    """Set for a threshold: whether the number itself counts."""

    @property
    def threshold(self) -> bool:
        return self.operator is not None

    @property
    def cited(self) -> str:
        """The source as the screen shows it."""
        return self.source if self.confirmed else self.source + TO_CONFIRM

    def problem(self, value: str) -> Any:
        """A sentence when the text is no value of this parameter, else None."""
        return CHECKS[self.unit](value)


def _whole(value: str) -> Any:
    return None if value.isascii() and value.isdigit() else _("Please enter a whole number that is not negative.")


def _years(value: str) -> Any:
    fits = value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= 100 and len(value) <= 3
    return None if fits else _("Please enter a whole number of years between 1 and 100.")


def _percent(value: str) -> Any:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return _("Please enter a number.")
    return None if number.is_finite() and 0 <= number <= 1000 else _("Please enter a percentage between 0 and 1,000.")


def _order(value: str) -> Any:
    named = sorted(name for name in value.split(",") if name != "cost")
    if named == ["fee", "interest", "penalty", "principal"] and value.split(",").count("cost") <= 1:
        return None
    return _("Please name cost, interest, principal, fee and penalty once each, separated by commas.")


def _switch(value: str) -> Any:
    return None if value in ("on", "off") else _("Please enter on or off.")


def _cost_method(value: str) -> Any:
    return None if value in ("irr", "simple") else _("Please enter irr or simple.")


def _dates(value: str) -> Any:
    try:
        parsed_dates(value)
    except ValueError:
        return _("Please enter dates such as 2027-01-01, separated by commas.")
    return None


def _day_list(value: str) -> Any:
    try:
        parsed_days(value)
    except ValueError:
        return _("Please enter days such as 7,3,1, each from 0 to 365, separated by commas.")
    return None


def _roles(value: str) -> Any:
    unknown = [name for name in (part.strip() for part in value.split(",")) if name and name not in roles]
    return _("Please name roles such as administrator, separated by commas.") if unknown else None


def parsed_dates(value: str) -> list[date]:
    """The dates of a value with unit "dates"; ValueError when one is none."""
    return [date.fromisoformat(part.strip()) for part in value.split(",") if part.strip()]


def parsed_days(value: str) -> list[int]:
    """The days of a value with unit "day_list"; ValueError when one is no whole number from 0 to 365."""
    found = []
    for part in (part.strip() for part in value.split(",") if part.strip()):
        if not (part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 365):
            raise ValueError(f"{part!r} is no number of days")
        found.append(int(part))
    return found


CHECKS: dict[Unit, Callable[[str], Any]] = {
    "days": _whole,
    "years": _years,
    "fen": _whole,
    "rows": _whole,
    "decimals": _whole,
    "ten_thousand_yuan": _percent,
    "percent": _percent,
    "order": _order,
    "dates": _dates,
    "day_list": _day_list,
    "number": _whole,
    "roles": _roles,
    "switch": _switch,
    "times": _whole,
    "cost_method": _cost_method,
}

known: Registry[Known] = Registry("parameters")


def problems(key: str, value: str, operator: Operator | None) -> dict[str, list[Any]]:
    """Why no rule could read this value, a sentence by field; empty when one can."""
    if key not in known:
        return {"key": [_("No rule reads a parameter of this name.")]}
    problem = known[key].problem(value.strip())
    if problem is not None:
        return {"value": [problem]}
    if known[key].threshold and operator is None:
        return {"operator": [_("A threshold needs its operator.")]}
    if operator is not None and not known[key].threshold:
        return {"operator": [_("Only thresholds have one.")]}
    return {}


def declare(parameter: Known) -> Known:
    """Add a parameter that a rule reads; its default is loaded when the database is prepared."""
    return known.register(parameter.key, parameter)


RISK_RULES = "商业银行金融资产风险分类办法（银保监会、人民银行令〔2023〕1号）"
PROVISION_RULES = "银行贷款损失准备计提指引（银发〔2002〕98号）"
RESERVE_RULES = "金融企业准备金计提管理办法（财金〔2012〕20号）：标准法潜在风险估计值"
HOUSE = "本机构规定"

for key, label, operator, days in (
    ("special_mention", _("Special mention from days past due"), Operator.GREATER_OR_EQUAL, "1"),
    ("substandard", _("Substandard from days past due"), Operator.GREATER, "90"),
    ("doubtful", _("Doubtful from days past due"), Operator.GREATER, "270"),
    ("loss", _("Loss from days past due"), Operator.GREATER, "360"),
):
    declare(Known(f"category_floor.{key}", label, "days", days, RISK_RULES, operator=operator))

for key, label, ratio, confirmed in (
    ("normal", _("Specific provision, normal (%)"), "0", True),
    ("special_mention", _("Specific provision, special mention (%)"), "2", True),
    ("substandard", _("Specific provision, substandard (%)"), "25", True),
    ("doubtful", _("Specific provision, doubtful (%)"), "50", True),
    ("loss", _("Specific provision, loss (%)"), "100", True),
    ("general", _("General provision on all loans (%)"), "1", True),
):
    declare(Known(f"provision_ratio.{key}", label, "percent", ratio, PROVISION_RULES, confirmed=confirmed))

for key, label, ratio in (
    ("normal", _("General risk reserve, normal (%)"), "1.5"),
    ("special_mention", _("General risk reserve, special mention (%)"), "3"),
    ("substandard", _("General risk reserve, substandard (%)"), "30"),
    ("doubtful", _("General risk reserve, doubtful (%)"), "60"),
    ("loss", _("General risk reserve, loss (%)"), "100"),
):
    declare(Known(f"reserve_ratio.{key}", label, "percent", ratio, RESERVE_RULES))

for key, label, days in (
    ("1", _("PAR 1: days past due"), "1"),
    ("30", _("PAR 30: days past due"), "30"),
    ("60", _("PAR 60: days past due"), "60"),
    ("90", _("PAR 90: days past due"), "90"),
):
    at_least = Operator.GREATER_OR_EQUAL if key == "1" else Operator.GREATER
    declare(Known(f"par.{key}", label, "days", days, HOUSE, confirmed=True, operator=at_least))

declare(
    Known(
        "overdue.tolerance",
        _("Unpaid amount of an instalment that is still let pass (fen)"),
        "fen",
        "0",
        HOUSE,
        confirmed=True,
    )
)
declare(
    Known(
        "overdue.whole_balance",
        _("Days past due beyond which the whole balance of an instalment loan is overdue"),
        "days",
        "90",
        "贷款逾期口径（人民银行统计制度）",
        operator=Operator.GREATER,
    )
)
declare(
    Known(
        "accrual.stop",
        _("Days past due beyond which interest is no longer accrued"),
        "days",
        "90",
        "金融企业会计制度（财会〔2001〕49号）",
        operator=Operator.GREATER,
    )
)
declare(
    Known(
        "allocation.order",
        _("Order in which a payment settles what is due"),
        "order",
        "cost,interest,principal,fee,penalty",
        "民法典第561条",
    )
)
declare(
    Known(
        "five_category_return.amount_decimals", _("Five-category return: decimals of amounts"), "decimals", "2", HOUSE
    )
)
declare(
    Known("five_category_return.share_decimals", _("Five-category return: decimals of shares"), "decimals", "2", HOUSE)
)
declare(
    Known(
        "five_category_return.footing_tolerance",
        _("Five-category return: rounding difference let pass (10,000 yuan)"),
        "ten_thousand_yuan",
        "0.05",
        HOUSE,
    )
)
declare(Known("import.csv_rows", _("Most rows of a CSV file"), "rows", "2000000", HOUSE, confirmed=True))
declare(Known("import.xlsx_rows", _("Most rows of a workbook"), "rows", "200000", HOUSE, confirmed=True))
declare(
    Known("export.kept_days", _("Days for which files of large exports are kept"), "days", "7", HOUSE, confirmed=True)
)
declare(
    Known(
        "audit.retention_years",
        _("Years that audit entries stay in the database before they are archived"),
        "years",
        "10",
        "反洗钱法（2024年修订）第三十四条，客户身份资料和交易记录保存期限",
    )
)
declare(
    Known(
        "calendar.holidays",
        _("Days off beyond weekends, for years the built-in calendar does not know"),
        "dates",
        "",
        "国务院办公厅节假日安排",
        confirmed=True,
    )
)
declare(
    Known(
        "calendar.workdays",
        _("Weekend days that are worked, for years the built-in calendar does not know"),
        "dates",
        "",
        "国务院办公厅节假日安排",
        confirmed=True,
    )
)
declare(
    Known(
        "access.four_eyes",
        _("A second person approves changes of roles (on or off)"),
        "switch",
        "on",
        HOUSE,
        confirmed=True,
    )
)
declare(
    Known(
        "persons.retention_years",
        _("Years that a customer's data are kept after the last loan was closed"),
        "years",
        "10",
        "反洗钱法（2025年1月1日起施行）：客户身份资料和交易记录至少保存十年",
    )
)
declare(
    Known(
        "persons.reveals_per_day",
        _("Masked values that one person may have shown in a day"),
        "times",
        "50",
        HOUSE,
        confirmed=True,
    )
)
