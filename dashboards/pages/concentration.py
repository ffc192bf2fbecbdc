"""Concentration: what the largest borrowers and groups owe, and how much lies in one industry, product or branch."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts_of_concentration import Largest, LargestGroups
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.wording import percent_words
from portal.core.help import Help
from portal.limits.parameters import herfindahl_bounds


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """What part the ten largest borrowers have, and how industries are spread."""
    if now["top_10_share"] is None:
        return gettext("There are no open loans at this date within these filters.")
    index = int(now["herfindahl_industry"] or 0)
    spread, concentrated = herfindahl_bounds(asked.as_of)
    facts = {"share": percent_words(Fraction(now["top_10_share"]), 1), "points": f"{index:,}"}
    if index > concentrated:
        return gettext(
            "The ten largest borrowers owe %(share)s of all; by industry the loans are concentrated"
            " (Herfindahl index %(points)s of 10,000).",
            **facts,
        )
    if index > spread:
        return gettext(
            "The ten largest borrowers owe %(share)s of all; by industry the loans are moderately concentrated"
            " (Herfindahl index %(points)s of 10,000).",
            **facts,
        )
    return gettext(
        "The ten largest borrowers owe %(share)s of all; by industry the loans are spread"
        " (Herfindahl index %(points)s of 10,000).",
        **facts,
    )


CONCENTRATION = register_dashboard(
    Dashboard(
        key="concentration",
        title=_("Concentration"),
        resource="ConcentrationDashboard",
        icon="fa-bullseye",
        help=Help(
            _(
                "Whether much depends on few: the largest borrowers and groups of related borrowers, and the shares of"
                " industries, products and branches. The Herfindahl index sums the squared shares: 10,000 when all lies"
                " in one place; what counts as spread and as concentrated is set by parameters."
            ),
            _(
                "Risk and the committee read it beside the limits. Shares are of the loans that you may see; click a"
                " bar's row for its loans."
            ),
        ),
        tiles=(
            Tile("top_1_share", good="down"),
            Tile("top_10_share", good="down"),
            Tile("herfindahl_industry", good="down"),
            Tile("herfindahl_product", good="down"),
            Tile("herfindahl_branch", good="down"),
        ),
        charts=(
            Largest(key="borrowers", title=_("Ten largest borrowers"), by="customer", measure="top_10_balance"),
            LargestGroups(
                key="groups",
                title=_("Ten largest groups of related borrowers"),
                by="customer",
                measure="group_balance",
                note=_("Called after the member who owes the most."),
            ),
            Largest(
                key="industries",
                title=_("By industry"),
                by="industry",
                measure="loan_balance",
                also=("borrower_count", "npl_ratio"),
            ),
            Largest(
                key="products",
                title=_("By product"),
                by="product",
                measure="loan_balance",
                also=("borrower_count", "npl_ratio"),
            ),
            Largest(
                key="branches",
                title=_("By branch"),
                by="branch",
                measure="loan_balance",
                also=("borrower_count", "npl_ratio"),
                wide=True,
            ),
        ),
        filters=(),
        answer=answer,
        counted="loan_count",
        nothing=_("No open loans"),
        nothing_because=_("There are none at this date within these filters, or none that you look after."),
    )
)
