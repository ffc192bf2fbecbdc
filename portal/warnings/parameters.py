"""The dated parameters of this area."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.parameters.known import HOUSE, RISK_RULES, Known, Operator, declare

MOST_HIT, REST_DAYS, NPL_DAYS = "warnings.most_hit_share", "warnings.rest_days", "warnings.npl_days"
STATEMENT_MONTHS = "warnings.statement_months"

declare(
    Known(
        MOST_HIT,
        _("Share of the loans it applies to that a warning rule may hit before it needs a reason (%)"),
        "percent",
        "30",
        HOUSE,
        confirmed=True,
    )
)
declare(
    Known(
        REST_DAYS,
        _("Days for which a closed warning is not opened again while its rule still hits"),
        "days",
        "30",
        HOUSE,
        confirmed=True,
    )
)
declare(
    Known(
        NPL_DAYS,
        _("Days past due that count as non-performing in back-tests, whatever the category"),
        "days",
        "90",
        RISK_RULES + "第十条",
        operator=Operator.GREATER,
    )
)
declare(
    Known(
        STATEMENT_MONTHS,
        _("Months after the end of its period for which warning rules go by a financial statement"),
        "number",
        "18",
        HOUSE,
        confirmed=True,
    )
)
