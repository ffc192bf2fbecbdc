"""What stands beside a loan: the fees agreed for it, and the grounds that keep its category down."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.loans.agreed_fees import AgreedFee
from portal.loans.minima import CategoryMinimum


class AgreedFeeView(PortalView):
    """Fees of loans."""

    help = Help(
        _("What is charged for each loan beyond interest, and under which item of the fee catalogue."),
        _("It is written when a loan is paid out or taken over; nobody types it. Later price lists leave it alone."),
    )
    datamodel = ScopedInterface(AgreedFee)
    menu, icon = ("lending", _("Lending")), "fa-list-alt"
    resource = "Loan"
    list_title, show_title = _("Agreed fees"), _("Agreed fee")
    empty_text = _("No loan has fees.")
    list_columns = ["loan", "item", "payee", "charged", "amount", "agreed_on"]
    order_by = ("amount", "agreed_on")
    has_timeline = False
    can_add = can_edit = can_delete = False


class CategoryMinimumView(PortalView):
    """What keeps categories down."""

    help = Help(
        _(
            "What keeps a loan's category down beside its days past due, from when and until when: reviews, observation"
            " after arrears, restructuring, extension, other loans of the same enterprise."
        ),
        _(
            "Written by reviews, by bookings and by each month-end; nobody types it in. The category of a loan is the"
            " worst of its floor by days and of what is in force here."
        ),
    )
    datamodel = ScopedInterface(CategoryMinimum)
    menu, icon = ("risk", _("Risk")), "fa-level-down"
    resource = "Loan"
    list_title, show_title = _("Grounds of categories"), _("Ground of a category")
    empty_text = _("No loan is kept below what its days past due say.")
    list_columns = ["loan", "ground", "category", "first_day", "day_after"]
    quick_filters = ("ground",)
    order_by = ("first_day", "day_after")
    order = ("first_day", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False
