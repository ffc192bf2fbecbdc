"""The screen of the business calendar."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.loans.business_calendar import CalendarDay, unannounced


class CalendarDayView(PortalView):
    """Days off and worked weekends."""

    help = Help(
        _(
            "Days off and weekends that are worked, as far as the company records them itself: they go before the"
            " built-in calendar. Due dates of new loans, quotes and extensions are moved by them."
        ),
        _(
            "Administrators enter or import the State Council's announcement each autumn. A day that changes is entered"
            " anew with the date it is valid from: due dates of schedules that exist never move."
        ),
    )
    datamodel = ScopedInterface(CalendarDay)
    menu, icon = ("parameters", _("Rules")), "fa-calendar"
    list_title, show_title, add_title, edit_title = (
        _("Business calendar"),
        _("Day of the business calendar"),
        _("Add a day to the business calendar"),
        _("Edit day of the business calendar"),
    )
    empty_text = _("The built-in calendar is used. Record days that it does not know, or that it has wrong.")
    list_columns = ["on_day", "works", "reason", "valid_from", "source"]
    quick_filters = ("works",)
    order = ("on_day", "desc")
    order_by = ("on_day", "valid_from")
    list_template = "loans/calendar_days.html"

    def unannounced(self) -> list[int]:
        """Years whose holidays nobody has entered."""
        return unannounced(business_date())
