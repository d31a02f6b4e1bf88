"""Runs: one pass over many records, with its progress, its counts by outcome and reason, and a dry run's samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONObject, json_object
from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import BigTable, IntegrationFilter, object_action
from integration.admin.core.masking import mask, mask_id, mask_key, mask_words
from integration.admin.core.search import flow_labels, number_or_none
from integration.admin.core.unfold_compat import Button, DropdownFilter
from integration.engine.insight import forecast
from integration.engine.insight.code_words import words
from integration.engine.sync import runs
from integration.models import Outcome, SyncLog, SyncRun
from integration.models.sync import RUN_KINDS
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.access import person


def progress(run: SyncRun) -> html.Html:
    """Done, total, rate and time left, with a bar when the total is known."""
    parts = [f"{run.done:,}"]
    if run.total is not None:
        parts = [gettext("{done} of {total}").format(done=f"{run.done:,}", total=f"{run.total:,}")]
    if run.rate and run.finished_at is None:
        parts.append(gettext("{rate} per second").format(rate=f"{run.rate:,.1f}"))
    if left := forecast.time_left(run, get_recipe(run.integration.recipe)):
        parts.append(left)
    elif run.finished_at and run.started_at:
        seconds = (run.finished_at - run.started_at).total_seconds()
        parts.append(gettext("took {time}").format(time=html.duration(seconds)))
    share = min(run.done / run.total, 1.0) if run.total else None
    bar = (
        format_html('<progress value="{}" max="1" aria-label="{}"></progress>', share, gettext("Progress"))
        if share
        else ""
    )
    return format_html('<div class="ls-progress">{}<span>{}</span></div>', bar, " · ".join(parts))


def counted(counts: Mapping[str, int]) -> Iterator[tuple[str, str, str, int]]:
    """(key, outcome, what, count), the largest first. `subscribe` is an action, `skipped:no_email` a reason."""
    for key, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        outcome, _, code = key.partition(":")
        if outcome in Outcome.values:
            yield key, outcome, code, count
        else:
            yield key, Outcome.SYNCED, key, count


def samples(rows: Sequence[JSONObject]) -> html.Html:
    """A few records of one kind; names and values are the vendor's and shown as they are."""
    return format_html_join(
        "",
        '<div class="ls-sample"><strong>{}</strong> <code>{}</code>{}</div>',
        (
            (mask(row.get("name")) or gettext("Without a name"), mask_id(str(row.get("id", ""))), _values(row))
            for row in rows
        ),
    )


def _values(row: JSONObject) -> html.Html:
    values = json_object(row.get("values"))
    return html.facts([(mask_key(name), html.value(value)) for name, value in values.items()]) if values else ""


class KindFilter(DropdownFilter):
    """By kind; the runs of each are few enough to be looked through."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Every kind."""
        return [(kind, SyncRun(kind=kind).get_kind_label()) for kind in RUN_KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Runs of this kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(SyncRun)
class RunAdmin(BigTable):
    """Fetch All, poll, reconcile, resync, replay."""

    list_display = ("name", "integration_name", "state_badge", "progress_bar", "asked_by", "created")
    list_filter = ("state", KindFilter, IntegrationFilter)
    list_select_related = ("integration__tenant", "integration__left", "integration__right", "requested_by")
    search_fields = ()
    actions_detail = ("cancel", "resume")
    empty_text = _("No run yet. Fetch All on an integration's page starts one.")
    fieldsets = (
        (None, {"fields": ("name", "integration_name", "state_badge", "progress_bar", "problem_text")}),
        (_("Result"), {"fields": ("result", "log_door")}),
        (_("How it was started"), {"fields": ("asked_by", "options_text", "created", "started", "finished")}),
    )

    @admin.display(description=_("Run"))
    def name(self, run: SyncRun) -> str:
        """Kind and flow; a dry run says so."""
        kind = f"{run.get_kind_label()}, {flow_labels().get(run.flow, run.flow)}"
        return gettext("{run} (dry run, nothing written)").format(run=kind) if run.dry_run else kind

    @admin.display(description=_("Integration"))
    def integration_name(self, run: SyncRun) -> html.Html:
        """Whose."""
        return html.door(run.integration)

    @admin.display(description=_("State"))
    def state_badge(self, run: SyncRun) -> html.Badge:
        """In words."""
        if run.cancel_requested and run.finished_at is None:
            return html.Badge(html.GREY, "block", gettext("Stopping"))
        return html.badge("run", run.state)

    @admin.display(description=_("Progress"))
    def progress_bar(self, run: SyncRun) -> html.Html:
        """How far it is."""
        return progress(run)

    @admin.display(description=_("Problem"))
    def problem_text(self, run: SyncRun) -> str:
        """What holds it up."""
        return mask_words(run.problem) or html.EMPTY

    @admin.display(description=_("Asked by"))
    def asked_by(self, run: SyncRun) -> str:
        """A person or the schedule."""
        return str(mask(str(run.requested_by))) if run.requested_by else gettext("Schedule")

    @admin.display(description=_("Options"))
    def options_text(self, run: SyncRun) -> html.Html:
        """What it was asked to do."""
        options = {**run.options, **({"ids": f"{len(run.options['ids']):,}"} if "ids" in run.options else {})}
        return html.facts([(mask_key(key).replace("_", " "), html.value(value)) for key, value in options.items()])

    @admin.display(description=_("Created"))
    def created(self, run: SyncRun) -> html.Html:
        """When it was asked for."""
        return html.when(run.created_at)

    @admin.display(description=_("Started"))
    def started(self, run: SyncRun) -> html.Html:
        """When it began."""
        return html.when(run.started_at)

    @admin.display(description=_("Finished"))
    def finished(self, run: SyncRun) -> html.Html:
        """When it ended."""
        return html.when(run.finished_at)

    @admin.display(description=_("Records by outcome"))
    def result(self, run: SyncRun) -> html.Html:
        """Counts with reasons; a dry run's samples unfold below each."""
        rows = []
        texts = get_recipe(run.integration.recipe).reason_texts
        for key, outcome, code, count in counted(run.counts):
            text = texts.get(code)
            said: html.Html = str(text.what) if text else words(code)
            if found := run.samples.get(key):
                said = html.folded(said, samples(found))
            rows.append((f"{count:,}", html.badge("outcome", outcome), said))
        return html.table(
            (gettext("Records"), gettext("Would be") if run.dry_run else gettext("Outcome"), gettext("What and why")),
            rows,
            gettext("Nothing yet."),
        )

    @admin.display(description=_("Log"))
    def log_door(self, run: SyncRun) -> html.Html:
        """The rows it wrote."""
        if run.dry_run:
            return gettext("A dry run writes nothing.")
        return html.doors([(html.url_of_list(SyncLog, run=run.pk), gettext("Rows of this run"))])

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Cancel while there is something to cancel, Continue after it was."""
        run = SyncRun.objects.filter(pk=number_or_none(object_id) or 0).first()
        fits = {
            "cancel": run is not None and run.state in runs.UNFINISHED and not run.cancel_requested,
            "resume": run is not None and runs.may_resume(run),
        }
        return [
            button
            for button in super().get_actions_detail(request, object_id)
            if fits[button.action_name.removeprefix("integration_syncrun_")]
        ]

    @object_action(_("Continue"), icon="play_arrow")
    def resume(self, request: HttpRequest, run: SyncRun) -> HttpResponse:
        """Go on where it was cancelled."""
        if request.method != "POST":
            return page(
                self,
                request,
                title=gettext("Continue {run}").format(run=run),
                says=(gettext("A new run begins where this one stopped, with the same options."),),
                verb=gettext("Continue"),
                back=html.url_of(run),
            )
        try:
            again = runs.resume(run, person(request))
        except (runs.NothingToContinue, runs.RunInProgress):
            text = gettext("It can't continue: it has not been cancelled, or another is under way.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(html.url_of(run))
        audit.record(f"Continued as run {again.pk}", run)
        self.message_user(request, gettext("{run} has started.").format(run=again), messages.SUCCESS)
        return HttpResponseRedirect(html.url_of(again))

    @object_action(_("Cancel"), icon="block")
    def cancel(self, request: HttpRequest, run: SyncRun) -> HttpResponse:
        """Ask it to stop."""
        if request.method != "POST":
            says = (gettext("The run stops after the current batch. Changes already made are kept."),)
            back = html.url_of(run)
            return page(
                self,
                request,
                title=gettext("Cancel {run}").format(run=run),
                says=says,
                verb=gettext("Cancel the run"),
                back=back,
            )
        if runs.cancel(run):
            audit.record("Cancelled", run)
            self.message_user(request, gettext("Stopping after the current batch."), messages.SUCCESS)
        else:
            self.message_user(request, gettext("The run had already ended."), messages.WARNING)
        return HttpResponseRedirect(html.url_of(run))
