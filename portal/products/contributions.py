"""What products add to search."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.db import label_of
from portal.core.search import records

records("products", _("Loan products"), "ProductView", lambda row: (row.code, label_of(row.purpose)))
