"""The page of one's own large exports: how far each is, and its file."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, send_file
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core import export_jobs, files
from portal.core.help import Help
from portal.core.values import is_whole
from portal.core.work import record

SECONDS = 2
"""How often the page looks again while something is at work; by a header, so that it needs no script."""


class ExportView(BaseView):
    """`/exports/`: for everybody who is logged in, each his own."""

    help = Help(
        _("Large exports that you asked for: they are made in the background and wait here for you."),
        _("Only you can download them. Ask for a new one when the figures have moved on."),
    )
    route_base, default_view = "/exports", "index"

    @expose("/")
    @has_access
    def index(self) -> Any:
        self.update_redirect()
        rows = export_jobs.latest()
        page = make_response(self.render_template("portal/exports.html", rows=rows, kept_days=export_jobs.kept_days()))
        if any(row.busy for row in rows):
            page.headers["Refresh"] = str(SECONDS)
        return page

    @expose("/<pk>/file")
    @has_access
    def file(self, pk: str) -> Any:
        if not is_whole(pk):
            abort(404)
        stored = export_jobs.content_of(int(pk))
        content, name, mime = files.open_file(stored), stored.name, stored.mime
        record("exports.download", "ExportJob", facts={"export": int(pk), "sha256": stored.sha256})
        return send_file(content, as_attachment=True, download_name=name, mimetype=mime)
