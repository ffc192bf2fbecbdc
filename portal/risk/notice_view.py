"""The screen of industry notices."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.risk.notices import IndustryNotice, link_problem


class IndustryNoticeView(PortalView):
    """What happens in industries."""

    help = Help(
        _(
            "What happens in an industry in which customers borrow: when it was published, who says so, what it means"
            " for borrowers, and until when it counts. Home pages show the notices of the last 60 days to whoever has"
            " open loans in the industry."
        ),
        _(
            "Risk and the committee office enter notices from public sources and name the source. A notice changes no"
            " category and opens no warning: whoever looks after borrowers of the industry asks them how it concerns"
            " them."
        ),
    )
    datamodel = ScopedInterface(IndustryNotice)
    menu, icon = ("risk", _("Risk")), "fa-newspaper-o"
    list_title, show_title, add_title, edit_title = (
        _("Industry notices"),
        _("Industry notice"),
        _("Add an industry notice"),
        _("Edit industry notice"),
    )
    empty_text = _("Add what is published about the industries in which customers borrow.")
    list_columns = ["title", "industry", "outlook", "published_on", "valid_until", "source"]
    quick_filters = ("industry", "outlook")
    order = ("published_on", "desc")
    order_by = ("published_on", "valid_until")
    summary_columns = ("industry", "outlook", "published_on", "valid_until")

    def written(self, row: Any, name: str) -> str | Markup:
        shown = super().written(row, name)
        if name != "link" or not row.link or link_problem(row.link):
            return shown  # whatever came into the table otherwise stays text
        return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(row.link, row.link)
