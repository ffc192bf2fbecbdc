"""The dated parameters of this area: how long the clocks of the law run, and when they are reminded of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.parameters.known import HOUSE, Known, declare

YEARS, MONTHS, REMIND = "limitation.years", "guarantee_period.months", "clocks.remind_days"

declare(Known(YEARS, _("Limitation of a debt (years)"), "years", "3", "民法典第188条", confirmed=True))
declare(
    Known(MONTHS, _("Guarantee period where none was agreed (months)"), "number", "6", "民法典第692条", confirmed=True)
)
declare(
    Known(REMIND, _("Days before a clock runs out on which it is reminded of"), "days", "60", HOUSE, confirmed=True)
)
