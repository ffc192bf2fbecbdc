"""Making rules: written as drafts, tried on the past, switched on by a second person, switched off by one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask_babel import gettext
from sqlalchemy import func, select

from portal.access.tables import four_eyes
from portal.core import records, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.parameters.services import parameter
from portal.warnings.indicators import hits, limits
from portal.warnings.measured import At
from portal.warnings.models import RuleState, WarningCase, WarningRule
from portal.warnings.parameters import MOST_HIT
from portal.warnings.rules import hits_most

AT_REST = (RuleState.DRAFT, RuleState.OFF)
"""States in which a rule may be changed."""


@dataclass(frozen=True)
class Reach:
    """How many of the loans a rule applies to it hits today."""

    hits: int
    loans: int
    most: Fraction
    """The share beyond which it needs a reason."""

    @property
    def too_many(self) -> bool:
        return hits_most(self.hits, self.loans, self.most)

    @property
    def percent(self) -> str:
        return f"{100 * self.hits / self.loans:.1f}" if self.loans else "—"


def reach_of(rule: WarningRule) -> Reach:
    """What a rule would hit on the open business date."""
    day = business_date()
    at = At(day)
    with unscoped("how many loans a rule hits"):
        hit = hits(rule, at).with_only_columns(func.count(), maintain_column_froms=True)
        all_loans = select(func.count()).select_from(at.source).where(*limits(rule, at.source))
        found = db.session.scalar(hit) or 0, db.session.scalar(all_loans) or 0
    return Reach(*found, Fraction(parameter(MOST_HIT, day).value) / 100)


@verb("warnings.add_rule")
def add(model: Any, values: dict[str, Any]) -> Any:
    """A new rule (a draft), or a condition or limit of one. InvalidValues by field."""
    if model is not WarningRule and values.get("rule"):
        _refuse_in_force(_loaded(values["rule"]))
    return records.add(model, values)


@verb("warnings.change_rule")
def change(model: Any, row_id: int, values: dict[str, Any], version_seen: int | None = None) -> Any:
    """Change a rule that is not in force, or a part of it. InvalidValues by field; Refused while it is switched on."""
    row = records.load(model, row_id)
    _refuse_in_force(row if model is WarningRule else row.rule)
    if model is not WarningRule and values.get("rule") not in (None, row.rule_id):
        raise InvalidValues({"rule": [gettext("It stays with its rule.")]})
    return records.change(model, row_id, values, version_seen)


@verb("warnings.remove_rule")
def remove(model: Any, row_id: int) -> None:
    """Delete a rule that never opened a case, or a part of one that is not in force; Refused otherwise."""
    row = records.load(model, row_id)
    _refuse_in_force(row if model is WarningRule else row.rule)
    if model is WarningRule:
        with unscoped("whether a rule has cases"):
            if db.session.scalar(select(WarningCase.id).where(WarningCase.rule_id == row_id).limit(1)) is not None:
                raise Refused(gettext("This rule has opened warnings: it stays, switched off."))
    records.remove(model, row_id)


@verb("warnings.switch_on")
def switch_on(rule_id: int, reason: str = "") -> WarningRule:
    """Switch a rule on; with four eyes, propose it to a second person.

    Refused without conditions; InvalidValues when it hits so many loans that it needs a reason and has none.
    """
    rule = _loaded(rule_id)
    _refuse_in_force(rule)
    if not rule.conditions:
        raise Refused(gettext("A rule without conditions hits nothing: add one first."))
    if rule.valid_until is not None and rule.valid_until < business_date():
        raise Refused(gettext("The rule's time is over: change until when it is in force first."))
    reach = reach_of(rule)
    if reach.too_many and not reason.strip():
        text = gettext(
            "The rule hits %(hits)s of %(loans)s loans (%(percent)s%%): say why it is switched on all the same.",
            hits=reach.hits,
            loans=reach.loans,
            percent=reach.percent,
        )
        raise InvalidValues({"reason": [text]})
    rule.override = reason.strip()[:400] or None
    rule.proposed_by_id = scope.actor().user_id
    rule.state = RuleState.WAITING if four_eyes() else RuleState.ON
    return _done(rule, hits=reach.hits, loans=reach.loans)


@verb("warnings.approve_rule")
def approve(rule_id: int) -> WarningRule:
    """Let a rule come into force that somebody else proposed. Refused for one's own."""
    rule = _waiting(rule_id)
    if four_eyes() and scope.actor().acts_for(rule.proposed_by_id):
        raise Refused(gettext("You proposed this: somebody else decides on it."))
    rule.state = RuleState.ON
    return _done(rule)


@verb("warnings.reject_rule")
def reject(rule_id: int) -> WarningRule:
    """Make a proposed rule a draft again; whoever proposed it may do so, too."""
    rule = _waiting(rule_id)
    rule.state = RuleState.DRAFT
    return _done(rule)


@verb("warnings.switch_off")
def switch_off(rule_id: int) -> WarningRule:
    """Let a rule open no more cases. Its open ones go on."""
    rule = _loaded(rule_id)
    if rule.state is not RuleState.ON:
        raise Refused(gettext("This rule is not switched on."))
    rule.state = RuleState.OFF
    return _done(rule)


def _loaded(rule_id: int) -> WarningRule:
    rule: WarningRule = records.load(WarningRule, rule_id)
    return rule


def _waiting(rule_id: int) -> WarningRule:
    rule = _loaded(rule_id)
    if rule.state is not RuleState.WAITING:
        raise Refused(gettext("This has been decided already."))
    return rule


def _refuse_in_force(rule: WarningRule) -> None:
    if rule.state not in AT_REST:
        raise Refused(gettext("The rule is switched on, or waits to be: switch it off before it is changed."))


def _done(rule: WarningRule, **facts: Any) -> WarningRule:
    db.session.flush()
    current_unit().about(rule)
    current_unit().note(state=rule.state.value, **facts)
    return rule
