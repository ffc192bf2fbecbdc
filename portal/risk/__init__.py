"""Risk: judgement on loans beside the ledger: categories reviewed by people, write-offs proposed."""
