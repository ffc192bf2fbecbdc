"""The rows of a chart as a file."""

from __future__ import annotations

import csv
import io

from dashboards.charts import ChartData
from portal.core.export import safe
from portal.metrics.formatting import exact_text, heading


def as_csv(data: ChartData) -> str:
    """Exact figures with plain digits; text that a spreadsheet would run as a formula is written as text."""
    file = io.StringIO()
    file.write("\ufeff")  # so that Excel reads it as UTF-8
    writer = csv.writer(file)
    writer.writerow([safe(data.heading), *(safe(heading(metric)) for metric in data.columns)])
    for line in data.lines:
        figures = (exact_text(metric, value) for metric, value in zip(data.columns, line.values, strict=True))
        writer.writerow([safe(line.label), *("" if text is None else text for text in figures)])
    return file.getvalue()
