"""`manage.py diagnose`: look at every integration, say what is wrong and what mends it. Ends with 1 if something is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict
from json import dumps

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.json_value import JSONObject
from integration.engine.diagnose.examine import examine
from integration.engine.diagnose.findings import NOT_APPLICABLE, NOT_OK, OK, Finding, Report
from integration.models import Integration, State
from integration.recipes.registry import get_recipe

SIGNS = {OK: "ok", NOT_OK: "NOT OK", NOT_APPLICABLE: "-"}


class Command(BaseCommand):
    """Diagnose."""

    help = "Check every integration that is not uninstalled. Ends with 1 when something is not ok. Repairs nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which ones, and how to say it."""
        parser.add_argument("--tenant", type=uuid.UUID, help="only the integrations of this tenant")
        parser.add_argument("--integration", type=uuid.UUID, help="only this integration")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self,
        *args: str,
        tenant: uuid.UUID | None,
        integration: uuid.UUID | None,
        json: bool,
        **options: str | bool | int | None,
    ) -> None:
        """Look at one after the other."""
        rows = Integration.objects.exclude(state=State.UNINSTALLED).select_related("tenant", "left", "right")
        if tenant:
            rows = rows.filter(tenant=tenant)
        if integration:
            rows = rows.filter(pk=integration)
        chosen = list(rows.order_by("tenant__name", "created_at"))
        if not chosen and (tenant or integration):
            raise CommandError("There is no such integration.", returncode=2)
        reports = []
        for row in chosen:
            reports.append(examine(row, get_recipe))
            if not json:
                self.stdout.write("\n".join(_lines(reports[-1])))
        if json:
            self.stdout.write(dumps([_plain(report) for report in reports], indent=2, ensure_ascii=False))
        wrong = sum(len(report.faults) for report in reports)
        if wrong:
            raise CommandError(f"{wrong} findings are not ok.", returncode=1)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.integration} ({report.integration.pk}): {report.status.state.label}"
    for finding in report.findings:
        yield f"  {SIGNS[finding.status]:<7} {finding.label:<28} {finding.what}"
        if finding.status == NOT_OK:
            for word, text in (("cause", finding.cause), ("fix", finding.fix), ("said", finding.detail)):
                if text:
                    yield f"  {'':<7} {'':<28} {word}: {text}"


def _plain(report: Report) -> JSONObject:
    row = report.integration
    return {
        "integration": str(row.pk), "tenant": str(row.tenant_id), "name": str(row), "recipe": row.recipe,
        "status": str(report.status.state), "reasons": list(report.status.codes),
        "ok": not report.faults, "seconds": round(report.took, 2),
        "findings": [_finding(finding) for finding in report.findings],
    }  # fmt: skip


def _finding(finding: Finding) -> dict[str, str]:
    return {key: value for key, value in asdict(finding).items() if value}
