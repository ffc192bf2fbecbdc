"""The audit screen: entries with filters, what each changed, and how the chain stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import render_template, url_for
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import Select

from portal.core.application import add_screens
from portal.core.audit import AuditEntry
from portal.core.fields import Field
from portal.core.help import Help
from portal.core.values import as_shown
from portal.core.views import PortalView, ScopedInterface
from portal.trail import sealing
from portal.trail.reading import InWords, read, screen_of
from portal.trail.services import last_verification

WHAT_CHANGED = Field(_("What changed"), name="changes", type="text", words=InWords())


class AuditView(PortalView):
    """Who changed, exported and imported what."""

    help = Help(
        _(
            "Who added, changed, imported, exported or printed what, who signed in and who was refused, and when; of "
            "changes the old and the new value."
        ),
        _(
            "Auditors and compliance read it; nobody can change it: every entry is sealed into a chain of hashes. "
            "Personal data are named but never written out. Keep the position and hash above the list outside the "
            "portal: they prove later that nothing was cut off."
        ),
    )
    datamodel = ScopedInterface(AuditEntry)
    menu, icon = ("administration", _("Administration")), "fa-history"
    list_title, show_title = _("Audit trail"), _("Audit entry")
    empty_text = _("Whatever is changed, exported or imported is written down here.")
    list_template = "trail/list.html"
    list_columns = ["at", "actor", "verb", "group", "resource", "subject_id"]
    filter_columns = ("at", "actor", "verb", "resource", "subject_id", "request_id", "business_date", "group")
    quick_filters = ("group",)
    order_by = ("at",)
    export_columns = ("at", "business_date", "actor", "verb", "resource", "subject_id", "request_id", "group")
    show_columns = [
        "at",
        "business_date",
        "actor",
        "verb",
        "group",
        "resource",
        "subject_id",
        "request_id",
        "digest",
        "changes",
    ]
    label_columns = {"changes": _("What changed"), "digest": _("Digest (SHA-256)")}
    order = ("at", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False

    def written(self, row: Any, name: str) -> Any:
        if name == "changes":
            return Markup(render_template("trail/changes.html", reading=read(row.changes)).strip())
        if name == "subject_id":
            return row.subject_id or ""
        return super().written(row, name)

    def link(self, row: Any, name: str) -> str:
        """The record that an entry is about; its screen answers 404 where the reader may not see that one."""
        if name == "subject_id" and row.subject_id is not None:
            view = screen_of(row.resource)
            return url_for(f"{view.endpoint}.show", pk=row.subject_id) if view is not None and view.may("show") else ""
        return super().link(row, name)

    def export_of(self, arguments: Mapping[str, str]) -> tuple[Select[Any], Sequence[Field]]:
        statement, columns = super().export_of(arguments)
        return statement, [*columns, WHAT_CHANGED]

    def chain(self) -> dict[str, Any]:
        """How far the chain goes, and what the last verification found."""
        verified = last_verification()
        return {
            "head": sealing.head(),
            "start": sealing.base(),
            "verified": verified,
            "verified_at": as_shown(self.column("at"), verified.at) if verified is not None else "",
        }


def register(builder: Any) -> None:
    add_screens(builder, AuditView)
