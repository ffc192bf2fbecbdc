"""Two pages: every limit with what is used and free of it now, and what a loan would do to the limits it touches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask import current_app, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import records, scope
from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.errors import Forbidden, PortalError
from portal.core.fields import Field
from portal.core.help import Help
from portal.core.home import list_url
from portal.core.lookup import lookup
from portal.core.masks import is_clear
from portal.core.values import ValueProblem, is_whole, money_text, parse
from portal.customers.models import Customer
from portal.limits.exposure import Book, below
from portal.limits.gate import Touched, percent_up, refusals, touched, whom
from portal.limits.measuring import Measuring, Usage, limits_on
from portal.limits.models import FUNDING, LendingLimit, LimitKind
from portal.limits.rules import PPM, Measure, Reading, Standing, prior_year_end
from portal.loans.state import LoanState
from portal.products.models import Product

LARGEST = 5
"""Users of a limit that the page shows; all that are near it or beyond come besides."""
AMOUNT = Field(_("Amount of the loan"), name="amount", type="money")


@dataclass(frozen=True)
class Line:
    """One subject of a limit as the page shows it."""

    words: str
    reading: Reading
    url: str
    """Its loans."""
    insider: bool = False
    members: int = 0


class LimitsView(BaseView):
    """`/limits/`: every limit in force with its users."""

    help = Help(
        _(
            "Every limit in force and what is used and free of it now, today's bookings included. A bar ends at the"
            " bound; the mark on it is where “near” begins. Click a line for the loans behind it."
        ),
        _(
            "Risk looks here daily, the committee before it decides on large loans. Where net assets of the year-end"
            " before are missing, a limit is unavailable until finance enters them."
        ),
    )
    route_base = "/limits"
    default_view = "list"
    resource = "LimitUsage"

    @expose("/")
    @has_access
    def list(self) -> Any:
        _refuse_covered()
        self.update_redirect()
        day = business_date()
        measuring = Measuring(Book(db.session()), day)
        found = [(limit, _lines(measuring, limit)) for limit in limits_on(db.session(), day)]
        return self.render_template(
            "limits/used.html",
            title=_("Limits: used and free"),
            day=day,
            net_assets=measuring.net_assets,
            year_end=prior_year_end(day),
            figures=url_for("CompanyFigureView.list") if scope.actor().may("CompanyFigure", "list") else "",
            found=found,
            counts=_counts(line for _limit, lines in found for line in lines),
            check=url_for("LimitCheckView.index") if scope.actor().may("LimitCheck", "run") else "",
            **WORDS,
        )


class LimitCheckView(BaseView):
    """`/limits/check?customer=…&product=…&amount=…`: what a loan would do."""

    help = Help(
        _(
            "What a loan would do to every limit it touches: before, after, and what stays free. Nothing is booked or"
            " kept. Limits count the loans of the whole company, also those of other branches."
        ),
        _(
            "Customer managers and approvers ask here before they promise anything. Without an amount the page tells"
            " how much room is left for the customer."
        ),
    )
    route_base = "/limits/check"
    default_view = "index"
    resource = "LimitCheck"
    method_actions = {"index": "run", "customers": "run"}

    @expose("/")
    @has_access
    def index(self) -> Any:
        _refuse_covered()
        self.update_redirect()
        typed = {name: request.args.get(name, "").strip() for name in ("customer", "product", "amount")}
        problems: dict[str, list[str]] = {}
        customer = _customer(typed["customer"], problems)
        amount = _amount(typed["amount"], problems)
        with scope.doing("", "list"):
            products = db.session.scalars(select(Product).where(Product.active).order_by(Product.code)).all()
        product = next((one for one in products if str(one.id) == typed["product"]), None)
        day = business_date()
        found: Sequence[Touched] = ()
        if customer is not None and not problems:
            found = touched(customer, product, amount, customer.branch_id, day)
        return self.render_template(
            "limits/check.html",
            title=_("Room for a loan"),
            typed=typed,
            problems=problems,
            customer=customer,
            products=products,
            product=product,
            amount=amount,
            found=found,
            refused=refusals(found, day) if amount else [],
            near=[one for one in found if one.after.standing is Standing.NEAR and amount],
            room=_room(found),
            **WORDS,
        )

    @expose("/customers")
    @has_access
    def customers(self) -> Any:
        """Customers whom the actor may see, for the select of the page."""
        with scope.doing("", "list"):
            return lookup(Customer, request.args.get("q", ""))


def _refuse_covered() -> None:
    """Forbidden to whom balances are covered: what is used of a limit would tell them."""
    if not is_clear(LoanState, "balance"):
        raise Forbidden()


def _customer(text: str, problems: dict[str, list[str]]) -> Customer | None:
    """The customer of this number, if the actor may see him."""
    if not text:
        return None
    try:
        with scope.doing("", "list"):
            if is_whole(text):
                return records.load(Customer, int(text))  # type: ignore[no-any-return]
            found = db.session.scalar(select(Customer).where(Customer.code == text))
    except PortalError as error:
        problems["customer"] = [str(error)]
        return None
    if found is None:
        problems["customer"] = [gettext("There is no such record within your area of responsibility.")]
    return found


def _amount(text: str, problems: dict[str, list[str]]) -> int:
    """Fen; 0 while nothing is asked."""
    try:
        amount = parse(AMOUNT, text) if text else 0
    except ValueProblem as problem:
        problems["amount"] = [str(problem)]
        return 0
    if text and amount <= 0:
        problems["amount"] = [gettext("Say how much: more than 0.")]
        return 0
    return int(amount)


def _room(found: Sequence[Touched]) -> tuple[int, str] | None:
    """The largest loan that every enforced limit lets pass, and the limit that is reached first; None when unknown."""
    rooms = [(one.before.room(), one.limit.code) for one in found if one.limit.enforced]
    known = [(room, code) for room, code in rooms if room is not None]
    unknown = any(one.before.standing is Standing.UNKNOWN for one in found if one.limit.enforced)
    return min(known) if known and not unknown else None


def _lines(measuring: Measuring, limit: LendingLimit) -> list[Line]:
    return [
        Line(_subject(limit, usage), usage.reading, _loans(limit, usage), usage.insider, len(usage.members))
        for usage in measuring.usage(limit, LARGEST)
    ]


def _subject(limit: LendingLimit, usage: Usage) -> str:
    text = whom(limit, usage)
    return text[:1].upper() + text[1:]


def _loans(limit: LendingLimit, usage: Usage) -> str:
    """The loans, or figures, behind what is used."""
    if limit.kind in FUNDING:
        return _listed("CompanyFigure", "CompanyFigureView", "kind", [kind.value for kind in FUNDING[limit.kind]])
    match limit.kind:
        case LimitKind.PRODUCT:
            return _listed("Loan", "LoanStateView", "product", [limit.product_id])
        case LimitKind.BRANCH:
            return _listed("Loan", "LoanStateView", "branch", below(db.session(), limit.of_branch_id or 0))
        case LimitKind.INDUSTRY:
            return _figure_rows(f"industry:{limit.industry}")
        case LimitKind.INSIDERS:
            return url_for("InsiderView.list") if scope.actor().may("Insider", "list") else ""
    return _listed("Loan", "LoanStateView", "customer", usage.members)


def _listed(resource: str, view: str, name: str, values: Iterable[Any]) -> str:
    """A list narrowed to these values of a field, for whoever may open it."""
    may = scope.actor().may(resource, "list")
    return list_url(view, {f"f.{name}.in": ",".join(map(str, values))}) if may else ""


def _figure_rows(where: str) -> str:
    """The page of loans behind the loan balance within a cut; above this area, so it is asked for by name."""
    endpoint = "MetricRowsView.list"
    may = scope.actor().may("Loan", "list") and endpoint in current_app.view_functions
    return url_for(endpoint, key="loan_balance", where=[where]) if may else ""


def _counts(lines: Any) -> dict[Standing, int]:
    found = dict.fromkeys(Standing, 0)
    for line in lines:
        found[line.reading.standing] += 1
    return found


def _bar(reading: Reading) -> int:
    """How long the bar of what is used is, in per cent of the bound; a little is seen, too much ends at the edge."""
    part = reading.of_bound
    return 0 if part is None else min(100, max(1 if reading.used else 0, (part * 100).__floor__()))


def _bound_words(reading: Reading) -> str:
    """The bound as people say it: 15 % or an amount."""
    if reading.bound.measure is Measure.AMOUNT:
        return money_text(reading.bound.most, thousands=True)
    return f"{percent_up(Fraction(reading.bound.most, PPM))} %"


def _money(fen: int | None) -> str:
    return "–" if fen is None else money_text(fen, thousands=True)


WORDS = {
    "Standing": Standing,
    "label_of": label_of,
    "percent": percent_up,
    "percent_of_ppm": lambda ppm: percent_up(Fraction(ppm, PPM)),
    "bar": _bar,
    "bound_words": _bound_words,
    "money": _money,
}
"""What the templates write figures with."""
