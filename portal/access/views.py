"""The screens of roles: list, page in words, matrix, proposed changes, comparison, YAML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.access import matrix, rules, services, tables, words
from portal.access.models import RoleVersion, VersionState
from portal.access.rules import Problem, Table
from portal.access.viewing_view import ViewAsView
from portal.access.why_view import WhyView
from portal.access.words import label_of_role, moment
from portal.core import role_store, view_as
from portal.core.application import add_page
from portal.core.errors import Forbidden, PortalError
from portal.core.help import Help
from portal.core.role_store import HIDDEN
from portal.core.roles import SCOPE_WORDS
from portal.core.scope import ALL, BRANCH, SELF, TEAM, actor
from portal.core.values import is_whole
from portal.core.work import record

MENU = ("administration", _("Administration"))
LARGEST_FILE = 1_000_000
"""Bytes."""


class RoleView(BaseView):
    """`/roles/`: who may do what, and every change of it."""

    help = Help(
        _(
            "The roles of the company: what somebody with a role may do, with whose records, and which fields are "
            "masked or hidden."
        ),
        _(
            "Administrators change roles here without code. Each change is previewed, given a reason and decided on by "
            "a second person; any earlier version can be brought back."
        ),
    )
    route_base = "/roles"
    default_view = "list"
    resource = "Role"
    method_actions = {
        "new": "add",
        "change": "show",
        "decide": "approve",
        "withdraw": "edit",
        "rollback": "edit",
        "retire": "edit",
        "compare": "show",
        "take": "import",
    }

    # ---- looking --------------------------------------------------------------------------------------------------

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        counts, proposed = role_store.user_counts(), tables.waiting()
        by_role = {row.role: row for row in proposed}
        held = role_store.current().roles.values()
        return self.render_template(
            "access/list.html",
            title=_("Roles"),
            roles=[(role, counts.get(role.name, 0), by_role.get(role.name)) for role in held],
            proposed=[(row, label_of_role(row.role, row.document.get("label", ""))) for row in proposed],
            person_of=tables.person_of,
            label_of_role=label_of_role,
            rights=self._rights(),
        )

    @expose("/role/<name>")
    @has_access
    def show(self, name: str) -> Any:
        table = tables.table_of(name)
        role = role_store.current().roles[name]
        versions = tables.history(name)
        return self.render_template(
            "access/role.html",
            title=role.label,
            role=role,
            table=table,
            areas=words.in_words(table),
            changed=words.lines_of(rules.diff(tables.delivered(name, table), table)) if role.number else [],
            people=[tables.person_of(user) for user, names in role_store.holders() if name in names],
            gives_to=url_for("UserView.list") if actor().may("User", "edit") else "",
            versions=versions,
            waiting=next((row for row in versions if row.state is VersionState.PROPOSED), None),
            person_of=tables.person_of,
            moment=moment,
            label_of_role=label_of_role,
            rights=self._rights(),
            may_view_as=actor().may(*view_as.RIGHT) and actor().viewer is None,
        )

    @expose("/compare")
    @has_access
    def compare(self) -> Any:
        known = role_store.current().roles
        names = [request.args.get(side, "") for side in ("a", "b")]
        chosen = all(name in known for name in names)
        lines = []
        if chosen:
            first, second = (tables.table_of(name) for name in names)
            lines = words.lines_of(c for c in rules.diff(first, second) if c.what in ("grants", "masks"))
        return self.render_template(
            "access/compare.html",
            title=_("Compare two roles"),
            roles=known.values(),
            names=names,
            labels=[label_of_role(name) for name in names],
            chosen=chosen,
            lines=lines,
        )

    @expose("/role/<name>/export")
    @has_access
    def export(self, name: str) -> Response:
        """The role as YAML; written down like every export."""
        text = rules.to_yaml(name, tables.table_of(name))
        record("access.export", "Role", facts={"role": name})
        headers = {"Content-Disposition": f"attachment; filename={name}.yaml"}
        return Response(text, mimetype="application/yaml; charset=utf-8", headers=headers)

    # ---- changing -------------------------------------------------------------------------------------------------

    @expose("/new", methods=["GET", "POST"])
    @has_access
    def new(self) -> Any:
        """First what it is called and what it starts from, then the matrix."""
        given = request.form if request.method == "POST" else request.args
        based_on = given.get("based_on", "")
        templates = [role for role in role_store.current().roles.values() if role.delivered]
        if based_on and based_on not in {role.name for role in templates}:
            abort(404)
        label = matrix.one_line(given.get("label", ""))[: rules.LONGEST_LABEL]
        if not label:
            page = {"title": _("New role"), "templates": templates, "most": (SELF, TEAM, BRANCH)}
            personal = [(key, f"{o.label} · {o.fields[key[1]].label}") for key, o in matrix.personal().items()]
            return self.render_template("access/new.html", scope_words=SCOPE_WORDS, personal=personal, **page)
        start = Table(
            label=label,
            description=matrix.one_line(given.get("description", ""))[: rules.LONGEST_DESCRIPTION],
            based_on=based_on,
            grants=tables.base_of("", based_on),
        )
        if request.method == "GET":
            most, hidden = request.args.get("most", ""), request.args.getlist("hide")
            start = matrix.narrowed(start, most) if most in (SELF, TEAM, BRANCH) else start
            start = replace(start, masks={key: HIDDEN for key in matrix.personal() if ".".join(key) in hidden})
            return self._matrix("", start, 0, previewed=True)
        return self._changed("", start, 0)

    @expose("/role/<name>/edit", methods=["GET", "POST"])
    @has_access
    def edit(self, name: str) -> Any:
        table, number = tables.table_of(name), role_store.current().roles[name].number
        return self._matrix(name, table, number) if request.method == "GET" else self._changed(name, table, number)

    def _changed(self, name: str, held: Table, number: int) -> Any:
        """The form's table, previewed; proposed when exactly that was previewed before."""
        base_number = request.form.get("base_number", "")
        try:
            table = matrix.read(request.form, held, tables.vocabulary())
        except Problem as problem:
            self._refused(name, services.words_of(problem))
            return self._matrix(name, held, number, problem=services.words_of(problem)), 422
        if "panel" in request.form:
            return self._panel(name, table)
        seen = int(base_number) if is_whole(base_number) else -1
        reason = request.form.get("reason", "")
        if request.form.get("step") != "propose" or request.form.get("shown") != matrix.digest(table):
            return self._matrix(name, table, seen, previewed=True, reason=reason)
        try:
            row = services.propose(name or services.free_name(table.label), table, reason, seen)
        except Forbidden:
            raise
        except PortalError as refusal:
            self._refused(name, str(refusal))
            return self._matrix(name, table, seen, previewed=True, problem=str(refusal), reason=reason), 409
        return self._after(row)

    def _after(self, row: RoleVersion) -> Any:
        if row.state is VersionState.IN_FORCE:
            flash(gettext("The change is in force from the next click of everybody concerned."), "success")
            return redirect(url_for("RoleView.show", name=row.role))
        flash(gettext("The change waits for a second person to approve it."), "success")
        return redirect(url_for("RoleView.change", pk=row.id))

    def _matrix(
        self, name: str, table: Table, number: int, previewed: bool = False, problem: str = "", reason: str = ""
    ) -> Any:
        label = label_of_role(name) if name else table.label
        return self.render_template(
            "access/edit.html",
            title=gettext("Change: %(field)s", field=label) if name else gettext("New role: %(name)s", name=label),
            name=name,
            table=table,
            base_number=number,
            action=url_for("RoleView.edit", name=name) if name else url_for("RoleView.new"),
            back=url_for("RoleView.show", name=name) if name else url_for("RoleView.list"),
            delivered=name in role_store.current().roles and role_store.current().roles[name].delivered,
            starts_from=label_of_role(table.based_on) if table.based_on else "",
            areas=matrix.rows(table, tables.base_of(name, table.based_on)),
            headings=matrix.headings(),
            in_words=[] if name else words.in_words(table),
            legend=self._legend(),
            reason=reason,
            problem=problem,
            **(self._seen(name, table) if previewed else {"seen": None}),
        )

    def _legend(self) -> Any:
        return (
            (ALL, SCOPE_WORDS[ALL], gettext("all records of the company")),
            (BRANCH, SCOPE_WORDS[BRANCH], gettext("the person's branch and the outlets below it")),
            (TEAM, SCOPE_WORDS[TEAM], gettext("what the person's team looks after")),
            (SELF, SCOPE_WORDS[SELF], gettext("what the person looks after himself or herself")),
            ("none", SCOPE_WORDS["none"], gettext("nothing of it")),
        )

    def _seen(self, name: str, table: Table) -> dict[str, Any]:
        """What the panel shows of a change."""
        seen = services.preview(name, table)
        return {
            "seen": seen,
            "sentences": words.sentences(seen.effects),
            "lines": words.lines_of(seen.changes),
            "shown": matrix.digest(table),
            "four_eyes": tables.four_eyes(),
            "deciders": [
                tables.person_of(user) for user in role_store.allowed(services.DECIDING) if user.id != actor().user_id
            ],
        }

    def _panel(self, name: str, table: Table) -> Any:
        return self.render_template("access/panel.html", reason="", problem="", **self._seen(name, table))

    @expose("/role/<name>/rollback", methods=["POST"])
    @has_access
    def rollback(self, name: str) -> Any:
        """Propose an earlier version anew."""
        number = request.form.get("number", "")
        if not is_whole(number):
            abort(404)
        return self._try(name, lambda: services.roll_back(name, int(number), request.form.get("reason", "")))

    @expose("/role/<name>/retire", methods=["POST"])
    @has_access
    def retire(self, name: str) -> Any:
        """Propose that nobody can be given the role any more, or that people can again."""
        table, role = tables.table_of(name), role_store.current().roles[name]
        if role.delivered:
            abort(404)
        wanted = rules.apply(table, [rules.Change("retired", ("", ""), role.retired, not role.retired)])
        if role.retired:
            version = tables.in_force(name)
            assert version is not None
            wanted = rules.apply(
                tables.table_from(name, version.document), [rules.Change("retired", ("", ""), True, False)]
            )
        return self._try(name, lambda: services.propose(name, wanted, request.form.get("reason", ""), role.number))

    def _try(self, name: str, propose: Callable[[], RoleVersion]) -> Any:
        try:
            return self._after(propose())
        except Forbidden:
            raise
        except PortalError as refusal:
            self._refused(name, str(refusal))
            flash(str(refusal), "danger")
            return redirect(url_for("RoleView.show", name=name))

    @expose("/import", methods=["GET", "POST"])
    @has_access
    def take(self) -> Any:
        """A role from YAML: checked line by line, then shown as a change to be proposed."""
        text, problem = "", ""
        if request.method == "POST":
            file = request.files.get("file")
            raw = file.read(LARGEST_FILE) if file else b""
            text = raw.decode("utf-8-sig", "replace") if raw else request.form.get("text", "")
            templates = [role.name for role in role_store.current().roles.values() if role.delivered]
            try:
                name, table = rules.read_yaml(text, tables.vocabulary(), templates)
                return self._imported(name, table)
            except Problem as wrong:
                problem = services.words_of(wrong)
                self._refused("", problem)
            except PortalError as refusal:
                problem = str(refusal)
                self._refused("", problem)
        page = self.render_template("access/import.html", title=_("Import a role"), text=text, problem=problem)
        return (page, 422) if problem else page

    def _imported(self, name: str, table: Table) -> Any:
        """The matrix with the imported role in it, previewed."""
        held = role_store.current().roles.get(name)
        if held is None:
            if not table.label:
                raise Problem(rules.N_("A role needs a name."))
            return self._matrix("", table, 0, previewed=True)
        now = tables.table_of(name)
        own = {"label": table.label or now.label, "description": table.description or now.description}
        wanted = Table(**own, based_on=now.based_on, retired=now.retired, grants=table.grants, masks=table.masks)
        seen = services.preview(name, wanted)
        return self._matrix(name, wanted, held.number, previewed=True, problem=seen.problem)

    # ---- deciding -------------------------------------------------------------------------------------------------

    @expose("/changes/<pk>")
    @has_access
    def change(self, pk: str) -> Any:
        """A proposed or decided change."""
        row = self._version(pk)
        waits = row.state is VersionState.PROPOSED
        table = tables.table_from(row.role, row.document)
        page = self._seen(row.role, table) if waits else {"seen": None, "lines": [], "sentences": []}
        exists = row.role in role_store.current().roles
        if waits and not exists:  # of a new role it counts where it departs from what it starts from
            page["lines"] = (
                words.lines_of(rules.diff(tables.delivered(row.role, table), table)) if table.based_on else []
            )
        own = row.proposed_by_id == actor().user_id
        return self.render_template(
            "access/change.html",
            title=gettext("Change of the role “%(role)s”", role=label_of_role(row.role, table.label)),
            row=row,
            label=label_of_role(row.role, table.label),
            areas=words.in_words(table),
            waits=waits,
            own=own,
            may_decide=waits and self._rights()["approve"] and not (own and tables.four_eyes()),
            exists=exists,
            based_on=label_of_role(table.based_on) if table.based_on else "",
            person_of=tables.person_of,
            moment=moment,
            **page,
        )

    @expose("/changes/<pk>/decide", methods=["POST"])
    @has_access
    def decide(self, pk: str) -> Any:
        row, note = self._version(pk), request.form.get("note", "")
        try:
            if request.form.get("do") == "approve":
                services.approve(row.id, note)
                flash(gettext("The change is in force from the next click of everybody concerned."), "success")
            elif request.form.get("do") == "reject":
                services.reject(row.id, note)
                flash(gettext("The change was rejected."), "success")
            else:
                abort(400)
        except Forbidden:
            raise
        except PortalError as refusal:
            self._refused(row.role, str(refusal))
            flash(str(refusal), "danger")
        return redirect(url_for("RoleView.change", pk=pk))

    @expose("/changes/<pk>/withdraw", methods=["POST"])
    @has_access
    def withdraw(self, pk: str) -> Any:
        row = self._version(pk)
        try:
            services.withdraw(row.id)
            flash(gettext("The change was taken back."), "success")
        except PortalError as refusal:
            self._refused(row.role, str(refusal))
            flash(str(refusal), "danger")
        return redirect(url_for("RoleView.change", pk=pk))

    def _version(self, pk: str) -> RoleVersion:
        return tables.version(int(pk)) if is_whole(pk) else abort(404)

    def _rights(self) -> dict[str, bool]:
        actions = ("show", "add", "edit", "export", "import", "approve")
        return {action: actor().may("Role", action) for action in actions}

    def _refused(self, name: str, why: str) -> None:
        """What was refused is written down, too."""
        record("access.refused", "Role", facts={"role": name, "why": why})


def register(builder: Any) -> None:
    add_page(builder, RoleView, _("Roles"), MENU, "fa-user-shield")
    add_page(builder, WhyView, _("Why?"), MENU, "fa-question-circle")
    builder.add_view_no_menu(ViewAsView)
