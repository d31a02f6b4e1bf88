"""The life of an integration: Fetch All, Pause, Resume, Uninstall. Each says what it will do before it does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONObject
from integration import tasks
from integration.admin.core import html
from integration.admin.core.actions import Bulk, page
from integration.admin.core.base import Admin
from integration.admin.core.unfold_compat import styled
from integration.engine.clients import connection_health
from integration.engine.flow.base import Flow
from integration.engine.flow.recipe import Recipe
from integration.engine.insight import effect, forecast
from integration.engine.safety import limits
from integration.engine.setup import lifecycle
from integration.engine.sync import compare, runs
from integration.models import BrakeKind, Integration, RemoteSubscription, State, SyncJob, SyncRun
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.access import person

OFFERED: dict[str, tuple[str, ...]] = {
    State.DRAFT: ("diagnose", "settings", "uninstall"),
    State.ACTIVE: ("diagnose", "repair", "settings", "fetch_all", "compare_now", "brakes", "pause", "uninstall"),
    State.PAUSED: ("diagnose", "repair", "settings", "brakes", "resume", "uninstall"),
}
CAP = 1_000


class FetchForm(forms.Form):
    """How Fetch All should go about it. Harmless unless somebody decides otherwise."""

    dry_run = forms.BooleanField(
        label=_("Dry run: count what would happen, write nothing"), required=False, initial=True,
        help_text=_("The report shows how many records would be created, changed or skipped and why, with samples."),
    )  # fmt: skip
    allow_doi = forms.ChoiceField(
        label=_("Existing people with a Yes"),
        choices=(
            ("no", _("Don't send opt-in emails. People not yet in Maileon are skipped and listed in the report")),
            ("yes", _("Send an opt-in email to everyone not asked before")),
        ),
        initial="no", widget=forms.RadioSelect,
    )  # fmt: skip
    certain = forms.BooleanField(
        label=_("Write records again that have not changed since the last sync"), required=False,
        help_text=_("Whatever the other app has by now. For after a restore or an import there."),
    )  # fmt: skip


class UninstallForm(forms.Form):
    """One more thought before it is undone."""

    sure = forms.BooleanField(label=_("Yes, uninstall it and erase the credentials listed above"))


def may(row: Integration, button: str) -> bool:
    """Whether a button makes sense in the row's state; checked again when it is pressed."""
    return button in OFFERED.get(row.state, ())


def _refuse(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    text = gettext("That does not apply. Present state: {state}.")
    admin.message_user(request, text.format(state=row.get_state_display()), messages.WARNING)
    return HttpResponseRedirect(html.url_of(row))


def fetch_all(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Ask for dry run and opt-in mails, then start one run per flow that takes part."""
    if not may(row, "fetch_all"):
        return _refuse(admin, request, row)
    recipe = get_recipe(row.recipe)
    settings = {**recipe.default_settings, **row.settings}
    flows = [flow for flow in recipe.flows if "fetch_all" in flow.runs and flow.enabled(settings)]
    form = _fetch_form(request, asks_for_mails=bool(settings.get("doi_enabled")))
    if not flows:
        admin.message_user(request, gettext("Turn on a part of the integration in Settings first."), messages.WARNING)
        return HttpResponseRedirect(html.url_of(row))
    if request.method != "POST" or not form.is_valid():
        labels = ", ".join(str(flow.label) for flow in flows)
        says = (
            gettext("Every record is read once and brought up to date: {names}.").format(names=labels),
            gettext("Records already in sync are left alone. Changes that come in meanwhile go first."),
            *(f"{each.label}: {each.text}" for each in effect.before_start(row, flows)),
            *_forecasts(row, recipe, flows),
        )
        return page(
            admin,
            request,
            title=gettext("Fetch All, {tenant}").format(tenant=row.tenant),
            says=says,
            verb=gettext("Start"),
            form=form,
            back=html.url_of(row),
        )
    started = _start(admin, request, row, [flow.key for flow in flows], form.cleaned_data)
    if len(started) == 1:
        return HttpResponseRedirect(html.url_of(started[0]))
    return HttpResponseRedirect(html.url_of_list(SyncRun, integration=row.pk))


def _forecasts(row: Integration, recipe: Recipe, flows: Sequence[Flow]) -> list[str]:
    """How long each part takes for real, and what it needs of the vendors' limits."""
    found = forecast.before_start(row, recipe, flows)
    return [" ".join([f"{each.label}: {each.text}.", *each.limit_texts]) for each in found]


def compare_now(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Say what a comparison reads, then start one per flow that can be compared."""
    if not may(row, "compare_now"):
        return _refuse(admin, request, row)
    if request.method != "POST":
        apps = gettext("{left} and {right}").format(left=row.left.connector.label, right=row.right.connector.label)
        says = (
            gettext("Everything in {apps} is read and compared by field. Nothing is written.").format(apps=apps),
            gettext("What differs is listed; you decide there which value counts. Live changes go first."),
        )
        title = gettext("Compare {integration}").format(integration=row)
        return page(admin, request, title=title, says=says, verb=gettext("Start"), back=html.url_of(row))
    started = tasks.start_comparisons(row)
    if started:
        audit.record(f"Started {started} comparisons", row)
        text = ngettext("{count} comparison has started.", "{count} comparisons have started.", started)
        admin.message_user(request, text.format(count=started), messages.SUCCESS)
    else:
        text = gettext("A comparison is under way already, or no part that is switched on can be compared.")
        admin.message_user(request, text, messages.WARNING)
    return HttpResponseRedirect(html.url_of_list(SyncRun, integration=row.pk, kind=compare.KIND))


def _fetch_form(request: HttpRequest, *, asks_for_mails: bool) -> FetchForm:
    form = styled(FetchForm(request.POST if request.method == "POST" else None))
    if not asks_for_mails:
        del form.fields["allow_doi"]
    return form


def _start(admin: Admin, request: HttpRequest, row: Integration, flows: list[str], wishes: JSONObject) -> list[SyncRun]:
    options: JSONObject = {
        "allow_doi": wishes.get("allow_doi") == "yes", **({"certain": True} if wishes.get("certain") else {}),
    }  # fmt: skip
    started: list[SyncRun] = []
    for flow in flows:
        try:
            run = runs.start(
                row, "fetch_all", flow, dry_run=bool(wishes["dry_run"]), options=options,
                user=person(request),
            )  # fmt: skip
        except runs.RunInProgress:
            under_way = SyncRun.objects.filter(integration=row, kind="fetch_all", flow=flow, state__in=runs.UNFINISHED)
            admin.message_user(request, gettext("A Fetch All is under way already; this is it."), messages.WARNING)
            started.extend(under_way[:1])
            continue
        kind = "dry run" if run.dry_run else "for real"
        audit.record(f"Fetch All of {flow}, {kind}, opt-in mails {options['allow_doi']}", row)
        text = gettext("{run} has started (dry run).") if run.dry_run else gettext("{run} has started.")
        admin.message_user(request, text.format(run=run), messages.SUCCESS)
        started.append(run)
    return started


def held_by_brakes(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Let through what the brakes hold, after somebody has looked."""
    if not may(row, "brakes"):
        return _refuse(admin, request, row)
    waiting = {kind: limits.held(row, kind) for kind in BrakeKind.values}
    if not any(waiting.values()):
        admin.message_user(request, gettext("No brake holds anything here."), messages.INFO)
        return HttpResponseRedirect(html.url_of(row))
    if request.method != "POST":
        texts = get_recipe(row.recipe).reason_texts
        says = [f"{count:,}: {texts[limits.REASONS[kind]].sentence}" for kind, count in waiting.items() if count]
        says.append(
            gettext(
                "Each record is read again before anything happens to it. Records that come later are counted "
                "separately."
            )
        )
        return page(
            admin,
            request,
            title=gettext("Held by a brake: {row}").format(row=row),
            says=says,
            verb=gettext("Let them through"),
            danger=True,
            back=html.url_of(row),
        )
    count = sum(limits.release(row, kind, person(request)) for kind in waiting)
    audit.record(f"Let {count} records through that a brake held", row)
    text = ngettext("{count} record continues.", "{count} records continue.", count)
    admin.message_user(request, text.format(count=f"{count:,}"), messages.SUCCESS)
    return HttpResponseRedirect(html.url_of(row))


def pause(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Stop; events go on being collected."""
    if not may(row, "pause"):
        return _refuse(admin, request, row)
    if request.method != "POST":
        says = (
            gettext("Nothing is synced until somebody presses Resume."),
            gettext("Changes are still collected and are not lost."),
        )
        return page(
            admin,
            request,
            title=gettext("Pause {integration}").format(integration=row),
            says=says,
            verb=gettext("Pause"),
            back=html.url_of(row),
        )
    lifecycle.pause(row, person(request))
    audit.record("Paused", row)
    admin.message_user(request, gettext("Paused. Changes are collected and wait for Resume."), messages.SUCCESS)
    return HttpResponseRedirect(html.url_of(row))


def resume(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Go on where it stopped."""
    if not may(row, "resume"):
        return _refuse(admin, request, row)
    if request.method != "POST":
        waiting = len(SyncJob.objects.filter(integration=row, state="waiting").values_list("pk")[: CAP + 1])
        text = ngettext(
            "{count} collected change is synced at once.", "{count} collected changes are synced at once.", waiting
        )
        says = (text.format(count=html.number(waiting, cap=CAP)),)
        return page(
            admin,
            request,
            title=gettext("Resume {integration}").format(integration=row),
            says=says,
            verb=gettext("Resume"),
            back=html.url_of(row),
        )
    lifecycle.resume(row)
    audit.record("Resumed", row)
    admin.message_user(request, gettext("Resumed. It continues where it stopped."), messages.SUCCESS)
    return HttpResponseRedirect(html.url_of(row))


def uninstall(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Undo the installation at both vendors and say what came of each step."""
    if not may(row, "uninstall"):
        return _refuse(admin, request, row)
    form = styled(UninstallForm(request.POST if request.method == "POST" else None))
    if request.method != "POST" or not form.is_valid():
        return page(
            admin,
            request,
            title=gettext("Uninstall {integration}").format(integration=row),
            says=_losses(row),
            verb=gettext("Uninstall"),
            danger=True,
            form=form,
            back=html.url_of(row),
        )
    results = lifecycle.uninstall(row, get_recipe)
    audit.record("Uninstalled", row)
    for result in results:
        level = messages.SUCCESS if result.ok else messages.ERROR
        admin.message_user(request, f"{result.label}: {result.detail}", level)
    return HttpResponseRedirect(html.url_of(row))


def _losses(row: Integration) -> list[str]:
    """What will be gone, in numbers."""
    says = [gettext("Syncing stops for good. Contacts, people and fields at the vendors stay as they are.")]
    for side in (row.left, row.right):
        others = [other for other in connection_health.integrations_on(side) if other.pk != row.pk]
        webhooks = RemoteSubscription.objects.filter(connection=side).count()
        text = gettext("{account}: up to {count} webhooks are removed, and the credentials are erased.")
        if others:
            text = gettext(
                "{account}: up to {count} webhooks are removed. The credentials are kept, another integration "
                "uses them."
            )
        says.append(text.format(account=side, count=webhooks))
    unfinished = len(SyncJob.objects.filter(integration=row).exclude(state="done").values_list("pk")[: CAP + 1])
    links = len(row.links.values_list("pk")[: CAP + 1])
    says.append(
        gettext(
            "Unfinished jobs that are dropped: {jobs}. Record links that are dropped: {links}. The log is kept without "
            "names, addresses and values."
        ).format(jobs=html.number(unfinished, cap=CAP), links=html.number(links, cap=CAP))
    )
    return says


# The same for several at once


def pausing(user: AbstractBaseUser | None) -> Bulk[Integration]:
    """Pause those that are active, in this person's name."""
    return Bulk(
        gettext("Pause integrations"),
        gettext("Pause"),
        (
            gettext("Nothing of these is synced until somebody presses Resume."),
            gettext("Changes are collected and not lost."),
        ),
        lambda rows: _each(rows, lambda row: lifecycle.pause(row, user)),
        gettext("{count} integrations are paused."),
        eligible=lambda rows: rows.filter(state=State.ACTIVE),
        none=gettext("None of these is active."),
    )


RESUMING = Bulk[Integration](
    _("Resume integrations"), _("Resume"), (_("The changes collected meanwhile are synced at once."),),
    lambda rows: _each(rows, lifecycle.resume), _("{count} integrations continue."),
    eligible=lambda rows: rows.filter(state=State.PAUSED), none=_("None of these is paused."),
)  # fmt: skip
UNINSTALLING = Bulk[Integration](
    _("Uninstall integrations"), _("Uninstall for good"),
    (
        _("Syncing stops for good. Our webhooks at the vendors are removed and the stored credentials are "
"erased, unless another integration uses them."),
        _("Jobs and links are dropped; the log is kept without names, addresses and values. This cannot be undone."),
    ),
    lambda rows: _each(rows, lambda row: lifecycle.uninstall(row, get_recipe)),
    _("{count} integrations are uninstalled; each one's page says what came of its steps."),
    eligible=lambda rows: rows.exclude(state=State.UNINSTALLED), none=_("All of these are uninstalled already."),
    danger=True,
)  # fmt: skip


def _each(rows: Sequence[Integration], do: Callable[[Integration], object]) -> int:
    for row in Integration.objects.select_related("left", "right", "tenant").filter(pk__in=[row.pk for row in rows]):
        do(row)
    return len(rows)
