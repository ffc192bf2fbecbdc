"""What people call the verbs of the audit trail, and which kind of deed each is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.db import Labelled
from portal.core.registry import Registry


class VerbGroup(Labelled):
    """Kinds of deeds, as auditors ask for them."""

    RECORDS = "records", _("Records")
    BOOKINGS = "bookings", _("Bookings")
    IMPORTS = "imports", _("Importing")
    EXPORTS = "exports", _("Exports")
    REPORTS = "reports", _("Reports and prints")
    SIGN_INS = "sign_ins", _("Sign-ins")
    PERSONS = "persons", _("Personal data")
    REFUSED = "refused", _("Refused")
    RIGHTS = "rights", _("Logins and rights")
    PARAMETERS = "parameters", _("Parameters")
    OPERATION = "operation", _("Operation")


@dataclass(frozen=True)
class Told:
    """A verb in words (lazy) and its group."""

    words: Any
    group: VerbGroup


told: Registry[Told] = Registry("words of verbs")
resources: Registry[Any] = Registry("words of resources without a record screen")
notes: Registry[Any] = Registry("words of facts in audit entries")
said: Registry[Any] = Registry("words of values of these facts")


def tell(group: VerbGroup, **verbs: Any) -> None:
    """Name verbs of a group, a double underscore for the dot: `tell(IMPORTS, imports__run=_("File imported"))`."""
    for name, words in verbs.items():
        key = name.replace("__", ".")
        told.register(key, Told(words, group))


def group_of(verb: str) -> VerbGroup:
    """A verb that no longer exists counts as a change of records."""
    return told[verb].group if verb in told else VerbGroup.RECORDS


def verbs_of(groups: Iterable[VerbGroup]) -> list[str]:
    """The verbs of these groups."""
    wanted = set(groups)
    return [name for name, item in told.items() if item.group in wanted]
