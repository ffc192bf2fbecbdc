"""What a person makes of a list: saved filters by their address, chosen columns, density. Plain forms behind each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext

from portal.core import filters, paging, saved_lists
from portal.core.display import Display
from portal.core.errors import PortalError
from portal.core.role_store import CLEAR
from portal.core.saved_lists import Density
from portal.core.values import is_whole, tidy

CARRIED = ("order", "direction", "size")
"""Arguments of a list's address besides the search, kept when a form comes back to it."""
PERSONAL_DIGITS = 6
"""So many digits may be somebody's number: such words are searched for but not kept."""


class ListSettings(Display):
    """The part of a list that belongs to the person looking at it."""

    model: Any
    list_columns: Any
    order: tuple[str, str]
    filter_columns: tuple[str, ...]
    order_by: tuple[str, ...] = ()
    """What the list may be ordered by; empty = every plain column. A table that grows with customers or loans names the
    columns that an index answers for."""

    @property
    def screen(self) -> str:
        return type(self).__name__

    def choosable(self) -> list[str]:
        """The columns that a person may show: the screen's own first, then every other field that lists may tell."""
        sealed = getattr(self.model, "__sealed__", {})
        others = [n for n, f in self.fields.items() if f.type != "json" and (not f.sensitive or n in sealed)]
        return self.shown(dict.fromkeys([*self.list_columns, *others]))

    def orderable(self) -> list[str]:
        """The columns that a list may be ordered by: the order of what is masked would tell it."""
        if self.order_by:
            return [n for n in self.order_by if self.mask(n) == CLEAR]
        plain = {n for n, f in self.fields.items() if f.type not in ("ref", "json") and self.mask(n) == CLEAR}
        return [n for n in self.choosable() if n in plain]

    def usual_order(self) -> tuple[str, str]:
        """Column and direction of a fresh list; by age where that column is not the actor's to see."""
        return self.order if self.mask(self.order[0]) == CLEAR else (paging.key_of(self.model).key, "desc")

    def settings(self, search: filters.Search) -> dict[str, Any]:
        """The saved filters and preferences of whoever looks, as the list's template shows them. Two statements."""
        chosen, density = saved_lists.preferences_of(self.screen)
        known = self.choosable()
        shown = [n for n in chosen or () if n in known] or self.shown(self.list_columns)
        now = set(search.arguments())
        saved = saved_lists.filters_of(self.screen)
        return {
            "names": shown,
            "choosable": [(self.column(n), n in shown) for n in [*shown, *(n for n in known if n not in shown)]],
            "density": density,
            "densities": list(Density),
            "saved": saved,
            "saved_now": next((f for f in saved if {p for p in f.pairs if p[0] not in CARRIED} == now and now), None),
            "here": self._here(search),
        }

    def _here(self, search: filters.Search) -> str:
        """The query string of this list as it is, for forms that come back."""
        pairs = search.arguments() + [(n, request.args[n]) for n in CARRIED if request.args.get(n)]
        return f"?{urlencode(pairs)}" if pairs else ""

    def _back(self, search: filters.Search, **more: str) -> Any:
        here = self._here(search)
        return redirect(
            url_for(f"{self.endpoint}.list") + here + (("&" if here else "?") + urlencode(more) if more else "")
        )

    def _asked(self) -> filters.Search:
        return filters.read(self.model, request.args, self.filter_columns)

    @expose("/saved/<pk>")
    @has_access
    def saved(self, pk: str) -> Any:
        """The list as a saved filter wants it."""
        if not is_whole(pk):
            abort(404)
        return redirect(saved_lists.find(self.screen, int(pk)).url(url_for(f"{self.endpoint}.list")))

    @expose("/keep_filter", methods=["POST"])
    @has_access
    def keep_filter(self) -> Any:
        """Keep the search of this address under the name that was typed."""
        search = self._asked()
        personal = sum(c.isdigit() for c in search.query) >= PERSONAL_DIGITS
        pairs = [p for p in search.arguments() if not (personal and p[0] == "q")]
        pairs += [(n, request.args[n]) for n in ("order", "direction") if pairs and request.args.get(n)]
        name = tidy(request.form.get("name", "")).replace("\n", " ")[:120]
        try:
            row = saved_lists.keep_filter(self.screen, name, pairs, request.form.get("shared") == "1")
        except PortalError as refusal:
            flash(str(refusal), "danger")
            return self._back(search)
        flash(gettext("The filter “%(name)s” was saved.", name=row.name), "success")
        if personal:
            flash(gettext("The number searched for was not kept: it may be somebody's personal number."), "info")
        return self._back(search)

    @expose("/drop_filter/<pk>", methods=["POST"])
    @has_access
    def drop_filter(self, pk: str) -> Any:
        if not is_whole(pk):
            abort(404)
        try:
            name = saved_lists.drop_filter(self.screen, int(pk))
            flash(gettext("The filter “%(name)s” was deleted.", name=name), "success")
        except PortalError as refusal:
            flash(str(refusal), "danger")
        return self._back(self._asked())

    @expose("/prefer", methods=["POST"])
    @has_access
    def prefer(self) -> Any:
        """Columns in the order of the form's `place`, those ticked as `column`; `move` shifts one first."""
        known = self.choosable()
        places = [n for n in dict.fromkeys(request.form.getlist("place")) if n in known]
        direction, _colon, moved = request.form.get("move", "").partition(":")
        if moved in places:
            _shift(places, moved, -1 if direction == "up" else 1)
        ticked = set(request.form.getlist("column"))
        columns: list[str] | None = [n for n in places if n in ticked]
        if "reset" in request.form or columns in ([], list(self.list_columns)):
            columns = None
        wanted = request.form.get("density", "")
        density = Density(wanted) if wanted in list(Density) else Density.COMFORTABLE
        saved_lists.prefer(self.screen, columns, density)
        return self._back(self._asked(), **({"columns": "1"} if moved else {}))


def _shift(places: list[str], name: str, step: int) -> None:
    at = places.index(name)
    to = min(max(at + step, 0), len(places) - 1)
    places.insert(to, places.pop(at))
