"""The warning board: open warnings by level and owner, how old they are, what is not acknowledged in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Date, case, func, literal, select

from portal.core.clock import business_date
from portal.core.db import days_between, db, label_of
from portal.core.help import Help
from portal.core.home import list_url
from portal.warnings.models import RuleState, WarningCase, WarningRule
from portal.warnings.rules import Level, Owner, State

MENU = ("warnings", _("Early warning"))
OPEN_STATES = tuple(state for state in State if state is not State.CLOSED)
RULES = 8
"""At most so many are named."""
AGES = ((0, 7), (8, 30), (31, 90), (91, None))
"""Days since a warning was opened: from, up to."""


@dataclass(frozen=True)
class Cell:
    """A number and the list behind it."""

    count: int
    url: str


@dataclass(frozen=True)
class Row:
    """One line of a table of the board."""

    head: Any
    key: str
    cells: Sequence[Cell]
    total: Cell


class WarningBoardView(BaseView):
    """Open warnings at a glance."""

    route_base = "/warning-board"
    default_view = "list"
    resource = "WarningCase"
    help = Help(
        _(
            "Open warnings by level and by whom they are with, how old they are, how far they are, and which of them "
            "nobody acknowledged in time. Each number leads to the list behind it."
        ),
        _("Risk and heads of branches and teams see where warnings pile up. It shows the loans that you may see."),
    )

    @expose("/")
    @has_access
    def list(self) -> Any:
        """The board."""
        today = business_date()
        counted = _counted(today)
        return self.render_template(
            "warnings/board.html",
            title=_("Warning board"),
            today=today,
            total=_cell(sum(counted.values())),
            late=Cell(
                sum(count for key, count in counted.items() if key[4]),
                _url({"f.state.in": State.OPEN.value, "f.acknowledge_by.lt": today}),
            ),
            levels=[(level.value, label_of(level), _level_cell(counted, level)) for level in reversed(Level)],
            cleared=Cell(sum(count for key, count in counted.items() if key[5]), _url({"f.cleared_on.le": today})),
            owners=_by(counted, Owner, 1, "owner"),
            states=_by(counted, OPEN_STATES, 2, "state"),
            ages=_ages(counted, today),
            by_rule=_rules(today),
            heads=[(level.value, label_of(level)) for level in reversed(Level)],
            evaluated=_evaluated(),
        )


Counted = Counter[tuple[Level, Owner, State, int, bool, bool]]
"""Open cases by level, owner, state, age (place in AGES), not acknowledged in time, no longer hit."""


def _counted(today: date) -> Counted:
    """The open cases that the reader may see, in one statement."""
    age = days_between(WarningCase.opened_on, literal(today, Date))
    place = case(*((age <= last, number) for number, (_first, last) in enumerate(AGES) if last), else_=len(AGES) - 1)
    late = case(((WarningCase.state == State.OPEN) & (WarningCase.acknowledge_by < today), 1), else_=0)
    cleared = case((WarningCase.cleared_on.is_not(None), 1), else_=0)
    keys = (WarningCase.level, WarningCase.owner, WarningCase.state)
    marks = [mark.label(name) for name, mark in (("age", place), ("late", late), ("cleared", cleared))]
    cases = select(*keys, *marks).where(WarningCase.state != State.CLOSED).subquery("open_cases").c
    columns = (cases.level, cases.owner, cases.state, cases.age, cases.late, cases.cleared)
    found: Counted = Counter()
    for *key, count in db.session.execute(select(*columns, func.count()).group_by(*columns)):
        found[key[0], key[1], key[2], key[3], bool(key[4]), bool(key[5])] += count
    return found


def _url(narrowed: dict[str, Any]) -> str:
    """The list of open cases, narrowed further."""
    return list_url("WarningCaseView", {"f.state.in": ",".join(state.value for state in OPEN_STATES)} | narrowed)


def _cell(count: int, **narrowed: Any) -> Cell:
    return Cell(count, _url({f"f.{name}.in": value for name, value in narrowed.items()}))


def _level_cell(counted: Counted, level: Level) -> Cell:
    return _cell(sum(count for key, count in counted.items() if key[0] is level), level=level.value)


def _by(counted: Counted, choices: Any, place: int, name: str) -> list[Row]:
    """A line for each choice, a column for each level, the most serious first."""
    lines = []
    for choice in choices:
        of_choice = {key: count for key, count in counted.items() if key[place] is choice}
        cells = [
            _cell(
                sum(count for key, count in of_choice.items() if key[0] is level),
                **{name: choice.value, "level": level.value},
            )
            for level in reversed(Level)
        ]
        lines.append(Row(label_of(choice), choice.value, cells, _cell(sum(of_choice.values()), **{name: choice.value})))
    return lines


def _ages(counted: Counted, today: date) -> list[Row]:
    lines = []
    for place, (first, last) in enumerate(AGES):
        narrowed: dict[str, Any] = {"f.opened_on.le": today - timedelta(days=first)} if first else {}
        if last is not None:
            narrowed["f.opened_on.ge"] = today - timedelta(days=last)
        head = (
            gettext("%(first)s to %(last)s days", first=first, last=last)
            if last
            else gettext("More than %(days)s days", days=first - 1)
        )
        of_age = {key: count for key, count in counted.items() if key[3] == place}
        cells = [
            Cell(
                sum(count for key, count in of_age.items() if key[0] is level),
                _url({**narrowed, "f.level.in": level.value}),
            )
            for level in reversed(Level)
        ]
        lines.append(Row(head, str(place), cells, Cell(sum(of_age.values()), _url(narrowed))))
    return lines


def _rules(today: date) -> list[tuple[str, Level, Any, Cell, Cell]]:
    """The rules with most open cases: name, level and its words, open ones, those not acknowledged in time."""
    late = case(((WarningCase.state == State.OPEN) & (WarningCase.acknowledge_by < today), 1), else_=0)
    statement = (
        select(WarningRule.id, WarningRule.name, WarningRule.level, func.count(), func.sum(late))
        .join(WarningCase, WarningCase.rule_id == WarningRule.id)
        .where(WarningCase.state != State.CLOSED)
        .group_by(WarningRule.id, WarningRule.name, WarningRule.level)
        .order_by(func.count().desc(), WarningRule.name)
        .limit(RULES)
    )
    found = []
    for number, name, level, count, behind in db.session.execute(statement):
        narrowed = {"f.rule.eq": number}
        unseen = {**narrowed, "f.state.in": State.OPEN.value, "f.acknowledge_by.lt": today}
        found.append((name, level, label_of(level), Cell(count, _url(narrowed)), Cell(int(behind), _url(unseen))))
    return found


def _evaluated() -> tuple[int, date | None]:
    """How many rules are switched on, and the business date on which all of them were last evaluated."""
    on = select(func.count(), func.min(WarningRule.evaluated_on)).where(WarningRule.state == RuleState.ON)
    count, day = db.session.execute(on).one()
    return count, day
