"""What holds for every schedule, and agreement with an independent computation in Decimal."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, localcontext

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.loans.day_count import days, year_basis
from portal.loans.schedule import Terms, accrued_interest, build_schedule, level_instalment
from portal.products.terms import GRACEFUL, DayCount, Method, Rounding

STARTS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


def months_without_principal(method: Method, count: int) -> st.SearchStrategy[int]:
    return st.just(0) | st.integers(0, count - 1) if method in GRACEFUL else st.just(0)


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    """From one fen to 10,000 million yuan, 0 % to 1,000 %, one to 600 months, short and very long first periods."""
    start = draw(STARTS)
    first = draw(st.none() | st.integers(1, 800))
    count = draw(st.integers(1, 36) | st.integers(1, 600))
    method = draw(st.sampled_from(Method))
    return Terms(
        draw(st.integers(1, 1_000) | st.integers(1, 10**12)),
        draw(st.just(0) | st.integers(0, 360_000) | st.integers(0, 10_000_000)),
        count,
        method,
        start,
        None if first is None else start + timedelta(days=first),
        draw(st.sampled_from(DayCount)),
        draw(st.sampled_from(Rounding)),
        draw(months_without_principal(method, count)),
    )


@given(any_terms())
def test_every_schedule_repays_the_loan_exactly_and_nothing_is_negative(terms: Terms) -> None:
    lines = build_schedule(terms)
    assert len(lines) == (1 if terms.method == Method.BULLET else terms.count)
    assert sum(line.principal for line in lines) == terms.amount
    assert all(line.principal >= 0 and line.interest >= 0 for line in lines)
    balance = terms.amount
    for number, line in enumerate(lines, 1):
        balance -= line.principal
        assert (line.number, line.balance_after, line.due) == (number, balance, line.principal + line.interest)
        assert balance >= 0
    assert balance == 0


@given(any_terms())
def test_periods_follow_one_another_without_a_gap(terms: Terms) -> None:
    lines = build_schedule(terms)
    assert [line.period_start for line in lines] == [terms.start, *(line.due_date for line in lines[:-1])]
    assert all(line.period_start < line.period_end == line.due_date for line in lines)


@given(any_terms())
def test_interest_never_grows_when_all_periods_are_equal(terms: Terms) -> None:
    assume(terms.day_count in (DayCount.THIRTY_360, DayCount.THIRTY_E_360))
    interests = [line.interest for line in build_schedule(replace(terms, first_due=None))]
    assert interests == sorted(interests, reverse=True)


@given(any_terms())
def test_level_instalments_are_level_until_the_loan_is_repaid(terms: Terms) -> None:
    terms = replace(terms, method=Method.LEVEL)
    level = level_instalment(terms)
    for line in build_schedule(terms)[terms.grace : -1]:
        assert line.due == level or line.balance_after == 0 or (line.principal == 0 and line.interest > level)


@given(any_terms())
def test_equal_principal_is_equal_until_the_loan_is_repaid(terms: Terms) -> None:
    lines = build_schedule(replace(terms, method=Method.EQUAL_PRINCIPAL))[terms.grace :]
    assert all(line.principal == lines[0].principal or line.balance_after == 0 for line in lines[:-1])


@given(any_terms())
def test_months_without_principal_bear_interest_on_all_of_it(terms: Terms) -> None:
    for line in build_schedule(terms)[: terms.grace]:
        assert (line.principal, line.balance_after) == (0, terms.amount)


@given(any_terms())
def test_a_higher_rate_never_makes_a_smaller_instalment(terms: Terms) -> None:
    assume(terms.rate < 10_000_000)
    assert level_instalment(replace(terms, first_due=None)) <= level_instalment(
        replace(terms, first_due=None, rate=terms.rate + 1)
    )


@given(any_terms(), st.lists(st.integers(-10, 2_000), min_size=2, max_size=6))
def test_accrued_interest_never_falls_and_ends_at_all_interest(terms: Terms, offsets: list[int]) -> None:
    lines = build_schedule(terms)
    accrued = [accrued_interest(lines, terms.start + timedelta(days=offset)) for offset in sorted(offsets)]
    assert accrued == sorted(accrued)
    assert accrued_interest(lines, terms.start) == 0
    for number, line in enumerate(lines, 1):
        assert accrued_interest(lines, line.period_end) == sum(other.interest for other in lines[:number])


@st.composite
def usual_terms(draw: st.DrawFn) -> Terms:
    """What lenders agree on: up to 36 % and five years, a first period of up to two months."""
    start = draw(STARTS)
    first = draw(st.none() | st.integers(5, 60))
    count = draw(st.integers(1, 60))
    method = draw(st.sampled_from(Method))
    return Terms(
        draw(st.integers(10_000, 10**10)),
        draw(st.just(0) | st.integers(10_000, 360_000)),
        count,
        method,
        start,
        None if first is None else start + timedelta(days=first),
        draw(st.sampled_from(DayCount)),
        draw(st.sampled_from(Rounding)),
        draw(months_without_principal(method, count)),
    )


def same_day(day: date, months: int) -> date:
    """The same day in a later month, or the last one there; found by walking back from the 1st of the month after."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return min(last, last.replace(day=1) + timedelta(days=day.day - 1))


def oracle(terms: Terms) -> list[tuple[date, int, int]]:
    """Due date, principal and interest of each instalment, in Decimal, the level payment by bisection."""
    regular = same_day(terms.start, 1)
    first = terms.first_due or regular
    offset = next((months for months in range(1, 5) if same_day(terms.start, months) == first), None)
    if offset is None:
        dates = [same_day(first, index) for index in range(terms.count)]
    else:
        dates = [same_day(terms.start, offset + index) for index in range(terms.count)]
    if terms.day_count in (DayCount.THIRTY_360, DayCount.THIRTY_E_360):
        odd = days(terms.start, first, terms.day_count)
        lengths = [30 * offset if offset else odd] + [30] * (terms.count - 1)
    else:
        lengths = [(end - begin).days for begin, end in zip([terms.start, *dates], dates, strict=False)]
    mode = ROUND_CEILING if terms.rounding == Rounding.UP else ROUND_HALF_UP
    unit = 100 if terms.rounding == Rounding.WHOLE_YUAN else 1
    year = Decimal(year_basis(terms.day_count)) * 1_000_000

    def whole(number: Decimal, mode: str = ROUND_HALF_UP) -> Decimal:
        return number.quantize(Decimal("1e-18"), ROUND_HALF_UP).quantize(Decimal(1), mode)

    rates = [terms.rate * length / year for length in lengths]
    amount = Decimal(terms.amount)
    if terms.method == Method.BULLET:
        return [(dates[-1], terms.amount, int(whole(amount * sum(rates))))]

    low, high = Decimal(0), amount * (1 + max(rates))
    while terms.method == Method.LEVEL and high - low > Decimal("1e-24"):
        middle, balance = (low + high) / 2, amount
        for rate in rates[terms.grace :]:
            balance += balance * rate - middle
        low, high = (middle, high) if balance > 0 else (low, middle)
    level, share = (unit * whole(one / unit, mode) for one in (high, amount / (terms.count - terms.grace)))

    rows, balance = [], amount
    for number, (due, rate) in enumerate(zip(dates, rates, strict=True), 1):
        interest = whole(balance * rate)
        principal = {
            Method.LEVEL: level - interest,
            Method.EQUAL_PRINCIPAL: share,
            Method.INTEREST_ONLY: Decimal(0),
        }[terms.method]
        if number <= terms.grace:
            principal = Decimal(0)
        if number == terms.count:
            principal = balance
        assume(0 <= principal <= balance)  # the edges have tests of their own
        balance -= principal
        rows.append((due, int(principal), int(interest)))
    return rows


@settings(max_examples=150)
@given(usual_terms())
def test_schedules_agree_with_decimal_to_the_fen(terms: Terms) -> None:
    with localcontext(prec=60):
        expected = oracle(terms)
    assert [(line.due_date, line.principal, line.interest) for line in build_schedule(terms)] == expected
