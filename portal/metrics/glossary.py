"""The glossary: every figure and field in words, from the registries; and the page of loans behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask import abort, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.display import screens
from portal.core.errors import Refused
from portal.core.filters import filterable
from portal.core.help import Help
from portal.core.masks import derived
from portal.core.metric import Metric, Question, asked, dimensions, evaluate, metrics, words
from portal.core.views import PortalView
from portal.loans.ledger import Account
from portal.metrics.answers import read_day
from portal.metrics.dimensions import parse_where, split_filter
from portal.metrics.formatting import heading, shown, unit_words
from portal.metrics.listings import rows_url
from portal.metrics.rows import rows_behind
from portal.parameters.known import TO_CONFIRM, known
from portal.parameters.models import Parameter
from portal.parameters.services import parameter

PAGE = 50


@dataclass(frozen=True)
class Word:
    """A field of a screen: what it is called, what it means, where it is used."""

    label: str
    meaning: str
    used: str
    """In words: list, form, search, filters, files."""


@dataclass(frozen=True)
class Setting:
    """A dated parameter that a figure reads, as in force today."""

    label: str
    value: str
    source: str
    confirmed: bool


def settings(metric: Metric, on: date) -> list[Setting]:
    """The parameters behind a metric; one that has no value yet says so."""
    found = []
    for key in metric.parameters:
        label = str(known[key].label)
        try:
            held = parameter(key, on)
        except Refused as refusal:
            found.append(Setting(label, str(refusal), "", True))
            continue
        operator = f"{label_of(held.operator)} " if held.operator else ""
        value = derived(Parameter, ("value", "operator"), operator + held.text)
        source = derived(Parameter, ("source",), held.source.removesuffix(TO_CONFIRM))
        found.append(Setting(label, value, source, held.confirmed))
    return found


def words_of(view: PortalView) -> list[Word]:
    """The fields of a screen. Read-only ones are never typed, so they are in no form."""
    typed = {*view.add_columns, *view.edit_columns} if view.can_add or view.can_edit else set()
    offered = filterable(view.model, view.filter_columns)
    found = []
    for name in view.shown(view.fields):
        field = view.fields[name]
        places = (
            (name in view.list_columns, gettext("list")),
            (name in typed and not field.readonly, gettext("form")),
            (field.search, gettext("search")),
            (name in offered, gettext("filters")),
            (field.export and not field.sensitive, gettext("export")),
        )
        used = gettext(", ").join(where for is_used, where in places if is_used)
        found.append(Word(str(field.label), str(field.help or ""), used))
    return found


class GlossaryView(BaseView):
    """What each figure and each field means, where the definition comes from and which parameters it reads."""

    help = Help(
        _(
            "What each figure and each field means: the formula, the source, the parameters in force, and on "
            "which screens it appears."
        ),
        _(
            "Look here when two people mean different things by one word. Dashboards, reports and REST all use "
            "these definitions."
        ),
    )
    resource = "Metrics"
    route_base = "/metrics"
    default_view = "list"

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        query = request.args.get("q", "").strip()[:80]
        shown_metrics = [m for m in metrics.values() if not m.internal and _names(query, m.label, m.key, m.formula)]
        subjects = [
            (subject, [(metric, unit_words(metric), settings(metric, business_date())) for metric in listed])
            for subject, listed in groupby(shown_metrics, key=lambda metric: str(metric.subject))
        ]
        fields = {view: _named(query, view) for view in screens().values() if not view.record_view and view.may("list")}
        return self.render_template(
            "metrics/glossary.html",
            title=gettext("Glossary"),
            query=query,
            subjects=subjects,
            cuts=[] if query else list(dimensions.values()),
            fields=[(view, found) for view, found in fields.items() if found],
            count=len(shown_metrics),
            field_count=sum(map(len, fields.values())),
        )


def _named(query: str, view: PortalView) -> list[Word]:
    """The screen's fields that the query names; all of them when it names the screen."""
    found = words_of(view)
    return found if _names(query, view.list_title) else [w for w in found if _names(query, w.label, w.meaning)]


def _names(query: str, *texts: Any) -> bool:
    """Whether every word of the query occurs in the texts."""
    whole = " ".join(map(str, texts)).casefold()
    return all(word in whole for word in query.casefold().split())


class MetricRowsView(BaseView):
    """The loans behind a figure, one line each."""

    help = Help(
        _(
            "The loans behind a figure, one line each, the largest first; together they make exactly the figure "
            "you came from."
        ),
        _(
            "You come here by clicking a figure on a dashboard. You see only the loans within your area of "
            "responsibility, and so does the figure."
        ),
    )
    resource = "Metrics"
    route_base = "/metrics"
    default_view = "list"

    @expose("/<string:key>/rows")
    @has_access
    def list(self, key: str) -> Any:
        if key not in metrics or metrics[key].internal:
            abort(404)
        metric, question = metrics[key], _question()
        where = parse_where(split_filter(text, ":") for text in request.args.getlist("where") if text)
        number = max(1, request.args.get("page", 1, type=int))
        found = rows_behind(key, question, where, number, PAGE)
        whole = evaluate([key], where=where, as_of=question.as_of, start=question.start, known_at=question.known_at)
        pages = max(1, -(-found.count // PAGE))
        return self.render_template(
            "metrics/rows.html",
            title=gettext("%(figure)s: the loans behind it", figure=metric.label),
            metric=metric,
            question=question,
            chips=[(dimensions[k].label, ", ".join(words(dimensions[k], v).values())) for k, v in where.items()],
            total=shown(metric, whole.total[key]),
            total_heading=heading(metric),
            value_heading=heading(found.metric),
            facts=[dimensions[fact].label for fact in found.facts],
            rows=[(r.code, _loan_url(r.loan_id), r.facts, shown(found.metric, r.value)) for r in found.rows],
            count=found.count,
            first=(number - 1) * PAGE + 1,
            previous=rows_url(metric, question, where, number - 1) if number > 1 else "",
            next=rows_url(metric, question, where, number + 1) if number < pages else "",
        )


def _question() -> Question:
    given = {name: read_day(text) for name in ("as_of", "from", "known_at") if (text := request.args.get(name))}
    return asked(given.get("as_of"), given.get("from"), given.get("known_at"))


def _loan_url(loan_id: int | None) -> str:
    """A loan, or the lines of month-ends on the allowance, which are the only ones without a loan."""
    if loan_id is None:
        narrowed: dict[str, Any] = {"f.account.in": Account.ALLOWANCE.value}
        return url_for("MonthEndPostingView.list", **narrowed)
    return url_for("LoanView.show", pk=loan_id) if scope.actor().may("Loan", "show") else ""
