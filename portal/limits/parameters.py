"""The dated parameters of this area: which ties make one risk, and what holds while net assets are missing."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import label_of
from portal.customers.models import Tie
from portal.parameters.known import CHECKS, HOUSE, Known, declare
from portal.parameters.services import parameter, parameters
from portal.parameters.words import TOLD

TIES, WITHOUT, SHOWN = "limits.ties", "limits.without_net_assets", "limits.kept_a_day"
COLLECTED = "cash.collected_share"
SPREAD, CONCENTRATED = "herfindahl.spread", "herfindahl.concentrated"
REFUSE, NOTE = "refuse", "note"

COUNTED = (
    Tie.SPOUSE,
    Tie.KIN,
    Tie.LEGAL_REPRESENTATIVE,
    Tie.CONTROLLER,
    Tie.SHAREHOLDER,
    Tie.SENIOR_MANAGER,
    Tie.COMMON_CONTROL,
)
SOURCE = "小额贷款公司监督管理暂行办法（金规〔2024〕26号）；关联方范围比照企业会计准则第36号"


def _ties(value: str) -> Any:
    known = {tie.value for tie in Tie}
    if value and all(name.strip() in known for name in value.split(",")):
        return None
    return _("Please name kinds of ties such as spouse, controller, separated by commas.")


def _missing(value: str) -> Any:
    return None if value in (REFUSE, NOTE) else _("Please enter refuse or note.")


def _named(value: str) -> str:
    known = {tie.value: str(label_of(tie)) for tie in Tie}
    return str(gettext(", ").join(known.get(name.strip(), name) for name in value.split(",")))


MISSING = {REFUSE: _("Loans are refused"), NOTE: _("Loans pass, with a note in the trail")}

CHECKS["ties"], TOLD["ties"] = _ties, _named
CHECKS["missing_figure"], TOLD["missing_figure"] = _missing, lambda value: str(MISSING.get(value, value))

declare(
    Known(
        TIES, _("Kinds of ties that make borrowers one group"), "ties", ",".join(tie.value for tie in COUNTED), SOURCE
    )
)
declare(
    Known(
        WITHOUT,
        _("Loans while the net assets of the prior year-end are missing (refuse or note)"),
        "missing_figure",
        REFUSE,
        HOUSE,
        confirmed=True,
    )
)
declare(
    Known(SHOWN, _("Largest users of each limit that are kept of every day"), "number", "10", HOUSE, confirmed=True)
)


declare(
    Known(SPREAD, _("Herfindahl index up to which loans count as spread"), "number", "1500", HOUSE, confirmed=True),
)
declare(
    Known(
        CONCENTRATED,
        _("Herfindahl index above which loans count as concentrated"),
        "number",
        "2500",
        HOUSE,
        confirmed=True,
    )
)


declare(
    Known(
        COLLECTED,
        _("Share of expected cash that is assumed to be collected in the month it falls due"),
        "percent",
        "100",
        HOUSE,
    )
)


def herfindahl_bounds(day: date) -> tuple[int, int]:
    """(up to which loans count as spread, above which as concentrated), in points of 10,000."""
    found = parameters((SPREAD, CONCENTRATED), day)
    return int(found[SPREAD].value), int(found[CONCENTRATED].value)


def ties_on(day: date) -> tuple[Tie, ...]:
    """The kinds of ties that join a group on a date."""
    return tuple(Tie(name.strip()) for name in parameter(TIES, day).text.split(","))
