"""Integrations: where each stands, its settings, its field mappings, and the buttons of its life."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from config.pages import PageContext
from integration.admin.core import html, search
from integration.admin.core.actions import bulk, note
from integration.admin.core.base import Admin, object_action
from integration.admin.core.search import record_name
from integration.admin.core.unfold_compat import Button, DropdownFilter
from integration.admin.lists.integration import actions as install_buttons
from integration.admin.lists.integration import settings as install_settings
from integration.admin.lists.integration.form import InstallForm
from integration.admin.lists.job import in_state
from integration.admin.lists.mapping import MappingInline, known_fields
from integration.admin.pages import diagnose as diagnosis
from integration.admin.status import (
    BADGES,
    COUNTED,
    badge,
    connection_badge,
    issue_list,
    keys_in,
    statuses_of,
    steps,
    with_connections,
)
from integration.engine.insight.record_counts import IN_SYNC, Explained, Part, explained
from integration.engine.insight.status import Status
from integration.engine.setup.provisioning import last_steps
from integration.models import Connection, Integration, RecordLink, State, SyncJob, SyncLog, SyncRun
from integration.recipes.registry import RECIPES, get_recipe, recipe_choices
from tenants.access import person
from tenants.console import ShownOrder

CAP = 1_000


class StatusFilter(DropdownFilter):
    """By the word the front page counts."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The words."""
        return [(str(state), BADGES[state].word) for state in COUNTED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those in this state."""
        chosen = [state for state in COUNTED if state == self.value()]
        return queryset.filter(pk__in=keys_in(chosen[0])) if chosen else queryset


class StatusList(ShownOrder):
    """A page of integrations, each with its status, which is computed for all of them at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page and compute the statuses."""
        super().get_results(request)
        found = statuses_of(self.result_list)
        for row in self.result_list:
            row.status = found[row.pk]


class StateFilter(DropdownFilter):
    """By state; without the uninstalled ones unless asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Every state."""
        return [(str(value), str(label)) for value, label in State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those in it."""
        return queryset.filter(state=self.value()) if self.value() else queryset.exclude(state=State.UNINSTALLED)


@admin.register(Integration)
class IntegrationAdmin(Admin):
    """A recipe installed for a tenant."""

    form = InstallForm
    inlines = (MappingInline,)
    list_display = ("name", "status_badge", "left_health", "right_health", "since_when")
    list_filter = (StatusFilter, StateFilter)
    linked = ("tenant__id__exact",)
    search_fields = ("tenant__name", "recipe")
    search_help_text = "Tenant or recipe"
    actions = ("pause_selected", "resume_selected", "uninstall_selected")
    actions_detail = ("diagnose", "repair", "settings", "fetch_all", "brakes", "pause", "resume", "uninstall")
    empty_text = "An integration keeps two connected systems of a tenant in sync. Connect both first, then add it."
    add_fieldsets = ((None, {"fields": ("tenant", "left", "right")}),)
    fieldsets = (
        (
            "Where it stands",
            {
                "fields": (
                    "status_badge",
                    "reasons",
                    "left_said",
                    "right_said",
                    "waiting",
                    "last_day",
                    "explained",
                    "doors",
                )
            },
        ),
        ("Last save", {"fields": ("steps_said",)}),
        ("Undo", {"fields": ("undo",)}),
    )
    readonly_fields = (
        "status_badge",
        "reasons",
        "left_said",
        "right_said",
        "waiting",
        "last_day",
        "explained",
        "doors",
        "steps_said",
        "undo",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """With their connections, in one query."""
        return with_connections(super().get_queryset(request)).order_by("tenant__name", "created_at")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that computes the statuses of a page at once."""
        return StatusList

    # Adding: recipe, then accounts, then settings

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form its recipe."""
        base = super().get_form(request, obj, change, **kwargs)
        return type("RecipeForm", (base,), {"recipe_key": request.GET.get("recipe", "")})

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """Mappings once there are some."""
        return list(self.inlines) if obj and obj.state != State.UNINSTALLED else []

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: PageContext | None = None
    ) -> HttpResponse:
        """First the recipe, then its form."""
        if not self.has_add_permission(request) or request.GET.get("recipe") in RECIPES:
            return super().add_view(request, form_url, extra_context)
        tenant = f"&tenant={request.GET['tenant']}" if request.GET.get("tenant") else ""
        context = {
            **self.admin_site.each_context(request), "title": "Add integration", "opts": self.opts,
            "lead": "Which two systems should be kept in sync?",
            "choices": [(f"?recipe={key}{tenant}", label, "") for key, label in recipe_choices()],
        }  # fmt: skip
        return TemplateResponse(request, "lockstep/choose.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: PageContext | None = None,
    ) -> HttpResponse:
        """Read what the mapping rows may name before the page's transaction begins."""
        row = self.get_object(request, unquote(object_id)) if request.method == "POST" and object_id else None
        if row is not None and row.state != State.UNINSTALLED and self.has_change_permission(request, row):
            request.known_fields = known_fields(row)  # type: ignore[attr-defined]  # read by the inline
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:
        """A new row only; of an existing one this page owns nothing but its mappings."""
        if not change:
            obj.save()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Changed mappings are applied at the vendors, outside of the transaction."""
        super().save_related(request, form, formsets, change)
        if said := "; ".join(line for formset in formsets for line in formset.said()):
            note(request, Integration, f"Field mappings saved. {said}", form.instance)
        if change and any(formset.has_changed() for formset in formsets) and form.instance.state == State.ACTIVE:
            transaction.on_commit(lambda: install_settings.apply(request, form.instance.pk))

    def response_add(
        self, request: HttpRequest, obj: Integration, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to its settings; saving those makes it real."""
        self.message_user(request, "Now the settings. Saving them makes it real at both vendors.", messages.INFO)
        return HttpResponseRedirect(reverse("admin:integration_integration_settings", args=[obj.pk]))

    def response_post_save_change(self, request: HttpRequest, obj: Integration) -> HttpResponseRedirect:
        """Stay on the row: its page shows what came of saving."""
        return HttpResponseRedirect(html.url_of(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Uninstall undoes one and keeps its log."""
        return False

    # What the pages show

    @admin.display(description="Integration")
    def name(self, row: Integration) -> str:
        """Recipe and tenant."""
        return f"{row.tenant}, {get_recipe(row.recipe).label}"

    @admin.display(description="State")
    def status_badge(self, row: Integration) -> html.Badge:
        """One word."""
        return badge(row, _status(row))

    @admin.display(description="Reasons")
    def reasons(self, row: Integration) -> html.Html:
        """Why it is not in sync."""
        return issue_list(row, _status(row))

    @admin.display(description="First system")
    def left_health(self, row: Integration) -> html.Html:
        """Health of the left connection."""
        return _connection(row.left)

    @admin.display(description="Second system")
    def right_health(self, row: Integration) -> html.Html:
        """Health of the right connection."""
        return _connection(row.right)

    @admin.display(description="Active since")
    def since_when(self, row: Integration) -> html.Html:
        """When it went live."""
        return html.when(row.activated_at)

    @admin.display(description="First system")
    def left_said(self, row: Integration) -> html.Html:
        """Health with cause and fix."""
        return format_html("{} {}", _connection(row.left), _why(row.left))

    @admin.display(description="Second system")
    def right_said(self, row: Integration) -> html.Html:
        """Health with cause and fix."""
        return format_html("{} {}", _connection(row.right), _why(row.right))

    @admin.display(description="Jobs")
    def waiting(self, row: Integration) -> html.Html:
        """What is not done, each number a door."""
        return html.doors(
            [
                (html.url_of_list(SyncJob, integration=row.pk, state=state),
                 f"{html.number(_capped(in_state(row.jobs.all(), state)), cap=CAP)} {state}")
                for state in ("waiting", "held", "dead")
            ]
        )  # fmt: skip

    @admin.display(description="Last activity")
    def last_day(self, row: Integration) -> html.Html:
        """The newest log row."""
        last = SyncLog.objects.filter(integration=row).order_by("-id").first()
        if last is None:
            return "Nothing yet."
        name = record_name(last.flow, last.source_id)
        return format_html("{}, {}", html.door(last, name), html.when(last.created_at))

    @admin.display(description="Explained counts")
    def explained(self, row: Integration) -> html.Html:
        """Every record at the source and where it stands, from the newest Fetch All or dry run."""
        found = explained(row, get_recipe(row.recipe))
        if not found:
            return "Not counted yet. A dry run of Fetch All counts without writing anything."
        return format_html_join("", "{}", ((_equation(row, flow),) for flow in found))

    @admin.display(description="More")
    def doors(self, row: Integration) -> html.Html:
        """Its lists."""
        lists = ((SyncLog, "Log"), (SyncRun, "Runs"), (RecordLink, "Links"))
        return html.doors([(html.url_of_list(model, integration=row.pk), text) for model, text in lists])

    @admin.display(description="Steps")
    def steps_said(self, row: Integration) -> html.Html:
        """What the last save did."""
        return steps(last_steps(row), row.recipe)

    @admin.display(description="Uninstall")
    def undo(self, row: Integration) -> html.Html:
        """Far from the harmless buttons."""
        if row.state == State.UNINSTALLED:
            return "It is uninstalled. Its log is kept without personal data."
        address = reverse("admin:integration_integration_uninstall", args=[row.pk])
        text = "Removes the webhooks, erases the credentials, drops jobs and links. The next page shows what exactly."
        return format_html('{}<br><a class="ls-button ls-outline" href="{}">Uninstall…</a>', text, address)

    # Several at once: all of a tenant, all of a recipe

    @admin.action(description="Pause: collect changes, sync nothing", permissions=["operate"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Stop these for a while."""
        return bulk(self, request, queryset, "pause_selected", install_buttons.pausing(person(request)))

    @admin.action(description="Resume: work off what was collected", permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Let these go on."""
        return bulk(self, request, queryset, "resume_selected", install_buttons.RESUMING)

    @admin.action(description="Uninstall: disconnect for good", permissions=["operate"])
    def uninstall_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Undo these at the vendors."""
        return bulk(self, request, queryset, "uninstall_selected", install_buttons.UNINSTALLING)

    # Buttons

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Only what makes sense in its state."""
        state = (
            Integration.objects.filter(pk=search.uuid_or_nil(object_id)).values_list("state", flat=True).first() or ""
        )
        elsewhere = {"uninstall", "repair", "brakes"}  # at the page's end, on the diagnosis, at the reason
        offered = set(install_buttons.OFFERED.get(state, ())) - elsewhere
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.action_name.removeprefix("integration_integration_") in offered]

    @object_action("Diagnose", icon="stethoscope", permission="view")
    def diagnose(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """What is wrong with it?"""
        return diagnosis.view(self, request, row)

    @object_action("Repair", icon="build")
    def repair(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Mend what can be mended."""
        return diagnosis.repair_view(self, request, row)

    @object_action("Settings", icon="tune", permission="view")
    def settings(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """The recipe's settings form."""
        return install_settings.view(self, request, row)

    @object_action("Fetch All", icon="download")
    def fetch_all(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """One pass over everybody, or a dry run of it."""
        return install_buttons.fetch_all(self, request, row)

    @object_action("Held by a brake", icon="front_hand")
    def brakes(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Decide about what a brake holds."""
        return install_buttons.held_by_brakes(self, request, row)

    @object_action("Pause", icon="pause")
    def pause(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Stop syncing for a while."""
        return install_buttons.pause(self, request, row)

    @object_action("Resume", icon="play_arrow")
    def resume(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Go on."""
        return install_buttons.resume(self, request, row)

    @object_action("Uninstall", icon="delete")
    def uninstall(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Undo it at the vendors."""
        return install_buttons.uninstall(self, request, row)


def _equation(row: Integration, flow: Explained) -> html.Html:
    """12,431 at the source = 11,980 in sync + 301 no e-mail address + …, each number a door."""
    terms = ((_list_of(row, flow, part), f"{part.count:,}", part.label) for part in flow.parts)
    return format_html(
        '<p class="ls-equation"><strong>{}</strong>: {} at the source = {} <span class="ls-quiet">({} {})</span></p>',
        flow.flow_label, f"{flow.total:,}",
        format_html_join(" + ", '<a class="text-link" href="{}">{}</a> {}', terms),
        html.door(flow.run, "dry run" if flow.run.dry_run else "Fetch All"), html.when(flow.run.finished_at),
    )  # fmt: skip


def _list_of(row: Integration, flow: Explained, part: Part) -> str:
    """Where those records are listed: a run logs what it did and skipped, but not who was in sync already."""
    if flow.run.dry_run:
        return html.url_of(flow.run)
    if part.reason in IN_SYNC:
        return html.url_of_list(RecordLink, integration=row.pk)
    reason = {"reason": part.reason} if part.reason else {}
    return html.url_of_list(SyncLog, run=flow.run.pk, outcome__exact=part.outcome, **reason)


def _connection(row: Connection) -> html.Html:
    return format_html("{} {}", connection_badge(row), html.door(row))


def _status(row: Integration) -> Status:
    """The list has computed it; a page computes it once."""
    if not hasattr(row, "status"):
        row.status = statuses_of([row])[row.pk]  # type: ignore[attr-defined]  # kept for the other lines of the page
    found: Status = row.status  # type: ignore[attr-defined]  # likewise
    return found


def _why(row: Connection) -> html.Html:
    return html.reason(row.health_reason, row.health_detail) if row.health_reason else ""


def _capped(rows: QuerySet[Model]) -> int:
    return len(rows.order_by().values_list("pk", flat=True)[: CAP + 1])
