"""What products add to search."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.masks import told
from portal.core.search import records

records("products", _("Loan products"), "ProductView", lambda row: (told(row, "code"), told(row, "purpose")))
