"""The same small lender as the ledger's tests have."""

from tests.portal.loans.conftest import company, company_template, company_url, words

__all__ = ["company", "company_template", "company_url", "words"]
