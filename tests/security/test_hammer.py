"""1,000 mixed requests by eight people on eight threads: nobody ever gets a row, a search or a name of another."""

from __future__ import annotations

import random
import re
import threading

import pytest

from tests.contracts.owners import Company
from tests.contracts.visitor import Prober
from tests.dashboards.visitor import Visitor
from tests.world import World

LOGINS = ("a1", "a2", "b1", "branch_head", "team_lead", "committee", "risk", "finance")
EACH = 125
CUSTOMER = re.compile(r"cust-[AB]-\w+-\d")


@pytest.fixture(scope="module")
def company(world: World) -> Company:
    return Company(world)


class Person:
    """One thread's login: draws its requests from its own dice, and notes what should not have come back."""

    def __init__(self, company: Company, name: str) -> None:
        self.dice, self.faults, self.sent = random.Random(name), [], 0
        login = next(one for one in company.logins if one.name == name)
        self.prober = Prober(company, login)
        view = company.screens["CustomerView"]
        self.customers = sorted(company.inside(login, view, "list"))
        names = company.words[view.model]
        self.names = sorted(w for i in self.customers for w in names[i] if w.startswith("cust"))
        self.visitor = Visitor(self.prober.client)
        self.outputs = [c["output"].removeprefix("..").split("...")[0] for c in self.visitor.callbacks]

    def work(self) -> None:
        for _turn in range(EACH):
            self.sent += 1
            try:
                self.dice.choice(
                    [
                        self.searching,
                        self.searching,
                        self.filtering,
                        self.reading,
                        self.exporting,
                        self.rest,
                        self.looking,
                        self.bulk,
                        self.dashboard,
                    ]
                )()
            except AssertionError as fault:
                self.faults.append(str(fault)[:300])

    def searching(self) -> None:
        name = self.dice.choice(self.names)
        text = self.prober.ask(f"/customerview/list/?q={name}").text
        assert set(CUSTOMER.findall(text)) == {name}, f"{self.prober.login.name} searched {name}"

    def filtering(self) -> None:
        order = self.dice.choice(["code", "name"])
        text = self.prober.ask(f"/customerview/list/?f.type.eq=farmer&order={order}&size=200").text
        assert set(CUSTOMER.findall(text)) <= set(self.names)
        self.prober.ask("/loanview/list/?size=3&page=2")

    def reading(self) -> None:
        number = self.dice.choice(self.customers)
        self.prober.ask(f"/customerview/show/{number}")
        self.prober.ask("/", headers={"Accept-Language": self.dice.choice(["zh", "en"])})

    def exporting(self) -> None:
        answer = self.prober.ask("/customerview/export/csv")
        assert answer.status == 403 or set(CUSTOMER.findall(answer.text)) == set(self.names)

    def rest(self) -> None:
        assert self.prober.ask("/api/v1/customer/?size=200").json["count"] == len(self.customers)

    def looking(self) -> None:
        self.prober.ask("/loanview/lookup/customer?q=cust")
        self.prober.ask("/search/find?q=cust")

    def bulk(self) -> None:
        form = {"field": "manager", "step": "preview", "manager": "1", "all": "1"}
        self.prober.ask("/customerview/bulk_edit", "POST", data=form)

    def dashboard(self) -> None:
        if self.outputs:
            answer = self.visitor.post(self.dice.choice(self.outputs), {"portfolio-as_of.value": None})
            named = self.prober.named(answer.get_data(as_text=True), "")
            assert answer.status_code == 200 and not named, (self.prober.login.name, named)


def test_a_thousand_mixed_requests_by_eight_people_never_mix(company: Company):
    people = [Person(company, name) for name in LOGINS]
    threads = [threading.Thread(target=person.work, name=person.prober.login.name) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fault for person in people for fault in person.faults] == []
    assert sum(person.sent for person in people) == 1000
