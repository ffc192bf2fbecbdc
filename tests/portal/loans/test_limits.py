"""No loan is paid out beyond a limit; limits are measured daily and what is broken is kept in a register."""

from __future__ import annotations

import datetime as dt
import threading
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.actors import SELF, Actor
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.records import add, problems
from portal.core.scope import acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer, Industry, RelatedParty, Tie
from portal.limits import daily
from portal.limits.defaults import load_limits
from portal.limits.exposure import Book
from portal.limits.figures import latest, net_assets, together
from portal.limits.gate import refusals, touched
from portal.limits.groups import all_groups, group_of
from portal.limits.measuring import Measuring, Usage, limits_on
from portal.limits.models import (
    FUNDING,
    CompanyFigure,
    FigureKind,
    Insider,
    InsiderKind,
    LendingLimit,
    LimitBreach,
    LimitKind,
    LimitUsage,
)
from portal.limits.parameters import NOTE, TIES, WITHOUT
from portal.limits.rules import Measure, Standing, groups
from portal.loans.accounts import Owner
from portal.loans.day_end import run_day_end
from portal.loans.disbursement import bulk_disburse
from portal.loans.models import Loan
from portal.loans.repayments import repay
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch
from portal.parameters.services import set_parameter
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, on_database, table_sizes

YEAR_END = dt.date(2025, 12, 31)
NET = 100_000_00
"""Net assets of 100,000 yuan: one borrower may owe 10,000, a group 15,000."""


def figure(kind: FigureKind = FigureKind.NET_ASSETS, amount: int = NET, on: dt.date = YEAR_END) -> CompanyFigure:
    given = {"kind": kind, "on_day": on, "amount": amount, "account": "4001", "source": "audited"}
    return add(CompanyFigure, {"code": f"{kind}-{on}", **given})  # type: ignore[no-any-return]


def limit(kind: LimitKind, code: str = "X", **values: Any) -> LendingLimit:
    given = {"measure": Measure.PORTFOLIO, "warning": 800_000, "enforced": True, "valid_from": START, "source": "board"}
    return add(LendingLimit, {"code": code, "kind": kind, **given, **values})  # type: ignore[no-any-return]


def tie(company: Company, one: str, other: str, kind: Tie = Tie.SPOUSE) -> None:
    values = {"customer": company.customer(one).id, "related": company.customer(other).id, "tie": kind}
    add(RelatedParty, {"code": f"{one}-{other}", **values})


@pytest.fixture
def limited(company: Company) -> Iterator[Company]:
    """The lender under the limits of regulation, with net assets."""
    load_limits()
    figure()
    yield company


def lend(company: Company, yuan: int, to: str = "C0", **terms: Any) -> Loan:
    return company.lend(Method.BULLET, amount=yuan * 100, customer=company.customer(to), **terms)


def refused(company: Company, yuan: int, to: str = "C0", **terms: Any) -> list[str]:
    before = table_sizes()
    with pytest.raises(InvalidValues) as found:
        lend(company, yuan, to, **terms)
    assert table_sizes() == before, "nothing of a refused loan stays"
    assert list(found.value.fields) == ["amount"]
    return [str(text) for text in found.value.fields["amount"]]


# ---- the gate --------------------------------------------------------------------------------------------------------


def test_a_borrower_may_owe_exactly_ten_per_cent_and_not_a_fen_more(limited: Company):
    lend(limited, 9_000)
    (sentence,) = refused(limited, 1_001)
    assert sentence.startswith(
        "This loan of 1,001.00 would take the borrower Customer 0 to 10.01 % of 10 % of net assets"
        " (10,001.00 of 10,000.00 yuan; limit REG-01; "
    )
    assert "金规〔2024〕26号" in sentence
    lend(limited, 1_000)


def test_what_was_paid_back_is_free_again(limited: Company):
    loan = lend(limited, 10_000)
    refused(limited, 1)
    line = loan.instalments[0]
    repay(loan, line.principal + line.interest, START, "R")
    lend(limited, 10_000)


def test_a_group_counts_together_and_is_called_after_whoever_owes_most(limited: Company):
    tie(limited, "C0", "C1")
    tie(limited, "C2", "C1", Tie.CONTROLLER)
    lend(limited, 6_000, "C2")
    lend(limited, 4_200, "C1")
    (sentence,) = refused(limited, 4_801, "C0")
    assert sentence.startswith(
        "This loan of 4,801.00 would take the group of Customer 2 to 15.01 % of 15 % of net assets"
    )
    lend(limited, 4_800, "C0")


def test_kinds_of_ties_that_do_not_count_make_no_group(limited: Company):
    tie(limited, "C0", "C1", Tie.MUTUAL_GUARANTEE)
    lend(limited, 10_000, "C1")
    lend(limited, 10_000, "C0")
    set_parameter(TIES, "mutual_guarantee", START, "decision 7")
    customer = limited.customer("C1")
    found = touched(customer, None, 1, customer.branch_id, START)
    (sentence,) = [one.sentence() for one in found if one.limit.kind is LimitKind.GROUP and one.refuses]
    assert "the group of Customer 0" in sentence


def test_without_net_assets_loans_are_refused_unless_a_parameter_lets_them_pass(company: Company):
    load_limits()
    (sentence,) = refused(company, 100)
    assert sentence == (
        "Limits unavailable (REG-01): the net assets of 2025-12-31 are missing. Finance enters them under Company"
        " figures."
    )
    figure(on=dt.date(2024, 12, 31))
    assert refused(company, 100), "an older year-end says nothing about this one"
    set_parameter(WITHOUT, NOTE, START, "decision 3")
    lend(company, 100)


def test_without_limits_nothing_is_asked(company: Company):
    lend(company, 1_000_000)


def test_a_limit_that_is_only_watched_refuses_nothing(limited: Company):
    held = db.session.scalars(select(LendingLimit).where(LendingLimit.code == "REG-01")).one()
    with unit_of_work("tests.watched"):
        held.enforced = False
    lend(limited, 50_000)


def test_a_limit_holds_only_on_its_days(limited: Company):
    held = db.session.scalars(select(LendingLimit).where(LendingLimit.code == "REG-01")).one()
    with unit_of_work("tests.ended"):
        held.valid_until = START - dt.timedelta(days=1)
    lend(limited, 11_000)


def test_loans_taken_over_are_not_gated(limited: Company):
    rows = [limited.new_loan("OLD", Method.BULLET, amount=9_000_000)]
    assert bulk_disburse(rows) == 1
    assert refused(limited, 1)


def test_product_industry_branch_and_amount(limited: Company):
    product = limited.product(Method.BULLET)
    with unit_of_work("tests.industry"):
        limited.customer("C1").industry = Industry.TRADE
    for code in ("C2", "C3", "C4"):
        limited.lend(Method.LEVEL, amount=1_000_00, customer=limited.customer(code))
    limit(LimitKind.PRODUCT, "P", product=product.id, share=250_000)
    # 3,000 of other products: a further 1,000 is 25 %, one fen more is beyond
    (sentence,) = refused(limited, 1_001)
    assert sentence.startswith(
        "This loan of 1,001.00 would take the product bullet to 25.02 % of 25 % of the loan balance"
        " (1,001.00 of 1,000.25 yuan; limit P; board)"
    )
    lend(limited, 1_000)
    with unit_of_work("tests.ended"):
        db.session.scalars(select(LendingLimit).where(LendingLimit.code == "P")).one().enforced = False
    limit(LimitKind.INDUSTRY, "I", industry=Industry.TRADE, measure=Measure.AMOUNT, amount=500_00)
    (sentence,) = refused(limited, 501, "C1")
    assert sentence.startswith(
        "This loan of 501.00 would take the industry Wholesale and retail to 501.00 of 500.00 yuan (limit I; board)"
    )
    lend(limited, 501, "C0")
    head = db.session.scalars(select(Branch).where(Branch.code == "B0")).one()
    limit(LimitKind.BRANCH, "B", of_branch=head.id, measure=Measure.AMOUNT, amount=5_000_00)
    # all outlets lie below the head office: 3,000 + 1,000 + 501 are lent
    assert "the branch Head office" in refused(limited, 500, "C5")[0]
    lend(limited, 499, "C5")


def test_loans_to_shareholders_and_staff_count_together(limited: Company):
    for code, kind in (("C0", InsiderKind.STAFF), ("C1", InsiderKind.SHAREHOLDER)):
        values = {"customer": limited.customer(code).id, "kind": kind, "valid_from": START, "source": "register"}
        add(Insider, {"code": f"I-{code}", **values})
    limit(LimitKind.INSIDERS, "N", measure=Measure.NET_ASSETS, share=20_000)
    lend(limited, 1_500, "C0")
    assert "loans to shareholders and staff to 2.01 % of 2 % of net assets" in refused(limited, 501, "C1")[0]
    lend(limited, 501, "C2")


def test_two_payouts_at_once_do_not_both_take_the_last_room(limited: Company):
    lend(limited, 4_000)
    db.session.remove()
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def pay(number: int) -> None:
        with on_database(limited.url):
            own = Company(limited.url, iter([100 + number]))
            start.wait()
            try:
                lend(own, 6_000)
                outcomes.append("paid")
            except InvalidValues:
                outcomes.append("refused")

    threads = [threading.Thread(target=pay, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["paid", "refused"]
    db.session.rollback()
    assert Book(db.session()).of_customers([limited.customer().id]) == {limited.customer().id: 10_000_00}


def test_a_customer_manager_is_told_of_a_group_beyond_his_own_customers(limited: Company):
    tie(limited, "C0", "C1")  # another branch's customer
    lend(limited, 10_000, "C1")
    manager = limited.owner("B1-M1")
    customer = limited.customer("C0")
    assert (customer.manager_id, customer.branch_id) == (manager.manager_id, manager.branch_id)
    db.session.expunge_all()
    with acting(own_rows(manager)):
        mine = db.session.scalars(select(Customer).where(Customer.code == "C0")).one()
        found = touched(mine, None, 5_001_00, mine.branch_id, START)
        (sentence,) = refusals(found, START)
    assert "the group of Customer 0 to 15.01 %" in sentence, "his own customer names it: the other one is not his"


def own_rows(owner: Owner) -> Actor:
    """A customer manager who sees what he looks after."""
    grants = {("Customer", "list"): SELF, ("Loan", "list"): SELF}
    branches = frozenset([owner.branch_id])
    return Actor("manager", staff_id=owner.manager_id or 0, home=owner.branch_id, branches=branches, grants=grants)


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_net_assets_are_those_of_the_year_end_before(company: Company):
    figure(amount=5_00, on=dt.date(2024, 12, 31))
    figure(amount=7_00, on=dt.date(2025, 6, 30))
    assert net_assets(dt.date(2025, 3, 1)) == 500
    assert net_assets(START) is None
    assert latest(FigureKind.NET_ASSETS, START) == 700


def test_borrowing_is_known_only_when_every_kind_of_it_is(company: Company):
    kinds = FUNDING[LimitKind.BORROWING]
    assert together(kinds, START) is None
    figure(FigureKind.BANK_BORROWING, 300, YEAR_END)
    assert together(kinds, START) is None
    figure(FigureKind.SHAREHOLDER_BORROWING, 0, YEAR_END)
    figure(FigureKind.BANK_BORROWING, 900, START + dt.timedelta(days=1))
    assert together(kinds, START) == 300


def test_a_limit_that_makes_no_sense_is_refused_at_its_field(limited: Company):
    def wrong(kind: LimitKind, **values: Any) -> list[str]:
        given = {"measure": Measure.PORTFOLIO, "share": 1, "valid_from": START, "source": "board", "code": "W"}
        return list(problems(LendingLimit, {"kind": kind, **given, **values}))

    assert wrong(LimitKind.PRODUCT) == ["product"]
    assert wrong(LimitKind.INDUSTRY) == ["industry"]
    assert wrong(LimitKind.BRANCH) == ["of_branch"]
    assert wrong(LimitKind.BORROWING) == ["measure"]
    assert wrong(LimitKind.INSIDERS, share=None) == ["share"]
    assert wrong(LimitKind.INSIDERS, measure=Measure.AMOUNT, share=None) == ["amount"]
    assert wrong(LimitKind.INSIDERS, valid_until=YEAR_END) == ["valid_until"]
    assert wrong(LimitKind.BORROWER, measure=Measure.NET_ASSETS) == ["valid_from"], "REG-01 is for the same case"
    assert wrong(LimitKind.BORROWER) == []


# ---- measured against brute force ------------------------------------------------------------------------------------


def test_what_is_used_is_what_a_walk_over_all_rows_finds(limited: Company):
    rng = Random("limits")
    codes = [f"C{n}" for n in range(8)]
    with unit_of_work("tests.industries"):
        for code in codes:
            limited.customer(code).industry = rng.choice([Industry.TRADE, Industry.CATERING, None])
    bulk_disburse(
        [
            limited.new_loan(
                f"L{number}",
                rng.choice([Method.LEVEL, Method.BULLET]),
                amount=rng.randrange(50_000, 900_000),
                customer_id=limited.customer(rng.choice(codes)).id,
            )
            for number in range(20)
        ]
    )
    for one, other in (("C0", "C5"), ("C5", "C6"), ("C3", "C4")):
        tie(limited, one, other, rng.choice([Tie.KIN, Tie.CONTROLLER]))
    tie(limited, "C1", "C2", Tie.OTHER)
    branch = db.session.scalars(select(Branch).where(Branch.code == "B1")).one()
    product = limited.product(Method.BULLET)
    limit(LimitKind.PRODUCT, "P", product=product.id, share=900_000)
    limit(LimitKind.INDUSTRY, "I", industry=Industry.TRADE, share=900_000)
    limit(LimitKind.BRANCH, "B", of_branch=branch.id, share=900_000)
    figure(FigureKind.BONDS, 11, YEAR_END)
    figure(FigureKind.SECURITIES, 22, YEAR_END)

    rows = db.session.scalars(select(LoanState)).all()
    ties = [
        (row.customer_id, row.related_id)
        for row in db.session.scalars(select(RelatedParty))
        if row.tie is not Tie.OTHER
    ]
    owed: dict[int, int] = defaultdict(int)
    for row in rows:
        owed[row.customer_id] += row.balance

    measuring = Measuring(Book(db.session()), START)
    found = {held.code: measuring.usage(held, 100) for held in limits_on(db.session(), START)}

    def used(code: str) -> dict[tuple[int, ...], int]:
        return {usage.members: usage.reading.used for usage in found[code]}

    assert used("REG-01") == {(one,): balance for one, balance in owed.items()}
    assert used("REG-02") == {g: sum(owed[one] for one in g) for g in groups(ties)}
    assert used("P") == {(): sum(row.balance for row in rows if row.product_id == product.id)}
    assert used("I") == {(): sum(row.balance for row in rows if row.customer.industry is Industry.TRADE)}
    assert used("B") == {(): sum(row.balance for row in rows if row.branch_id == branch.id)}
    assert used("REG-04") == {(): 33}
    assert [usage.reading.standing for usage in found["REG-03"]] == [Standing.UNKNOWN]
    assert all(usage.reading.base == NET for usage in found["REG-01"])
    assert found["P"][0].reading.base == sum(row.balance for row in rows)

    largest = measuring.usage(next(h for h in limits_on(db.session(), START) if h.code == "REG-01"), 3)
    wanted = sorted(owed.items(), key=lambda pair: (-pair[1], pair[0]))
    near = [one for one, balance in wanted if balance * 1_000_000 >= 80_000 * NET]
    assert [usage.named for usage in largest] == [one for one, _ in wanted][: max(3, len(near))]


def test_a_group_found_tie_by_tie_is_the_one_found_over_all(limited: Company):
    for one, other in (("C0", "C1"), ("C2", "C1"), ("C2", "C3"), ("C5", "C6")):
        tie(limited, one, other)
    everybody = all_groups(db.session(), START)
    for code in (f"C{n}" for n in range(8)):
        own = group_of(db.session(), limited.customer(code).id, START)
        assert own in everybody or own == (limited.customer(code).id,)
    assert [len(group) for group in everybody] == [4, 2]


# ---- kept of every day -----------------------------------------------------------------------------------------------


def register() -> list[tuple[str, Standing, dt.date, dt.date | None, int]]:
    rows = db.session.scalars(select(LimitBreach).order_by(LimitBreach.first_day, LimitBreach.level.desc()))
    return [(row.limit.code, row.level, row.first_day, row.ended_on, row.highest) for row in rows]


def test_day_end_measures_and_keeps_a_register(limited: Company):
    lend(limited, 9_000)
    lend(limited, 10, "C1")
    run_day_end()
    kept = db.session.scalars(select(LimitUsage).order_by(LimitUsage.limit_id, LimitUsage.used.desc())).all()
    told = [(row.limit.code, str(row.customer or ""), row.used, row.of_base, row.free, row.standing) for row in kept]
    assert told == [
        ("REG-01", "Customer 0", 9_000_00, 90_000, 1_000_00, Standing.NEAR),
        ("REG-01", "Customer 1", 10_00, 100, 9_990_00, Standing.FREE),
        ("REG-03", "", 0, None, None, Standing.UNKNOWN),
        ("REG-04", "", 0, None, None, Standing.UNKNOWN),
    ]
    assert {row.on_day for row in kept} == {START}
    assert register() == [("REG-01", Standing.NEAR, START, None, 9_000_00)]
    daily.measure(START)
    assert register() == [("REG-01", Standing.NEAR, START, None, 9_000_00)], "again is the same"

    bulk_disburse([limited.new_loan("OLD", Method.BULLET, amount=2_000_00)])
    run_day_end()
    second = START + dt.timedelta(days=1)
    assert register() == [
        ("REG-01", Standing.NEAR, START, None, 11_000_00),
        ("REG-01", Standing.BEYOND, second, None, 11_000_00),
    ]
    loan = db.session.scalars(select(Loan).where(Loan.code == "OLD")).one()
    line = loan.instalments[0]
    repay(loan, line.principal + line.interest, second + dt.timedelta(days=1), "R")
    run_day_end()
    third = second + dt.timedelta(days=1)
    assert register() == [
        ("REG-01", Standing.NEAR, START, None, 11_000_00),
        ("REG-01", Standing.BEYOND, second, third, 11_000_00),
    ]


def test_a_limit_that_ends_ends_its_spells(limited: Company):
    lend(limited, 9_000)
    run_day_end()
    with unit_of_work("tests.ended"):
        db.session.scalars(select(LendingLimit).where(LendingLimit.code == "REG-01")).one().valid_until = START
    run_day_end()
    assert register() == [("REG-01", Standing.NEAR, START, START + dt.timedelta(days=1), 9_000_00)]


def test_a_day_of_which_nothing_is_kept_cannot_be_measured(limited: Company):
    with pytest.raises(Refused, match="2025-11-30"):
        daily.measure(dt.date(2025, 11, 30))


def test_a_past_month_end_is_measured_from_its_snapshot(limited: Company):
    lend(limited, 9_000)
    run_day_end(dt.date(2026, 2, 3))
    db.session.execute(LimitUsage.__table__.delete())
    db.session.commit()
    daily.measure_month_ends([dt.date(2026, 1, 31)])
    (row,) = [row for row in db.session.scalars(select(LimitUsage)) if row.limit.code == "REG-01"]
    assert (row.on_day, row.used) == (dt.date(2026, 1, 31), 9_000_00)


def test_usage_is_of_the_subject_that_stays(limited: Company):
    usage = Usage(LendingLimit(), None, (3, 8), 8)  # type: ignore[arg-type]
    assert (usage.subject, usage.named) == (3, 8)


def test_the_largest_borrowers_are_those_of_a_walk_over_all_loans_now_and_at_a_month_end(limited: Company):
    """Some have one loan, some several, some the same balance; paid back in part between the two dates."""
    for yuan, to in ((900, "C0"), (400, "C1"), (500, "C1"), (900, "C2"), (100, "C3"), (700, "C3"), (50, "C4")):
        lend(limited, yuan, to)
    run_day_end(dt.date(2026, 2, 3))
    loan = db.session.scalars(select(Loan).where(Loan.principal == 70_000)).one()
    repay(loan, sum(line.unpaid for line in loan.instalments), dt.date(2026, 2, 4), "R")
    lend(limited, 950, "C4")
    for day in (None, dt.date(2026, 1, 31)):
        source: Any = LoanState if day is None else LoanSnapshot
        rows = db.session.scalars(select(source) if day is None else select(source).where(source.as_of == day)).all()
        owed: dict[int, int] = defaultdict(int)
        for row in rows:
            owed[row.customer_id] += row.balance
        wanted = sorted(owed.items(), key=lambda pair: (-pair[1], pair[0]))
        assert len(wanted) == 5
        book = Book(db.session(), day)
        assert book.total == sum(owed.values())
        for number in range(1, 7):
            assert list(book.largest(number).items()) == wanted[:number]
            for least in (1, 50_000, 90_000, 90_001, Fraction(179_999, 2), 10**9):
                near = [pair for pair in wanted if pair[1] >= least]
                assert list(book.largest(number, Fraction(least)).items()) == max(near, wanted[:number], key=len)
