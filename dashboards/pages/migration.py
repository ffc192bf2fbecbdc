"""Migration: where loans stood at one date and where they stand at another, by days past due and by category."""

from __future__ import annotations

from fractions import Fraction

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, Figures
from dashboards.charts_of_change import Matrix
from dashboards.dashboard import Dashboard, Tile, register_dashboard
from dashboards.options import SINCE_OPTION
from dashboards.wording import day_words, percent_words, round_money
from portal.core.help import Help
from portal.metrics.moves import NEW
from reports.figures import whole

RATES = ("performing", "normal", "special_mention", "substandard", "doubtful")


def answer(asked: Asked, now: Figures, before: Figures) -> str:
    """What of the loans that were on time is not any more, and how much of what was late got better."""
    rows = asked.evaluate(("balance_before",), by=("days_before", "days_after")).rows
    cells = {(row.by["days_before"], row.by["days_after"]): whole(row.values, "balance_before") for row in rows}
    on_time = sum(fen for (was, _now), fen in cells.items() if was == "0")
    slipped = sum(fen for (was, now_in), fen in cells.items() if was == "0" and now_in not in ("0", "settled"))
    dates = {"since": day_words(asked.month_end_before), "as_of": day_words(asked.as_of)}
    if not on_time:
        return gettext("No loan was there on %(since)s within these filters.", **dates)
    facts = {"amount": round_money(slipped), "share": percent_words(Fraction(slipped, on_time), 2), **dates}
    first = gettext(
        "Of what was not overdue on %(since)s, %(amount)s (%(share)s) is overdue or written off on %(as_of)s.", **facts
    )
    rate = now["migration_rate_performing"]
    if rate is None:
        return first
    second = gettext(
        "Since the year began, %(rate)s of performing loans became non-performing.", rate=percent_words(Fraction(rate))
    )
    return gettext("%(first)s %(second)s", first=first, second=second)


MIGRATION = register_dashboard(
    Dashboard(
        key="migration",
        title=_("Migration"),
        resource="MigrationDashboard",
        icon="fa-shuffle",
        help=Help(
            _(
                "How loans moved between two dates: from each band of days past due and from each category to every "
                "other. The tiles hold the regulatory migration rates since the year began."
            ),
            _(
                "Risk reads it each month. Rows are where loans stood, columns where they stand; click a cell to see "
                "its loans. Choose other dates to compare two months or a year."
            ),
        ),
        tiles=tuple(Tile(f"migration_rate_{name}", good="down", this_year=True) for name in RATES),
        charts=(
            Matrix(
                key="days",
                title=_("Days past due, by balance"),
                by="days_before",
                across="days_after",
                measure="balance_before",
                count="loans_before",
                leave_out=(NEW,),
                wide=True,
            ),
            Matrix(
                key="days_count",
                title=_("Days past due, by number of loans"),
                by="days_before",
                across="days_after",
                measure="loans_before",
                count="loans_before",
                leave_out=(NEW,),
                wide=True,
            ),
            Matrix(
                key="categories",
                title=_("Five categories, by balance"),
                by="category_before",
                across="category_after",
                measure="balance_before",
                count="loans_before",
                leave_out=(NEW,),
                wide=True,
            ),
        ),
        filters=("branch", "manager", "product"),
        options=(SINCE_OPTION,),
        answer=answer,
        counted="loan_count",
        nothing=_("No loans to follow"),
        nothing_because=_("There were none at the earlier date within these filters, or none that you look after."),
    )
)
