"""The audit as a download."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from tenants import audit_export
from tenants.audit import AuditEntry

PORTION = 2000  # rows read at a time


def signed_lines(entries: QuerySet[AuditEntry]) -> StreamingHttpResponse:
    """The entries, oldest first, a signed line each (`tenants.audit_export`)."""
    rows = entries.iterator(chunk_size=PORTION)
    answer = StreamingHttpResponse(audit_export.lines(rows), content_type="application/x-ndjson")
    answer["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return answer
