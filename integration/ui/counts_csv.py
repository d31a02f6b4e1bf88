"""Explained counts as a CSV file: one line per flow and part, with who counted."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from django.http import HttpResponse

from integration.engine.insight.record_counts import Explained
from integration.ui.cells import guarded

COLUMNS = ("flow", "app", "total", "records", "standing", "why", "reason", "proven", "counted")


def counts_csv(flows: Sequence[Explained]) -> HttpResponse:
    """The answer that downloads these counts."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="records.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for flow in flows:
        for part in flow.parts:
            proven = "yes" if flow.proven else "no"
            cells = (flow.flow_label, flow.source, flow.total, part.count, part.standing, part.label, part.reason,
                     proven, flow.basis)  # fmt: skip
            writer.writerow([guarded(cell) for cell in cells])
    return response
