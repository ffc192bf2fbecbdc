"""The small lender of the ledger's tests, with risk's rules loaded."""

import portal.risk.checking
import portal.risk.write_offs  # noqa: F401 - its parameters are loaded with the others
from tests.portal.loans.conftest import company, company_template, company_url

__all__ = ["company", "company_template", "company_url"]
