"""PortalView: the one base of record screens. Flask-AppBuilder gives routes, permissions and menus.

Filters, paging and order are read from each request and clamped; rows are loaded in two steps with what the list names;
sums and counts, lookups, actions and exports pass the session's row scope; add, edit and delete go through verbs.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder import ModelView
from flask_appbuilder.models.sqla.interface import SQLAInterface

from portal.core import forms
from portal.core.fields import fields_of
from portal.core.form_screen import FormScreen
from portal.core.help import Help
from portal.core.list_screen import ListScreen
from portal.core.record_screen import RecordScreen
from portal.core.reveal import RevealScreen

ScopedInterface = SQLAInterface
"""The datamodel of a PortalView; row scope itself lives in the session."""


class PortalView(RecordScreen, RevealScreen, FormScreen, ListScreen, ModelView):
    """List, record, form, lookup, actions and export of one model, from its field metadata."""

    list_columns: Any
    show_columns: Any
    add_columns: Any
    edit_columns: Any
    label_columns: Any
    exclude_route_methods: Any
    resource: str = ""
    """The resource of the role table; empty = the model's name."""
    menu: tuple[str, Any] = ("", "")
    """(key, words) of the menu category; the view's `list_title` is its entry. Empty = no entry."""
    icon: str = "fa-table"
    summary_columns: tuple[str, ...] = ()
    """The fields of the record's summary line."""
    summary_metrics: tuple[str, ...] = ()
    """Its registered figures, cut to the record by `summary_dimension`."""
    summary_dimension = ""
    related: tuple[tuple[str, str], ...] = ()
    """Tabs of the record: (name of another PortalView class, its reference field that points here)."""
    help: Help
    """What the screen is for and who works with it; every screen has it (tests/contracts/test_help.py)."""
    record_view: str = ""
    """For a list without a record screen of its own: the screen its rows lead to, by the same key."""
    has_timeline = True
    """False where rows never change and nobody edits them."""
    can_add = can_edit = can_delete = True
    show_template = "portal/record.html"
    add_template = edit_template = "portal/form.html"

    # ---- start-up -------------------------------------------------------------------------------------------------

    def __init__(self, **kw: Any) -> None:
        self.model = self.datamodel.obj
        self.fields = fields_of(self.model)
        self.resource = self.resource or self.model.__name__
        names = list(self.fields)
        self.list_columns = list(self.list_columns or names[:8])
        self.show_columns = list(self.show_columns or [n for n in names if self.fields[n].type != "json"])
        typed = [n for n in names if not self.fields[n].readonly]
        self.add_columns = list(self.add_columns or typed)
        self.edit_columns = list(self.edit_columns or typed)
        self.label_columns = {n: f.label for n, f in self.fields.items()} | dict(self.label_columns or {})
        if self.record_view:
            self.exclude_route_methods = {*(self.exclude_route_methods or ()), "show", "related_rows", "timeline"}
        sealed = bool(getattr(self.model, "__sealed__", None)) and not self.record_view
        rights = (("add", self.can_add), ("edit", self.can_edit), ("delete", self.can_delete), ("reveal", sealed))
        for method, allowed in rights:
            if not allowed:
                self.exclude_route_methods = {*(self.exclude_route_methods or ()), method}
        super().__init__(**kw)

    def _init_properties(self) -> None:
        """Our own declarations are complete; FAB's search for columns is not needed."""
        self.related_views: Any = []
        self._related_views: Any = []
        self.formatters_columns: Any = {}
        self.base_filters: Any = []
        self.order_columns = [n for n in self.list_columns if n in self.fields and self.fields[n].type != "ref"]

    def _init_forms(self) -> None:
        versioned = self.model.__mapper__.version_id_col is not None
        lookup = f"{type(self).__name__}.lookup"
        self.search_form = None
        self.add_form = forms.form_class(self.model, self.add_columns, lookup, versioned=False)
        self.edit_form = forms.form_class(self.model, self.edit_columns, lookup, versioned)

    def _init_titles(self) -> None:
        self.title = self.list_title

    @property
    def endpoint_name(self) -> str:
        """The last part of the REST address: the model's name in lower case."""
        return str(self.model.__table__.name).replace("_", "-")
