"""The screens of staff moves: the record with its preview, and who takes over what."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_appbuilder.actions import action
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.clock import business_date
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.role_store import current
from portal.core.values import is_whole, money_text
from portal.core.views import PortalView, ScopedInterface
from portal.core.wording import for_reader
from portal.moves import services
from portal.moves.models import MoveState, StaffMove
from portal.moves.plan import plan_of


class StaffMoveView(PortalView):
    """Another post, another branch, or leaving."""

    help = Help(
        _(
            "Staff moves: somebody gets another branch, team, post or level, or leaves, from a day on; who takes over"
            " customers, loans and grids, and which rights end."
        ),
        _(
            "Branch heads, HR and administrators enter them; HR or an administrator confirms what somebody else"
            " entered. On its day everything changes together; until then a move can be changed or withdrawn."
        ),
    )
    datamodel = ScopedInterface(StaffMove)
    menu, icon = ("organization", _("Organisation")), "fa-right-left"
    list_title, show_title, add_title, edit_title = (
        _("Staff moves"),
        _("Staff move"),
        _("Move somebody"),
        _("Change the move"),
    )
    empty_text = _("Another post, another branch or leaving is entered here, or by “Move” on a person's record.")
    list_columns = ["manager", "on_day", "leaves", "branch", "from_post", "to_branch", "to_post", "state"]
    add_columns = ["manager", "on_day", "leaves", "to_branch", "to_team", "to_post", "to_level", "reason"]
    edit_columns = add_columns[1:]
    show_columns = [
        *("manager", "on_day", "leaves", "branch", "team", "from_post", "from_level"),
        *("to_branch", "to_team", "to_post", "to_level", "reason", "state", "decided_at", "done_at"),
    ]
    order = ("on_day", "desc")
    quick_filters = ("state",)
    summary_columns = ("manager", "on_day", "state")
    can_delete = False
    show_template = "moves/record.html"
    method_actions = {"arrange": "edit"}

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.add(values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return services.change(row_id, values, version_seen)

    def makes_sense(self, row: StaffMove, action: str) -> bool:
        match action:
            case "edit" | "undo":
                return row.is_pending
            case "approve":
                return row.state is MoveState.OPEN
            case "run":
                return row.state is MoveState.CONFIRMED and row.on_day <= business_date()
        return True

    # ---- what the record shows besides its fields -----------------------------------------------------------------

    def plan(self, row: StaffMove) -> Any:
        return plan_of(row)

    def role_words(self, names: Any) -> list[str]:
        known = current().roles
        return [str(known[name].label) if name in known else name for name in names]

    def yuan(self, fen: int) -> str:
        return money_text(fen, thousands=True)

    def why_stuck(self, row: StaffMove) -> str:
        return for_reader(row.problem) if row.problem and row.is_pending else ""

    # ---- successors and roles -------------------------------------------------------------------------------------

    @expose("/arrange/<pk>", methods=["GET", "POST"])
    @has_access
    def arrange(self, pk: str) -> Any:
        """Who takes over what, and which roles the login has afterwards."""
        move = self.find(pk)
        back = url_for("StaffMoveView.show", pk=pk)
        if not move.is_pending:
            flash(gettext("This move is over; enter a new one."), "warning")
            return redirect(back)
        if request.method == "GET":
            return self._arrange_page(move, back)
        given = {name.removeprefix("to_"): value for name, value in request.form.items() if name.startswith("to_")}
        chosen = {kind: int(value) if is_whole(value) else None for kind, value in given.items()}
        by_hand = request.form.getlist("role") if request.form.get("roles_by_hand") else None
        try:
            services.arrange(int(pk), chosen, by_hand)
        except InvalidValues as problem:
            return self._arrange_page(self.find(pk), back, chosen, by_hand, problem.fields)
        except PortalError as refusal:
            flash(str(refusal), "danger")
            return self._arrange_page(self.find(pk), back, chosen, by_hand, {"": []})
        flash(gettext("Saved. The move has to be confirmed before its day."), "success")
        return redirect(back)

    def _arrange_page(
        self,
        move: StaffMove,
        back: str,
        chosen: dict[str, int | None] | None = None,
        by_hand: list[str] | None = None,
        wrong: dict[str, list[Any]] | None = None,
    ) -> Any:
        plan, known = plan_of(move), current().roles
        roles = [known[name] for name in services.choices_of_roles(move)] if move.manager.user is not None else []
        if chosen is None:
            chosen = {line.holding.key: line.successor.id if line.successor else None for line in plan.lines}
            by_hand = move.roles_after
        page = self.render_template(
            "moves/arrange.html",
            view=self,
            row=move,
            title=gettext("Successors and roles"),
            name=str(move),
            plan=plan,
            chosen={kind: services.named(number) for kind, number in chosen.items()},
            roles=roles,
            by_hand=by_hand is not None,
            ticked=plan.roles_after if by_hand is None else by_hand,
            wrong=wrong or {},
            back=back,
        )
        return page, 422 if wrong else 200

    # ---- steps ----------------------------------------------------------------------------------------------------

    @action("approve", _("Confirm the move"), _("Let this move come about on its day?"), "fa-check", multiple=False)
    def approve(self, move: StaffMove) -> Any:
        """The second pair of eyes."""
        return self._step(services.confirm, move.id, gettext("Confirmed: it comes about on its day."))

    @action("run", _("Carry out now"), _("Carry this move out now? It cannot be undone."), "fa-play", multiple=False)
    def run(self, move: StaffMove) -> Any:
        """For a day that has come; the night does it by itself."""
        return self._step(services.carry_out, move.id, gettext("The move is carried out."))

    @action("undo", _("Withdraw"), _("Withdraw this move?"), "fa-ban", multiple=False)
    def undo(self, move: StaffMove) -> Any:
        """Call it off."""
        return self._step(services.withdraw, move.id, gettext("The move is withdrawn."))

    def _step(self, verb: Any, number: int, words: str) -> Any:
        try:
            verb(number)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(words, "success")
        return redirect(url_for("StaffMoveView.show", pk=number))


def register(builder: Any) -> None:
    add_screens(builder, StaffMoveView)
