"""Limits: how much may be lent to one borrower, group, product, industry or branch, and borrowed against net assets."""
