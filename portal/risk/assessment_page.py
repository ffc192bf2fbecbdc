"""`/risk/assessments/`: the risk matrix with what is in force, how it moved, and which measures are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.errors import Forbidden
from portal.core.help import Help
from portal.core.masks import is_clear, told
from portal.core.metric import dimensions, words
from portal.core.values import is_whole
from portal.risk.assessment_parameters import cutoffs
from portal.risk.assessment_reading import Standing, assessed_branches, open_measures, standings
from portal.risk.assessment_words import Impact, Likelihood
from portal.risk.assessments import RiskAssessment
from portal.risk.levels import STEPS, RiskLevel, is_overdue


@dataclass(frozen=True)
class Chip:
    """A kind of risk in a cell of the matrix: where it stands, or where it stood before."""

    words: str
    url: str
    before: bool = False
    moved: int = 0


@dataclass(frozen=True)
class Square:
    """A cell of the matrix."""

    level: RiskLevel
    score: int
    chips: Sequence[Chip]


@dataclass(frozen=True)
class Measure:
    """Measures that are open."""

    row: RiskAssessment
    url: str
    who: str
    late: bool


class RiskMatrixView(BaseView):
    """`/risk/assessments/?branch=…`: the matrix of the company, or of one branch."""

    help = Help(
        _(
            "Where each kind of risk stands: likelihood upwards, impact to the right, by the last assessment that was"
            " confirmed; a dashed mark shows where it stood before. Below, each kind with the day by which it is"
            " assessed again, and the measures that are still open."
        ),
        _(
            "The committee and risk look at it each quarter. Click a mark for the assessment behind it. From which"
            " scores on a risk is medium, high or very high, and how often it is assessed, are dated parameters."
        ),
    )
    route_base = "/risk/assessments"
    default_view = "index"
    resource = "RiskAssessment"
    method_actions = {"index": "list"}

    @expose("/")
    @has_access
    def index(self) -> Any:
        if not all(is_clear(RiskAssessment, name) for name in ("kind", "branch", "likelihood", "impact", "level")):
            raise Forbidden()  # the matrix would tell them
        self.update_redirect()
        today = business_date()
        places = _places()
        chosen = _chosen(request.args.get("branch", ""), places)
        with scope.doing("", "list"):
            found = standings(chosen, today)
            measures = [_measure(row, today) for row in open_measures(chosen)]
        who = scope.actor()
        return self.render_template(
            "risk/matrix.html",
            title=_("Risk matrix"),
            today=today,
            places=places,
            chosen=chosen,
            found=found,
            assessed=any(one.now is not None for one in found),
            rows=_matrix(found, today),
            impacts=[Impact(str(step)) for step in STEPS],
            levels=list(RiskLevel),
            measures=measures,
            add=url_for("RiskAssessmentView.add") if who.may("RiskAssessment", "add") else "",
            every=url_for("RiskAssessmentView.list"),
            told=told,
            record_url=record_url,
            step_words=_step_words,
        )


def _places() -> list[tuple[int | None, str, str]]:
    """(branch, words, address) of what the matrix can be shown of: the company, and branches that were assessed."""
    with scope.doing("", "list"):
        branches = assessed_branches()
        names = words(dimensions["branch"], branches)
    named = sorted((names[branch], branch) for branch in branches)
    places: list[tuple[int | None, str, str]] = [
        (None, str(gettext("Whole company")), url_for("RiskMatrixView.index")),
    ]
    return places + [(branch, name, url_for("RiskMatrixView.index", branch=branch)) for name, branch in named]


def _chosen(text: str, places: Sequence[tuple[int | None, str, str]]) -> int | None:
    """The branch that was asked for; 404 for one that the reader sees no assessment of."""
    if not text:
        return None
    known = [branch for branch, _name, _url in places if branch is not None]
    if not is_whole(text) or int(text) not in known:
        abort(404)
    return int(text)


def _matrix(found: Sequence[Standing], today: date) -> list[tuple[Likelihood, list[Square]]]:
    """Rows from the most likely down, each with its cells from the slightest impact on."""
    levels = cutoffs(today)
    chips: dict[tuple[int, int], list[Chip]] = {}
    for one in found:
        if one.now is None:
            continue
        here = _cell(one.now)
        chips.setdefault(here, []).append(Chip(told(one.now, "kind"), record_url(one.now), moved=one.moved))
        if one.before is not None and _cell(one.before) != here:
            chip = Chip(told(one.before, "kind"), record_url(one.before), before=True)
            chips.setdefault(_cell(one.before), []).append(chip)
    return [
        (
            Likelihood(str(likelihood)),
            [
                Square(levels.level(likelihood, impact), likelihood * impact, chips.get((likelihood, impact), ()))
                for impact in STEPS
            ],
        )
        for likelihood in reversed(STEPS)
    ]


def _cell(row: RiskAssessment) -> tuple[int, int]:
    return int(row.likelihood), int(row.impact)


def _measure(row: RiskAssessment, today: date) -> Measure:
    return Measure(row, record_url(row), told(row, "responsible"), is_overdue(row.due_on, today))


def _step_words(step: Likelihood | Impact) -> tuple[str, str]:
    """`("4", "Likely")`."""
    number, _dot, text = str(label_of(step)).partition(" · ")
    return number, text
