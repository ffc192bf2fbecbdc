"""Month-end entries of the company: what belongs to groups of loans rather than to one loan."""
