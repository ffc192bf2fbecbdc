"""The home page: what waits for this person today, in the order of the role."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_appbuilder.views import IndexView
from flask_babel import lazy_gettext as _
from flask_login import current_user

from portal.core import scope
from portal.core.help import Help
from portal.core.home import cards, cards_for, filled


class HomeView(IndexView):
    """`/`: the cards of whoever is logged in, the log-in page for others; `/home/<key>`: a card that comes later."""

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
        at_once = "all" in request.args
        shown = [(card, None if card.later and not at_once else filled(card)) for card in cards_for(scope.actor())]
        areas = [item for item in self.appbuilder.menu.get_data() if isinstance(item, dict)] if not shown else []
        return self.render_template("portal/home.html", shown=shown, areas=areas)

    @expose("/home/<string:key>")
    @has_access
    def card(self, key: str) -> Any:
        """The inside of one card; nothing where a quiet one has nothing to say, and its place goes."""
        if key not in cards or cards[key] not in cards_for(scope.actor()):
            abort(404)
        card, held = cards[key], filled(cards[key])
        if card.quiet and not held.lines and not held.figures:
            return ""
        return self.render_template("portal/home_card.html", card=card, held=held)
