"""The small lender of the ledger's tests, and contacts about its loans."""

from __future__ import annotations

import datetime as dt
from typing import Any

from portal.collection import services
from portal.collection.models import CollectionContact
from portal.collection.rules import Channel, Outcome, Whom
from portal.loans.models import Loan
from tests.portal.loans.conftest import company, company_template, company_url, words

__all__ = ["company", "company_template", "company_url", "words"]


def contact(loan: Loan, on: dt.date, at: str = "10:00", **values: Any) -> CollectionContact:
    """A call to the borrower that reached nobody, unless told otherwise."""
    given = {
        "loan": loan.id,
        "done_on": on,
        "done_time": at,
        "channel": Channel.PHONE,
        "whom": Whom.BORROWER,
        "outcome": Outcome.UNREACHABLE,
    }
    return services.add(given | values)


def promised(loan: Loan, on: dt.date, amount: int, until: dt.date, **values: Any) -> CollectionContact:
    return contact(loan, on, outcome=Outcome.PROMISE, promised_amount=amount, promised_on=until, **values)
