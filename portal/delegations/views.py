"""The screen of delegations."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask_appbuilder.actions import action
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.errors import PortalError
from portal.core.help import Help
from portal.core.scope import actor
from portal.core.views import PortalView, ScopedInterface
from portal.delegations import running as _running  # noqa: F401 - tells the actor whom he stands in for
from portal.delegations import services
from portal.delegations.models import Delegation, State


class DelegationView(PortalView):
    """Who stands in for whom."""

    help = Help(
        _(
            "Who stands in for whom, from which day to which: rows and approvals of somebody on leave or ill, in the"
            " hands of somebody who is there."
        ),
        _(
            "Hand over your own; a branch head, HR or an administrator does it for somebody who is ill. The delegate"
            " may do what both roles allow, sees it marked in the timeline, cannot hand it on, and it ends by itself."
        ),
    )
    datamodel = ScopedInterface(Delegation)
    menu, icon = ("organization", _("Organisation")), "fa-people-arrows"
    list_title, show_title, add_title = _("Delegations"), _("Delegation"), _("Hand over for some days")
    empty_text = _("Hand your rows and approvals to somebody for the days you are away.")
    list_columns = ["manager", "delegate", "extent", "first_day", "last_day", "state", "reason", "branch"]
    add_columns = ["manager", "delegate", "extent", "first_day", "last_day", "reason"]
    show_columns = [
        "manager",
        "delegate",
        "extent",
        "state",
        "first_day",
        "last_day",
        "reason",
        "withdrawn_at",
        "branch",
        "team",
    ]
    quick_filters = ("state", "extent")
    summary_columns = ("manager", "delegate", "state", "last_day")
    can_edit = can_delete = False

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.hand_over(values)

    def _defaults(self, given: dict[str, str]) -> dict[str, Any]:
        own = actor().staff_id
        return {"manager": own, **super()._defaults(given)} if own > 0 else super()._defaults(given)

    def makes_sense(self, row: Delegation, action: str) -> bool:
        return action != "undo" or row.state in (State.PLANNED, State.RUNNING)

    @action("undo", _("Withdraw"), _("End this delegation now?"), "fa-ban", multiple=False)
    def undo(self, delegation: Delegation) -> Any:
        """End it now, or call it off."""
        number = delegation.id
        try:
            services.withdraw(number)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(gettext("The delegation has ended."), "success")
        return redirect(url_for("DelegationView.show", pk=number))


def register(builder: Any) -> None:
    add_screens(builder, DelegationView)
