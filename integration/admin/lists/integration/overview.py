"""Where an integration stands: what its row and its page show."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.base import Admin
from integration.admin.core.search import record_name
from integration.admin.lists.job import in_state
from integration.admin.status import (
    badge,
    connection_badge,
    connection_said,
    issue_list,
    statuses_of,
    steps,
)
from integration.engine.insight.issues import Status
from integration.engine.insight.record_counts import Explained, Part, Standing, explained
from integration.engine.setup.provisioning import last_steps
from integration.models import (
    Connection,
    Drift,
    DriftKind,
    DriftState,
    Integration,
    JobState,
    RecordLink,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
)
from integration.recipes.registry import get_recipe

KINDS = {Standing.DIFFERS: DriftKind.DIFFERS, Standing.MISSING: DriftKind.ONLY_SOURCE}
CAP = 1_000  # where counting stops
STANDING = ("status_badge", "reasons", "left_said", "right_said", "waiting", "last_day", "explained", "doors")


class Overview(Admin):
    """Status with reasons, both accounts, what waits, what happened, and every record explained."""

    fieldsets = (
        (_("Where it stands"), {"fields": STANDING}),
        (_("Last save"), {"fields": ("steps_said",)}),
        (_("Undo"), {"fields": ("undo",)}),
    )
    readonly_fields = (*STANDING, "steps_said", "undo")

    @admin.display(description=_("Integration"))
    def name(self, row: Integration) -> str:
        """Recipe and tenant."""
        return f"{row.tenant}, {get_recipe(row.recipe).label}"

    @admin.display(description=_("State"))
    def status_badge(self, row: Integration) -> html.Badge:
        """One word."""
        return badge(row, _status(row))

    @admin.display(description=_("Reasons"))
    def reasons(self, row: Integration) -> html.Html:
        """The sentence, then why it is not in sync."""
        return issue_list(row, _status(row))

    @admin.display(description=_("First system"))
    def left_health(self, row: Integration) -> html.Html:
        """Health of the left connection."""
        return _connection(row.left)

    @admin.display(description=_("Second system"))
    def right_health(self, row: Integration) -> html.Html:
        """Health of the right connection."""
        return _connection(row.right)

    @admin.display(description=_("Active since"))
    def since_when(self, row: Integration) -> html.Html:
        """When it went live."""
        return html.when(row.activated_at)

    @admin.display(description=_("First system"))
    def left_said(self, row: Integration) -> html.Html:
        """Health with cause and fix."""
        return format_html("{} {}", _connection(row.left), connection_said(row.left))

    @admin.display(description=_("Second system"))
    def right_said(self, row: Integration) -> html.Html:
        """Health with cause and fix."""
        return format_html("{} {}", _connection(row.right), connection_said(row.right))

    @admin.display(description=_("Jobs"))
    def waiting(self, row: Integration) -> html.Html:
        """What is not done, each number a door."""
        return html.doors(
            [
                (html.url_of_list(SyncJob, integration=row.pk, state=state),
                 f"{html.number(_capped(in_state(row.jobs.all(), state)), cap=CAP)} {html.badge('job', state).word}")
                for state in ("waiting", "held", "dead")
            ]
        )  # fmt: skip

    @admin.display(description=_("Last activity"))
    def last_day(self, row: Integration) -> html.Html:
        """The newest log row."""
        last = SyncLog.objects.filter(integration=row).order_by("-id").first()
        if last is None:
            return gettext("Nothing yet.")
        name = record_name(last.flow, last.source_id)
        return format_html("{}, {}", html.door(last, name), html.when(last.created_at))

    @admin.display(description=_("Explained counts"))
    def explained(self, row: Integration) -> html.Html:
        """Every record and where it stands, from the newest comparison; else from Fetch All, which proves nothing."""
        found = explained(row, get_recipe(row.recipe))
        if not found:
            return gettext("Not counted yet. Compare now counts without writing anything.")
        download = reverse("admin:integration_integration_counts", args=[row.pk])
        equations = format_html_join("", "{}", ((_equation(row, flow),) for flow in found))
        return format_html("{}{}", equations, html.doors([(download, gettext("Download as CSV"))]))

    @admin.display(description=_("More"))
    def doors(self, row: Integration) -> html.Html:
        """Its lists."""
        lists = ((SyncLog, gettext("Log")), (SyncRun, gettext("Runs")), (RecordLink, gettext("Links")),
                 (Drift, gettext("Differences")))  # fmt: skip
        return html.doors([(html.url_of_list(model, integration=row.pk), text) for model, text in lists])

    @admin.display(description=_("Steps"))
    def steps_said(self, row: Integration) -> html.Html:
        """What the last save did."""
        return steps(last_steps(row), row.recipe)

    @admin.display(description=_("Uninstall"))
    def undo(self, row: Integration) -> html.Html:
        """Far from the harmless buttons."""
        if row.state == State.UNINSTALLED:
            return gettext("It is uninstalled. Its log is kept without personal data.")
        address = reverse("admin:integration_integration_uninstall", args=[row.pk])
        text = gettext(
            "Removes the webhooks, erases the credentials, drops jobs and links. The next page shows what exactly."
        )
        return format_html(
            '{}<br><a class="ls-button ls-outline" href="{}">{}</a>', text, address, gettext("Uninstall…")
        )


def _equation(row: Integration, flow: Explained) -> html.Html:
    """12,431 in Pipedrive = 11,980 in sync + 301 no email address + …, each number a door."""
    terms = ((_list_of(row, flow, part), f"{part.count:,}", part.label) for part in flow.parts)
    total = gettext("{count} in {vendor}").format(count=f"{flow.total:,}", vendor=flow.source)
    return format_html(
        '<p class="ls-equation"><strong>{}</strong>: {} = {}{} <span class="ls-quiet">{} {} ({} {})</span></p>',
        flow.flow_label,
        total,
        format_html_join(" + ", '<a class="text-link" href="{}">{}</a> {}', terms),
        _only_there(row, flow),
        flow.basis,
        flow.aside,
        html.door(flow.run, gettext("dry run") if flow.run.dry_run else str(flow.run.get_kind_label())),
        html.when(flow.run.finished_at),
    )


def _only_there(row: Integration, flow: Explained) -> html.Html:
    if not flow.only_there:
        return ""
    text = gettext("; {number} more only in {vendor}")
    number = html.doors([(_differences(row, flow, DriftKind.ONLY_TARGET), f"{flow.only_there:,}")])
    return format_html(text, number=number, vendor=flow.target)


def _differences(row: Integration, flow: Explained, kind: DriftKind) -> str:
    return html.url_of_list(Drift, integration=row.pk, flow=flow.flow, kind=kind, state=DriftState.OPEN)


def _list_of(row: Integration, flow: Explained, part: Part) -> str:
    """Where those records are listed. A run logs what it did and skipped; a comparison or dry run logs nothing."""
    if part.standing in KINDS:
        return _differences(row, flow, KINDS[part.standing])
    if part.standing == Standing.IN_SYNC:
        return html.url_of_list(RecordLink, integration=row.pk)
    if flow.run.dry_run:
        return html.url_of(flow.run)
    if part.standing == Standing.NO_CHANGE:
        return html.url_of_list(RecordLink, integration=row.pk)
    reason = {"reason": part.reason} if part.reason else {}
    if not flow.proven:
        return html.url_of_list(SyncLog, run=flow.run.pk, outcome__exact=part.outcome, **reason)
    if part.standing == Standing.SKIPPED:
        return html.url_of_list(SyncLog, integration=row.pk, flow=flow.flow, outcome__exact=part.outcome, **reason)
    state = JobState.DEAD if part.standing == Standing.FAILED else JobState.WAITING
    return html.url_of_list(SyncJob, integration=row.pk, state=state, **reason)


def _connection(row: Connection) -> html.Html:
    return format_html("{} {}", connection_badge(row), html.door(row))


def _status(row: Integration) -> Status:
    """The list has computed it; a page computes it once."""
    if not hasattr(row, "status"):
        row.status = statuses_of([row])[row.pk]  # type: ignore[attr-defined]  # kept for the other lines of the page
    found: Status = row.status  # type: ignore[attr-defined]  # likewise
    return found


def _capped(rows: QuerySet[Model]) -> int:
    return len(rows.order_by().values_list("pk", flat=True)[: CAP + 1])
