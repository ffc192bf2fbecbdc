"""The limits that regulation sets, as the portal starts with them; from then on they are rows like any other."""

from __future__ import annotations

from sqlalchemy import select

from portal.core.db import db
from portal.core.setup import on_prepare
from portal.core.work import unit_of_work
from portal.limits.models import LendingLimit, LimitKind
from portal.limits.rules import Measure
from portal.parameters.known import FROM_THE_START, TO_CONFIRM

CONCENTRATION = f"小额贷款公司监督管理暂行办法（金规〔2024〕26号），按上年末净资产计{TO_CONFIRM}"
LEVERAGE = f"关于加强小额贷款公司监督管理的通知（银保监办发〔2020〕86号）{TO_CONFIRM}"

DEFAULTS = (
    ("REG-01", LimitKind.BORROWER, 100_000, CONCENTRATION),
    ("REG-02", LimitKind.GROUP, 150_000, CONCENTRATION),
    ("REG-03", LimitKind.BORROWING, 1_000_000, LEVERAGE),
    ("REG-04", LimitKind.BONDS, 4_000_000, LEVERAGE),
)
"""Code, kind, share of net assets in parts per million, source."""


@on_prepare
def load_limits() -> None:
    """Enter the limits of regulation in a database that has no limits. Does nothing when run again."""
    if db.session.scalar(select(LendingLimit.id).limit(1)) is not None:
        return
    with unit_of_work("limits.load_defaults") as unit:
        db.session.add_all(
            LendingLimit(
                code=code,
                kind=kind,
                measure=Measure.NET_ASSETS,
                share=share,
                warning=800_000,
                enforced=True,
                valid_from=FROM_THE_START,
                source=source,
                confirmed=False,
            )
            for code, kind, share, source in DEFAULTS
        )
        unit.note(limits=[code for code, *_rest in DEFAULTS])
