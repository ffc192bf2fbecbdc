"""The lives of the invented lender's loans, told from a fixed seed and written down row by row as double entries."""

import datetime as dt
import random
from dataclasses import dataclass, field

from portal.core.clock import month_end, now
from portal.core.db import db
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import (
    Allocation,
    Charge,
    Guarantee,
    Instalment,
    Loan,
    LoanStatus,
    PastOwner,
    Repayment,
)
from portal.products.terms import DayCount, Method, Rounding

OPEN = dt.date(2026, 6, 17)
CUT_OVER = dt.date(2026, 1, 31)

PRINCIPAL, INTEREST, FEE, PENALTY = Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY
Owner = tuple[int, int | None, int | None]
Entry = tuple[Account, Component, int]


def transfer(credited: Account, debited: Account, component: Component, amount: int) -> list[Entry]:
    """Both lines of a journal."""
    return [(debited, component, amount), (credited, component, -amount)]


def next_month(day: dt.date, months: int = 1) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = dt.date(year, month + 1, 1)
    return first.replace(day=min(day.day, month_end(first).day))


@dataclass
class Line:
    row: Instalment
    accrued: bool = False


@dataclass
class Story:
    """One loan while its life is told."""

    loan: Loan
    lines: list[Line]
    owners: list[tuple[dt.date, Owner]]
    balance: int = 0
    receivable: int = 0
    opening: bool = False
    journals: int = 0
    last: dt.date = dt.date.min
    closed: bool = False
    unpaid: list[Line] = field(default_factory=list)

    def owner_on(self, day: dt.date) -> Owner:
        return [owner for since, owner in self.owners if since <= day][-1]


class Lives:
    """Tells the lives of loans that these managers look after; `dice` decides how they go."""

    def __init__(self, dice: random.Random, managers: list[Owner]) -> None:
        self.random, self.managers = dice, managers
        self.receipts = 0

    def loan(self, number: int) -> None:
        story = self.contract(number)
        habit = self.random.choice(["prompt", "prompt", "late", "stops", "stops", "partial", "settles"])
        if number == 5:
            habit = "stops"  # so that there is one for sure that is written off and recovered
        self.disburse(story)
        for line in story.lines:
            due = line.row.due_date
            if due > OPEN:
                break
            self.accrue(story, line)
            if habit == "stops" and line.row.number > 1 + number % 3:
                continue
            self.habitual_payment(story, line, habit)
        if number % 9 == 4 and story.balance:
            provided = transfer(Account.ALLOWANCE, Account.CLEARING, PRINCIPAL, story.balance // 10)
            self.book(story, JournalKind.ACCRUAL, provided, story.last)
        if habit == "settles" and story.balance and not story.closed:
            self.settle(story, self.day_between(story.last, OPEN))
        if habit == "stops" and number % 5 == 0 and story.balance:
            self.write_off(story, self.day_between(story.last, OPEN), number)
        self.hand_over(story)

    def contract(self, number: int) -> Story:
        product = self.random.choice([1, 2, 3])
        method = {1: Method.LEVEL, 2: Method.BULLET, 3: Method.EQUAL_PRINCIPAL}[product]
        count = 1 if method is Method.BULLET else self.random.choice([3, 6, 12, 18, 24])
        months = self.random.choice([3, 6, 12]) if method is Method.BULLET else count
        start = dt.date(2025, 3, 1) + dt.timedelta(days=self.random.randrange(440))
        principal = self.random.choice([8_000_00, 50_000_00, 65_432_10, 100_000_01, 320_000_00, 1_200_000_00])
        rate = self.random.choice([0, 43_500, 87_000, 126_100, 180_000])
        first = self.random.choice(self.managers)
        owners: list[tuple[dt.date, Owner]] = [(dt.date.min, first)]
        if number % 3 == 0:
            moved_on = self.day_between(start + dt.timedelta(days=1), OPEN)
            if moved_on > start:
                owners.append((moved_on, self.random.choice(self.managers)))
        branch, team, manager = owners[-1][1]
        loan = Loan(
            code=f"L{number:04}",
            customer_id=self.random.randrange(1, 46),
            product_id=product,
            principal=principal,
            rate=rate,
            count=months,
            method=method,
            day_count=DayCount.ACT_365,
            rounding=Rounding.HALF_UP,
            disbursed_on=start,
            matures_on=next_month(start, months),
            guarantee=self.random.choice(list(Guarantee)),
            branch_id=branch,
            team_id=team,
            manager_id=manager,
        )
        db.session.add(loan)
        db.session.flush()
        lines, rest, begins = [], principal, start
        step = months if count == 1 else 1
        for n in range(1, count + 1):
            due = next_month(start, n * step)
            part = rest if n == count else principal // count
            interest = (rest * rate * (due - begins).days + 182_500_000) // 365_000_000
            fee = 5_00 if number % 4 == 0 else 0
            row = Instalment(loan_id=loan.id, number=n, period_start=begins, period_end=due, due_date=due)
            row.principal, row.interest, row.fee, row.penalty = part, interest, fee, 0
            row.paid_principal = row.paid_interest = row.paid_fee = row.paid_penalty = 0
            db.session.add(row)
            lines.append(Line(row))
            rest, begins = rest - part, due
        db.session.flush()
        opening = number % 7 == 1 and start < CUT_OVER
        return Story(loan, lines, owners, opening=opening, last=start)

    def disburse(self, story: Story) -> None:
        amount, other = story.loan.principal, Account.CLEARING if story.opening else Account.CASH
        self.book(
            story,
            JournalKind.DISBURSEMENT,
            [(Account.LOANS, PRINCIPAL, amount), (other, PRINCIPAL, -amount)],
            story.last,
        )
        if story.loan.id % 29 == 0:  # paid out to the wrong account, taken back, paid out again
            self.book(
                story,
                JournalKind.DISBURSEMENT,
                [(Account.LOANS, PRINCIPAL, -amount), (other, PRINCIPAL, amount)],
                story.last,
                3,
            )
            self.book(
                story,
                JournalKind.DISBURSEMENT,
                [(Account.LOANS, PRINCIPAL, amount), (other, PRINCIPAL, -amount)],
                story.last,
                3,
            )

    def accrue(self, story: Story, line: Line) -> None:
        interest, due = line.row.interest, line.row.due_date
        if not interest or story.closed or (story.opening and due <= CUT_OVER):
            return
        earned = transfer(Account.INTEREST_INCOME, Account.INTEREST_RECEIVABLE, INTEREST, interest)
        self.book(story, JournalKind.ACCRUAL, earned, due)
        line.accrued = True

    def habitual_payment(self, story: Story, line: Line, habit: str) -> None:
        row, day = line.row, line.row.due_date
        if habit in ("late", "partial"):
            day += dt.timedelta(days=self.random.choice([0, 0, 3, 20, 45, 75]))
        day = max(day, story.last)
        if day > OPEN:
            return
        share = self.random.choice([0, 3, 10]) if habit == "partial" else 10
        penalty = (day - row.due_date).days * 37
        booked_late = self.random.choice([0, 0, 0, 4])
        self.pay(story, [line], day, share, penalty, booked_late)

    def settle(self, story: Story, day: dt.date) -> None:
        """Everything at once; interest not earned falls away."""
        lines = [line for line in story.lines if line.row.paid_principal < line.row.principal]
        charges = []
        for line in lines:
            if line.row.due_date > day and line.row.interest > line.row.paid_interest:
                charges.append((line, INTEREST, line.row.paid_interest - line.row.interest))
        self.pay(story, lines, day, 10, 0, 0, charges)

    def pay(
        self,
        story: Story,
        lines: list[Line],
        day: dt.date,
        share: int,
        penalty: int,
        booked_late: int,
        charges: list[tuple[Line, Component, int]] | None = None,
    ) -> None:
        """Pay tenths of what is unpaid of these lines; fees and penalties come on top."""
        booked = min(day + dt.timedelta(days=booked_late), OPEN)
        charges = [*(charges or []), *([(lines[0], PENALTY, penalty)] if penalty and share == 10 else [])]
        for line, component, amount in charges:
            name = {INTEREST: "interest", PENALTY: "penalty"}[component]
            setattr(line.row, name, getattr(line.row, name) + amount)
        parts: list[tuple[Line, Component, int]] = []
        for line in lines:
            row = line.row
            parts.append((line, PRINCIPAL, (row.principal - row.paid_principal) * share // 10))
            parts.append((line, INTEREST, (row.interest - row.paid_interest) * share // 10))
            parts.append((line, FEE, (row.fee - row.paid_fee) * share // 10))
            parts.append((line, PENALTY, (row.penalty - row.paid_penalty) * share // 10))
        parts = [part for part in parts if part[2]]
        total = sum(amount for _line, _component, amount in parts)
        if not total:
            return
        self.receipts += 1
        receipt = Repayment(code=f"R{self.receipts}", loan_id=story.loan.id, amount=total, value_date=day)
        receipt.booking_date = CUT_OVER if story.opening and day <= CUT_OVER else booked
        db.session.add(receipt)
        db.session.flush()
        self.settle_parts(story, receipt, parts, charges, receipt.booking_date, 1)
        if self.receipts % 23 == 0 and receipt.booking_date < OPEN and not story.opening:  # bounced
            back = min(receipt.booking_date + dt.timedelta(days=9), OPEN)
            receipt.reversed_on = back
            self.settle_parts(story, receipt, parts, charges, back, -1)
            for line, component, amount in charges:
                name = {INTEREST: "interest", PENALTY: "penalty"}[component]
                setattr(line.row, name, getattr(line.row, name) - amount)
        elif not story.balance:
            story.loan.status, story.loan.closed_on, story.closed = LoanStatus.SETTLED, day, True
        story.last = day

    def settle_parts(
        self,
        story: Story,
        receipt: Repayment,
        parts: list[tuple[Line, Component, int]],
        charges: list[tuple[Line, Component, int]],
        booked: dt.date,
        sign: int,
    ) -> None:
        common = {"loan_id": story.loan.id, "repayment_id": receipt.id}
        dates = {"value_date": receipt.value_date, "booking_date": booked}
        entries: list[Entry] = []
        before = story.opening and receipt.value_date <= CUT_OVER
        money = Account.CLEARING if before else Account.CASH
        for line, component, amount in charges:
            db.session.add(
                Charge(instalment_id=line.row.id, component=component, amount=sign * amount, **common, **dates)
            )
        for line, component, amount in parts:
            name = f"paid_{component.value}"
            setattr(line.row, name, getattr(line.row, name) + sign * amount)
            db.session.add(
                Allocation(instalment_id=line.row.id, component=component, amount=sign * amount, **common, **dates)
            )
            accounts = {PRINCIPAL: Account.LOANS, INTEREST: Account.INTEREST_RECEIVABLE, FEE: Account.FEE_INCOME}
            credited = accounts.get(component, Account.PENALTY_INCOME)
            if before and component is not PRINCIPAL:
                credited = Account.PRIOR_INCOME
            if component is INTEREST and not line.accrued and not before:  # earned since the last accrual
                earned = transfer(Account.INTEREST_INCOME, Account.INTEREST_RECEIVABLE, INTEREST, sign * amount)
                self.book(story, JournalKind.ACCRUAL, earned, receipt.value_date, booked=booked)
            entries += transfer(credited, money, component, sign * amount)
        for line, _component, _amount in parts:
            row = line.row
            paid = row.paid_principal == row.principal and row.paid_interest == row.interest
            row.settled_on = receipt.value_date if paid else None
        self.book(story, JournalKind.REPAYMENT, entries, receipt.value_date, booked=booked)

    def write_off(self, story: Story, day: dt.date, number: int) -> None:
        balance, interest = story.balance, story.receivable
        entries = transfer(Account.LOANS, Account.ALLOWANCE, PRINCIPAL, balance)
        if interest > 0:
            entries += transfer(Account.INTEREST_RECEIVABLE, Account.ALLOWANCE, INTEREST, interest)
        self.book(story, JournalKind.WRITE_OFF, entries, day)
        story.loan.status, story.loan.closed_on, story.closed = LoanStatus.WRITTEN_OFF, day, True
        if number % 10 == 5:
            later = self.day_between(day, OPEN)
            principal = transfer(Account.ALLOWANCE, Account.CASH, PRINCIPAL, balance // 7)
            self.book(story, JournalKind.RECOVERY, principal, later)
            if interest > 7:
                more = transfer(Account.INTEREST_INCOME, Account.CASH, INTEREST, interest // 7)
                self.book(story, JournalKind.RECOVERY, more, later)

    def hand_over(self, story: Story) -> None:
        for (since, owner), (until, _next) in zip(story.owners, story.owners[1:], strict=False):
            first_day = max(since, story.loan.disbursed_on)
            branch, team, manager = owner
            db.session.add(
                PastOwner(
                    loan_id=story.loan.id,
                    first_day=first_day,
                    day_after=until,
                    branch_id=branch,
                    team_id=team,
                    manager_id=manager,
                )
            )

    def book(
        self,
        story: Story,
        kind: JournalKind,
        entries: list[Entry],
        day: dt.date,
        late: int = 0,
        booked: dt.date | None = None,
    ) -> None:
        story.journals += 1
        opening = story.opening and day <= CUT_OVER
        booked = CUT_OVER if opening else booked or min(day + dt.timedelta(days=late), OPEN)
        branch, team, manager = story.owner_on(booked)
        journal = Journal(
            key=f"{story.loan.code}/{story.journals}",
            loan_id=story.loan.id,
            kind=kind,
            opening=opening,
            value_date=day,
            booking_date=booked,
            period=booked.year * 100 + booked.month,
            rule_version="test",
            posted_at=now(),
            branch_id=branch,
            team_id=team,
            manager_id=manager,
        )
        db.session.add(journal)
        db.session.flush()
        for account, component, amount in entries:
            assert amount, "a line of zero says nothing"
            posting = Posting(journal_id=journal.id, loan_id=story.loan.id, kind=kind, account=account)
            posting.component, posting.amount, posting.value_date, posting.booking_date = component, amount, day, booked
            db.session.add(posting)
            if account is Account.LOANS:
                story.balance += amount
            elif account is Account.INTEREST_RECEIVABLE:
                story.receivable += amount

    def day_between(self, first: dt.date, last: dt.date) -> dt.date:
        return first + dt.timedelta(days=self.random.randrange(max(1, (last - first).days + 1)))
