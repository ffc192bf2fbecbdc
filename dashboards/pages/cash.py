"""Cash: what borrowers are to pay by month, what the company must repay, and how well what fell due was collected."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.cash_charts import CashByMonth, CollectionCurves
from dashboards.charts import Ranking
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.wording import month_end_words, percent_words, round_money
from portal.core.help import Help
from portal.metrics.collection import SOON, month_number
from reports.figures import whole

ALSO = ("collection_rate", "collected_in_month", "expected_soon")


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """What comes in and must be repaid until when, and how well what fell due was collected."""
    if not now["expected_soon"] and now["collection_rate_in_month"] is None:
        return gettext("Nothing falls due within these filters.")
    end = month_number(asked.as_of, SOON)
    facts = {
        "expected": round_money(whole(now, "expected_soon")),
        "until": month_end_words(date(end // 100, end % 100, 1)),
    }
    if now["funding_due_soon"] is None:
        first = gettext("%(expected)s fall due from borrowers until %(until)s.", **facts)
    else:
        facts |= {"funding": round_money(whole(now, "funding_due_soon")), "left": _left(now)}
        first = gettext(
            "%(expected)s fall due from borrowers until %(until)s, %(funding)s of borrowings must be repaid: %(left)s.",
            **facts,
        )
    if now["collection_rate_in_month"] is None:
        return first
    share = percent_words(Fraction(now["collection_rate_in_month"]))
    second = gettext(
        "Of what fell due in the last twelve months, %(share)s came in before its month was over.", share=share
    )
    return gettext("%(first)s %(second)s", first=first, second=second)


def _left(now: Figures) -> str:
    gap = whole(now, "cash_gap_soon")
    if gap < 0:
        return gettext("%(amount)s are missing", amount=round_money(-gap))
    return gettext("%(amount)s are left", amount=round_money(gap))


CASH = register_dashboard(
    Dashboard(
        key="cash",
        title=_("Cash and collection"),
        resource="CashDashboard",
        icon="fa-money-bill-transfer",
        help=Help(
            _(
                "What borrowers are to pay in the coming months, by the schedules, against what the company itself must"
                " repay; and which share of what fell due came in, by the end of its month and later."
            ),
            _(
                "Finance plans liquidity with it, branches and collections see where money comes in late. What the"
                " company must repay is entered under Own borrowings; the share assumed to be collected is"
                " a parameter. Within filters, or for whoever sees a part of the loans, funding is unavailable."
            ),
        ),
        tiles=(
            Tile("expected_soon", now_only=True),
            Tile("funding_due_soon", now_only=True),
            Tile("cash_gap_soon", now_only=True),
            Tile("collection_rate_in_month", now_only=True),
            Tile("collection_rate", now_only=True),
        ),
        charts=(
            CashByMonth(
                key="by_month",
                title=_("Expected cash and maturities by month"),
                note=_("The first month counts as a whole. What is overdue from earlier months is not in it."),
                wide=True,
            ),
            CollectionCurves(
                key="curve",
                title=_("Collected of what fell due, by month due"),
                note=_("Share collected by the end of the month due and of each month after it; ended months only."),
                part="collected_of_due",
                whole="fallen_due",
                wide=True,
            ),
            Ranking(
                key="by_branch",
                title=_("Collection by branch"),
                by="branch",
                measure="fallen_due",
                beside="collection_rate_in_month",
                also=ALSO,
                more_is_better=True,
            ),
            Ranking(
                key="by_product",
                title=_("Collection by product"),
                by="product",
                measure="fallen_due",
                beside="collection_rate_in_month",
                also=ALSO,
                more_is_better=True,
            ),
            Ranking(
                key="by_channel",
                title=_("Collection by channel"),
                by="product_channel",
                measure="fallen_due",
                beside="collection_rate_in_month",
                also=ALSO,
                more_is_better=True,
                wide=True,
            ),
        ),
        filters=("branch", "manager", "product", "product_channel"),
        answer=answer,
        counted="loan_count",
        nothing=_("Nothing falls due"),
        nothing_because=_("No instalment of these months is within the filters, or none that you look after."),
    )
)
