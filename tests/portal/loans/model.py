"""A loan book in plain Python, written from the rules and not from the code: the oracle of the ledger's tests.

It keeps a log of what was booked and answers for any date by adding it up, one loan and one instalment at a time.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

from portal.loans.schedule import Terms, build_schedule
from portal.products.terms import DayCount, Method, Rounding

STEPS = ((360, "loss"), (270, "doubtful"), (90, "substandard"), (0, "special_mention"))
"""More than so many days late is at least this category."""
WORSE = ("normal", *reversed([name for _days, name in STEPS]))


@dataclass
class Booked:
    """One event of a loan: what it did to the balance, to instalments and to their demands."""

    kind: str
    value_date: dt.date
    booking_date: dt.date
    balance: int = 0
    cash: int = 0
    accrued: int = 0
    paid: dict[tuple[int, str], int] = field(default_factory=dict)
    charged: dict[tuple[int, str], int] = field(default_factory=dict)
    code: str = ""
    written_off: int = 0
    interest_off: int = 0
    undone: bool = False


@dataclass
class Position:
    balance: int
    accrued_interest: int
    days_past_due: int
    oldest_due_on: dt.date | None
    overdue_principal: int
    overdue_interest: int
    floor: str
    category: str


class ModelLoan:
    """One loan."""

    def __init__(self, method: Method, amount: int, rate: int, count: int, on: dt.date) -> None:
        self.method, self.rate = method, rate
        terms = Terms(amount, rate, count, method, on, None, DayCount.THIRTY_360, Rounding.HALF_UP)
        self.schedule = build_schedule(terms)
        self.log = [Booked("disbursement", on, on, balance=amount, cash=-amount)]
        self.observed_since: dt.date | None = None
        """Since when it may not be better than substandard: these loans are too short ever to be upgraded."""
        self.judgements: list[tuple[dt.date, dt.date | None, str]] = []
        """(from, until, the least category) by people's judgement."""

    def known(self, as_of: dt.date, known_at: dt.date) -> list[Booked]:
        return [b for b in self.log if b.value_date <= as_of and b.booking_date <= known_at]

    def demand(self, number: int, component: str, log: list[Booked]) -> int:
        line = self.schedule[number - 1]
        agreed = {"principal": line.principal, "interest": line.interest}.get(component, 0)
        return agreed + sum(b.charged.get((number, component), 0) for b in log)

    def unpaid(self, number: int, component: str, log: list[Booked]) -> int:
        return self.demand(number, component, log) - sum(b.paid.get((number, component), 0) for b in log)

    def balance(self) -> int:
        return sum(b.balance for b in self.log)

    def open_until(self) -> bool:
        """Whether anything can be booked but a recovery."""
        return bool(self.owed()) and not self.is_written_off()

    def is_written_off(self) -> bool:
        return any(b.kind == "write_off" and not b.undone for b in self.log)

    def off_balance(self) -> int:
        return sum(b.written_off + b.interest_off for b in self.log)

    def owed(self) -> int:
        return sum(
            self.unpaid(line.number, component, self.log)
            for line in self.schedule
            for component in ("principal", "interest", "penalty")
        )

    def last_payment(self) -> dt.date | None:
        return max(
            (b.value_date for b in self.log if b.kind in ("repayment", "write_off", "recovery") and not b.undone),
            default=None,
        )

    def penalties(self, on: dt.date) -> dict[int, int]:
        """One and a half times the rate on what is unpaid, from the due date or the last payment on."""
        found = {}
        for line in self.schedule:
            since = max(filter(None, (line.due_date, self.last_payment())))
            base = self.unpaid(line.number, "principal", self.log) + self.unpaid(line.number, "interest", self.log)
            exact = Fraction(base * self.rate * 3 * (on - since).days, 2 * 360 * 1_000_000)
            if line.due_date < on and since < on and (amount := int(exact + Fraction(1, 2))):
                found[line.number] = amount
        return found

    def earned(self, on: dt.date) -> int:
        """Interest of whole periods and, day by day, of the running one; less what fell away."""
        total = 0
        for line in self.schedule:
            interest = self.demand(line.number, "interest", self.log)
            days = (line.period_end - line.period_start).days
            total += interest * min(max((on - line.period_start).days, 0), days) // days
        return total

    def pay(self, amount: int, on: dt.date, booked: dt.date, code: str, early: bool = False) -> None:
        """Oldest first; of each instalment interest, principal, penalty; then the coming ones."""
        event = Booked("repayment", on, booked, cash=amount, code=code)
        event.charged = {(number, "penalty"): penalty for number, penalty in self.penalties(on).items()}
        if early:
            event.charged |= {(number, "interest"): -unearned for number, unearned in self.unearned(on).items()}
        self.log.append(event)
        rest = amount
        for line in self.schedule:
            for component in ("interest", "principal", "penalty"):
                part = min(rest, self.unpaid(line.number, component, self.log))
                if part:
                    event.paid[line.number, component] = part
                    rest -= part
        assert rest == 0
        event.balance = -sum(part for (_, component), part in event.paid.items() if component == "principal")
        interest = sum(part for (_, component), part in event.paid.items() if component == "interest")
        # What is received was accrued; a closed loan has accrued what it received.
        short = interest - self.receivable()
        if short > 0 or not self.owed():
            event.accrued = short
        event.accrued -= interest

    def receivable(self) -> int:
        return sum(b.accrued for b in self.log)

    def unearned(self, on: dt.date) -> dict[int, int]:
        found = {}
        for line in self.schedule:
            days = (line.period_end - line.period_start).days
            passed = min(max((on - line.period_start).days, 0), days)
            paid = self.demand(line.number, "interest", self.log) - self.unpaid(line.number, "interest", self.log)
            kept = max(line.interest * passed // days, paid)
            if line.due_date > on and line.interest > kept:
                found[line.number] = line.interest - kept
        return found

    def payoff(self, on: dt.date) -> int:
        return self.owed() + sum(self.penalties(on).values()) - sum(self.unearned(on).values())

    def non_performing(self, on: dt.date) -> bool:
        position = self.position(on, on)
        return position is not None and position.days_past_due > 90

    def observe(self, before: bool, on: dt.date) -> None:
        """After a booking: a loan that was non-performing and is not any more is observed from then on."""
        if before and self.position(on, on) and not self.non_performing(on):
            self.observed_since = self.observed_since or on

    def stop(self, on: dt.date) -> None:
        """At the end of a day: what a loan past ninety days has accrued and not paid is taken back."""
        if self.non_performing(on) and self.receivable():
            self.log.append(Booked("accrual", on, on, accrued=-self.receivable()))

    def accrue(self, on: dt.date) -> None:
        position = self.position(on, on)
        if position is None or position.days_past_due > 90 or self.is_written_off():
            return
        paid = sum(part for b in self.log for (_, component), part in b.paid.items() if component == "interest")
        posted = sum(b.accrued for b in self.log) + paid
        target = max(self.earned(on), paid)
        if target != posted:
            self.log.append(Booked("accrual", on, on, accrued=target - posted))

    def write_off(self, on: dt.date, booked: dt.date) -> None:
        self.log.append(
            Booked(
                "write_off",
                on,
                booked,
                balance=-self.balance(),
                accrued=-self.receivable(),
                charged={(number, "penalty"): penalty for number, penalty in self.penalties(on).items()},
                written_off=self.balance(),
                interest_off=self.receivable(),
            )
        )

    def recover(self, amount: int, on: dt.date, booked: dt.date, code: str) -> None:
        """As a payment; interest that is not earned yet is not owed. The books take written-off principal first."""
        event, unearned = Booked("recovery", on, booked, cash=amount, code=code), self.unearned(on)
        event.charged = {(number, "penalty"): penalty for number, penalty in self.penalties(on).items()}
        self.log.append(event)
        rest = amount
        for line in self.schedule:
            for component in ("interest", "principal", "penalty"):
                owed = self.unpaid(line.number, component, self.log)
                part = min(rest, owed - unearned.get(line.number, 0) * (component == "interest"))
                if part:
                    event.paid[line.number, component] = part
                    rest -= part
        assert rest == 0
        principal = min(amount, sum(b.written_off for b in self.log))
        interest = min(amount - principal, sum(b.interest_off for b in self.log))
        event.written_off, event.interest_off = -principal, -interest

    def undo_last(self, booked: dt.date) -> Booked:
        """Turn the last event that stands, accruals aside."""
        last = [b for b in self.log if not b.undone and b.kind in ("repayment", "write_off", "recovery")][-1]
        last.undone = True
        self.log.append(
            Booked(
                "reversal",
                last.value_date,
                booked,
                -last.balance,
                -last.cash,
                -last.accrued,
                {key: -part for key, part in last.paid.items()},
                {key: -part for key, part in last.charged.items()},
                written_off=-last.written_off,
                interest_off=-last.interest_off,
                undone=True,
            )
        )
        return last

    def position(self, as_of: dt.date, known_at: dt.date) -> Position | None:
        """How the loan stood at the end of a date; None without a balance."""
        log = self.known(as_of, known_at)
        balance = sum(b.balance for b in log)
        if balance <= 0:
            return None
        due = [line for line in self.schedule if line.due_date < as_of]
        principal = {line.number: self.unpaid(line.number, "principal", log) for line in due}
        interest = {line.number: self.unpaid(line.number, "interest", log) for line in due}
        late = [line.due_date for line in due if principal[line.number] + interest[line.number] > 0]
        oldest = min(late, default=None)
        days = (as_of - oldest).days if oldest else 0
        overdue = balance
        if not days:
            overdue = 0
        elif self.method in (Method.LEVEL, Method.EQUAL_PRINCIPAL) and days <= 90:
            overdue = sum(principal.values())
        floor = next((name for limit, name in STEPS if days > limit), "normal")
        observed = self.observed_since is not None and self.observed_since <= as_of
        judged = [least for since, until, least in self.judgements if since <= as_of and (not until or as_of < until)]
        return Position(
            balance,
            sum(b.accrued for b in log),
            days,
            oldest,
            overdue,
            sum(interest.values()) if days else 0,
            floor,
            max([floor, "substandard" if observed else "normal", *judged], key=WORSE.index),
        )
