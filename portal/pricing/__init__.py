"""Pricing: what a loan costs all in, what may be charged for it, and what it is offered at."""
