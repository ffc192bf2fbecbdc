"""The form that gives a login its roles."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext

from portal.core.errors import PortalError
from portal.core.role_store import current
from portal.core.work import record
from portal.organization import users


class LoginRoles:
    """What a screen of logins adds: which roles each of them has, chosen from those in force."""

    find: Any
    endpoint: Any
    render_template: Any

    @expose("/roles/<pk>", methods=["GET", "POST"])
    @has_access
    def roles(self, pk: str) -> Any:
        """Choose the roles. Refused when nobody could change roles any more; what was refused is written down, too."""
        row = self.find(pk)
        back = url_for(f"{self.endpoint}.show", pk=pk)
        chosen = [role.name for role in row.roles]
        if request.method == "POST":
            chosen = request.form.getlist("role")
            try:
                users.set_roles(row.username, chosen)
                flash(gettext("The roles count from the next click of this login."), "success")
                return redirect(back)
            except PortalError as refusal:
                record("users.refused", "User", facts={"login": row.username, "roles": chosen, "why": str(refusal)})
                flash(str(refusal), "danger")
        page = self.render_template(
            "organization/login_roles.html",
            title=gettext("Roles of %(login)s", login=row.username),
            name=str(row),
            roles=[role for role in current().roles.values() if not role.retired],
            chosen=chosen,
            back=back,
        )
        return page, 409 if request.method == "POST" else 200
