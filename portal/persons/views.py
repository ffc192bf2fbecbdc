"""The screen of persons' requests: from receipt to decision."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, send_file, url_for
from flask_appbuilder import expose, has_access
from flask_appbuilder.actions import action
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.errors import PortalError
from portal.core.help import Help
from portal.core.values import is_whole
from portal.core.views import PortalView, ScopedInterface
from portal.persons import services
from portal.persons.models import PersonRequest, RequestKind, RequestState


class PersonRequestView(PortalView):
    """Requests of persons about their data."""

    help = Help(
        _(
            "What people ask of us about their own data: a copy of everything we hold, a correction, erasure; and"
            " what was decided, when and why."
        ),
        _(
            "Everybody who looks after customers enters requests; compliance carries them out. An erasure is refused"
            " by itself while a loan is open, a dispute is pending or the law demands that the data are kept."
        ),
    )
    datamodel = ScopedInterface(PersonRequest)
    menu, icon = ("customers", _("Customers")), "fa-user-secret"
    list_title, show_title, add_title, edit_title = (
        _("Data requests"),
        _("Request about personal data"),
        _("Enter a request"),
        _("Edit request"),
    )
    list_columns = ["code", "customer", "kind", "received_on", "channel", "state", "decided_on"]
    quick_filters = ("state", "kind")
    add_columns = ["code", "customer", "kind", "received_on", "channel", "wanted"]
    summary_columns = ("customer", "kind", "received_on", "state")
    can_delete = False
    empty_text = _("Enter what people ask about their data, on the day they ask.")
    show_template = "persons/request.html"
    method_actions = {"file": "run"}

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return services.change(row_id, values, version_seen)

    @action(
        "run", _("Carry out"), _("Carry this request out? An erasure cannot be undone."), "fa-check", multiple=False
    )
    def run(self, request: PersonRequest) -> Any:
        """Make the copy, close a correction, or erase."""
        number = request.id
        try:
            done = services.carry_out(number)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(*_told(done))
        return redirect(url_for("PersonRequestView.show", pk=number))

    @expose("/file/<pk>/<string:fmt>")
    @has_access
    def file(self, pk: str, fmt: str) -> Any:
        """The copy, opened for whoever may have the data shown."""
        if not is_whole(pk) or fmt not in services.MIME:
            abort(404)
        code = self.find(pk).code
        content = services.open_copy(int(pk), fmt)
        response = send_file(content, as_attachment=True, download_name=f"{code}.{fmt}", mimetype=services.MIME[fmt])
        response.headers["Cache-Control"] = "no-store, private"
        return response


def _told(request: PersonRequest) -> tuple[str, str]:
    """What became of a request, and how the message looks."""
    if request.state is RequestState.REFUSED:
        return gettext("Refused: %(reason)s", reason=request.reason), "warning"
    if request.kind is RequestKind.ACCESS:
        return gettext("The copy is being made; you are told when it is ready."), "success"
    if request.kind is RequestKind.ERASURE:
        return gettext("The person's data are erased."), "success"
    return gettext("The correction is noted as made."), "success"


def register(builder: Any) -> None:
    add_screens(builder, PersonRequestView)
