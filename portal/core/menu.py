"""The menu as somebody sees it, worked out once for everybody who may do the same: every page shows it."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder.menu import Menu
from flask_babel import get_locale
from flask_login import current_user

from portal.core import scope
from portal.core.scope import NONE

MOST_KEPT = 200


class PortalMenu(Menu):
    """FAB's menu, whose entries depend on nothing but what the actor may do, the language and where the portal lies."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._kept: dict[Any, list[Any]] = {}

    def get_data(self, menu: Any = None) -> list[Any]:
        who = scope.actor()
        if menu is not None or who.user_id is None or who.user_id != getattr(current_user, "id", None):
            return super().get_data(menu)  # type: ignore[no-any-return]
        may = frozenset(task for task, reach in who.grants.items() if reach != NONE)
        known = may, str(get_locale()), request.script_root
        if known not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[known] = super().get_data()
        return self._kept[known]
