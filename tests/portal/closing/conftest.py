"""The small lender of the ledger's tests, with month-ends that day-end books by itself."""

from tests.portal.loans.conftest import company, company_template, company_url

__all__ = ["company", "company_template", "company_url"]
