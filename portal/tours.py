"""The tour of each role's first visit: three steps of its own, then the two that serve everybody."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.roles import Step

EVERYBODY = (
    Step("search", _("Anything in a few keys"), _("Press Ctrl-K and type a part of a name.")),
    Step(
        "help",
        _("What is this?"),
        _("On every screen: what it is for and what its columns mean. The tour can be started again there."),
    ),
)


def _tour(*own: Step) -> tuple[Step, ...]:
    return (*own, *EVERYBODY)


TOURS: dict[str, tuple[Step, ...]] = {
    "administrator": _tour(
        Step(
            "menu",
            _("You set the portal up"),
            _("Here are organisation, rules, products and logins. Loans and customers are not yours to see."),
        ),
        Step(
            "StaffView", _("First the people"), _("Branches, teams and staff decide who sees which rows. Begin here.")
        ),
        Step(
            "ParameterView",
            _("Then the rules"),
            _("Rates, limits and thresholds are dated values with a source. Add a new one; never overwrite the old."),
        ),
    ),
    "committee": _tour(
        Step(
            "menu",
            _("You see the whole company"),
            _("Dashboards first, then everything behind them, down to a single loan."),
        ),
        Step(
            "PortfolioDashboardView",
            _("Begin with the portfolio"),
            _("One sentence says how much is lent and how much of it is late. Click a figure for the loans behind it."),
        ),
        Step("ReportView", _("Reports"), _("The returns that leave the house, for any date, on screen and as PDF.")),
    ),
    "committee_office": _tour(
        Step(
            "menu",
            _("You prepare the committee's work"),
            _("Everything of the company to read; nothing here can be changed by mistake."),
        ),
        Step(
            "PortfolioDashboardView",
            _("What the committee will ask"),
            _("How much is lent, how much is late, and where. Each chart can be taken along as a file."),
        ),
        Step("ReportView", _("Papers for the meeting"), _("Reports for any date, on screen and as PDF.")),
    ),
    "branch_head": _tour(
        Step(
            "menu",
            _("This is your branch"),
            _("You see the people, grids, customers and loans of your branch and what lies below it."),
        ),
        Step("LoanStateView", _("Who is late"), _("Open loans, the latest first: look here every morning.")),
        Step("CustomerView", _("Your customers"), _("Add one, hand one over, export exactly what you have filtered.")),
    ),
    "team_lead": _tour(
        Step("menu", _("This is your team"), _("You see the grids, customers and loans of your team.")),
        Step(
            "GridView",
            _("Who works where"),
            _("Each grid has one customer manager. Open a grid to give it to somebody else."),
        ),
        Step("LoanStateView", _("What is late"), _("The open loans of your team, the latest first.")),
    ),
    "customer_manager": _tour(
        Step("menu", _("These are your customers"), _("You see what you look after, and nobody else's.")),
        Step(
            "CustomerView",
            _("Find and add customers"),
            _("Search by part of a name or by a whole phone or ID number. New customers are yours at once."),
        ),
        Step(
            "InstalmentView",
            _("What falls due"),
            _("The coming instalments of your loans: call before the day, not after it."),
        ),
    ),
    "product_manager": _tour(
        Step("menu", _("You keep the products"), _("Terms, rates and rules of each product, and how it does.")),
        Step(
            "ProductView",
            _("The terms on offer"),
            _("A changed product applies to new loans; loans that run keep the terms they were paid out on."),
        ),
        Step(
            "PortfolioDashboardView",
            _("How products do"),
            _("Cut the portfolio by product: balance, lateness and categories."),
        ),
    ),
    "risk": _tour(
        Step("menu", _("You watch the portfolio"), _("Everything of the company to read, and the parameters to keep.")),
        Step(
            "PortfolioDashboardView",
            _("Lateness and categories"),
            _("PAR, overdue and the five categories, by branch, product and manager."),
        ),
        Step(
            "ParameterView",
            _("Thresholds and provisions"),
            _("Add a value with its first day and its source; compliance confirms it."),
        ),
    ),
    "approver": _tour(
        Step(
            "menu", _("You decide on applications"), _("Customers and loans of your branch, to read before you decide.")
        ),
        Step(
            "RelatedPartyView",
            _("One risk, several names"),
            _("Who is tied to whom: loans to related parties count together."),
        ),
        Step("LoanView", _("What they owe already"), _("Search the customer's name for every loan, open or settled.")),
    ),
    "finance": _tour(
        Step(
            "menu",
            _("You keep the books"),
            _("Loans, repayments and journals of the whole company, and the import centre."),
        ),
        Step(
            "ImportView",
            _("Files come in here"),
            _(
                "Receipts and master data: checked row by row, written whole or not at all, "
                "undone while nothing uses them."
            ),
        ),
        Step("JournalView", _("The ledger"), _("Every booked event. A mistake is reversed, never overwritten.")),
    ),
    "collections": _tour(
        Step("menu", _("You follow up overdue loans"), _("The customers and loans of your branch.")),
        Step("LoanStateView", _("Begin at the top"), _("Open loans, the latest first, with what is overdue.")),
        Step("CustomerView", _("Whom to call"), _("Phone and address of each customer; phones are masked in lists.")),
    ),
    "compliance": _tour(
        Step("menu", _("You report"), _("Everything of the company to read, and the report centre.")),
        Step(
            "ReportView", _("Returns"), _("Choose a return and a date, read it, print the PDF with its data attached.")
        ),
        Step(
            "ParameterView",
            _("Confirm the parameters"),
            _("Values that nobody has confirmed yet are marked, with their source."),
        ),
    ),
    "audit": _tour(
        Step("menu", _("You read everything"), _("All screens, without a button that changes anything.")),
        Step("AuditView", _("Who did what"), _("Changes with old and new value, imports, exports and prints.")),
        Step("JournalView", _("The ledger"), _("From a figure to its loans, from a loan to its bookings.")),
    ),
    "hr": _tour(
        Step("menu", _("You keep the staff records"), _("Branches, teams and staff.")),
        Step(
            "StaffView",
            _("Joining and leaving"),
            _("Post, level, team and superior. A leaving date ends what the login sees."),
        ),
        Step("TeamView", _("Teams"), _("Who belongs together; the lead sees the team's work.")),
    ),
}
