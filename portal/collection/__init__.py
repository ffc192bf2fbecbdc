"""Collection: what was done to have late and written-off loans paid, what was promised, and what to do next (催收)."""
