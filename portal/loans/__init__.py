"""Loans: what was lent, to whom and on what terms, what falls due, what was paid and what it is worth."""
