"""The invented lender on both engines, built once for all tests that only read it."""

from tests.portal.metrics.fixtures import books, company

__all__ = ["books", "company"]
