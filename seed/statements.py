"""Financial statements of the demo's borrowers: yearly ones, half-years of enterprises. Trouble shows in them first.

Of a borrower who came to be late, the statements from the year before on are worse than those of others; some are bad
without consequences, and some borrowers hand in none, so that no rule finds everybody and none is always right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import BigInteger, Date, case, func, insert, literal, select
from sqlalchemy.orm import Session

from portal.core.bulk import insert_rows, reserve_ids
from portal.core.db import Choice, db
from portal.core.scope import unscoped
from portal.customers.models import Customer, CustomerType
from portal.customers.statements import FinancialStatement, StatementSource
from portal.loans.models import Loan
from portal.loans.state import LoanSnapshot
from seed.company import BUSINESS_DATE

YEARS = (2023, 2024, 2025)
LATE = 30
"""Days past due at a month-end from which somebody was in trouble."""
HAND_IN, TROUBLE_SEEN, BAD_LUCK = 0.86, 0.75, 0.06
"""Probability of a statement; that trouble shows in it; that it is bad without trouble."""
EVIDENCE = "信贷档案盒{box:02}，第{sheet}页"
TEN_THOUSAND = 1_000_000
"""Yuan, in fen."""


@dataclass(frozen=True)
class Kind:
    """What statements of a group of customers look like: ranges in ten thousand yuan, and where they come from."""

    assets: tuple[int, int]
    turnover: tuple[int, int]
    margin: tuple[int, int]
    """Profit as a percentage of turnover."""
    sources: tuple[StatementSource, ...]


FARM = Kind((15, 70), (6, 30), (15, 45), (StatementSource.ESTIMATE,) * 4 + (StatementSource.BANK_FLOW,))
KINDS = {
    CustomerType.FARMER: FARM,
    CustomerType.INDIVIDUAL: Kind((20, 120), (6, 18), (10, 40), (StatementSource.BANK_FLOW, StatementSource.ESTIMATE)),
    CustomerType.SELF_EMPLOYED: Kind(
        (30, 200), (30, 260), (5, 20), (StatementSource.BANK_FLOW, StatementSource.TAX_RETURN, StatementSource.ESTIMATE)
    ),
    CustomerType.SMALL_ENTERPRISE: Kind(
        (200, 2_500), (150, 3_000), (2, 12), (StatementSource.TAX_RETURN, StatementSource.AUDITED)
    ),
}


def load_statements() -> None:
    """Write them all, once it is known who came to be late; within a unit of work."""
    rng = Random("demo company: statements")
    with unscoped("the demo company is loaded"):
        borrowed = select(Loan.customer_id).distinct()
        wanted = select(Customer).where(Customer.id.in_(borrowed), Customer.manager_id.is_not(None))
        customers = db.session.scalars(wanted.order_by(Customer.id)).all()
        late = select(LoanSnapshot.customer_id, func.min(LoanSnapshot.as_of)).where(LoanSnapshot.days_past_due > LATE)
        found = db.session.execute(late.group_by(LoanSnapshot.customer_id))
        trouble: dict[int, date] = dict(found.tuples().all())
        rows = [row for one in customers for row in _of(one, trouble.get(one.id), rng)]
        ids = reserve_ids(db.session(), FinancialStatement, len(rows))
        insert_rows(db.session(), FinancialStatement, [{"id": key, **row} for key, row in zip(ids, rows, strict=True)])


def fill_statements(session: Session) -> None:
    """Of every customer two years, set-based, for benchmarks; figures by their numbers, one in ten bad."""
    for year in YEARS[-2:]:
        values: dict[str, Any] = {
            "code": Customer.code + f"-B{year}",
            "customer_id": Customer.id,
            "period_end": literal(date(year, 12, 31), Date),
            "months": literal(12),
            **by_number(Customer.id, year),
            "source": literal(StatementSource.ESTIMATE, Choice(StatementSource)),
            "collector_id": Customer.manager_id,
            "collected_on": literal(date(year + 1, 3, 1), Date),
            "version": literal(1),
        }
        rows = select(*(value.label(name) for name, value in values.items())).where(Customer.manager_id.is_not(None))
        session.execute(insert(FinancialStatement).from_select(list(values), rows))


def by_number(number: Any, year: int) -> dict[str, Any]:
    """SQL: the figures of a customer with this number; they come again after 9,000 customers."""
    place = number % 9_000  # a million times 7,919 would be no whole number to PostgreSQL
    spread = (place * 7_919) % 100
    fallen = case((spread >= 90, 55), else_=100) if year == YEARS[-1] else literal(95)
    assets = (10 + (place * 31) % 90) * literal(TEN_THOUSAND, BigInteger)
    return {
        "total_assets": assets,
        "total_liabilities": assets // literal(100) * spread,
        "turnover": assets // literal(200) * fallen,
        "net_profit": assets // literal(100),
    }


def _of(customer: Customer, trouble: date | None, rng: Random) -> Iterator[dict[str, Any]]:
    kind = KINDS.get(customer.type, FARM)
    assets, turnover = (rng.randrange(*span) * TEN_THOUSAND for span in (kind.assets, kind.turnover))
    ratio = rng.randrange(8, 56)
    enterprise = customer.type is CustomerType.SMALL_ENTERPRISE
    for year in YEARS:
        doomed = trouble is not None and trouble.year <= year + 1 and rng.random() < TROUBLE_SEEN
        bad = doomed or rng.random() < BAD_LUCK
        turnover = turnover * (rng.randrange(45, 95) if bad else rng.randrange(90, 125)) // 100
        assets = assets * (rng.randrange(80, 100) if bad else rng.randrange(95, 112)) // 100
        ratio = min(ratio + rng.randrange(15, 45), 135) if bad else max(ratio + rng.randrange(-8, 9), 5)
        half = year in YEARS[1:] and enterprise
        for period_end, months in ((date(year, 6, 30), 6),) * half + ((date(year, 12, 31), 12),):
            collected = period_end + timedelta(days=rng.randrange(12, 110))
            missing = rng.random() > HAND_IN or (customer.since is not None and collected < customer.since)
            if missing or collected > BUSINESS_DATE:
                continue
            sold = turnover * months // 12
            yield {
                "code": f"{customer.code}-B{period_end:%y%m}",
                "customer_id": customer.id,
                "period_end": period_end,
                "months": months,
                "total_assets": assets,
                "total_liabilities": assets * ratio // 100,
                "turnover": sold,
                "net_profit": sold * (rng.randrange(-15, 3) if bad else rng.randrange(*kind.margin)) // 100,
                "repaid_elsewhere": rng.choice((None, 0, sold // months // 20)),
                "source": rng.choice(kind.sources),
                "collector_id": customer.manager_id,
                "collected_on": collected,
                "evidence": EVIDENCE.format(box=rng.randrange(1, 60), sheet=rng.randrange(1, 300)),
                "version": 1,
            }
