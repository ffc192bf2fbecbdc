"""The catalogue: per report one module beside its template. Importing it enters every report into `REPORTS`."""

from reports.catalogue import loan_classification

__all__ = ["loan_classification"]
