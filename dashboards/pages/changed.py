"""What changed and why: how the overdue and the NPL balance moved between two dates, taken apart loan by loan."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts_of_change import Changes, Waterfall
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.options import SINCE_OPTION
from dashboards.wording import day_words, round_money
from portal.core.help import Help
from portal.core.metric import metric_of
from portal.metrics.moves import Part
from reports.figures import whole

CONSTANT = (Part.NEITHER.value,)


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """How far NPL and the overdue balance have moved, and what made most of it."""
    if not now["npl_loans"] and not now["overdue_loans"]:
        return gettext(
            "No loan was overdue on %(since)s, and none is on %(as_of)s.",
            since=day_words(asked.month_end_before),
            as_of=day_words(asked.as_of),
        )
    return gettext("%(first)s %(second)s", first=_told("npl", asked, now), second=_told("overdue", asked, now))


def _told(name: str, asked: Asked, now: Figures) -> str:
    """`NPL balance rose by 1.2 million yuan to 3.4 million yuan; most of that: newly non-performing, 1.5 million.`"""
    change = whole(now, f"{name}_change")
    stock = {"npl": "npl_balance", "overdue": "overdue_loan_balance"}[name]
    facts = {
        "figure": str(metric_of(stock).label),
        "change": round_money(abs(change)),
        "now": round_money(whole(now, stock)),
    }
    if not change:
        return gettext("%(figure)s is what it was, %(now)s.", **facts)
    rows = asked.evaluate((f"{name}_change",), by=(f"{name}_part",)).rows
    same_way = [row for row in rows if whole(row.values, f"{name}_change") * change > 0]
    most = max(same_way, key=lambda row: abs(whole(row.values, f"{name}_change")))
    facts |= {
        "part": most.labels[f"{name}_part"],
        "amount": round_money(abs(whole(most.values, f"{name}_change"))),
    }
    if change > 0:
        return gettext("%(figure)s rose by %(change)s to %(now)s; the largest cause: %(part)s, %(amount)s.", **facts)
    return gettext("%(figure)s fell by %(change)s to %(now)s; the largest cause: %(part)s, %(amount)s.", **facts)


CHANGED = register_dashboard(
    Dashboard(
        key="changed",
        title=_("What changed and why"),
        resource="ChangedDashboard",
        icon="fa-arrows-up-down",
        help=Help(
            _(
                "Why the overdue balance and the NPL balance rose or fell between two dates. Every loan is in exactly "
                "one part, so the parts add up to the change to the fen."
            ),
            _(
                "The committee and risk look here when a figure has moved. Choose the two dates, read the sentence, "
                "click a bar's figure in the table to see its loans, and see below in which branch it happened."
            ),
        ),
        tiles=(
            Tile("npl_balance", good="down"),
            Tile("npl_ratio", good="down"),
            Tile("npl_change"),
            Tile("npl_loans"),
            Tile("loan_balance"),
            Tile("overdue_loan_balance", good="down"),
            Tile("overdue_rate", good="down"),
            Tile("overdue_change"),
            Tile("overdue_loans"),
            Tile("par_30", good="down"),
        ),
        charts=(
            Waterfall(
                key="npl",
                title=_("NPL balance: what changed it"),
                by="npl_part",
                measure="npl_change",
                before="npl_before",
                after="npl_after",
                count="npl_loans",
                leave_out=CONSTANT,
            ),
            Waterfall(
                key="overdue",
                title=_("Overdue balance: what changed it"),
                by="overdue_part",
                measure="overdue_change",
                before="overdue_before",
                after="overdue_after",
                count="overdue_loans",
                leave_out=CONSTANT,
            ),
            Changes(
                key="npl_by_branch",
                title=_("Change of NPL balance by branch"),
                by="branch",
                measure="npl_change",
                also=("npl_before", "npl_after", "npl_loans"),
            ),
            Changes(
                key="overdue_by_branch",
                title=_("Change of overdue balance by branch"),
                by="branch",
                measure="overdue_change",
                also=("overdue_before", "overdue_after", "overdue_loans"),
            ),
            Changes(
                key="npl_by_product",
                title=_("Change of NPL balance by product"),
                by="product",
                measure="npl_change",
                also=("npl_before", "npl_after", "npl_loans"),
            ),
            Changes(
                key="overdue_by_manager",
                title=_("Change of overdue balance by customer manager"),
                by="manager",
                measure="overdue_change",
                also=("overdue_before", "overdue_after", "overdue_loans"),
            ),
        ),
        filters=("branch", "manager", "product"),
        options=(SINCE_OPTION,),
        answer=answer,
        counted="loan_count",
        nothing=_("Nothing changed"),
        nothing_because=_("No loan within these filters was bad at either date, or none that you look after."),
    )
)
