"""What can be imported: one kind per module, found by its key."""

import portal.imports.kinds.masters  # noqa: F401 - first: a company begins with its branches
from portal.imports.kinds import bank_lines, grids, instalments, loans, masters, opening, repayments
from portal.imports.kinds.kind import Kind, Part, Run, Status, kinds

MODULES = (masters, grids, loans, opening, instalments, repayments, bank_lines)
"""Each registers its kinds when it is imported."""

__all__ = ["MODULES", "Kind", "Part", "Run", "Status", "kinds"]
