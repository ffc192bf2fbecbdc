"""Delegations: who stands in for whom, for which days and what."""
