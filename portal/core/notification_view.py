"""`/notifications`: the bell's count and panel, and everything one was told."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.fields import Field
from portal.core.help import Help
from portal.core.notifications import latest, mark_read, unread_count
from portal.core.values import as_shown, is_whole

IN_PANEL, ON_PAGE = 8, 30


MOMENT = Field(_("When"), type="datetime")


def _shown_at(moment: dt.datetime) -> str:
    return str(as_shown(MOMENT, moment))


class NotificationView(BaseView):
    """What the portal told the actor. Nobody sees what others were told."""

    help = Help(
        _("What the portal has told you: finished and failed background work, imported files."),
        _("Open a line to see what it is about; it counts as read from then on."),
    )
    route_base = "/notifications"
    default_view = "index"

    @expose("/")
    @has_access
    def index(self) -> Any:
        before = request.args.get("before", "")
        rows = latest(ON_PAGE + 1, int(before) if is_whole(before) else None)
        return self.render_template(
            "portal/notifications.html",
            title=gettext("Notifications"),
            shown_at=_shown_at,
            rows=rows[:ON_PAGE],
            unread=unread_count(),
            older=rows[ON_PAGE - 1].id if len(rows) > ON_PAGE else None,
        )

    @expose("/count")
    @has_access
    def count(self) -> Any:
        """How many are unread: asked once a minute while somebody looks."""
        return jsonify(unread=unread_count())

    @expose("/panel")
    @has_access
    def panel(self) -> Any:
        return self.render_template(
            "portal/notification_panel.html", shown_at=_shown_at, rows=latest(IN_PANEL), unread=unread_count()
        )

    @expose("/read", methods=["POST"])
    @has_access
    def read(self) -> Any:
        """Mark one (`id`) or all as read, and go where the one leads."""
        given = request.form.get("id", "")
        if given and not is_whole(given):
            return redirect(url_for("NotificationView.index"))
        mark_read(int(given) if given else None)
        if request.accept_mimetypes.best == "application/json":
            return jsonify(unread=unread_count())
        return redirect(url_for("NotificationView.index"))
