"""Vintages: what became of the loans of each month, by months on book."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts import Ranking
from dashboards.charts_of_change import Curves
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.wording import percent_words, round_money
from portal.core.help import Help
from reports.figures import whole

ALSO = ("vintage_ever_60", "vintage_ever_90", "vintage_current")
READ = _("Running share of what was lent; a month that has not ended, or whose end is not kept, is left out.")


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """How much is followed, and how much of it was ever late."""
    ever, current = now["vintage_ever_30"], now["vintage_current"]
    if ever is None or current is None:
        return gettext("No cohort is followed yet within these filters: that begins with the first kept month-end.")
    return gettext(
        "Of %(lent)s lent in the cohorts that are followed, %(ever)s was ever beyond 30 days at a month-end; "
        "%(current)s is overdue or written off.",
        lent=round_money(whole(now, "vintage_lent")),
        ever=percent_words(Fraction(ever)),
        current=percent_words(Fraction(current)),
    )


VINTAGES = register_dashboard(
    Dashboard(
        key="vintages",
        title=_("Vintages"),
        resource="VintagesDashboard",
        icon="fa-layer-group",
        help=Help(
            _(
                "What became of the loans of each month: which share was ever late, and which is late or lost now, by "
                "months on book. New months that run above old ones mean that lending got riskier."
            ),
            _(
                "Risk and product managers compare cohorts here at the same age. Narrow it by branch, product or "
                "channel; the table holds the exact shares, and a figure leads to the loans."
            ),
        ),
        tiles=(
            Tile("vintage_lent"),
            Tile("vintage_ever_30", good="down"),
            Tile("vintage_ever_60", good="down"),
            Tile("vintage_ever_90", good="down"),
            Tile("vintage_current", good="down"),
        ),
        charts=(
            Curves(
                key="ever_30",
                title=_("Ever beyond 30 days, by month lent"),
                note=READ,
                by="cohort",
                part="vintage_ever_30_balance",
                whole="vintage_lent",
            ),
            Curves(
                key="ever_90",
                title=_("Ever beyond 90 days, by month lent"),
                note=READ,
                by="cohort",
                part="vintage_ever_90_balance",
                whole="vintage_lent",
            ),
            Curves(
                key="current",
                title=_("Overdue or written off, by month lent"),
                note=READ,
                by="cohort",
                part="vintage_current_balance",
                whole="vintage_lent",
            ),
            Curves(
                key="ever_60",
                title=_("Ever beyond 60 days, by month lent"),
                note=READ,
                by="cohort",
                part="vintage_ever_60_balance",
                whole="vintage_lent",
            ),
            Ranking(
                key="by_product",
                title=_("Cohorts by product"),
                by="product",
                measure="vintage_lent",
                beside="vintage_ever_30",
                also=ALSO,
            ),
            Ranking(
                key="by_channel",
                title=_("Cohorts by channel"),
                by="product_channel",
                measure="vintage_lent",
                beside="vintage_ever_30",
                also=ALSO,
            ),
        ),
        filters=("branch", "product", "product_channel"),
        answer=answer,
        counted="loan_count",
        nothing=_("No cohorts to follow"),
        nothing_because=_("Nothing was lent within these filters since the first kept month-end, or nothing you see."),
    )
)
