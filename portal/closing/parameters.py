"""The dated parameters of month-end entries: what day-end books by itself, and how income is taxed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.closing.models import EntryKind
from portal.core.db import label_of
from portal.loans.components import Component
from portal.parameters.known import CHECKS, HOUSE, Known, declare
from portal.parameters.services import parameter, parameters
from portal.parameters.words import TOLD

AUTOMATIC: Mapping[EntryKind, str] = {
    EntryKind.PROVISION: "provisions.automatic",
    EntryKind.VAT: "vat.automatic",
    EntryKind.MEMO_INTEREST: "memo_interest.automatic",
}
"""The switch of each kind: whether day-end books it at a month-end without being asked."""

VAT_RATE, VAT_CEILING, VAT_UNTIL, VAT_PARTS = "vat.rate", "vat.exempt_up_to", "vat.exempt_until", "vat.exempt_parts"
VAT = (VAT_RATE, VAT_CEILING, VAT_UNTIL, VAT_PARTS)
INCOME_PARTS = (Component.INTEREST, Component.FEE, Component.PENALTY)
FARMERS = "财政部 税务总局公告2023年第54号（小额贷款公司农户小额贷款利息收入免征增值税，至2027-12-31）"


def _parts(value: str) -> Any:
    names = [name.strip() for name in value.split(",")]
    if value and set(names) <= {part.value for part in INCOME_PARTS}:
        return None
    return _("Please name interest, fee or penalty, separated by commas.")


def _told_parts(value: str) -> str:
    known = {part.value: str(label_of(part)) for part in INCOME_PARTS}
    return str(gettext(", ").join(known.get(name.strip(), name) for name in value.split(",")))


CHECKS["income_parts"], TOLD["income_parts"] = _parts, _told_parts

for _kind, _label in (
    (EntryKind.PROVISION, _("Day-end books provisions at month-ends without a proposal (on or off)")),
    (EntryKind.VAT, _("Day-end splits VAT from income at month-ends without a proposal (on or off)")),
    (EntryKind.MEMO_INTEREST, _("Day-end keeps interest not recognised off balance without a proposal (on or off)")),
):
    declare(Known(AUTOMATIC[_kind], _label, "switch", "on", HOUSE))

declare(
    Known(
        VAT_RATE,
        _("VAT rate on interest, fees and penalty interest (%)"),
        "percent",
        "6",
        "财税〔2016〕36号，贷款服务和直接收费金融服务",
    )
)
declare(
    Known(
        VAT_CEILING,
        _("Amount of a loan to a farm household up to which its income is exempt from VAT (fen)"),
        "fen",
        "10000000",
        FARMERS,
    )
)
declare(Known(VAT_UNTIL, _("Last day of the VAT exemption for farm households"), "dates", "2027-12-31", FARMERS))
declare(Known(VAT_PARTS, _("Parts of the income that the VAT exemption covers"), "income_parts", "interest", FARMERS))


@dataclass(frozen=True)
class VatRules:
    """How income is taxed on a date."""

    rate: Fraction
    """Of one, on the price without the tax."""
    ceiling: int
    """Fen; the amount itself is still exempt."""
    until: date | None
    """The last day of the exemption; None: there is none."""
    parts: tuple[Component, ...]
    """What of a farm household's income is exempt."""

    @property
    def share(self) -> Fraction:
        """The tax in an amount that includes it: rate ÷ (1 + rate)."""
        return self.rate / (1 + self.rate)


def vat_rules(day: date) -> VatRules:
    """The rules in force on a date."""
    found = parameters(VAT, day)
    ends = found[VAT_UNTIL].dates
    return VatRules(
        rate=Fraction(found[VAT_RATE].value) / 100,
        ceiling=int(found[VAT_CEILING].value),
        until=max(ends) if ends else None,
        parts=tuple(Component(name.strip()) for name in found[VAT_PARTS].text.split(",")),
    )


def books_itself(kind: EntryKind, day: date) -> bool:
    """Whether day-end books this kind at a month-end without a proposal."""
    return parameter(AUTOMATIC[kind], day).text == "on"
