"""Every registered figure against its brute-force twin: on both engines, from all three sources, for everybody."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.errors import Forbidden
from portal.core.metric import Question, dimensions, evaluate, metrics
from portal.core.scope import NOBODY, SYSTEM, Actor, acting
from portal.metrics import frames, load_catalogue
from portal.metrics.rows import rows_behind
from tests.portal.metrics.brute_force import (
    ALLOWANCES,
    CUTS,
    DUES,
    FIGURES,
    FLOWS,
    INCOMES,
    MOVES,
    RATIOS,
    STOCKS,
    VINTAGES,
    Asked,
    Books,
    answer,
    over,
)
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import ACTORS, books, company

__all__ = ["books", "company"]

EVERY_STOCK = [key for key in STOCKS if key != "balance_times_rate"]
EVERY_FLOW = [key for key in FLOWS if key != "disbursed_times_rate"]
EVERY_MOVE = list(MOVES)
EVERY_VINTAGE = list(VINTAGES)
EVERY_DUE = list(DUES)
COURSES = ["days_before", "days_after", "category_before", "category_after", "overdue_part", "npl_part"]
"""Cuts of loans that went from one date to another."""
OF_COHORTS = ["cohort", "months_on_book"]
PART = "income_part"
OF_DUES = ["due_month", "months_after"]
STOCK_CUTS = [cut for cut in CUTS if cut not in ("month", PART, *COURSES, *OF_COHORTS, *OF_DUES)]
FLOW_CUTS = [cut for cut in CUTS if cut not in ("category", "days_past_due", PART, *COURSES, *OF_COHORTS, *OF_DUES)]
MOVE_CUTS = [cut for cut in CUTS if cut not in ("category", "days_past_due", "month", PART, *OF_COHORTS, *OF_DUES)]
VINTAGE_CUTS = [cut for cut in CUTS if cut not in ("category", "days_past_due", "month", PART, *COURSES, *OF_DUES)]
INCOME_CUTS = [*(cut for cut in FLOW_CUTS if cut != "month"), PART]
DUE_CUTS = [cut for cut in CUTS if cut not in ("category", "days_past_due", "month", PART, *COURSES, *OF_COHORTS)]

DATES = {
    "the open business date, from loan states": Asked(OPEN),
    "a month-end, from its snapshot": Asked(SNAPSHOTS[0]),
    "another month-end, from its snapshot": Asked(SNAPSHOTS[1]),
    "a day, by replaying postings": Asked(dt.date(2026, 5, 15)),
    "a year ago, by replaying postings": Asked(dt.date(2025, 6, 30)),
    "a month-end as known a week later": Asked(SNAPSHOTS[0], known_at=SNAPSHOTS[0] + dt.timedelta(days=7)),
    "a day as known before": Asked(dt.date(2026, 5, 15), known_at=dt.date(2026, 5, 10)),
}
PERIODS = {
    "this month": Asked(OPEN),
    "a month as known at its end": Asked(dt.date(2026, 4, 30), dt.date(2026, 4, 1)),
    "a month as known today": Asked(dt.date(2026, 4, 30), dt.date(2026, 4, 1), OPEN),
    "everything": Asked(OPEN, dt.date(2025, 1, 1)),
    "one day": Asked(dt.date(2026, 3, 31), dt.date(2026, 3, 31)),
}

STRETCHES = {
    "from the last month-end to now, from groups": Asked(OPEN),
    "from month-end to month-end, from groups": Asked(SNAPSHOTS[1], dt.date(2026, 5, 1)),
    "from a replayed date to a month-end": Asked(SNAPSHOTS[0], dt.date(2026, 1, 1)),
    "between two replayed dates": Asked(dt.date(2026, 5, 15), dt.date(2026, 2, 11)),
    "a month as known today": Asked(SNAPSHOTS[1], dt.date(2026, 5, 1), OPEN),
    "from before the first loan": Asked(OPEN, dt.date(2025, 1, 1)),
}


def check(books: Books, keys: list[str], asked: Asked, who: Actor) -> None:
    """The portal's answer is the twins', group by group; a group that holds nothing may be left out."""
    groups, total = answer(books, keys, asked, who)
    with acting(who):
        found = evaluate(keys, asked.by, asked.where, asked.as_of, asked.start, asked.known_at)
    assert found.total == total
    empty = {key: metrics[key].empty if metrics[key].ratio is None else None for key in keys}
    expected = {group: values for group, values in groups.items() if values != empty}
    rows = {tuple(row.by.values()): dict(row.values) for row in found.rows if row.values != empty}
    wrong = {
        (group, key): (rows.get(group, {}).get(key), expected.get(group, {}).get(key))
        for group in rows.keys() | expected.keys()
        for key in keys
        if rows.get(group, {}).get(key) != expected.get(group, {}).get(key)
    }
    assert not wrong, f"by {asked.by}, the portal's and the twin's: {wrong}"


def test_every_metric_has_a_twin():
    load_catalogue()
    assert set(metrics) == set(FIGURES)


def test_every_dimension_has_a_twin():
    load_catalogue()
    assert set(dimensions) == set(CUTS)


@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_every_stock_equals_its_twin_in_every_cut(books, asked):
    for cut in STOCK_CUTS:
        check(books, EVERY_STOCK, replace(asked, by=(cut,)), SYSTEM)


@pytest.mark.parametrize("asked", PERIODS.values(), ids=PERIODS)
def test_every_flow_equals_its_twin_in_every_cut(books, asked):
    for cut in FLOW_CUTS:
        check(books, EVERY_FLOW, replace(asked, by=(cut,)), SYSTEM)


@pytest.mark.parametrize("asked", STRETCHES.values(), ids=STRETCHES)
def test_every_move_equals_its_twin_in_every_cut(books, asked):
    for cut in MOVE_CUTS:
        check(books, EVERY_MOVE, replace(asked, by=(cut,)), SYSTEM)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", STRETCHES.values(), ids=STRETCHES)
def test_every_move_equals_its_twin_for_everybody(books, asked, who):
    for by in (("branch",), ("days_before", "days_after"), ("category_before", "category_after"), ("customer_group",)):
        check(books, EVERY_MOVE, replace(asked, by=by), who)


@pytest.mark.parametrize("day", [OPEN, *SNAPSHOTS, dt.date(2026, 5, 15), dt.date(2025, 6, 30)])
def test_every_vintage_equals_its_twin_in_every_cut(books, day):
    for cut in VINTAGE_CUTS:
        check(books, EVERY_VINTAGE, Asked(day, by=(cut,)), SYSTEM)
    check(books, EVERY_VINTAGE, Asked(day, by=("cohort", "months_on_book")), SYSTEM)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
def test_every_vintage_equals_its_twin_for_everybody(books, who):
    for by in (("cohort", "months_on_book"), ("product",), ("branch",)):
        check(books, EVERY_VINTAGE, Asked(OPEN, by=by), who)


@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_what_is_due_and_collected_equals_its_twin_in_every_cut(books, asked):
    for cut in DUE_CUTS:
        check(books, EVERY_DUE, replace(asked, by=(cut,)), SYSTEM)
    check(books, EVERY_DUE, replace(asked, by=("due_month", "months_after")), SYSTEM)
    check(books, EVERY_DUE, replace(asked, by=("due_month",), where={"product_channel": ["online"]}), SYSTEM)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_what_is_due_and_collected_equals_its_twin_for_everybody(books, asked, who):
    for by in (("due_month", "months_after"), ("branch",), ("manager",), ("customer_group",)):
        check(books, EVERY_DUE, replace(asked, by=by), who)


@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_the_allowance_equals_its_twin_in_every_cut(books, asked):
    for cut in FLOW_CUTS:
        if cut != "month":
            check(books, list(ALLOWANCES), replace(asked, by=(cut,)), SYSTEM)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_the_allowance_equals_its_twin_for_everybody(books, asked, who):
    for cut in ("branch", "manager", "product", "customer_group"):
        check(books, list(ALLOWANCES), replace(asked, by=(cut,)), who)


def test_the_rows_behind_the_allowance_are_loans_and_what_month_ends_booked(books):
    groups, total = answer(books, ["allowance_balance"], Asked(OPEN, by=("loan",)), SYSTEM)
    with acting(SYSTEM):
        page = rows_behind("allowance_balance", Question(OPEN), {}, 1, 1000)
    of_groups = [row.value for row in page.rows if row.loan_id is None]
    assert sum(of_groups) == groups[(None,)]["allowance_balance"] != 0
    assert sum(row.value for row in page.rows) == total["allowance_balance"]


@pytest.mark.parametrize("asked", PERIODS.values(), ids=PERIODS)
def test_income_and_its_tax_equal_their_twins_in_every_cut(books, asked):
    for cut in INCOME_CUTS:
        check(books, list(INCOMES), replace(asked, by=(cut,)), SYSTEM)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", PERIODS.values(), ids=PERIODS)
def test_income_and_its_tax_equal_their_twins_for_everybody(books, asked, who):
    for by in (("branch", PART), ("customer_group",)):
        check(books, list(INCOMES), replace(asked, by=by), who)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("key", RATIOS)
def test_what_provisions_cover_is_the_twins_parts_divided(books, key, who):
    above, below = RATIOS[key]
    parts = [answer(books, [part], Asked(OPEN), who)[1][part] for part in (above, below)]
    with acting(who):
        found = evaluate([key]).total[key]
    assert found == (None if parts[0] is None else over(parts[0], parts[1]))


def test_an_allowance_nobody_provided_is_not_available(books):
    """Before the first provision is booked there are write-offs at most, and nothing that they could be covered by."""
    groups, _total = answer(books, ["allowance"], Asked(OPEN, by=("loan",)), SYSTEM)
    bare = [loan for loan in books.loans if groups.get((loan,), {}).get("allowance") is None]
    assert len(bare) > 20
    with acting(SYSTEM):
        found = evaluate(["allowance", "coverage_ratio", "adequacy"], where={"loan": bare}).total
    assert found == {"allowance": None, "coverage_ratio": None, "adequacy": None}


@pytest.mark.parametrize("part", ["overdue", "npl"])
@pytest.mark.parametrize("asked", STRETCHES.values(), ids=STRETCHES)
def test_the_parts_of_a_change_add_up_to_it_and_to_the_figures_of_both_dates(company, asked, part):
    """To the fen; and what was before is the stock of that date, what is after the stock of this one."""
    stock = {"overdue": "overdue_loan_balance", "npl": "npl_balance"}[part]
    keys = [f"{part}_before", f"{part}_change", f"{part}_after"]
    opened = Question(asked.as_of, asked.start).first_day - dt.timedelta(days=1)
    with acting(SYSTEM):
        found = evaluate(keys, (f"{part}_part",), as_of=asked.as_of, start=asked.start, known_at=asked.known_at)
        before = evaluate([stock], as_of=opened, known_at=asked.known_at).total[stock]
        after = evaluate([stock], as_of=asked.as_of, known_at=asked.known_at).total[stock]
    assert [found.total[key] for key in keys] == [before, after - before, after]
    for key in keys:
        assert sum(row.values[key] for row in found.rows) == found.total[key]


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", DATES.values(), ids=DATES)
def test_every_stock_equals_its_twin_for_everybody(books, asked, who):
    for cut in ("branch", "customer_group", "guarantee"):
        check(books, EVERY_STOCK, replace(asked, by=(cut,)), who)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("asked", PERIODS.values(), ids=PERIODS)
def test_every_flow_equals_its_twin_for_everybody(books, asked, who):
    for cut in ("manager", "customer_group", "month"):
        check(books, EVERY_FLOW, replace(asked, by=(cut,)), who)


@pytest.mark.parametrize("key", [*EVERY_STOCK, *EVERY_FLOW, *EVERY_MOVE, *EVERY_VINTAGE, *EVERY_DUE])
def test_a_metric_asked_alone_is_the_same_as_among_others(books, key):
    asked = Asked(OPEN, dt.date(2025, 1, 1) if key in (*FLOWS, *MOVES) else None, by=("product",))
    check(books, [key], asked, ACTORS["one branch"])


def keys_of(books: Books, cut: str, kind: str) -> list[object]:
    rows = {
        "stock": lambda: books.positions(OPEN, OPEN),
        "flow": lambda: books.flows(dt.date(2025, 1, 1), OPEN, OPEN),
        "move": lambda: books.moves(dt.date(2026, 5, 1), OPEN, None),
    }[kind]()
    return sorted({CUTS[cut](row) for row in rows}, key=str)


@settings(max_examples=60)
@given(data=st.data())
def test_any_two_cuts_within_any_filters_equal_the_twin(books, data):
    kind = data.draw(st.sampled_from(["stock", "flow", "move"]), "kind")
    cuts = {"stock": STOCK_CUTS, "flow": FLOW_CUTS, "move": MOVE_CUTS}[kind]
    keys = {"stock": EVERY_STOCK, "flow": EVERY_FLOW, "move": EVERY_MOVE}[kind]
    by = tuple(data.draw(st.lists(st.sampled_from(cuts), max_size=2, unique=True), "by"))
    narrowed = data.draw(st.lists(st.sampled_from(cuts), max_size=2, unique=True), "where")
    where = {
        cut: data.draw(st.lists(st.sampled_from(keys_of(books, cut, kind)), min_size=1, max_size=3, unique=True), cut)
        for cut in narrowed
        if cut != "branch"
    }
    day = data.draw(st.sampled_from([OPEN, *SNAPSHOTS, dt.date(2026, 5, 15)]), "as of")
    start = {"stock": None, "flow": dt.date(2026, 2, 1), "move": day.replace(day=1)}[kind]
    who = ACTORS[data.draw(st.sampled_from(list(ACTORS)), "who")]
    check(books, keys, Asked(day, start, None, by, where), who)


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("branch", [1, 2, 3, 4, 6])
def test_a_branch_filter_takes_the_branch_with_all_below_it(books, branch, who):
    asked = Asked(SNAPSHOTS[0], where={"branch": sorted(books.below(branch))})
    _groups, total = answer(books, EVERY_STOCK, asked, who)
    with acting(who):
        assert evaluate(EVERY_STOCK, where={"branch": branch}, as_of=SNAPSHOTS[0]).total == total


@pytest.mark.parametrize(
    "key", [*EVERY_STOCK, *EVERY_FLOW, *EVERY_MOVE, *EVERY_VINTAGE, *EVERY_DUE, *ALLOWANCES, *INCOMES, *RATIOS]
)
def test_a_metric_is_refused_to_who_may_not_list_loans(company, key):
    with acting(NOBODY), pytest.raises(Forbidden):
        evaluate([key])


@pytest.mark.parametrize("day", [OPEN, *SNAPSHOTS])
def test_what_is_kept_of_a_date_is_what_its_postings_say_loan_by_loan(company, monkeypatch, day):
    by = ("loan", "branch", "team", "manager", "product", "grid", "category")
    with acting(SYSTEM):
        kept = evaluate(EVERY_STOCK, by, as_of=day)
        monkeypatch.setattr(frames, "kept_in", lambda question: None)
        replayed = evaluate(EVERY_STOCK, by, as_of=day)
    assert kept.rows == replayed.rows
    assert len(kept.rows) > 20


@pytest.mark.parametrize("who", ["head office", "one team", "a stranger"])
@pytest.mark.parametrize("key", [*EVERY_STOCK, *EVERY_FLOW, *EVERY_MOVE, *EVERY_VINTAGE, *EVERY_DUE])
def test_the_loans_behind_a_figure_are_those_of_its_twin(books, key, who):
    question = Question(SNAPSHOTS[1], dt.date(2025, 6, 1) if key in (*FLOWS, *MOVES) else None)
    where = {"product": [1, 3]}
    asked = Asked(question.as_of, question.start, by=("loan",), where=where)
    with acting(ACTORS[who]):
        page = rows_behind(key, question, where, 1, 1000)
    groups, _total = answer(books, [page.metric.key], asked, ACTORS[who])
    expected = {group[0]: values[page.metric.key] for group, values in groups.items() if values[page.metric.key]}
    assert {row.loan_id: row.value for row in page.rows} == expected
    assert page.count == len(expected)
    sizes = [abs(row.value) for row in page.rows]
    assert sizes == sorted(sizes, reverse=True)


def test_the_rows_of_a_figure_come_page_by_page(company):
    with acting(SYSTEM):
        whole = rows_behind("loan_balance", Question(OPEN), {}, 1, 1000)
        pages = [rows_behind("loan_balance", Question(OPEN), {}, number, 7) for number in range(1, 20)]
    assert [row for page in pages for row in page.rows] == list(whole.rows)
    assert {page.count for page in pages} == {len(whole.rows)}


@given(first=st.dates(dt.date(2025, 3, 1), OPEN), last=st.dates(dt.date(2025, 3, 1), OPEN))
@settings(max_examples=40)
def test_the_balance_changes_by_what_was_disbursed_collected_and_written_off(company, first, last):
    """To the fen, between any two dates, as known at one date."""
    first, last = sorted((first, last))
    with acting(SYSTEM):
        before = evaluate(["loan_balance"], as_of=first, known_at=OPEN).total["loan_balance"]
        after = evaluate(["loan_balance"], as_of=last, known_at=OPEN).total["loan_balance"]
        if first == last:
            return
        flows = evaluate(
            ["disbursed_amount", "collected_principal", "written_off"],
            as_of=last,
            start=first + dt.timedelta(days=1),
            known_at=OPEN,
        ).total
    assert after - before == flows["disbursed_amount"] - flows["collected_principal"] - flows["written_off"]


def test_the_invented_lender_has_something_of_everything(books):
    """Else the comparisons above would prove little."""
    _groups, stocks = answer(books, EVERY_STOCK, Asked(OPEN), SYSTEM)
    _groups, flows = answer(books, EVERY_FLOW, Asked(OPEN, dt.date(2025, 1, 1)), SYSTEM)
    assert [key for key, value in {**stocks, **flows}.items() if not value] == ["lowest_rate", "disbursed_lowest_rate"]
    _groups, incomes = answer(books, list(INCOMES), Asked(OPEN, dt.date(2025, 1, 1)), SYSTEM)
    assert all(incomes.values())
    rows = books.positions(OPEN, OPEN)
    assert {row.category for row in rows} >= {"normal", "special_mention", "substandard", "doubtful"}
    assert any(row.loan.manager_id != row.customer.manager_id for row in rows)
    then = books.positions(SNAPSHOTS[0], SNAPSHOTS[0])
    assert any(row.branch != row.loan.branch_id for row in then), "somebody owned loans that belong to others now"
    assert any(posting.booking_date > posting.value_date for posting in books.postings)
