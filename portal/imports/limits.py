"""How large files and amounts may be: dated parameters."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.imports.reading import Limits
from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameter

declare(
    Known(
        "import.largest_amount",
        _("Largest amount that files may hold (fen)"),
        "fen",
        "100000000000",
        HOUSE,
        confirmed=True,
    )
)


@dataclass(frozen=True)
class ImportLimits:
    """What is in force today."""

    file: Limits
    largest_money: int
    """Fen: an amount above is taken for a mistake, such as a number in scientific notation."""


def limits_in_force() -> ImportLimits:
    """Read once per file."""
    today = business_date()
    return ImportLimits(
        Limits(
            csv_rows=int(parameter("import.csv_rows", today).value),
            xlsx_rows=int(parameter("import.xlsx_rows", today).value),
        ),
        largest_money=int(parameter("import.largest_amount", today).value),
    )
