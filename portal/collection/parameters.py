"""The dated parameters of this area: when and how often debtors are contacted, and for how long ahead they promise."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.parameters.known import HOUSE, Known, declare

PROMISE_DAYS, FROM_HOUR, TO_HOUR = "collection.promise_days", "collection.from_hour", "collection.to_hour"
DAILY_CALLS, CONTACT_DAYS = "collection.daily_calls", "collection.contact_days"

declare(
    Known(PROMISE_DAYS, _("Days ahead for which a debtor may promise a payment"), "days", "30", HOUSE, confirmed=True)
)
declare(Known(FROM_HOUR, _("Hour from which debtors may be called or visited"), "number", "8", HOUSE, confirmed=True))
declare(
    Known(
        TO_HOUR, _("Hour from which debtors may no longer be called or visited"), "number", "22", HOUSE, confirmed=True
    )
)
declare(Known(DAILY_CALLS, _("Most phone calls to one debtor on a day"), "times", "3", HOUSE, confirmed=True))
declare(
    Known(
        CONTACT_DAYS,
        _("Days without a contact after which a late loan is to be contacted again"),
        "days",
        "7",
        HOUSE,
        confirmed=True,
    )
)
