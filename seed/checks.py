"""Post-loan checks of the demo's open loans: made as they fell due, by what the month-ends say of each loan.

Findings follow the loan: one that is late has a borrower who does worse. Some managers are behind with their last
check, so that checks are due and a few overdue. The loan whose money went into a fund has the check that found it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.bulk import insert_rows, reserve_ids
from portal.core.clock import month_end
from portal.core.db import db
from portal.core.scope import unscoped
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Post, Staff
from portal.products.models import Channel
from portal.risk.checking import check_rules
from portal.risk.checks import Breach, Business, CheckKind, Conclusion, Manner, PostLoanCheck, UseOfFunds
from portal.risk.rules import CheckRules
from seed.company import BUSINESS_DATE

BEHIND = 0.12
"""Probability that a check which fell due in the last weeks is still to be made."""
WEEKS, A_MONTH = timedelta(days=40), timedelta(days=30)
PARTLY = 0.015
"""Probability that a first check finds part of the money elsewhere."""
FOUND_ON = BUSINESS_DATE - timedelta(days=6)
"""When the misuse was found that is decided on the business date."""
Standing = tuple[date, Category]
"""A month-end, or the business date, and the category then."""

EVIDENCE = "信贷档案盒{box:02}：{papers}"
PAPERS = {
    Manner.VISIT: ("现场照片、客户签字的检查表", "现场照片、进货单据", "经营场所照片、近三个月流水"),
    Manner.PHONE: ("通话记录", "通话记录、微信经营照片"),
    Manner.PAPERS: ("近三个月银行流水", "纳税申报表、银行流水"),
}
NORMALLY = (Business.SAME,) * 6 + (Business.BETTER,) * 2 + (Business.WORSE,)
BREACHES = {
    Breach.DEBT: ("在其他机构新增借款，未告知我方", "为亲属借款新增担保"),
    Breach.INFORMATION: ("未按约定提供近期流水", "歇业情况未主动告知"),
    Breach.SECURITY: ("抵押车辆发生事故，价值下降", "保证人收入中断"),
}


def load_checks() -> None:
    """Write them all, once month-ends and today's categories are known; within a unit of work."""
    rng = Random("demo company: post-loan checks")
    with unscoped("the demo company is loaded"):
        rows = list(_rows(rng))
        ids = reserve_ids(db.session(), PostLoanCheck, len(rows))
        insert_rows(db.session(), PostLoanCheck, [{"id": key, **row} for key, row in zip(ids, rows, strict=True)])


def days_of_checks(
    start: date, course: Sequence[Standing], rules: CheckRules, rng: Random
) -> Iterator[tuple[date, Category]]:
    """When a loan was checked, with its category then: some days before each check was due, month by month.

    Where the category became worse meanwhile the check follows within the month. The last one may be left out.
    """
    last: tuple[date, date | None] | None = None
    for on, category in course:
        begins = max(start, month_end(on - timedelta(31)) + timedelta(1))
        while (due := rules.due_on(start, None, category, last)) <= on:
            earliest = begins if last is None else max(begins, last[0] + timedelta(1))
            day = min(max(due - timedelta(rng.randrange(9)), earliest), on)
            if due >= BUSINESS_DATE - WEEKS and rng.random() < BEHIND:
                return
            if last is not None and day <= last[0]:
                break  # checked today already, and due again: nothing can be made of that within the month
            yield day, category
            last = (day, rules.latest_next(day, category, unused=False))


def _rows(rng: Random) -> Iterator[dict[str, Any]]:
    rules = check_rules(BUSINESS_DATE)
    standings: dict[int, list[Standing]] = defaultdict(list)
    known = select(LoanSnapshot.loan_id, LoanSnapshot.as_of, LoanSnapshot.category).order_by(LoanSnapshot.as_of)
    for loan_id, day, category in db.session.execute(known):
        standings[loan_id].append((day, category))
    leads = {lead.team_id: lead.id for lead in db.session.scalars(select(Staff).where(Staff.post == Post.TEAM_LEAD))}
    loaded = (joinedload(LoanState.loan).joinedload(Loan.product), joinedload(LoanState.manager))
    for state in db.session.scalars(select(LoanState).options(*loaded).order_by(LoanState.loan_id)):
        loan = state.loan
        course = [*standings[state.loan_id], (BUSINESS_DATE, state.category)]
        checks = [
            (day, CheckKind.REGULAR if place else CheckKind.FIRST, category, _found(loan, category, not place, rng))
            for place, (day, category) in enumerate(days_of_checks(loan.disbursed_on, course, rules, rng))
        ]
        if loan.misuse_markup:
            checks = [check for check in checks if check[0] < FOUND_ON]
            checks.append((FOUND_ON, CheckKind.SPECIAL, state.category, _misused(rng)))
        for day, kind, category, found in checks:
            manager = state.manager
            joined = manager is not None and (manager.joined_on is None or manager.joined_on <= day)
            yield {
                "loan_id": state.loan_id,
                "kind": kind,
                "checked_on": day,
                "next_check_on": day + A_MONTH
                if loan.misuse_markup
                else rules.latest_next(day, category, unused=False),
                "checked_by_id": state.manager_id if joined else leads.get(state.team_id),
                "version": 1,
                **found,
            }


def _found(loan: Loan, category: Category, first: bool, rng: Random) -> dict[str, Any]:
    """What a check of a loan in this category finds."""
    online = loan.product.channel is Channel.ONLINE
    manner = rng.choice((Manner.PHONE, Manner.PAPERS) if online else (Manner.VISIT, Manner.VISIT, Manner.PHONE))
    late = category is not Category.NORMAL
    partly = first and rng.random() < PARTLY
    breach, note, conclusion = Breach.NONE, None, Conclusion.WATCH if late else Conclusion.FINE
    business = rng.choice((Business.WORSE, Business.WORSE, Business.SAME) if late else NORMALLY)
    if category.non_performing:
        business = rng.choice((Business.WORSE, Business.STOPPED))
        conclusion = rng.choice((Conclusion.WATCH, Conclusion.ACT))
    if partly:
        breach, note, conclusion = Breach.USE, "约三成资金转给亲属周转，已要求限期收回", Conclusion.WATCH
    elif late and rng.random() < 0.15:
        breach = rng.choice(list(BREACHES))
        note = rng.choice(BREACHES[breach])
    return {
        "manner": manner,
        "use": UseOfFunds.PARTLY if partly else UseOfFunds.AS_AGREED,
        "flow": f"用于{loan.purpose or '经营周转'}，付款凭证与用途相符"
        if first and not partly
        else note
        if partly
        else None,
        "business": business,
        "breach": breach,
        "breach_note": note,
        "conclusion": conclusion,
        "evidence": EVIDENCE.format(box=rng.randrange(1, 60), papers=rng.choice(PAPERS[manner])),
    }


def _misused(rng: Random) -> dict[str, Any]:
    """What was found of the loan whose penalty interest for misuse runs from the business date on."""
    return {
        "manner": Manner.PAPERS,
        "use": UseOfFunds.OTHERWISE,
        "flow": "放款次日全部转入理财账户",
        "business": Business.SAME,
        "breach": Breach.USE,
        "breach_note": "贷款资金未用于约定用途，全部购买理财产品",
        "conclusion": Conclusion.ACT,
        "evidence": EVIDENCE.format(box=rng.randrange(1, 60), papers="放款账户流水"),
    }
