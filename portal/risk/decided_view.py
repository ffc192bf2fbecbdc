"""The kit of screens of what one person proposes and another decides."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.errors import InvalidValues, PortalError
from portal.core.values import is_whole
from portal.core.views import PortalView
from portal.risk.deciding import may_decide

MENU = ("risk", _("Risk"))


class DecidedView(PortalView):
    """A screen of what one person proposes and another decides."""

    show_template = "risk/decided.html"
    method_actions = {"decide": "approve", "withdraw": "add"}
    exclude_route_methods = {"bulk_edit"}
    can_edit = can_delete = False
    waiting: Any
    """The state in which it waits for a decision."""

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        """The verb that decides."""
        raise NotImplementedError

    def taken_back(self, pk: int) -> Any:
        """The verb that takes it back."""
        raise NotImplementedError

    def decision(self, row: Any) -> dict[str, bool]:
        """What the present login may do about a record that waits."""
        waits = row.state == self.waiting
        mine = not may_decide(row)
        return {
            "waits": waits,
            "mine": waits and mine,
            "may": waits and not mine and self.may("approve") and self._reaches(row, "approve"),
        }

    @expose("/decide/<pk>", methods=["POST"])
    @has_access
    def decide(self, pk: str) -> Any:
        """Approve or refuse what somebody else proposed."""
        self.find(pk)
        if request.form.get("do") not in ("approve", "refuse"):
            abort(400)
        approve, note = request.form["do"] == "approve", request.form.get("note", "")
        try:
            self.decided_by(int(pk), approve, note)
        except InvalidValues as error:
            return self._again(pk, note, " ".join(map(str, error.fields.get("note", [str(error)]))))
        except PortalError as refusal:
            return self._again(pk, note, str(refusal))
        flash(gettext("Approved.") if approve else gettext("Refused."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk))

    def _again(self, pk: str, note: str, problem: str) -> Any:
        """The record with what was typed, and why it was not taken."""
        flash(problem, "danger")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk, note=note[:400] or None))

    @expose("/withdraw/<pk>", methods=["POST"])
    @has_access
    def withdraw(self, pk: str) -> Any:
        """Take back what one proposed oneself."""
        if not is_whole(pk):
            abort(404)
        self.find(pk)
        try:
            self.taken_back(int(pk))
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(gettext("Taken back."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk))
