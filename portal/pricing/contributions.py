"""What pricing adds to search."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.db import label_of
from portal.core.masks import told
from portal.core.search import records

records("fee_items", _("Fee catalogue"), "FeeItemView", lambda row: (told(row, "code"), label_of(row.payee)))
