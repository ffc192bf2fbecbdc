"""What can be imported: one kind per module, found by its key."""

from portal.imports.kinds import grids, instalments, loans, masters, opening, repayments
from portal.imports.kinds.kind import Kind, Part, Run, Status, kinds

MODULES = (masters, grids, loans, opening, instalments, repayments)
"""Each registers its kinds when it is imported."""

__all__ = ["MODULES", "Kind", "Part", "Run", "Status", "kinds"]
