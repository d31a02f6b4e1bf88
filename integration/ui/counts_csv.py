"""Explained counts as a CSV file: one line per flow and part, with who counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.http import HttpResponse

from integration.engine.insight.record_counts import Explained
from integration.ui.cells import csv_file

COLUMNS = ("flow", "app", "total", "records", "standing", "why", "reason", "proven", "counted")


def counts_csv(flows: Sequence[Explained]) -> HttpResponse:
    """The answer that downloads these counts."""
    return csv_file("records", COLUMNS, _rows(flows))


def _rows(flows: Sequence[Explained]) -> Iterator[tuple[object, ...]]:
    for flow in flows:
        proven = "yes" if flow.proven else "no"
        for part in flow.parts:
            yield (flow.flow_label, flow.source, flow.total, part.count, part.standing, part.label, part.reason,
                   proven, flow.basis)  # fmt: skip
