"""Three years of lending, from July 2023 to the demo's business date, told as loans and what happened to each.

Besides the seasons (see `demand`) it has a plot, all of it invented:

- the outlet of Guandao (官道) lends carelessly from spring 2024 on;
- the online consumer loan is pushed hard before the Spring Festival of 2025: twice the usual number of loans is made in
  that quarter, far too many of them to people who cannot pay; then the rules are tightened;
- a late frost in April 2025 spoils part of the apple harvest in two eastern towns, and growers there pay weeks late;
- what is more than 360 days late is written off once a quarter, and some of it is recovered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from portal.loans.holidays import due_date_mover
from portal.loans.periods import add_months
from portal.loans.schedule import Instalment, build_schedule
from portal.products.terms import HolidayRule
from seed.behaviour import Fate, Odds, decide, happened, late_once
from seed.company import BUSINESS_DATE, company
from seed.customers import CustomerSpec, customers
from seed.demand import DEMANDS, GROWTH, Demand
from seed.events import Event, LoanSpec
from seed.products import INPUTS, ONLINE_CONSUMER, PRODUCTS

SEED = 39
"""Chosen from the first sixty: chance does not blur the plot. Any other works, too."""

STARTS_ON = date(2023, 7, 1)

WEAK_OUTLET, WEAK_SINCE = "B26", date(2024, 3, 1)
CAMPAIGN = (date(2025, 1, 1), date(2025, 3, 31))
LARGE_LOAN = 20_000_000
FROST_TOWNS = ("B12", "B13")
FROST_LOANS = (date(2025, 1, 1), date(2025, 4, 20))

_PRODUCT = {product.code: product for product in PRODUCTS}
_MOVE = {product.code: due_date_mover(product.holiday_rule) for product in PRODUCTS}


@dataclass(frozen=True, slots=True)
class Story:
    """Loans by date of disbursement, events by date."""

    loans: tuple[LoanSpec, ...]
    events: tuple[Event, ...]


def schedule(loan: LoanSpec) -> list[Instalment]:
    """The repayment schedule, due dates moved by the product's holiday rule."""
    return build_schedule(loan.terms, _MOVE[loan.product_code])


@cache
def story() -> Story:
    """The whole story up to the business date."""
    rng = Random(f"demo company: story {SEED}")
    market = _Market(rng)
    joined = {staff.code: staff.joined_on for staff in company().staff}
    leads = {team.code: team.lead_code for team in company().teams}
    loans: list[LoanSpec] = []
    events: list[Event] = []
    for on, demand in _calendar(rng):
        code = f"L{on:%Y%m}{len(loans) + 1:04d}"
        customer = market.borrower(demand, on)
        originator = customer.manager_code if joined[customer.manager_code] <= on else leads[customer.team_code]
        loan = _loan(code, on, demand, customer, originator, rng)
        instalments = schedule(loan)
        fate = _fate(loan, demand, instalments, Random(f"demo company: fate {SEED} {code}"))
        market.lent(loan, instalments, fate)
        loans.append(loan)
        events += happened(loan, instalments, fate, _PRODUCT[loan.product_code].penalty_markup, BUSINESS_DATE)
    return Story(tuple(loans), tuple(sorted(events, key=lambda event: (event.on, event.code))))


def _calendar(rng: Random) -> list[tuple[date, Demand]]:
    """When each loan is paid out."""
    working_day = due_date_mover(HolidayRule.MODIFIED_FOLLOWING)
    days = []
    for demand in DEMANDS:
        for month, number in _loans_by_month(demand):
            last = min(add_months(month, 1), BUSINESS_DATE) - timedelta(1)
            for _ in range(number):
                on = month + timedelta(rng.randrange((last - month).days + 1))
                days.append((working_day(on) if demand.product.channel == "offline" else on, demand))
    return sorted(days, key=lambda day: (day[0], day[1].product.code))


def _loans_by_month(demand: Demand) -> list[tuple[date, int]]:
    """The demand's loans spread over the months; fractions carry over to the next."""
    months = [add_months(STARTS_ON, nth) for nth in range(36)]
    weights = [
        demand.season[month.month - 1]
        * (1 + GROWTH * nth)
        * (month >= date(*demand.launched, 1))
        * (2 if demand.product is ONLINE_CONSUMER and CAMPAIGN[0] <= month <= CAMPAIGN[1] else 1)
        for nth, month in enumerate(months)
    ]
    bounds = [round(demand.loans * sum(weights[:nth]) / sum(weights)) for nth in range(37)]
    return [(month, bounds[nth + 1] - bounds[nth]) for nth, month in enumerate(months)]


def _loan(code: str, on: date, demand: Demand, customer: CustomerSpec, originator: str, rng: Random) -> LoanSpec:
    product = demand.product
    first_due = None
    if demand.due_day:
        first_due = on.replace(day=demand.due_day)
        while (first_due - on).days < 15:
            first_due = add_months(first_due, 1)
    return LoanSpec(
        code=code,
        customer_code=customer.code,
        product_code=product.code,
        grid_code=customer.grid_code,
        branch_code=customer.branch_code,
        team_code=customer.team_code,
        manager_code=customer.manager_code,
        originator_code=originator,
        principal=demand.amount(rng),
        rate=demand.rate(rng),
        count=demand.term(on.month, rng),
        method=product.method,
        day_count=product.day_count,
        rounding=product.rounding,
        disbursed_on=on,
        first_due_on=first_due,
        guarantee=rng.choice(demand.guarantees),
        purpose=rng.choice(demand.purposes),
    )


def _fate(loan: LoanSpec, demand: Demand, instalments: list[Instalment], rng: Random) -> Fate:
    risk = demand.risk
    if loan.branch_code == WEAK_OUTLET and loan.disbursed_on >= WEAK_SINCE:
        risk *= 4
    if demand.product is ONLINE_CONSUMER and CAMPAIGN[0] <= loan.disbursed_on <= CAMPAIGN[1]:
        risk *= 6
    if demand.product is ONLINE_CONSUMER and loan.disbursed_on > CAMPAIGN[1]:
        risk *= 0.5
    if loan.principal > LARGE_LOAN:  # looked at by the committee, and secured
        risk *= 0.4
    frost = loan.branch_code in FROST_TOWNS and FROST_LOANS[0] <= loan.disbursed_on <= FROST_LOANS[1]
    if demand.product is INPUTS and frost and rng.random() < 0.35:
        return late_once(instalments, len(instalments) - 1, rng.randint(15, 110), rng)
    return decide(instalments, loan.method, Odds().riskier(risk), rng)


class _Market:
    """Finds a borrower for each loan: somebody known, in good standing, without an open loan of the same product."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.customers = {customer.code: customer for customer in customers()}
        self.by_type: dict[str, list[CustomerSpec]] = defaultdict(list)
        for customer in customers():
            self.by_type[customer.type].append(customer)
        self.known = {type_: [customer.since for customer in known] for type_, known in self.by_type.items()}
        self.loans: dict[str, list[tuple[str, date | None]]] = defaultdict(list)
        self.borrowers: dict[str, list[str]] = defaultdict(list)
        self.black_list: set[str] = set()

    def borrower(self, demand: Demand, on: date) -> CustomerSpec:
        """Somebody who may have a loan of the product on a day."""
        rng, product = self.rng, demand.product.code
        if self.borrowers[product] and rng.random() < demand.returning:
            for _ in range(20):
                code = rng.choice(self.borrowers[product])
                if self._is_welcome(code, product, on):
                    return self.customers[code]
        while True:
            type_ = rng.choices(list(demand.borrowers), weights=list(demand.borrowers.values()))[0]
            known = bisect_right(self.known[type_], on)
            customer = self.by_type[type_][rng.randrange(known)]
            if self._is_welcome(customer.code, product, on) and (customer.code not in self.loans or rng.random() < 0.3):
                return customer

    def lent(self, loan: LoanSpec, instalments: list[Instalment], fate: Fate) -> None:
        """Take note of a loan: until when it is open, and whether the borrower may come again."""
        self.loans[loan.customer_code].append((loan.product_code, fate.closed_on))
        self.borrowers[loan.product_code].append(loan.customer_code)
        paid = [(on, instalment.due_date) for instalment, on in zip(instalments, fate.paid_on, strict=True) if on]
        if fate.closed_on is None or any((on - due).days > 30 for on, due in paid):
            self.black_list.add(loan.customer_code)

    def _is_welcome(self, code: str, product: str, on: date) -> bool:
        still_open = [had for had, closed_on in self.loans.get(code, ()) if closed_on is None or closed_on > on]
        return code not in self.black_list and product not in still_open and len(still_open) < 2
