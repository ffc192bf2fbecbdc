"""Portfolio: what is lent, how much of it is late, how it is classified, where it stands and where it is going."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts import Parts, Ranking, Trend
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.sentences import greatest_part, growth
from dashboards.theme import RISK_COLOURS
from dashboards.wording import month_end_words, percent_words, round_money
from portal.core.help import Help
from portal.core.metric import metric_of
from reports.figures import whole


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """How much is lent, how that has changed, how much of it is late, and where."""
    if not now["loan_count"]:
        return gettext("There are no open loans at this date within these filters.")
    size, lateness = _size(asked, now, before), _lateness(asked, now)
    return gettext("%(first)s %(second)s", first=size, second=lateness)


def _size(asked: Asked, now: Figures, before: Figures) -> str:
    facts = {"balance": round_money(whole(now, "loan_balance")), "then": month_end_words(asked.month_end_before)}
    grown = growth("loan_balance", now, before)
    if grown is None:
        return gettext("The loan balance is %(balance)s.", **facts)
    facts["share"] = percent_words(abs(grown), 1)
    if grown > 0:
        return gettext("The loan balance is %(balance)s, %(share)s more than at %(then)s.", **facts)
    if grown < 0:
        return gettext("The loan balance is %(balance)s, %(share)s less than at %(then)s.", **facts)
    return gettext("The loan balance is %(balance)s, the same as at %(then)s.", **facts)


def _lateness(asked: Asked, now: Figures) -> str:
    par = str(metric_of("par_30").label)
    if not now["par_30"]:
        return gettext("%(par)s is 0.", par=par)
    facts = {"late": percent_words(Fraction(now["par_30"])), "par": par}
    worst = greatest_part(asked, "par_30_balance", ("branch", "product"))
    if worst is None:
        return gettext("%(par)s is %(late)s.", **facts)
    facts |= {"part": percent_words(worst.share, 0), "where": worst.of}
    if worst.share == 1:
        return gettext("%(par)s is %(late)s, all of that in %(where)s.", **facts)
    if worst.share > Fraction(1, 2):
        return gettext("%(par)s is %(late)s, most of that (%(part)s) in %(where)s.", **facts)
    return gettext("%(par)s is %(late)s, the largest part of that (%(part)s) in %(where)s.", **facts)


PORTFOLIO = register_dashboard(
    Dashboard(
        key="portfolio",
        title=_("Portfolio"),
        resource="PortfolioDashboard",
        icon="fa-chart-pie",
        help=Help(
            _(
                "What is lent, how much of it is late, how it is classified and where it is going. One sentence on "
                "top says it; tiles and charts break it down."
            ),
            _(
                "The committee and risk begin here. Narrow it by branch, team, manager or product; the address keeps "
                "the choice, so it can be shared. Click a figure to see the loans behind it."
            ),
        ),
        tiles=(
            Tile("loan_balance"),
            Tile("loan_count"),
            Tile("borrower_count"),
            Tile("average_rate"),
            Tile("provision_required", good="down"),
            Tile("overdue_loan_balance", good="down", why="changed"),
            Tile("par_1", good="down"),
            Tile("par_30", good="down"),
            Tile("par_90", good="down"),
            Tile("npl_ratio", good="down", why="changed"),
        ),
        charts=(
            Parts(
                key="categories",
                title=_("Five categories"),
                by="category",
                measure="category_balance",
                count="category_count",
                colours=RISK_COLOURS,
            ),
            Trend(
                key="trend",
                title=_("Balance and PAR 30 by month-end"),
                measure="loan_balance",
                beside="par_30",
                count="loan_count",
            ),
            Ranking(
                key="by_branch",
                title=_("By branch"),
                by="branch",
                measure="loan_balance",
                beside="par_30",
                also=("loan_count", "borrower_count", "npl_ratio", "restructured_balance"),
            ),
            Ranking(
                key="by_product",
                title=_("By product"),
                by="product",
                measure="loan_balance",
                beside="par_30",
                also=("loan_count", "borrower_count", "npl_ratio", "average_rate"),
            ),
        ),
        filters=("branch", "manager", "product", "customer_group"),
        answer=answer,
        counted="loan_count",
        nothing=_("No open loans"),
        nothing_because=_("There are none at this date within these filters, or none that you look after."),
    )
)
