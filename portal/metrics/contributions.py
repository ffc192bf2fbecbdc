"""What the figures add to home pages: the portfolio with its change since month-end, and who has overdue loans."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from functools import partial

from flask import current_app, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.clock import business_date
from portal.core.home import LINES, Figure, HomeCard, Line, Tone, Waiting, register_card, short_day, yuan
from portal.core.metric import Metric, Question, Value, evaluate, metrics
from portal.metrics.formatting import MINUS, half_up, shown, unit_words
from portal.metrics.listings import listing_url

PORTFOLIO = ("loan_balance", "loan_count", "overdue_loan_count", "par_30", "npl_ratio")
FEWER_IS_BETTER = ("overdue_loan_count", "par_30", "npl_ratio")
OVERVIEW = "PortfolioDashboardView.show"
OVERDUE, LATE = "overdue_loan_count", "overdue_principal"


def portfolio() -> Waiting:
    """The figures that tell how the portfolio stands, and how each has changed since the last month-end."""
    today = business_date()
    month_end = today.replace(day=1) - timedelta(days=1)
    now, before = evaluate(PORTFOLIO), evaluate(PORTFOLIO, as_of=month_end)
    figures = [_figure(metrics[key], now.total[key], before.total[key], Question(today)) for key in PORTFOLIO]
    return Waiting(figures=figures, url=_overview())


def _overview() -> str:
    known = OVERVIEW in current_app.view_functions and scope.actor().may("PortfolioDashboard", "show")
    return url_for(OVERVIEW) if known else ""


def _figure(metric: Metric, now: Value, before: Value, question: Question) -> Figure:
    since = short_day(question.as_of.replace(day=1) - timedelta(days=1))
    words, tone = _change(metric, now, before, since)
    wide = metric.unit == "money"
    return Figure(
        str(metric.label),
        shown(metric, now, ten_thousands=wide),
        unit_words(metric, ten_thousands=wide),
        words,
        tone,
        listing_url(metric, question),
        str(metric.formula),
    )


def _change(metric: Metric, now: Value, before: Value, since: str) -> tuple[str, Tone]:
    """Ratios change by percentage points, everything else by a share of what it was."""
    if now is None or before is None:
        return "", ""
    difference = Fraction(now) - Fraction(before)
    if not difference:
        return gettext("unchanged since %(day)s", day=since), ""
    sign = "+" if difference > 0 else MINUS
    if metric.unit in ("percent", "rate"):
        amount = gettext("%(points)s pp", points=shown(metric, abs(difference)))
    elif before:
        amount = f"{half_up(abs(difference) / Fraction(before) * 100, 1):,f}%"
    else:
        return "", ""
    better = (difference > 0) != (metric.key in FEWER_IS_BETTER)
    return f"{sign}{amount} " + gettext("since %(day)s", day=since), "ok" if better else "danger"


def overdue_by(dimension: str) -> Waiting:
    """Overdue loans by this dimension, the most overdue principal first."""
    question = Question(business_date())
    found = evaluate((OVERDUE, LATE), by=(dimension,))
    rows = sorted(
        (row for row in found.rows if row.values[OVERDUE]), key=lambda row: row.values[LATE] or 0, reverse=True
    )
    count = metrics[OVERDUE]
    lines = [
        Line(
            row.labels[dimension],
            ngettext("%(num)s overdue loan", "%(num)s overdue loans", int(row.values[OVERDUE] or 0)),
            yuan(int(row.values[LATE] or 0)),
            listing_url(count, question, {dimension: [row.by[dimension]]}),
            "danger",
        )
        for row in rows[:LINES]
    ]
    whole = found.total[OVERDUE]
    return Waiting(lines, count=shown(count, whole) if whole else "", url=listing_url(count, question))


def _card(key: str, title: object, places: dict[str, int], dimension: str, icon: str) -> None:
    nothing = _("No loan is overdue.")
    register_card(
        HomeCard(key, title, "Loan", "list", places, partial(overdue_by, dimension), nothing, icon, later=True)
    )


register_card(
    HomeCard(
        "portfolio",
        _("Portfolio"),
        "Loan",
        "list",
        {
            "committee": 10,
            "branch_head": 10,
            "risk": 10,
            "approver": 10,
            "finance": 60,
            "compliance": 60,
            "audit": 10,
            "customer_manager": 40,
            "collections": 40,
            "team_lead": 5,
        },
        portfolio,
        _("There are no open loans."),
        "fa-line-chart",
        wide=True,
        later=True,
    )
)
_card(
    "overdue_by_manager",
    _("Overdue by customer manager"),
    {"team_lead": 10, "branch_head": 20, "collections": 30},
    "manager",
    "fa-user",
)
_card(
    "overdue_by_branch", _("Overdue by branch"), {"committee": 20, "risk": 40, "finance": 30}, "branch", "fa-building"
)
