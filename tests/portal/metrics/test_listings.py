"""From a figure to its rows: the list of open loans where it can show exactly them, else the metric's own rows."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from portal.core import filters
from portal.core.db import db
from portal.core.metric import Question, evaluate, metrics
from portal.core.scope import SYSTEM, acting
from portal.loans.state import LoanState
from portal.metrics.listings import listing_url
from tests.portal.metrics.brute_force import STOCKS
from tests.portal.metrics.company import OPEN, SNAPSHOTS

COUNTED = {
    "loan_balance": "loan_count",
    "overdue_loan_balance": "overdue_loan_count",
    "npl_balance": "npl_count",
    "npl_ratio": "npl_count",
    "category_balance": "category_count",
}


@pytest.fixture(autouse=True)
def in_a_request(company):
    with company.test_request_context(), acting(SYSTEM):
        yield


def listed(url: str) -> tuple[int, int]:
    """How many loans the list shows at this address, and their balance."""
    assert urlsplit(url).path == "/loanstateview/list/"
    arguments = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    search = filters.read(LoanState, arguments)
    assert not search.problems
    count, balance = db.session.execute(
        select(func.count(LoanState.loan_id), func.coalesce(func.sum(LoanState.balance), 0)).where(*search.conditions)
    ).one()
    return count, int(balance)


@pytest.mark.parametrize("days", [1, 30, 60, 90])
@pytest.mark.parametrize(
    "where",
    [{}, {"branch": 2}, {"branch": [4], "product": [1, 3]}, {"days_past_due": "31-60"}, {"category": "substandard"}],
    ids=str,
)
def test_the_list_behind_par_holds_exactly_its_balance(days, where):
    url = listing_url(metrics[f"par_{days}"], Question(OPEN), where)
    assert listed(url)[1] == evaluate([f"par_{days}_balance"], where=where).total[f"par_{days}_balance"]


@pytest.mark.parametrize("key", COUNTED)
@pytest.mark.parametrize(
    "where",
    [
        {},
        {"manager": [1, 2]},
        {"team": 1},
        {"category": ["doubtful", "loss"]},
        {"category": "normal"},
        {"days_past_due": "over-360"},
        {"days_past_due": "0", "product": 2},
    ],
    ids=str,
)
def test_the_list_behind_a_figure_holds_exactly_its_loans(key, where):
    count = evaluate([COUNTED[key]], where=where).total[COUNTED[key]]
    url = listing_url(metrics[key], Question(OPEN), where)
    if "loanstateview" in url:
        assert listed(url)[0] == count
    else:  # nothing can be both: the list cannot say it
        assert (key, where["category"]) in (("npl_balance", "normal"), ("npl_ratio", "normal"))


@pytest.mark.parametrize(
    ("key", "question", "where"),
    [
        ("loan_balance", Question(SNAPSHOTS[0]), {}),
        ("loan_balance", Question(OPEN, known_at=SNAPSHOTS[0]), {}),
        ("loan_balance", Question(OPEN), {"customer_group": "farmer"}),
        ("loan_balance", Question(OPEN), {"team": None}),
        ("loan_balance", Question(OPEN), {"days_past_due": ["0", "31-60"]}),
        ("collected_principal", Question(OPEN), {"branch": 2}),
    ],
)
def test_what_the_list_cannot_say_leads_to_the_rows_of_the_metric(key, question, where):
    url = urlsplit(listing_url(metrics[key], question, where))
    assert url.path == f"/metrics/{key}/rows"
    arguments = parse_qs(url.query)
    assert arguments["as_of"] == [question.as_of.isoformat()]
    assert {text.split(":")[0] for text in arguments.get("where", [])} == set(where)


LISTS = {"customer_count": "/customerview/", "coverage": "/customerview/", "potential_customers": "/gridview/"}
LISTS |= {"net_assets": "/companyfigureview/"}
LISTS |= dict.fromkeys(("funding_due", "funding_due_soon"), "/borrowingview/")
UNSAID = ("restructured_balance", "restructured_count", "restructured_ratio", "memo_interest")
LISTS |= dict.fromkeys(UNSAID, "/metrics/")
"""The last ones cannot be said by filters of the open loans."""


def test_every_figure_leads_somewhere():
    for key, metric in metrics.items():
        place = LISTS.get(key, "/loanstateview/" if key in STOCKS else "/metrics/")
        assert listing_url(metric, Question(OPEN)).startswith(place) or metric.internal
