"""Branches side by side: the same figures for each, to one scale."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts import Ranking
from dashboards.charts_of_change import Changes, Panels
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.options import SINCE_OPTION
from dashboards.wording import percent_words
from portal.core.help import Help

LEAST = 2
SCALE = _("The twelve month-ends before the date, every branch to the same scale, the highest first.")


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """Which branch has the highest PAR 30, which the lowest, and what all have together."""
    rows = [row for row in asked.evaluate(("par_30", "loan_count"), by=("branch",)).rows if row.values["loan_count"]]
    if not rows:
        return gettext("There are no open loans at this date within these filters.")
    whole = percent_words(Fraction(now["par_30"] or 0))
    if len(rows) < LEAST:
        return gettext(
            "%(branch)s has a PAR 30 of %(share)s; there is no other branch to compare.",
            branch=rows[0].labels["branch"],
            share=whole,
        )
    ordered = sorted(rows, key=lambda row: Fraction(row.values["par_30"] or 0))
    best, worst = ordered[0], ordered[-1]
    return gettext(
        "PAR 30 is highest in %(worst)s (%(high)s) and lowest in %(best)s (%(low)s); together it is %(whole)s.",
        worst=worst.labels["branch"],
        high=percent_words(Fraction(worst.values["par_30"] or 0)),
        best=best.labels["branch"],
        low=percent_words(Fraction(best.values["par_30"] or 0)),
        whole=whole,
    )


BRANCHES = register_dashboard(
    Dashboard(
        key="branches",
        title=_("Branches compared"),
        resource="BranchesDashboard",
        icon="fa-building",
        help=Help(
            _("The same figures for every branch side by side, and the course of each to one scale."),
            _(
                "The committee sees at a glance which branch goes another way than the others. The worst stands "
                "first; the table holds every month, and a figure leads to the loans."
            ),
        ),
        tiles=(
            Tile("loan_balance"),
            Tile("par_30", good="down"),
            Tile("npl_ratio", good="down"),
            Tile("average_rate"),
            Tile("provision_required", good="down"),
        ),
        charts=(
            Panels(
                key="par_30", title=_("PAR 30 by branch"), by="branch", measure="par_30", weight="loan_count", wide=True
            ),
            Panels(
                key="npl",
                title=_("NPL ratio by branch"),
                by="branch",
                measure="npl_ratio",
                weight="loan_count",
                wide=True,
            ),
            Ranking(
                key="balance",
                title=_("Balance and NPL ratio by branch"),
                by="branch",
                measure="loan_balance",
                beside="npl_ratio",
                also=("loan_count", "par_30", "average_rate", "provision_required"),
            ),
            Changes(
                key="overdue",
                title=_("Change of overdue balance by branch"),
                by="branch",
                measure="overdue_change",
                also=("overdue_before", "overdue_after", "overdue_loans"),
            ),
        ),
        filters=("branch", "product"),
        options=(SINCE_OPTION,),
        answer=answer,
        counted="loan_count",
        nothing=_("No open loans"),
        nothing_because=_("There are none at this date within these filters, or none that you look after."),
    )
)
