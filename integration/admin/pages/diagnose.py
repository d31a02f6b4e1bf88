"""Diagnose and Repair at an integration: what every check found, with the button that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import english
from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import Admin
from integration.admin.core.masking import mask_words
from integration.admin.status import badge, steps
from integration.engine.diagnose import faults
from integration.engine.diagnose.examine import examine
from integration.engine.diagnose.findings import NOT_APPLICABLE, NOT_OK, OK, Finding, Report
from integration.engine.diagnose.repair import REPAIRABLE, repair
from integration.models import Drift, DriftState, Integration, JobState, State, SyncJob
from integration.recipes.registry import get_recipe
from tenants import audit

BADGES = {
    OK: html.Badge(html.GREEN, "check_circle", _("OK")),
    NOT_OK: html.Badge(html.RED, "cancel", _("Not OK")),
    NOT_APPLICABLE: html.Badge(html.GREY, "remove", _("Not applicable")),
}
ORDER = (NOT_OK, OK, NOT_APPLICABLE)


@dataclass(frozen=True)
class Line:
    """A finding with its sign and its button: (words, address)."""

    finding: Finding
    badge: html.Badge
    button: tuple[str, str] | None

    @property
    def what(self) -> str:
        """What was found. Where nothing is known of the reason, these are the vendor's own words, too."""
        unknown = self.finding.status == NOT_OK and not self.finding.fix
        return mask_words(self.finding.what, _("It does not work.")) if unknown else self.finding.what

    @property
    def detail(self) -> html.Html:
        """The vendor's own words, folded."""
        return html.folded(gettext("Detail"), html.block(self.finding.detail)) if self.finding.detail else ""


def view(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Run the checks now and show what they found, faults first."""
    if row.state == State.UNINSTALLED:
        admin.message_user(request, gettext("It is uninstalled; there is nothing to check."), messages.WARNING)
        return HttpResponseRedirect(html.url_of(row))
    report = examine(_whole(row), get_recipe)
    may = admin.has_operate_permission(request)
    lines = [Line(finding, BADGES[finding.status], _button(row, finding, may)) for finding in report.findings]
    lines.sort(key=lambda line: ORDER.index(line.finding.status))
    lead, tone, icon = _sentence(report)
    context = {
        **admin.admin_site.each_context(request),
        "title": gettext("Diagnosis of {tenant}, {label}").format(
            tenant=row.tenant, label=get_recipe(row.recipe).label
        ),
        "opts": admin.opts,
        "original": row,
        "status": badge(row, report.status),
        "lead": lead,
        "tone": tone,
        "icon": icon,
        "lines": lines,
        "at": html.when(report.at),
        "took": f"{report.took:.1f}",
        "back": html.url_of(row),
        "again": request.path,
        "repair": _address("repair", row) if may and row.state in REPAIRABLE else "",
    }
    return TemplateResponse(request, "lockstep/diagnose.html", context)


def _sentence(report: Report) -> tuple[str, str, str]:
    wrong = len(report.faults)
    if not wrong and report.status.progress:
        said = " ".join(issue.what for issue in report.status.progress)
        return said, html.BLUE, "autorenew"
    if not wrong:
        looked_at = sum(finding.status == OK for finding in report.findings)
        text = ngettext(
            "Nothing is wrong. {count} check passed.", "Nothing is wrong. {count} checks passed.", looked_at
        )
        return text.format(count=looked_at), html.GREEN, "check_circle"
    mends = sum(finding.button == faults.REPAIR for finding in report.faults)
    found = ngettext("{count} problem found.", "{count} problems found.", wrong).format(count=wrong)
    helped = ngettext("Repair fixes {count} of them.", "Repair fixes {count} of them.", mends).format(count=mends)
    if mends == wrong:
        helped = ngettext("Repair fixes it.", "Repair fixes all of them.", wrong)
    return f"{found} {helped}" if mends else found, html.RED, "cancel"


def _button(row: Integration, finding: Finding, may: bool) -> tuple[str, str] | None:
    """Words and address of the button that mends it; only what this person may press, or a list to look at."""
    if finding.button == faults.JOBS:
        address = html.url_of_list(SyncJob, integration=row.pk, state=JobState.DEAD, reason=finding.about)
        return gettext("Show the jobs"), address
    if finding.button == faults.DIFFERENCES:
        return gettext("Show the differences"), html.url_of_list(Drift, integration=row.pk, state=DriftState.OPEN)
    if not may:
        return None
    if finding.button == faults.REPAIR:
        return (gettext("Repair"), _address("repair", row)) if row.state in REPAIRABLE else None
    if finding.button == faults.CONNECTION and finding.side:
        connection = getattr(row, finding.side)
        return gettext("Open {vendor}'s connection").format(vendor=connection.connector.label), html.url_of(connection)
    if finding.button == faults.SETTINGS:
        return gettext("Settings"), _address("settings", row)
    if finding.button == faults.MAPPING:
        return gettext("Field mappings"), f"{html.url_of(row)}#mappings"
    return (gettext("Open the tenant"), html.url_of(row.tenant)) if finding.button == faults.TENANT else None


def _address(name: str, row: Integration) -> str:
    return reverse(f"admin:integration_integration_{name}", args=[row.pk])


def repair_view(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Say what it will do, then do it and report each step; the diagnosis after it shows what is left."""
    diagnosis = _address("diagnose", row)
    if row.state not in REPAIRABLE:
        text = gettext("That does not apply. Present state: {state}.")
        admin.message_user(request, text.format(state=row.get_state_display()), messages.WARNING)
        return HttpResponseRedirect(html.url_of(row))
    if request.method != "POST":
        return page(
            admin,
            request,
            title=gettext("Repair {integration}").format(integration=row),
            says=_says(row),
            verb=gettext("Repair"),
            back=diagnosis,
        )
    results = repair(_whole(row), get_recipe)
    failed = [result for result in results if not result.ok]
    with english():
        audit.record(f"Repaired: {_summary([result.label for result in failed], len(results))}", row)
    text = gettext("All {total} steps are done.").format(total=len(results))
    if failed:
        text = gettext("{failed} of {total} steps did not work.").format(failed=len(failed), total=len(results))
    level = messages.ERROR if failed else messages.SUCCESS
    messages.add_message(request, level, format_html("{} {}", text, steps(results, row.recipe)))
    return HttpResponseRedirect(diagnosis)


def _says(row: Integration) -> Sequence[str]:
    vendors = gettext("{left} and {right}").format(left=row.left.connector.label, right=row.right.connector.label)
    return (
        gettext("Both connections are checked: do {apps} accept the credentials?").format(apps=vendors),
        gettext(
            "Fields, options and webhooks that are missing are created again. Webhooks of ours that are switched "
            "off or call another address are replaced."
        ),
        gettext("Held jobs whose cause is gone continue. No record and no mapping is deleted."),
    )


def _summary(failed: Sequence[str], count: int) -> str:
    return (
        gettext("{count} steps, not done: {names}").format(count=count, names=", ".join(failed))
        if failed
        else gettext("{count} steps, all done").format(count=count)
    )


def _whole(row: Integration) -> Integration:
    """With the credentials, which the lists leave out."""
    return Integration.objects.select_related("left", "right", "tenant", "paused_by").get(pk=row.pk)
