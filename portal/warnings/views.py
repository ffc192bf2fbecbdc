"""Screens of early warning: the rules with their parts and back-tests; the board and the warnings are beside them."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.access.tables import four_eyes
from portal.core import jobs, scope
from portal.core.application import add_page, add_screens
from portal.core.db import label_of
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.masks import derived, told
from portal.core.values import is_whole
from portal.core.views import PortalView, ScopedInterface
from portal.warnings import back_testing, making
from portal.warnings.board import MENU, WarningBoardView
from portal.warnings.case_views import WarningCaseView, WarningStepView, condition_words
from portal.warnings.models import (
    BackTest,
    RuleState,
    WarningCondition,
    WarningLimit,
    WarningRule,
)


class RuleScreen:
    """What the screens of rules and their parts share: nothing in force is changed."""

    model: Any

    def add_verb(self, values: dict[str, Any]) -> Any:
        return making.add(self.model, values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return making.change(self.model, row_id, values, version_seen)

    def remove_verb(self, row_id: int) -> None:
        making.remove(self.model, row_id)


class WarningRuleView(RuleScreen, PortalView):
    """Warning rules."""

    help = Help(
        _(
            "When a loan is warned of: conditions over indicators that the portal knows, a level, and the role that "
            "has to look into it within some days. No code is needed."
        ),
        _(
            "Risk or an administrator writes a rule as a draft, tries it on past month-ends, and proposes to switch it "
            "on; a second person does. What is in force is not changed: switch it off first. Debt ratio and turnover "
            "come from the financial statements of customers, as they were known on each day."
        ),
    )
    datamodel = ScopedInterface(WarningRule)
    menu, icon = MENU, "fa-sliders"
    list_title, show_title, add_title, edit_title = (
        _("Warning rules"),
        _("Warning rule"),
        _("Add a warning rule"),
        _("Edit warning rule"),
    )
    empty_text = _("Add a rule, then its conditions; it opens warnings once it is switched on.")
    list_columns = ["code", "name", "level", "state", "owner", "acknowledge_days", "valid_from", "valid_until"]
    order = ("code", "asc")
    quick_filters = ("state", "level")
    summary_columns = ("level", "state", "owner", "acknowledge_days", "evaluated_on")
    related = (("WarningConditionView", "rule"), ("WarningLimitView", "rule"), ("BackTestView", "rule"))
    show_template = "warnings/rule.html"
    method_actions = {
        "switch_on": "run",
        "switch_off": "run",
        "approve_rule": "approve",
        "reject_rule": "run",
        "back_test": "run",
    }

    def makes_sense(self, row: WarningRule, action: str) -> bool:
        return row.state in making.AT_REST if action in ("edit", "delete") else True

    # ---- what the record shows besides its fields -----------------------------------------------------------------

    def offers(self, row: WarningRule) -> dict[str, bool]:
        """What the present login may do with the rule now."""
        run, waits = self.may("run"), row.state is RuleState.WAITING
        mine = four_eyes() and scope.actor().acts_for(row.proposed_by_id)
        return {
            "switch_on": run and row.state in making.AT_REST and bool(row.conditions),
            "switch_off": run and row.state is RuleState.ON,
            "approve": waits and self.may("approve") and not mine,
            "take_back": waits and run,
            "mine": waits and mine,
            "try": run and bool(row.conditions),
            "parts": self.may("add") and row.state in making.AT_REST,
        }

    def reach(self, row: WarningRule) -> making.Reach:
        return making.reach_of(row)

    def words(self, row: WarningRule) -> list[str]:
        return [condition_words(condition) for condition in row.conditions]

    def figure(self, test: BackTest, name: str) -> str:
        """A figure of a back-test, as its list shows it."""
        return told(test, name) or "—"

    def share(self, test: BackTest, name: str) -> str:
        """Its precision or recall."""
        share = getattr(test, name)
        return derived(
            BackTest, ("hits", "confirmed", "missed"), "—" if share is None else f"{float(share * 100):.0f}%"
        )

    def latest_test(self, row: WarningRule) -> BackTest | None:
        return back_testing.latest(row)

    def joined_words(self, row: WarningRule) -> str:
        return told(row, "joined")

    # ---- steps ----------------------------------------------------------------------------------------------------

    @expose("/switch_on/<pk>", methods=["POST"])
    @has_access
    def switch_on(self, pk: str) -> Any:
        """Switch the rule on, or propose it to a second person."""
        reason = request.form.get("reason", "")
        return self._step(pk, lambda: making.switch_on(int(pk), reason), reason=reason[:400] or None)

    @expose("/approve_rule/<pk>", methods=["POST"])
    @has_access
    def approve_rule(self, pk: str) -> Any:
        """Let somebody else's rule come into force."""
        return self._step(pk, lambda: making.approve(int(pk)))

    @expose("/reject_rule/<pk>", methods=["POST"])
    @has_access
    def reject_rule(self, pk: str) -> Any:
        """Make a proposed rule a draft again."""
        return self._step(pk, lambda: making.reject(int(pk)))

    @expose("/switch_off/<pk>", methods=["POST"])
    @has_access
    def switch_off(self, pk: str) -> Any:
        """Let it open no more warnings."""
        return self._step(pk, lambda: making.switch_off(int(pk)))

    @expose("/back_test/<pk>", methods=["POST"])
    @has_access
    def back_test(self, pk: str) -> Any:
        """Try it on past month-ends, in the background."""
        self.find(pk)
        months = request.form.get("months", "")
        if not is_whole(months) or not 1 <= int(months) <= back_testing.MOST_MONTHS:
            flash(gettext("Between 1 and %(most)s months.", most=back_testing.MOST_MONTHS), "danger")
        else:
            jobs.submit(back_testing.TRY, rule=int(pk), months=int(months))
            flash(gettext("The rule is tried in the background; the bell tells when it is done."), "success")
        return redirect(url_for("WarningRuleView.show", pk=pk))

    def _step(self, pk: str, verb: Any, **kept: Any) -> Any:
        self.find(pk)
        back = url_for("WarningRuleView.show", pk=pk)
        try:
            rule = verb()
        except InvalidValues as error:
            flash(" ".join(str(text) for texts in error.fields.values() for text in texts), "danger")
            return redirect(url_for("WarningRuleView.show", pk=pk, **kept))
        except PortalError as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("WarningRuleView.show", pk=pk, **kept))
        flash(gettext("The rule is now: %(state)s.", state=label_of(rule.state)), "success")
        return redirect(back)


class WarningConditionView(RuleScreen, PortalView):
    """Conditions of rules."""

    help = Help(
        _(
            "What rules ask of a loan: an indicator, how it is compared, a threshold in the indicator's unit. A "
            "condition on something that is not known of a loan, such as the cover of a loan without collateral, "
            "does not hold."
        ),
        _("Whoever writes a rule adds its conditions; the rule says whether all of them must hold, or any."),
    )
    datamodel = ScopedInterface(WarningCondition)
    resource = "WarningRule"
    menu, icon = MENU, "fa-filter"
    list_title, show_title, add_title, edit_title = (
        _("Conditions of rules"),
        _("Condition"),
        _("Add a condition"),
        _("Edit condition"),
    )
    empty_text = _("Add what the rules ask of loans.")
    list_columns = ["rule", "indicator", "window", "comparison", "threshold", "unit", "category"]
    order = ("id", "asc")
    quick_filters = ("indicator",)
    summary_columns = ("rule", "indicator", "comparison", "threshold", "category")

    def makes_sense(self, row: WarningCondition, action: str) -> bool:
        return row.rule.state in making.AT_REST if action in ("edit", "delete") else True


class WarningLimitView(RuleScreen, PortalView):
    """What rules are limited to."""

    help = Help(
        _(
            "Products and branches that a rule is limited to. Without any it applies to all loans; with a branch it "
            "applies to everything below it, too."
        ),
        _("Whoever writes a rule adds them. Products count among each other, and so do branches; both must fit."),
    )
    datamodel = ScopedInterface(WarningLimit)
    resource = "WarningRule"
    menu, icon = MENU, "fa-sitemap"
    list_title, show_title, add_title, edit_title = (
        _("Where rules apply"),
        _("Where a rule applies"),
        _("Add where a rule applies"),
        _("Edit where a rule applies"),
    )
    empty_text = _("Every rule applies to all loans.")
    list_columns = ["rule", "product", "branch"]
    summary_columns = ("rule", "product", "branch")

    def makes_sense(self, row: WarningLimit, action: str) -> bool:
        return row.rule.state in making.AT_REST if action in ("edit", "delete") else True


class BackTestView(PortalView):
    """Back-tests of rules."""

    help = Help(
        _(
            "What rules would have been worth on past month-ends: how many loans they would have hit, how many of "
            "these became non-performing, how many were missed, and how many days ahead."
        ),
        _("Started on a rule's record, before it is switched on; each run stays here."),
    )
    datamodel = ScopedInterface(BackTest)
    resource = "WarningRule"
    menu, icon = MENU, "fa-history"
    list_title, show_title = _("Back-tests"), _("Back-test")
    empty_text = _("No rule was tried on the past yet: start it on the rule's record.")
    list_columns = ["rule", "run_on", "months", "horizon", "loans", "hits", "confirmed", "missed", "lead_days"]
    order = ("run_on", "desc")
    summary_columns = ("rule", "run_on", "hits", "confirmed", "missed", "lead_days")
    has_timeline = False
    can_add = can_edit = can_delete = False


def register(builder: Any) -> None:
    add_page(builder, WarningBoardView, _("Warning board"), MENU, "fa-dashboard")
    add_screens(
        builder, WarningCaseView, WarningRuleView, WarningConditionView, WarningLimitView, BackTestView, WarningStepView
    )
