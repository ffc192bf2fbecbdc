"""The trail: audit entries chained by hash, verified, kept as long as the parameter says, read by auditors."""
