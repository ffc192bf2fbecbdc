"""Guarantees: what secures loans, who stands in for them, and the clocks that run on both."""
