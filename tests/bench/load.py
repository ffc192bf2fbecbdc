"""Fifty people at work: lists, searches, records, the home page, and now and then a saved change. Loopback only.

Run by `tests.bench`, or by hand: `locust -f tests/bench/load.py --headless -u 50 -r 10 -t 5m -H http://127.0.0.1:8080`.
"""

from __future__ import annotations

import random
import re

from locust import HttpUser, between, task

from tests.bench.company import PASSWORD

ROLES = ("bench_committee", "bench_branch_head", "bench_customer_manager")


class Person(HttpUser):
    """Somebody who looks at a page, thinks for some seconds, and goes on."""

    wait_time = between(2, 5)

    def on_start(self) -> None:
        self.name = random.choice(ROLES)
        token = self._token(self.client.get("/login/?_l_=en", name="log-in form").text)
        form = {"csrf_token": token, "username": self.name, "password": PASSWORD}
        self.client.post("/login/", form, name="log-in and home")
        page = self.client.get("/customerview/list/", name="customers")
        self.customers = re.findall(r"/customerview/show/(\d+)", page.text)

    def _token(self, page: str) -> str:
        found = re.search(r'csrf_token"[^>]*value="([^"]+)"', page)
        return found[1] if found else ""

    @task(6)
    def customers_list(self) -> None:
        self.client.get(f"/customerview/list/?page={random.randint(1, 9)}", name="customers")

    @task(4)
    def loans_list(self) -> None:
        self.client.get("/loanview/list/?order=principal&direction=desc", name="loans")

    @task(3)
    def search(self) -> None:
        self.client.get("/customerview/list/?q=%E5%BC%A0%E4%BC%9F", name="search")

    @task(4)
    def record(self) -> None:
        if self.customers:
            self.client.get(f"/customerview/show/{random.choice(self.customers)}", name="record")

    @task(2)
    def home(self) -> None:
        self.client.get("/", name="home")

    @task(1)
    def change(self) -> None:
        """Open a customer's form and save it with another address."""
        if self.name == "bench_committee" or not self.customers:
            return
        address = f"/customerview/edit/{random.choice(self.customers)}"
        page = self.client.get(address, name="edit form").text
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
        for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
            chosen = re.search(r'value="([^"]*)"[^>]*selected|selected[^>]*value="([^"]*)"', options)
            fields[name] = (chosen[1] or chosen[2] or "") if chosen else ""
        fields["address"] = f"No. {random.randint(1, 999)}"
        with self.client.post(address, fields, name="save", allow_redirects=False, catch_response=True) as answer:
            if answer.status_code in (302, 422):  # saved, or somebody else was quicker and the form says so
                answer.success()
            else:
                answer.failure(f"answered {answer.status_code}")
