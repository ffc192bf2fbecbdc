"""A small invented portfolio that answers `evaluate` and `parameter` by plain sums, without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from portal.core.metric import Metric, MetricResult, Question, Row
from portal.parameters.known import TO_CONFIRM, Operator
from portal.parameters.services import ParameterValue

AS_OF = dt.date(2026, 9, 30)
BEYOND = {"special_mention": 0, "substandard": 90, "doubtful": 270, "loss": 360}
RATIOS = {"normal": "0", "special_mention": "2", "substandard": "25", "doubtful": "50", "loss": "100", "general": "1"}
BRANCHES = {1: "总部营业部", 2: "桃村镇支行", 3: "官道镇支行", 4: "蛇窝泊镇支行", 5: "=1+1 分理处"}
GROUPS = ("farmer", "individual", "self_employed", "small_enterprise", "enterprise")


@dataclass(frozen=True)
class Lent:
    """One loan; fen and days."""

    customer: int
    branch: int
    group: str
    balance: int
    days: int
    since: dt.date = dt.date(2025, 3, 1)

    @property
    def category(self) -> str:
        return ["normal", *(key for key, days in BEYOND.items() if self.days > days)][-1]


class Portfolio:
    """Answers like `portal.core.metric.evaluate` and `portal.parameters.services.parameter`."""

    def __init__(self, loans: Sequence[Lent], branches: Mapping[int, str] = BRANCHES) -> None:
        self.loans = list(loans)
        self.branches = branches
        self.written_off = 1_234_567_89
        self.values = {
            "five_category_return.amount_decimals": "2",
            "five_category_return.share_decimals": "2",
            "five_category_return.footing_tolerance": "0.05",
        }

    def evaluate(
        self,
        keys: Sequence[str],
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        as_of: dt.date | None = None,
        start: dt.date | None = None,
    ) -> MetricResult:
        assert not where
        day = as_of or AS_OF
        loans = [loan for loan in self.loans if loan.since <= day]
        members = {"branch": "branch", "customer_group": "group", "category": "category"}
        cuts = sorted({tuple(getattr(loan, members[key]) for key in by) for loan in loans}) if by else []
        rows = []
        for cut in cuts:
            inside = [loan for loan in loans if tuple(getattr(loan, members[key]) for key in by) == cut]
            labels = {k: self.branches[v] if k == "branch" else str(v) for k, v in zip(by, cut, strict=True)}
            rows.append(Row(dict(zip(by, cut, strict=True)), labels, {key: self.figure(key, inside) for key in keys}))
        total = {key: self.figure(key, loans) for key in keys}
        return MetricResult(tuple(keys), Question(day, start), tuple(rows), total, tuple(by))

    def figure(self, key: str, loans: Iterable[Lent]) -> int | Fraction | None:
        loans = list(loans)
        balance = sum(loan.balance for loan in loans)

        def later(days: int) -> int:
            return sum(loan.balance for loan in loans if loan.days > days)

        if key in ("npl_ratio", "par_1", "par_30", "par_90"):
            late = {"npl_ratio": later(90), "par_1": later(0), "par_30": later(30), "par_90": later(90)}[key]
            return Fraction(late, balance) if balance else None
        shares = sum(loan.balance * (int(RATIOS.get(loan.category, "0")) + int(RATIOS["general"])) for loan in loans)
        return {
            "loan_balance": balance,
            "category_balance": balance,
            "loan_count": len(loans),
            "borrower_count": len({loan.customer for loan in loans}),
            "npl_balance": later(90),
            "overdue_loan_balance": later(0),
            "provision_required": (shares + 50) // 100,
            "written_off": self.written_off,
        }[key]

    def parameter(self, key: str, _day: dt.date) -> ParameterValue:
        name, _, member = key.partition(".")
        since = dt.date(2023, 7, 1)
        if name == "provision_ratio":
            return ParameterValue(RATIOS[member], None, "银发〔2002〕98号", since, True)
        if name == "category_floor":
            days = str(BEYOND[member])
            return ParameterValue(days, Operator.GREATER, "令〔2023〕1号" + TO_CONFIRM, since, False)
        return ParameterValue(self.values[key], None, "本机构规定", since, True)


def definition(key: str) -> Metric:
    return Metric(key, f"Label of {key}", "money", "stock", f"Formula of {key}", "", "Portfolio")


def sample_loans() -> list[Lent]:
    """240 loans of odd amounts over five branches, five groups and all categories, from a fixed arithmetic."""
    lateness = (0,) * 17 + (12, 45, 120)
    loans = []
    for n in range(240):
        days = lateness[(n * 7) % 20] + (200 if n % 31 == 0 else 0) + (300 if n % 47 == 0 else 0)
        since = dt.date(2025, 1, 14) + dt.timedelta(days=n * 5 // 2)  # one on the first of a year, one of a month
        loans.append(Lent(n // 2, n % 5 + 1, GROUPS[n % 7 % 5], 3_000_00 + (n * 7_919_37) % 48_765_43, days, since))
    return loans
