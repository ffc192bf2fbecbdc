"""Net assets, borrowing and limits of the demo company, related firms, insiders, and a year of measured month-ends."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from sqlalchemy import select

from portal.core.clock import month_end
from portal.core.db import db
from portal.core.scope import unscoped
from portal.customers.models import Customer, CustomerType, Industry, RelatedParty, Tie
from portal.limits.borrowings import Borrowing, FundingKind
from portal.limits.daily import measure, measure_month_ends
from portal.limits.exposure import Book
from portal.limits.models import CompanyFigure, FigureKind, Insider, InsiderKind, LendingLimit, LimitBreach, LimitKind
from portal.limits.rules import Measure, Standing
from portal.products.models import Product
from seed.company import BUSINESS_DATE

SINCE = date(2023, 1, 1)
HOUSE = "公司限额管理办法（2023年版），风险管理委员会批准"
AUDITED = "{year}年度审计报告"

YEARS = {2022: 32_000_000, 2023: 36_500_000, 2024: 41_200_000, 2025: 44_000_000}
"""Net assets at each year-end, in yuan."""
FUNDING = (
    (FigureKind.BANK_BORROWING, 18_000_000, "2101 短期借款"),
    (FigureKind.SHAREHOLDER_BORROWING, 12_500_000, "2241 其他应付款——股东借款"),
    (FigureKind.BONDS, 0, "2502 应付债券"),
    (FigureKind.SECURITIES, 20_000_000, "2503 应付资产支持证券"),
    (FigureKind.ALLOWANCE, 3_900_000, "1304 贷款损失准备"),
)
"""At the last month-end, in yuan, with the account."""

BORROWINGS = (
    (
        "J-2024-01",
        FundingKind.BANK_BORROWING,
        "合作银行甲",
        10_000_000,
        4_000_000,
        52_000,
        (2024, 9, 20),
        (2026, 9, 18),
    ),
    (
        "J-2025-01",
        FundingKind.BANK_BORROWING,
        "合作银行乙",
        8_000_000,
        8_000_000,
        49_500,
        (2025, 11, 12),
        (2026, 11, 11),
    ),
    (
        "J-2025-02",
        FundingKind.BANK_BORROWING,
        "合作银行甲",
        6_000_000,
        6_000_000,
        49_000,
        (2025, 12, 25),
        (2027, 6, 24),
    ),
    (
        "G-2025-01",
        FundingKind.SHAREHOLDER_BORROWING,
        "股东一",
        7_500_000,
        7_500_000,
        45_000,
        (2025, 8, 1),
        (2026, 7, 31),
    ),
    (
        "G-2026-01",
        FundingKind.SHAREHOLDER_BORROWING,
        "股东二",
        5_000_000,
        5_000_000,
        45_000,
        (2026, 2, 2),
        (2027, 2, 1),
    ),
    (
        "Z-2025-A",
        FundingKind.SECURITIES,
        "专项计划优先A档",
        14_000_000,
        12_000_000,
        41_000,
        (2025, 9, 30),
        (2026, 9, 30),
    ),
    (
        "Z-2025-B",
        FundingKind.SECURITIES,
        "专项计划优先B档",
        8_000_000,
        8_000_000,
        46_000,
        (2025, 9, 30),
        (2027, 3, 31),
    ),
)
"""Number, kind, lender, yuan drawn and outstanding, rate in parts per million, from, until: in all `FUNDING`."""
ACCOUNT = {kind.value: account for kind, _yuan, account in FUNDING}

LIMITS = (
    ("H-01", LimitKind.BORROWER, Measure.AMOUNT, 100_000_000, None, True),
    ("H-02", LimitKind.GROUP, Measure.NET_ASSETS, 50_000, None, False),
    ("H-03", LimitKind.INSIDERS, Measure.NET_ASSETS, 30_000, None, True),
    ("H-04", LimitKind.INDUSTRY, Measure.PORTFOLIO, 400_000, Industry.AGRICULTURE, False),
    ("H-05", LimitKind.INDUSTRY, Measure.PORTFOLIO, 350_000, Industry.TRADE, False),
    ("H-06", LimitKind.PRODUCT, Measure.PORTFOLIO, 350_000, "P06", True),
    ("H-07", LimitKind.PRODUCT, Measure.PORTFOLIO, 100_000, "P08", True),
)
"""Code, kind, measure, fen or parts per million, for which one, whether loans are refused."""

NOTE = "三户企业同受一人控制，首笔贷款发放后才查明。风险管理委员会要求不再新增授信，到期只收不贷，按月报告。"


def load_limits() -> None:
    """Write all of it, once it is known what is lent; within a unit of work."""
    load_figures()
    _borrowings()
    _limits()
    with unscoped("the demo company is loaded"):
        _related()
        _insiders()
    db.session.flush()
    last = month_end(BUSINESS_DATE).replace(day=1) - timedelta(days=1)
    ends = [last]
    while len(ends) < 12:
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    measure_month_ends(ends)
    measure(BUSINESS_DATE - timedelta(days=1))
    for row in db.session.scalars(select(LimitBreach).where(LimitBreach.level == Standing.BEYOND)):
        row.note = NOTE
    db.session.flush()


def load_figures() -> None:
    """Net assets and borrowing, as finance would enter them."""
    for year, yuan in YEARS.items():
        source = AUDITED.format(year=year)
        _figure(FigureKind.NET_ASSETS, date(year, 12, 31), yuan, "4 所有者权益合计", source)
    day = BUSINESS_DATE.replace(day=1) - timedelta(days=1)
    for kind, yuan, account in FUNDING:
        _figure(kind, day, yuan, account, f"{day:%Y年%m月}资产负债表（未经审计）")


def _figure(kind: FigureKind, day: date, yuan: int, account: str, source: str) -> None:
    code = f"{kind}-{day:%Y%m%d}"
    db.session.add(CompanyFigure(code=code, kind=kind, on_day=day, amount=yuan * 100, account=account, source=source))


def _borrowings() -> None:
    for code, kind, lender, drawn, left, rate, since, until in BORROWINGS:
        row = Borrowing(code=code, kind=kind, lender=lender, amount=drawn * 100, outstanding=left * 100, rate=rate)
        row.drawn_on, row.matures_on = date(*since), date(*until)
        row.account, row.source = ACCOUNT[kind.value], "借款合同与还款计划"
        db.session.add(row)


def _limits() -> None:
    products = {row.code: row.id for row in db.session.scalars(select(Product))}
    for code, kind, measure_, most, one, enforced in LIMITS:
        amount = measure_ is Measure.AMOUNT
        db.session.add(
            LendingLimit(
                code=code,
                kind=kind,
                product_id=products[str(one)] if kind is LimitKind.PRODUCT else None,
                industry=one if kind is LimitKind.INDUSTRY else None,
                measure=measure_,
                amount=most if amount else None,
                share=None if amount else most,
                warning=900_000 if amount else 800_000,
                enforced=enforced,
                valid_from=SINCE,
                source=HOUSE,
                confirmed=True,
            )
        )


def _related() -> None:
    """Three of the largest firms turn out to be in one hand."""
    largest = list(Book(db.session()).largest(7))
    firms = [db.session.get_one(Customer, largest[place]) for place in (0, 5, 6)]
    for place, (one, other) in enumerate(pairwise(firms)):
        note = "工商登记信息，实际控制人相同"
        row = RelatedParty(code=f"{one.code}-G{place}", customer_id=one.id, tie=Tie.COMMON_CONTROL, note=note)
        row.related_id = other.id
        db.session.add(row)


def _insiders() -> None:
    """A firm of a shareholder, and a member of staff with a loan."""
    firm = list(Book(db.session()).largest(8))[-1]
    wages = select(Customer.id).where(Customer.industry == Industry.WAGES, Customer.type == CustomerType.INDIVIDUAL)
    candidates = db.session.scalars(wages.order_by(Customer.id)).all()
    owing = Book(db.session()).of_customers(candidates)
    person = next(one for one in candidates if one in owing)
    for number, (one, kind, source) in enumerate(
        ((firm, InsiderKind.SHAREHOLDER, "股东名册"), (person, InsiderKind.STAFF, "劳动合同")), 1
    ):
        db.session.add(Insider(code=f"N{number:02d}", customer_id=one, kind=kind, valid_from=SINCE, source=source))
