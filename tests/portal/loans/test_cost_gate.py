"""No loan is paid out beyond the limit of its day, and nothing is charged outside the catalogue."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.records import add
from portal.core.work import unit_of_work
from portal.loans.agreed_fees import AgreedFee
from portal.loans.booking import RowsRefused
from portal.loans.disbursement import bulk_disburse
from portal.loans.disclosure import disclosed_loan, typed_offer
from portal.loans.models import Loan
from portal.loans.opening import OpeningPosition, bulk_open_positions
from portal.loans.repayments import repay
from portal.loans.schedules import ScheduleLine, bulk_schedules
from portal.parameters.known import Operator
from portal.parameters.services import set_parameter
from portal.pricing.gate import LIMIT, LPR, LPR_FROM, METHOD, Limits
from portal.pricing.models import FeeItem
from portal.pricing.offers import Basis, Charged, Payee
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, table_sizes


def item(code: str = "F", **values: Any) -> FeeItem:
    """50 yuan to the insurer at signing, unless told otherwise."""
    given = {
        "name": f"fee {code}",
        "payee": Payee.INSURER,
        "charged": Charged.AT_SIGNING,
        "basis": Basis.FIXED,
        "amount": 5_000,
        "counted": True,
        "valid_from": START,
        "source": "price list",
    }
    return add(FeeItem, {"code": code, **given, **values})  # type: ignore[no-any-return]


def bullet(company: Company, rate: int, **terms: Any) -> Loan:
    """A loan for a year, paid back at its end: 5 January 2026 to 5 January 2027, 365 days. It costs its rate."""
    return company.lend(Method.BULLET, rate=rate, **terms)


def test_what_a_loan_costs_is_kept_with_it(company: Company):
    loan = bullet(company, 240_000)
    assert (loan.all_in_cost, loan.simple_cost, loan.above_limit) == (240_000, 240_000, False)


def test_a_loan_of_exactly_the_limit_is_paid_out_and_one_just_beyond_is_not(company: Company):
    bullet(company, 240_000)
    before = table_sizes()
    with pytest.raises(InvalidValues) as refused:
        bullet(company, 240_100)  # 24.01 %
    (sentence,) = refused.value.fields["rate"]
    assert "24.01 %" in sentence and "24 %" in sentence and "小额贷款公司综合融资成本管理工作指引" in sentence
    assert table_sizes() == before


def test_fees_count(company: Company):
    item()  # 50 yuan on 12,000 at 23.9 %: (2,868 + 50) / 11,950 = 24.418 %
    with pytest.raises(InvalidValues, match=r"24\.42"):
        bullet(company, 239_000, fees=["F"])
    assert bullet(company, 239_000).all_in_cost == 239_000


def test_monthly_instalments_compound(company: Company):
    # 24 % by months of 30 in years of 360 days: on actual days over 365 an internal rate of return of 26.95 %
    with pytest.raises(InvalidValues, match=r"26\.95"):
        company.lend(rate=240_000)


def test_by_simple_interest_it_would_pass(company: Company):
    set_parameter(METHOD, "simple", START, "compliance")
    loan = company.lend(rate=238_000)
    assert loan.simple_cost is not None and loan.simple_cost < 240_000 < (loan.all_in_cost or 0)


def test_the_limit_of_the_contract_day_counts(company: Company):
    set_parameter(LIMIT, "12", START, "new rule", Operator.GREATER)
    bullet(company, 120_000)
    with pytest.raises(InvalidValues, match="12 %"):
        bullet(company, 120_100)
    set_parameter(LIMIT, "12", START, "new rule", Operator.GREATER_OR_EQUAL)
    with pytest.raises(InvalidValues, match="12 %"):
        bullet(company, 120_000)


def test_the_path_ends_at_four_times_the_lpr(company: Company):
    limits = Limits()
    assert limits.on(dt.date(2027, 12, 30)).percent == 24
    last = limits.on(dt.date(2027, 12, 31))
    assert (last.percent, last.of_lpr) == (12, "4 × 3 %")
    set_parameter(LPR, "3.5", dt.date(2028, 1, 1), "LPR")
    assert Limits().on(dt.date(2028, 1, 1)).percent == 14
    set_parameter(LPR, "7", dt.date(2029, 1, 1), "LPR")
    assert Limits().on(dt.date(2029, 1, 1)).percent == 24, "never more than the fixed limit"


def test_four_times_the_lpr_binds_once_its_day_has_come(company: Company):
    set_parameter(LPR_FROM, "2026-01-05", START, "compliance")
    with pytest.raises(InvalidValues, match=r"12\.01 % .*4 × 3 %"):
        bullet(company, 120_100)


def test_an_import_of_old_loans_is_marked_not_refused(company: Company):
    rows = [company.new_loan("OLD", Method.BULLET, rate=300_000), company.new_loan("FINE", Method.BULLET)]
    assert bulk_disburse(rows) == 2
    marked = dict(db.session.execute(select(Loan.code, Loan.above_limit)).all())
    assert marked == {"OLD": True, "FINE": False}


def position(company: Company, code: str, **values: Any) -> OpeningPosition:
    row = company.new_loan(code)
    terms = {"amount": 1_000_000, "rate": 120_000, "count": 12, "disbursed_on": dt.date(2025, 6, 5)} | values
    return OpeningPosition(code, row.customer_id, row.product_id, row.owner, **terms)


def test_a_position_is_marked_by_its_rate_and_its_fees_come_in_under_the_item_for_them(company: Company):
    bulk_open_positions([position(company, "A", rate=250_000, paid_fees=700), position(company, "B")], START)
    loans = {loan.code: loan for loan in db.session.scalars(select(Loan))}
    assert [(loans[code].above_limit, loans[code].all_in_cost) for code in "AB"] == [(True, None), (False, None)]
    agreed = db.session.scalars(select(AgreedFee)).one()
    assert (agreed.loan_id, agreed.item.code, agreed.amount) == (loans["A"].id, "TAKEN-OVER", 700)


def test_without_that_item_no_fee_comes_in(company: Company):
    with unit_of_work("tests.catalogue"):
        db.session.scalars(select(FeeItem)).one().valid_until = dt.date(2025, 12, 31)
    with pytest.raises(RowsRefused, match="Nothing outside the catalogue"):
        bulk_open_positions([position(company, "A", paid_fees=700)], START)
    bulk_open_positions([position(company, "B")], START)


def test_imported_schedules_name_the_item_of_their_fees(company: Company):
    bulk_open_positions([position(company, "A")], START)
    loan = db.session.scalars(select(Loan)).one()
    due = dt.date(2026, 2, 5)
    for fee in (50, 70):  # imported twice: the second replaces the first
        bulk_schedules([ScheduleLine(loan.id, 1, due, 1_000_000, 0, fee)])
    assert [(fee.item.code, fee.amount) for fee in db.session.scalars(select(AgreedFee))] == [("TAKEN-OVER", 70)]
    with unit_of_work("tests.catalogue"):
        db.session.scalars(select(FeeItem)).one().valid_until = dt.date(2025, 1, 1)
    with pytest.raises(RowsRefused, match="Nothing outside the catalogue"):
        bulk_schedules([ScheduleLine(loan.id, 1, due, 1_000_000, 0, 90)])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "OTHER"),
        ({"valid_from": dt.date(2026, 1, 6)}, "F"),
        ({"valid_from": dt.date(2025, 1, 1), "valid_until": dt.date(2026, 1, 4)}, "F"),
        ({"charged": Charged.ON_EVENT, "counted": False}, "F"),
        ({}, "TAKEN-OVER"),
    ],
)
def test_nothing_outside_the_catalogue_in_force_is_charged(company: Company, values: dict[str, Any], code: str):
    item(**values)
    before = table_sizes()
    with pytest.raises(InvalidValues) as refused:
        bullet(company, 120_000, fees=[code])
    assert code in refused.value.fields["fees"][0] and "2026-01-05" in refused.value.fields["fees"][0]
    assert table_sizes() == before


def test_our_fees_fall_due_with_instalments_and_those_of_others_do_not(company: Company):
    item("OURS", payee=Payee.LENDER, charged=Charged.EACH_INSTALMENT, amount=100)
    item("THEIRS")
    loan = company.lend(fees=["OURS", "THEIRS", "OURS"])
    assert [line.fee for line in loan.instalments] == [100] * 12
    agreed = db.session.scalars(select(AgreedFee).order_by(AgreedFee.id)).all()
    assert [(fee.item.code, fee.amount) for fee in agreed] == [("OURS", 1_200), ("THEIRS", 5_000)]
    assert balances(loan) == {"LOANS principal": 1_200_000, "CASH principal": -1_200_000}, "nothing is netted"
    first = loan.instalments[0]
    repay(loan, first.principal + first.interest + 100, START, "R1")
    assert balances(loan)["FEE_INCOME fee"] == -100


def test_a_statement_of_a_loan_says_what_was_agreed_whatever_the_catalogue_says_now(company: Company):
    item("F", basis=Basis.OF_PRINCIPAL_A_YEAR, amount=None, share=10_000)  # 1 % of 12,000 for a year: 120 yuan
    loan = company.lend(fees=["F"])
    with unit_of_work("tests.catalogue"):
        db.session.scalars(select(FeeItem).where(FeeItem.code == "F")).one().share = 90_000
    told = disclosed_loan(loan.id)
    assert told.verdict.cost.fees == 12_000
    assert [line.due_date for line in told.schedule] == [line.due_date for line in loan.instalments]
    assert round(told.verdict.cost.irr * 1_000_000) == loan.all_in_cost
    assert (told.code, told.borrower) == (loan.code, "Customer 0")


def test_an_offer_is_told_before_it_is_made(company: Company):
    item()
    told = typed_offer(company.product(Method.BULLET), 1_200_000, 239_000, 12, START, None, ["F"])
    assert not told.verdict.passes and str(told.verdict.rate) == "0.24418410"  # 2,918 / 11,950
    # penalty: half as much again as 23.9 % is 35.85 %; 30 days on 12,000 yuan by 30/360: 12,000 x 35.85 % x 30 / 360
    assert told.contingent.rate == 358_500
    assert told.contingent.examples[0] == (30, 44_418, 35_850)  # first: on 14,868 yuan of principal and interest


def test_an_offer_off_the_products_terms_is_refused_by_field(company: Company):
    with pytest.raises(InvalidValues) as refused:
        typed_offer(company.product(), 1_200_000, 400_000, 90, START, START, ["NOPE"])
    assert set(refused.value.fields) == {"rate", "count", "first_due_on", "fees"}


def test_a_loan_taken_over_has_no_statement(company: Company):
    bulk_open_positions([position(company, "A")], START)
    with pytest.raises(Refused, match="not known"):
        disclosed_loan(db.session.scalars(select(Loan.id)).one())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"payee": Payee.LENDER}, "charged"),  # interest deducted in advance
        ({"amount": None}, "amount"),
        ({"basis": Basis.OF_PRINCIPAL, "amount": None}, "share"),
        ({"charged": Charged.ON_EVENT}, "counted"),
        ({"valid_until": dt.date(2020, 1, 1)}, "valid_until"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused_at_its_field(company: Company, values: dict[str, Any], field: str):
    with pytest.raises(InvalidValues) as refused:
        item(**values)
    assert list(refused.value.fields) == [field]
