"""What the demo's customers agreed to, what is known of them, and what a few of them asked about their data."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from portal.core.db import db
from portal.customers.consents import Consent, ConsentPurpose, ConsentSource, WithdrawnBy
from portal.customers.facts import CustomerFact, FactItem, FactKind, FactSource
from portal.persons.models import PersonRequest, RequestChannel, RequestKind
from seed.company import BUSINESS_DATE
from seed.customers import CustomerSpec, customers
from seed.organisation_loading import Ids, Organisation

ONE_IN = 10
"""Of so many customers one has facts written down: the company has only begun to."""
INCOMES = {
    "agriculture": "果园年收入约{}万元，见{}年销售单",
    "wages": "工资每月约{}千元，见{}年代发流水",
    "": "店铺日均流水约{}百元，见{}年收款码账单",
}
"""By industry; the last for every other one."""
ASKED = (
    (RequestKind.ACCESS, RequestChannel.COUNTER, "想要一份贵公司保存的本人信息"),
    (RequestKind.CORRECTION, RequestChannel.PHONE, "去年搬家，住址应改为新址"),
    (RequestKind.ERASURE, RequestChannel.APP, "贷款早已还清，请删除本人信息"),
)


def load_persons(organisation: Organisation, ids: Ids) -> None:
    """Write consents of all customers, facts of some, and three requests that wait for a decision."""
    rng = Random("demo company: persons")
    people = [customer for customer in customers() if customer.resident_id]
    for customer in people:
        db.session.add_all(_consents(customer, ids[customer.code], rng))
    db.session.flush()
    for customer in people[::ONE_IN]:
        db.session.add(_fact(customer, ids[customer.code], organisation, rng))
    for number, (kind, channel, words) in enumerate(ASKED, 1):
        received = BUSINESS_DATE - timedelta(days=3 * number)
        request = PersonRequest(
            code=f"Q{received:%Y%m}-{number}",
            customer_id=ids[rng.choice(people).code],
            kind=kind,
            received_on=received,
            channel=channel,
        )
        request.wanted = words
        db.session.add(request)
    db.session.flush()


def _consents(customer: CustomerSpec, customer_id: int, rng: Random) -> list[Consent]:
    """The credit enquiry, on paper when the customer came; of some, contact for marketing, which some withdrew."""
    box, sheet = rng.randrange(1, 60), rng.randrange(1, 300)
    found = [
        Consent(
            code=f"{customer.code}-S1",
            customer_id=customer_id,
            purpose=ConsentPurpose.CREDIT_ENQUIRY,
            given_on=customer.since,
            source=ConsentSource.PAPER,
            evidence=f"档案盒{box:02}，第{sheet}页",
        )
    ]
    if rng.random() < 0.3:
        withdrawn = _later(customer.since, rng) if rng.random() < 0.2 else None
        found.append(
            Consent(
                code=f"{customer.code}-S2",
                customer_id=customer_id,
                purpose=ConsentPurpose.MARKETING,
                given_on=customer.since,
                source=ConsentSource.APP,
                withdrawn_on=withdrawn,
                withdrawn_by=WithdrawnBy.CUSTOMER if withdrawn else None,
            )
        )
    return found


def _fact(customer: CustomerSpec, customer_id: int, organisation: Organisation, rng: Random) -> CustomerFact:
    collected = _later(customer.since, rng)
    owner = organisation.owner(customer.branch_code, customer.team_code, customer.manager_code)
    fact = CustomerFact(
        code=f"{customer.code}-F1",
        customer_id=customer_id,
        kind=FactKind.FINANCIAL,
        item=FactItem.INCOME,
        source=FactSource.VISIT,
        collected_on=collected,
        verifier_id=owner.manager_id,
        verified_on=collected,
    )
    fact.content = INCOMES.get(customer.industry, INCOMES[""]).format(rng.randrange(3, 20), collected.year)
    return fact


def _later(day: date, rng: Random) -> date:
    """Some day between that one and the business date."""
    return day + timedelta(days=rng.randrange((BUSINESS_DATE - day).days + 1))
