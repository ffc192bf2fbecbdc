"""REST of the metrics and the pages that explain them, as logged-in people meet them."""

import contextvars
import datetime as dt
from decimal import Decimal

import pytest

from portal.core.metric import evaluate, metrics
from portal.core.scope import SYSTEM, acting
from portal.metrics.formatting import exact_text
from tests.portal.metrics.fixtures import LOGINS
from tests.world import enter


class Browser:
    """A browser of a login, or of nobody. Each request starts outside the test's own application context."""

    def __init__(self, company, login: str | None) -> None:
        self.client = company.test_client()
        if login:
            contextvars.Context().run(enter, company, self.client, LOGINS[login].user_id)

    def get(self, path: str, **headers: str):
        return contextvars.Context().run(self.client.get, path, headers=headers)


@pytest.fixture
def client_of(company):
    return lambda login: Browser(company, login)


def test_the_list_gives_each_metric_its_definition(client_of):
    answer = client_of("committee").get("/api/v1/metrics/").json
    assert {item["key"] for item in answer["result"]} == {k for k, m in metrics.items() if not m.internal}
    assert answer["count"] == len(answer["result"])
    npl = next(item for item in answer["result"] if item["key"] == "npl_ratio")
    assert npl["label"] == "NPL ratio"
    assert npl["unit"] == "%"
    assert npl["kind"] == "stock"
    assert npl["formula"] == "NPL balance ÷ loan balance."


def test_definitions_come_in_chinese_for_a_chinese_browser(client_of):
    answer = client_of("committee").get("/api/v1/metrics/", **{"Accept-Language": "zh-CN"}).json
    assert "贷款余额" in {item["label"] for item in answer["result"]}


def test_a_metric_by_branch_adds_up_and_names_its_groups(client_of):
    answer = client_of("committee").get("/api/v1/metrics/loan_balance?as_of=2026-05-31&by=branch").json
    assert answer["as_of"] == "2026-05-31"
    assert sum(Decimal(row["value"]) for row in answer["rows"]) == Decimal(answer["total"]) > 0
    assert {(row["by"]["branch"], row["labels"]["branch"]) for row in answer["rows"]} >= {("010101", "Branch 010101")}


@pytest.mark.parametrize("login", ["committee", "branch_head", "team_lead", "customer_manager"])
@pytest.mark.parametrize(
    "key", ["loan_balance", "borrower_count", "par_30", "collected_interest", "provision_required"]
)
def test_everybody_gets_the_figure_of_what_they_may_see(client_of, login, key):
    period = "&from=2026-01-01" if metrics[key].kind == "flow" else ""
    answer = client_of(login).get(f"/api/v1/metrics/{key}?by=customer_group{period}").json
    with acting(LOGINS[login]):
        found = evaluate([key], by=["customer_group"], start=dt.date(2026, 1, 1) if period else None)
    assert answer["total"] == exact_text(metrics[key], found.total[key])
    assert [row["value"] for row in answer["rows"]] == [exact_text(metrics[key], row.values[key]) for row in found.rows]


def test_filters_in_the_address_narrow_the_figure(client_of):
    committee = client_of("committee")
    one = committee.get("/api/v1/metrics/loan_count?where=branch:0101&where=category:normal").json["total"]
    two = committee.get("/api/v1/metrics/loan_count?where=branch:0101&where=category:special_mention").json["total"]
    both = "/api/v1/metrics/loan_count?where=branch:0101&where=category:normal&where=category:special_mention"
    assert int(committee.get(both).json["total"]) == int(one) + int(two) > int(one) > 0


@pytest.mark.parametrize("path", ["", "loan_balance", "loan_balance/rows", "no_such_metric"])
def test_without_a_login_nothing_is_told(client_of, path):
    assert client_of(None).get(f"/api/v1/metrics/{path}").status_code == 401


@pytest.mark.parametrize("path", ["loan_balance", "loan_balance/rows", "disbursed_amount"])
def test_a_role_without_loans_gets_definitions_but_no_figures(client_of, path):
    administrator = client_of("administrator")
    refused = administrator.get(f"/api/v1/metrics/{path}")
    assert refused.status_code == 403
    assert refused.json["message"]
    told = administrator.get("/api/v1/metrics/").json["result"]
    assert [item["key"] for item in told] == ["potential_customers"], "of the grids, which the role may list"
    assert administrator.get("/metrics/").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("no_such_metric", 404, "There is no metric called no_such_metric."),
        ("balance_times_rate", 404, "There is no metric called balance_times_rate."),
        ("loan_balance?as_of=yesterday", 400, "“yesterday” is not a date; write it like 2026-06-30."),
        ("loan_balance?as_of=2030-01-01", 400, "2030-01-01 has not happened yet: the business date is 2026-06-17."),
        ("loan_balance?from=2026-01-01", 400, "Loan balance is as at a date; it has no period."),
        ("written_off?from=2026-06-01&to=2026-05-01", 400, "The period ends before it begins."),
        ("written_off?as_of=2026-06-01&to=2026-05-01", 400, "as_of and to name different dates; give one of them."),
        ("loan_balance?by=colour", 400, "There is no dimension called colour."),
        ("loan_balance?by=month", 400, "Loan balance cannot be cut by month."),
        ("loan_balance?by=loan", 400, "Loan by loan, ask for the rows of the metric, page by page."),
        ("loan_balance?where=branch", 400, "“branch” is not a filter; write it like branch:0101."),
        ("loan_balance?where=branch:99", 400, "Branch: there is no “99” that you may see."),
        ("loan_balance/rows?size=5000", 400, "size must be a whole number from 1 to 200."),
        ("loan_balance/rows?page=-1", 400, "page must be a whole number from 1 to 1000000."),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(client_of, path, status, sentence):
    answer = client_of("committee").get(f"/api/v1/metrics/{path}")
    assert (answer.status_code, answer.json["message"]) == (status, sentence)


def test_a_manager_cannot_even_name_a_branch_out_of_sight(client_of):
    answer = client_of("customer_manager").get("/api/v1/metrics/loan_balance?where=branch:0102")
    assert answer.status_code == 400


def test_the_rows_behind_a_figure_come_page_by_page(client_of):
    committee = client_of("committee")
    first = committee.get("/api/v1/metrics/par_30/rows?size=5").json
    second = committee.get("/api/v1/metrics/par_30/rows?size=5&page=2").json
    assert first["metric"] == "par_30_balance"
    values = [Decimal(row["value"]) for row in first["result"] + second["result"]]
    assert len(values) == min(10, first["count"])
    assert values == sorted(values, reverse=True)


def test_the_openapi_description_holds_the_metrics(client_of):
    paths = client_of("committee").get("/api/v1/_openapi").json["paths"]
    assert {"/api/v1/metrics/", "/api/v1/metrics/{key}", "/api/v1/metrics/{key}/rows"} <= set(paths)
    assert {p["name"] for p in paths["/api/v1/metrics/{key}"]["get"]["parameters"]} >= {"key", "as_of", "by", "where"}


def test_the_glossary_explains_every_figure_with_the_parameters_in_force(client_of):
    page = client_of("committee").get("/metrics/").text
    for key, metric in metrics.items():
        assert (f'id="{key}"' in page) is not metric.internal
    assert "PAR 60: days past due: at least 60 · A decision of the committee" in " ".join(page.split())


def test_the_page_of_rows_shows_the_figure_and_links_its_loans(client_of):
    address = "/metrics/npl_ratio/rows?as_of=2026-04-30&where=branch:0101"
    page = " ".join(client_of("committee").get(address).text.split())
    with acting(SYSTEM):
        found = evaluate(["npl_ratio"], where={"branch": 2}, as_of=dt.date(2026, 4, 30))
    percent = str(exact_text(metrics["npl_ratio"], found.total["npl_ratio"]))
    assert f"{Decimal(percent):.2f}" in page
    assert "NPL balance (yuan)" in page
    assert "/loanview/show/" in page


@pytest.mark.parametrize("path", ["/metrics/no_such_metric/rows", "/metrics/balance_times_rate/rows"])
def test_there_are_no_rows_behind_what_is_no_figure(client_of, path):
    assert client_of("committee").get(path).status_code == 404


def test_pages_ask_for_a_login(client_of):
    for path in ("/metrics/", "/metrics/loan_balance/rows"):
        assert client_of(None).get(path).status_code in (302, 401)
