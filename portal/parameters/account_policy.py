"""The account policy as dated parameters, and the policy in force read from them."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.accounts.policy import Policy, register_policy
from portal.core.clock import business_date
from portal.core.errors import Refused
from portal.parameters.known import Known, declare
from portal.parameters.services import parameters

HOUSE = "本机构规定（参照 GB/T 22239-2019 第8.1.4.1条“身份鉴别”）"
ROLES = "second_factor_roles"

LABELS = {
    "password_length": _("Password: least number of characters"),
    "password_kinds": _("Password: least number of kinds of characters"),
    "password_history": _("Password: how many former ones may not come back"),
    "password_days": _("Password: days until it has to be changed (0: never)"),
    "lock_attempts": _("Wrong attempts of a login before it has to wait"),
    "lock_address_attempts": _("Wrong attempts from an address before it has to wait"),
    "lock_seconds": _("First wait after too many attempts (seconds); doubles each time"),
    "lock_minutes": _("Longest wait after too many attempts (minutes)"),
    "idle_minutes": _("Minutes without activity after which a session ends"),
    "key_days": _("Longest life of an API key (days)"),
}
UNITS = {"password_days": "days", "key_days": "days"}
DEFAULTS = Policy()

for name, label in LABELS.items():
    declare(Known(f"account.{name}", label, UNITS.get(name, "number"), str(getattr(DEFAULTS, name)), HOUSE, True))  # type: ignore[arg-type]
declare(Known(f"account.{ROLES}", _("Roles that need a second factor"), "roles", "", HOUSE, True))


@register_policy
def in_force() -> Policy:
    """The policy on the open business date; the defaults before the database is prepared."""
    keys = [f"account.{name}" for name in (*LABELS, ROLES)]
    try:
        held = parameters(keys, business_date())
    except Refused:  # no value yet: the portal was just installed
        return DEFAULTS
    numbers = {name: int(held[f"account.{name}"].text) for name in LABELS}
    roles = frozenset(part.strip() for part in held[f"account.{ROLES}"].text.split(",") if part.strip())
    return Policy(**numbers, second_factor_roles=roles)
