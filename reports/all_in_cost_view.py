"""The all-in cost calculator: terms typed, cost, schedule and verdict shown at once, the statement as PDF."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

import config
from portal.core.application import add_page
from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.errors import InvalidValues, NotFound, PortalError, Refused
from portal.core.fields import Field
from portal.core.help import Help
from portal.core.values import ValueProblem, is_whole, parse, rate_text
from portal.core.work import record
from portal.customers.models import CustomerType
from portal.loans.disclosure import Disclosed, disclosed_loan, product_called, products_on_offer, typed_offer
from portal.pricing.catalogue import Catalogue
from portal.pricing.models import Grade
from portal.pricing.offers import percent
from portal.pricing.prices import price_of
from portal.products.models import Product
from reports.all_in_cost import payee, printed, standard
from reports.figures import exact
from reports.render import pdf_available

MENU = ("lending", _("Lending"))
FIELDS = {
    "amount": Field(_("Amount lent"), name="amount", type="money"),
    "rate": Field(_("Annual rate"), name="rate", type="rate"),
    "count": Field(_("Term (months)"), name="count", type="int"),
    "disbursed_on": Field(_("Day of the contract"), name="disbursed_on", type="date"),
    "first_due_on": Field(_("First due date"), name="first_due_on", type="date"),
}
Problems = dict[str, list[str]]
"""What is wrong, by field."""
OPTIONAL = ("disbursed_on", "first_due_on")


class AllInCostView(BaseView):
    """`/all-in-cost/`: the calculator; `/all-in-cost/pdf` and `/all-in-cost/loan/<pk>`: the statement to be signed."""

    help = Help(
        _(
            "What a loan costs with everything that is charged for it, before anybody signs: type the terms, choose "
            "the fees, and read both annual rates, the schedule, and whether the limit is kept."
        ),
        _(
            "Customer managers print the statement from here and have it signed before the contract. An offer beyond "
            "the limit cannot be paid out."
        ),
    )
    route_base = "/all-in-cost"
    default_view = "list"
    resource = "AllInCost"
    method_actions = {"pdf": "run", "loan": "run"}

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        typed, problems, offer = self._asked()
        product = self._product(typed)
        start = offer.terms.start if offer else business_date()
        grade = _choice(Grade, typed.get("grade", ""))
        group = _choice(CustomerType, typed.get("customer_type", ""))
        printable, why_not = pdf_available()
        return self.render_template(
            "reports/all_in_cost.html",
            title=_("All-in cost calculator"),
            fields=FIELDS,
            optional=OPTIONAL,
            typed=typed,
            chosen=request.args.getlist("fees"),
            problems=problems,
            products=products_on_offer(),
            product=product,
            items=[item.as_fee() for item in Catalogue().in_force(start)],
            grades=Grade,
            groups=CustomerType,
            price=price_of(product, start, grade, group) if product else None,
            offer=offer,
            pdf_url=_with_what_was_asked("AllInCostView.pdf") if offer else "",
            printable=printable,
            why_not=why_not,
            label_of=label_of,
            standard=standard,
            payee=payee,
            exact=exact,
            percent=percent,
            rate_text=rate_text,
        )

    @expose("/pdf")
    @has_access
    def pdf(self) -> Any:
        """The statement for the terms of the address."""
        _typed, _problems, offer = self._asked()
        if offer is None:
            return redirect(_with_what_was_asked("AllInCostView.list"))
        try:
            return _sent(offer, "offer")
        except PortalError as error:
            flash(str(error), "danger")
            return redirect(_with_what_was_asked("AllInCostView.list"))

    @expose("/loan/<pk>")
    @has_access
    def loan(self, pk: str) -> Any:
        """The statement of a loan as it was agreed."""
        if not is_whole(pk):
            raise NotFound(gettext("This record does not exist, or it lies outside your area of responsibility."))
        try:
            return _sent(disclosed_loan(int(pk)), "loan", int(pk))
        except NotFound:
            raise
        except PortalError as error:
            flash(str(error), "warning")
            return redirect(url_for("LoanView.show", pk=pk))

    def _product(self, typed: dict[str, str]) -> Product | None:
        return product_called(int(typed["product"])) if is_whole(typed.get("product", "")) else None

    def _asked(self) -> tuple[dict[str, str], Problems, Disclosed | None]:
        """What was typed, what is wrong with it by field, and the offer when nothing is."""
        typed = {name: request.args.get(name, "") for name in (*FIELDS, "product", "grade", "customer_type")}
        if "product" not in request.args:
            return typed | {"disbursed_on": business_date().isoformat()}, {}, None
        values: dict[str, Any] = {}
        problems: Problems = {}
        for name, field in FIELDS.items():
            try:
                values[name] = parse(field, typed[name])
            except ValueProblem as problem:
                problems[name] = [str(problem)]
                continue
            if values[name] is None and name not in OPTIONAL:
                problems[name] = [gettext("This is needed.")]
        product = self._product(typed)
        if product is None:
            problems["product"] = [gettext("Choose a product that is on offer.")]
        if problems or product is None:
            return typed, problems, None
        start: date = values["disbursed_on"] or business_date()
        terms = (values["amount"], values["rate"], values["count"], start, values["first_due_on"])
        try:
            return typed, {}, typed_offer(product, *terms, request.args.getlist("fees"))
        except InvalidValues as error:
            return typed, {name: [*map(str, texts)] for name, texts in error.fields.items()}, None
        except Refused as refusal:  # no limit was in force so long ago
            return typed, {"disbursed_on": [str(refusal)]}, None


def _with_what_was_asked(endpoint: str) -> str:
    asked: dict[str, Any] = request.args.to_dict(flat=False)
    return url_for(endpoint, **asked)


def _choice(choices: Any, value: str) -> Any:
    return choices(value) if value in {choice.value for choice in choices} else None


def _sent(offer: Disclosed, what: str, loan_id: int | None = None) -> Response:
    """The PDF, written down like every print."""
    asked = request.args.get("language", "")
    language = asked if asked in config.LANGUAGES else str(get_locale() or "en")[:2]
    content = printed(offer, language)
    facts = {"report": "all_in_cost", "as_of": offer.terms.start.isoformat(), "bytes": len(content)}
    record("reports.print", "AllInCost", facts=facts)
    name = f"all_in_cost_{loan_id or what}_{language}.pdf"
    headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store, private"}
    return Response(content, mimetype="application/pdf", headers=headers)


def register(builder: Any) -> None:
    """Add the calculator to the menu."""
    add_page(builder, AllInCostView, _("All-in cost calculator"), MENU, "fa-calculator")
