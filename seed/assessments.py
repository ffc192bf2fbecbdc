"""Risk assessments of the demo company: two quarters, each finding made from the company's own figures of its day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from sqlalchemy import func, select

from portal.core.db import db
from portal.core.metric import Value, evaluate, metrics
from portal.core.scope import acting, actor
from portal.metrics.formatting import shown, unit_words
from portal.organization.models import Branch, Post, Staff
from portal.risk import assessing
from portal.risk.assessment_words import Impact, Likelihood, Response, RiskKind
from portal.risk.assessments import RiskAssessment
from seed.company import BUSINESS_DATE, WESTERN

BEFORE, LAST = date(2025, 12, 31), date(2026, 3, 31)
"""The two quarter-ends that were assessed; the third, the business date, waits for a second person."""
SOON, LATE = BUSINESS_DATE + timedelta(days=92), BUSINESS_DATE - timedelta(days=30)
KEYS = (
    "npl_ratio",
    "par_30",
    "coverage_ratio",
    "top_1_share",
    "average_rate",
    "highest_rate",
    "loan_count",
    "overdue_loan_count",
    "funding_due_soon",
    "cash_gap_soon",
    "herfindahl_industry",
)
FIRST_STEP = "对逾期超过30天的客户逐户上门核实，制定还款计划。"
NPL_STEPS = (Fraction(1, 100), Fraction(2, 100), Fraction(5, 100))
"""NPL ratios of the demo from which on a worse credit is likelier."""


@dataclass(frozen=True)
class Case:
    """One assessment of the demo: its words take figures of its day."""

    kind: RiskKind
    as_of: date
    likelihood: int
    impact: int
    findings: str
    consequences: str
    response: Response
    measures: str | None = None
    due_on: date | None = None
    done: str = ""
    """What was done; empty while the measures are open."""
    branch: str = ""
    waits: bool = False


def load_assessments() -> None:
    """Write them through the verbs, as two risk officers; within a unit of work."""
    officers = db.session.scalars(select(Staff).where(Staff.post == Post.RISK).order_by(Staff.code)).all()
    if len(officers) < 2 or not evaluate(("loan_count",), as_of=BEFORE).total["loan_count"]:
        return
    branches = {row.code: row.id for row in db.session.scalars(select(Branch))}
    for case in _cases(branches):
        author, second = officers[1::-1] if case.waits else officers[:2]
        row = _assess(case, author, branches)
        if not case.waits:
            _confirm(row, case, second)


def _assess(case: Case, author: Staff, branches: dict[str, int]) -> RiskAssessment:
    with acting(replace(actor(), name=_login(author), staff_id=author.id)):
        row = assessing.assess(
            {
                "kind": case.kind,
                "branch": branches.get(case.branch),
                "as_of": case.as_of,
                "likelihood": Likelihood(str(case.likelihood)),
                "impact": Impact(str(case.impact)),
                "findings": case.findings,
                "consequences": case.consequences,
                "response": case.response,
                "measures": case.measures,
                "responsible": author.id if case.measures else None,
                "due_on": case.due_on,
            }
        )
    row.proposed_on = min(case.as_of + timedelta(days=8), BUSINESS_DATE)
    return row


def _confirm(row: RiskAssessment, case: Case, second: Staff) -> None:
    with acting(replace(actor(), name=second.code, staff_id=second.id)):
        assessing.decide(row.id, True, "")
        row.decided_on = case.as_of + timedelta(days=12)
        if case.done and case.due_on:
            assessing.finish_measures(row.id, case.due_on - timedelta(days=5), case.done)


def _login(officer: Staff) -> str:
    return str(officer.user.username) if officer.user is not None else str(officer.code)


def _told(day: date, branch: int | None = None) -> dict[str, str]:
    """The figures of a day in words; of a branch those that can be cut by it."""
    keys = KEYS if branch is None else KEYS[:3]
    total = evaluate(keys, where={} if branch is None else {"branch": branch}, as_of=day).total
    return {key: f"{shown(metrics[key], total[key])}{unit_words(metrics[key])}" for key in keys}


def _npl(day: date, branch: int | None = None) -> Value:
    where = {} if branch is None else {"branch": branch}
    return evaluate(("npl_ratio",), where=where, as_of=day).total["npl_ratio"]


def _likelihood(npl: Value) -> int:
    return 2 + sum(Fraction(npl or 0) >= step for step in NPL_STEPS)


def _cases(branches: dict[str, int]) -> list[Case]:
    found: list[Case] = []
    managers = db.session.scalar(select(func.count()).where(Staff.post == Post.CUSTOMER_MANAGER)) or 1
    for day in (BEFORE, LAST):
        told, first = _told(day), day == BEFORE
        per_manager = int(evaluate(("loan_count",), as_of=day).total["loan_count"] or 0) // managers
        found += [
            Case(
                RiskKind.CREDIT,
                day,
                _likelihood(_npl(day)),
                3,
                f"不良贷款率{told['npl_ratio']}，PAR30为{told['par_30']}，拨备覆盖率{told['coverage_ratio']}，"
                f"最大单户占比{told['top_1_share']}。",
                "逾期贷款继续下迁将增加拨备计提，侵蚀当期利润。",
                Response.REDUCE,
                "对逾期超过30天的客户逐户上门核实，制定还款计划。"
                if first
                else "对逾期超过30天的客户追加担保或压缩额度。",
                date(2026, 2, 28) if first else LATE,
                "已完成逐户核实并录入还款计划。" if first else "",
            ),
            Case(
                RiskKind.MARKET,
                day,
                3 if first else 2,
                2,
                f"贷款平均年利率{told['average_rate']}，行业集中度指数{told['herfindahl_industry']}。",
                "市场利率下行或单一行业景气转弱时，利息收入减少。",
                Response.BEAR,
            ),
            Case(
                RiskKind.OPERATIONAL,
                day,
                3,
                2 if first else 3,
                f"在贷{told['loan_count']}笔，客户经理{managers}人，人均管户约{per_manager}笔。",
                "管户偏多时贷后检查容易流于形式，录入差错增多。",
                Response.REDUCE,
                "按网格调整管户，贷后检查实行交叉抽查。",
                date(2026, 2, 15) if first else SOON,
                "管户调整方案已实施。" if first else "",
            ),
            Case(
                RiskKind.COMPLIANCE,
                day,
                2,
                4 if first else 3,
                f"在贷最高年利率{told['highest_rate']}。",
                "利率或综合成本超出监管要求将面临处罚和退费。",
                Response.AVOID,
                "新发放贷款逐笔测算综合年化成本，超限额的不予发放。",
                date(2026, 1, 31) if first else SOON,
                "已在系统中设置利率上限。" if first else "",
            ),
        ]
    told = _told(LAST)
    found.append(
        Case(
            RiskKind.LIQUIDITY,
            LAST,
            2,
            4,
            f"近期到期融资{told['funding_due_soon']}，资金缺口{told['cash_gap_soon']}。",
            "回款不及预期时，到期融资的偿还会受影响。",
            Response.TRANSFER,
            "与合作银行落实备用授信额度。",
            SOON,
        )
    )
    told = _told(BEFORE)
    found.append(
        Case(
            RiskKind.LEGAL,
            BEFORE,
            2,
            3,
            f"逾期贷款{told['overdue_loan_count']}笔，须关注诉讼时效和保证期间。",
            "超过时效的债权难以通过诉讼收回。",
            Response.REDUCE,
            "逐笔核对时效，到期前半年发出书面催收通知。",
            date(2026, 3, 15),
            "逾期贷款的时效已逐笔核对。",
        )
    )
    western = branches.get(WESTERN)
    if western is not None:
        told = _told(LAST, western)
        found.append(
            Case(
                RiskKind.CREDIT,
                LAST,
                _likelihood(_npl(LAST, western)),
                2,
                f"本机构及下辖网点不良贷款率{told['npl_ratio']}，PAR30为{told['par_30']}。",
                "不良上升将影响机构考核和授信额度。",
                Response.REDUCE,
                "每周召开逾期客户分析会。",
                SOON,
                branch=WESTERN,
            )
        )
    told = _told(BUSINESS_DATE)
    found.append(
        Case(
            RiskKind.CREDIT,
            BUSINESS_DATE,
            _likelihood(_npl(BUSINESS_DATE)),
            3,
            f"不良贷款率{told['npl_ratio']}，PAR30为{told['par_30']}，拨备覆盖率{told['coverage_ratio']}。",
            "逾期贷款继续下迁将增加拨备计提，侵蚀当期利润。",
            Response.REDUCE,
            "继续压降逾期超过30天的贷款，重点跟踪大额客户。",
            SOON,
            waits=True,
        )
    )
    return found
