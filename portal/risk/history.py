"""What post-loan checks tell in the timelines of loans and customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import timeline
from portal.core.db import db
from portal.core.display import record_url
from portal.core.masks import is_clear, told
from portal.core.record_links import RecordLink, contribute_link
from portal.core.scope import actor
from portal.core.timeline import Event, Window
from portal.customers.models import Customer
from portal.loans.models import Loan
from portal.risk.checks import Conclusion, PostLoanCheck

MARKS = {Conclusion.FINE: "ok", Conclusion.WATCH: "warn", Conclusion.ACT: "danger"}

timeline.call("risk.record_check", _("Post-loan check recorded"))
timeline.call("risk.correct_check", _("Post-loan check corrected"))


@timeline.contribute("risk.checks", "Loan", "Customer")
def checks(row: Any, window: Window) -> Iterator[Event]:
    """A loan was checked: what was found and what follows."""
    whole = isinstance(row, Customer)
    of = select(Loan.id).where(Loan.customer_id == row.id) if whole else [row.id]
    statement = (
        select(PostLoanCheck)
        .where(PostLoanCheck.loan_id.in_(of), *window.condition(PostLoanCheck.checked_on, PostLoanCheck.id))
        .order_by(PostLoanCheck.checked_on.desc(), PostLoanCheck.id.desc())
        .options(joinedload(PostLoanCheck.loan))
        .limit(window.size)
    )
    for check in db.session.scalars(statement):
        words = [told(check, "loan") if whole else "", *(told(check, name) for name in ("use", "business", "breach"))]
        yield Event(
            day=check.checked_on,
            number=check.id,
            title=f"{told(check, 'kind')} · {told(check, 'conclusion')}",
            mark=MARKS[check.conclusion] if is_clear(PostLoanCheck, "conclusion") else "neutral",
            text=" · ".join(word for word in words if word),
            url=record_url(check) or "",
        )


@contribute_link("risk.act")
def act_now(_view: Any, row: Any) -> RecordLink | None:
    """On an open loan whose last check asks for action: that check."""
    if not isinstance(row, Loan) or row.state is None or not actor().may("PostLoanCheck", "show"):
        return None
    newest = select(PostLoanCheck).where(PostLoanCheck.loan_id == row.id)
    newest = newest.order_by(PostLoanCheck.checked_on.desc(), PostLoanCheck.id.desc()).limit(1)
    last = db.session.scalars(newest).first()
    if last is None or last.conclusion is not Conclusion.ACT or not is_clear(PostLoanCheck, "conclusion"):
        return None
    about = gettext("The post-loan check of %(day)s asks for action.", day=format_date(last.checked_on, "medium"))
    return RecordLink(gettext("Check: act now"), record_url(last) or "", "warning", about, pressing=True)
