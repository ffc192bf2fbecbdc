"""Provisions: what is required, what is posted, what it covers, and what it would take if things got worse."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts import Parts, Ranking, Trend
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.options import Percent
from dashboards.stress_chart import SHIFT, Stress
from dashboards.theme import RISK_COLOURS
from dashboards.wording import percent_words, round_money
from portal.core.help import Help
from portal.loans.classification import Category
from portal.metrics.stress import required, shifted
from portal.metrics.thresholds import required_ratios
from reports.figures import whole


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """What is required, what is posted, and what a shift would ask for more."""
    if not now["loan_balance"]:
        return gettext("There are no open loans at this date within these filters.")
    needed = whole(now, "provision_required")
    facts = {"required": round_money(needed)}
    if now["allowance"] is None:
        first = gettext("%(required)s of provision is required; no allowance is posted in the ledger yet.", **facts)
    else:
        facts |= {"posted": round_money(whole(now, "allowance")), "share": percent_words(_adequacy(now))}
        first = gettext("%(required)s of provision is required, %(posted)s (%(share)s) is posted.", **facts)
    found = asked.evaluate(("category_balance",), by=("category",))
    balances: dict[Category, int] = {row.by["category"]: whole(row.values, "category_balance") for row in found.rows}
    share = asked.option(SHIFT)
    more = required(shifted(balances, Fraction(share, 100)), required_ratios(asked.as_of)) - needed
    second = gettext(
        "If %(share)s of each category became worse by one, %(more)s more would be required.",
        share=f"{share}%",
        more=round_money(more),
    )
    return gettext("%(first)s %(second)s", first=first, second=second)


def _adequacy(now: Figures) -> Fraction:
    return Fraction(now["adequacy"] or 0)


PROVISIONS = register_dashboard(
    Dashboard(
        key="provisions",
        title=_("Provisions"),
        resource="ProvisionsDashboard",
        icon="fa-umbrella",
        help=Help(
            _(
                "Which provision is required by category, which allowance is posted, how far it covers NPL, and how "
                "both compare with the targets in force."
            ),
            _(
                "Finance and risk read it before a month is closed. Set a percentage to see what would be required if "
                "so much of each category became worse by one."
            ),
        ),
        tiles=(
            Tile("provision_required", good="down"),
            Tile("allowance", good="up"),
            Tile("adequacy", good="up"),
            Tile("coverage_ratio", good="up"),
            Tile("provision_ratio", good="up"),
            Tile("loan_balance"),
            Tile("npl_ratio", good="down", why="changed"),
            Tile("provision_specific", good="down"),
            Tile("required_coverage"),
            Tile("general_reserve_required"),
        ),
        charts=(
            Stress(key="stress", title=_("If a share of each category became worse")),
            Parts(
                key="categories",
                title=_("Specific provision by category"),
                by="category",
                measure="provision_specific",
                count="category_count",
                colours=RISK_COLOURS,
            ),
            Trend(
                key="trend",
                title=_("Provision required and NPL ratio by month-end"),
                measure="provision_required",
                beside="npl_ratio",
                count="loan_count",
            ),
            Ranking(
                key="by_branch",
                title=_("Provision required by branch"),
                by="branch",
                measure="provision_required",
                beside="npl_ratio",
                also=("loan_balance", "npl_balance", "required_coverage"),
            ),
        ),
        filters=("branch", "manager", "product"),
        options=(Percent(SHIFT, _("Share that becomes worse (%)")),),
        answer=answer,
        counted="loan_count",
        nothing=_("No open loans"),
        nothing_because=_("There are none at this date within these filters, or none that you look after."),
    )
)
