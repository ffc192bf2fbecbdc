"""Dated, sourced values: what regulation and the company decide, kept as data."""
