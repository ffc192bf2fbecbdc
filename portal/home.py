"""The home page: what this person may open, until each role gets a home of its own."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.views import IndexView
from flask_babel import lazy_gettext as _
from flask_login import current_user

from portal.core.help import Help


class HomeView(IndexView):
    """`/`: cards by area for who is logged in, the log-in page for others."""

    help = Help(
        _("Where your day begins: what you may open, by area."),
        _("The menu on the left has the same screens; Ctrl-K finds any of them by name."),
    )
    default_view = "index"

    @expose("/")
    def index(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(url_for("AuthDBView.login"))
        self.update_redirect()
        areas = [item for item in self.appbuilder.menu.get_data() if isinstance(item, dict)]
        return self.render_template("portal/home.html", areas=areas)
