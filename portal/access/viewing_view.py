"""The pages that begin to view the portal as somebody else, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.access import tables, viewing
from portal.access.words import label_of_role
from portal.core import role_store, view_as
from portal.core.accounts.viewings import Viewing, ViewingEnd
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, NotFound, PortalError
from portal.core.help import Help
from portal.core.roles import SCOPE_WORDS
from portal.core.scope import SELF, actor


class ViewAsView(BaseView):
    """`/view-as/…`: asks for the reason (and for a role, where), then the session reads as that login or role."""

    help = Help(
        _("See the portal as one of its users or roles sees it: the same rows, the same masks, the same menu."),
        _(
            "For questions like “what does a customer manager see?”. It is read only, lasts for a limited time, and "
            "who viewed whom, why, and every page seen stands in the audit trail."
        ),
    )
    route_base = "/view-as"
    default_view = "login"
    resource = "ViewAs"
    method_actions = {"login": "run", "role": "run", "stop": "run"}

    @expose("/login/<int:pk>", methods=["GET", "POST"])
    @has_access
    def login(self, pk: int) -> Any:
        user = db.session.get(User, pk)
        if user is None:
            raise NotFound(gettext("There is no such login."))
        return self._asked(
            lambda: viewing.as_login(pk, request.form.get("reason", "")),
            who=tables.person_of(user),
            note=user.username,
            back=url_for("UserView.show", pk=pk) if actor().may("User", "show") else url_for("HomeView.index"),
            roles=gettext(", ").join(label_of_role(role.name) for role in user.roles),
        )

    @expose("/role/<name>", methods=["GET", "POST"])
    @has_access
    def role(self, name: str) -> Any:
        role = role_store.known(name)
        if role is None:
            raise NotFound(gettext("There is no role “%(name)s”.", name=name[:60]))
        return self._asked(
            lambda: viewing.as_role(name, request.form.get("place", ""), request.form.get("reason", "")),
            who=str(role.label),
            note=gettext("Role"),
            back=url_for("RoleView.show", name=name) if actor().may("Role", "show") else url_for("HomeView.index"),
            places=viewing.places(),
            own_only=any(scope == SELF for (kept, _action), scope in role.grants.items() if kept != "Delegation"),
            own_words=SCOPE_WORDS[SELF],
        )

    def _asked(self, begin: Callable[[], Viewing], **page: Any) -> Any:
        problem, fields, status = "", {}, 200
        if request.method == "POST":
            try:
                begin()
                return redirect(url_for("HomeView.index"))
            except (Forbidden, NotFound):
                raise
            except InvalidValues as wrong:
                fields, status = wrong.fields, wrong.status
            except PortalError as refusal:
                problem, status = str(refusal), refusal.status
        shown = self.render_template(
            "access/view_as.html",
            title=gettext("View as %(name)s", name=page["who"]),
            minutes=viewing.minutes(),
            longest=viewing.LONGEST_REASON,
            given=request.form,
            problem=problem,
            fields=fields,
            **page,
        )
        return shown, status

    @expose("/stop", methods=["POST"])
    def stop(self) -> Any:
        """Oneself again; open to whoever views, even when the right was taken away meanwhile."""
        viewing_id = g.get("viewing_id")
        if viewing_id is None:
            if not actor().may(*view_as.RIGHT):
                abort(403)
            return redirect(url_for("HomeView.index"))
        row = db.session.get_one(Viewing, viewing_id)
        user_id, role = row.viewed_id, row.role
        view_as.end(viewing_id, ViewingEnd.STOPPED, actor())
        flash(str(ViewingEnd.STOPPED.label), "info")
        if user_id is not None and actor().may("User", "show"):
            return redirect(url_for("UserView.show", pk=user_id))
        if role and role in role_store.current().roles and actor().may("Role", "show"):
            return redirect(url_for("RoleView.show", name=role))
        return redirect(url_for("HomeView.index"))
