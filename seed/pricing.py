"""What the demo company may charge, and what its prices are made of."""

from __future__ import annotations

from datetime import date

from portal.core.db import db
from portal.customers.models import CustomerType
from portal.pricing.models import FeeItem, Grade, PriceKind, PricePart
from portal.pricing.offers import Basis, Charged, Payee
from seed.organisation_loading import Ids

SINCE = date(2023, 1, 1)
PRICE_LIST = "公司收费目录（2023年版）"
PRICING = "公司贷款定价管理办法（2023年版）"

FEES = (
    ("F01", "借款人意外伤害保险费", Payee.INSURER, Charged.AT_SIGNING, Basis.OF_PRINCIPAL_A_YEAR, 3_000),
    ("F02", "融资担保费", Payee.GUARANTEE_COMPANY, Charged.AT_SIGNING, Basis.OF_PRINCIPAL_A_YEAR, 10_000),
    ("F03", "抵押物评估费", Payee.APPRAISER, Charged.AT_SIGNING, Basis.OF_PRINCIPAL, 1_500),
    ("F04", "不动产抵押登记费", Payee.REGISTRY, Charged.AT_SIGNING, Basis.FIXED, 8_000),
    ("F05", "账户管理服务费", Payee.LENDER, Charged.EACH_INSTALMENT, Basis.FIXED, 500),
    ("F06", "逾期上门催收交通费", Payee.LENDER, Charged.ON_EVENT, Basis.FIXED, 5_000),
)
"""Code, name, payee, when, basis, and fen or parts per million."""

PARTS = (
    ("D01", PriceKind.FUNDING, None, None, None, 15_000),
    ("D02", PriceKind.OPERATING, None, None, None, 20_000),
    ("D03", PriceKind.OPERATING, "P08", None, None, 50_000),
    ("D04", PriceKind.RISK, None, Grade.A, None, 10_000),
    ("D05", PriceKind.RISK, None, Grade.B, None, 20_000),
    ("D06", PriceKind.RISK, None, Grade.C, None, 35_000),
    ("D07", PriceKind.RISK, None, Grade.D, None, 55_000),
    ("D08", PriceKind.DIFFERENTIAL, None, None, CustomerType.FARMER, -5_000),
)
"""Code, kind, product, grade, customer group, parts per million over the base."""


def load_pricing(products: Ids) -> None:
    """Write all of it, within a unit of work."""
    for code, name, payee, charged, basis, standard in FEES:
        fixed = basis is Basis.FIXED
        db.session.add(
            FeeItem(
                code=code,
                name=name,
                payee=payee,
                charged=charged,
                basis=basis,
                amount=standard if fixed else None,
                share=None if fixed else standard,
                counted=charged is not Charged.ON_EVENT,
                valid_from=SINCE,
                source=PRICE_LIST,
            )
        )
    for code, kind, product, grade, group, rate in PARTS:
        db.session.add(
            PricePart(
                code=code,
                kind=kind,
                product_id=products[product] if product else None,
                grade=grade,
                customer_type=group,
                rate=rate,
                valid_from=SINCE,
                source=PRICING,
            )
        )
    db.session.flush()
