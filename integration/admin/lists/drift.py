"""Differences: what comparisons found. Whose value counts is decided here, for one finding or for thousands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.admin.core import html
from integration.admin.core.actions import Bulk, bulk
from integration.admin.core.base import BigTable, IntegrationFilter, newest
from integration.admin.core.labels import labels_of
from integration.admin.core.masking import mask_id, mask_key
from integration.admin.core.search import flow_labels, nouns, uuid_or_nil
from integration.admin.core.unfold_compat import DropdownFilter
from integration.admin.lists.log import FlowFilter, link_of
from integration.connectors.registry import get_connector
from integration.engine.insight.code_words import noun
from integration.engine.sync import drifts
from integration.engine.sync.bulk_runs import LIVE, Started, start_repair
from integration.engine.sync.repair import Take
from integration.models import Drift, DriftKind, DriftState, Integration
from integration.recipes.registry import RECIPES, get_recipe
from tenants.access import person
from tenants.models import Tenant

FIELDS_OFFERED = 200
BADGES = {
    DriftState.OPEN: html.Badge(html.AMBER, "difference", DriftState.OPEN.label),
    DriftState.LEFT: html.Badge(html.GREY, "do_not_disturb_on", DriftState.LEFT.label),
}


def vendors(row: Drift) -> tuple[str, str]:
    """The product a finding's records come from, and the one they are written to."""
    recipe = get_recipe(row.integration.recipe)
    near, far = recipe.left, recipe.right
    if row.flow in {flow.key for flow in recipe.flows if flow.side == "right"}:
        near, far = far, near
    return get_connector(near).label, get_connector(far).label


class TenantFilter(DropdownFilter):
    """By tenant."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All tenants by name."""
        return [(str(pk), name) for pk, name in Tenant.objects.order_by("name").values_list("pk", "name")[:500]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings of this tenant's integrations."""
        if not self.value():
            return queryset
        return queryset.filter(integration__in=Integration.objects.filter(tenant=uuid_or_nil(self.value() or "")))


class RecipeFilter(DropdownFilter):
    """By recipe."""

    title = "recipe"
    parameter_name = "recipe"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All recipes by label."""
        return [(key, str(get_recipe(key).label)) for key in RECIPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings of this recipe's integrations."""
        if not self.value():
            return queryset
        return queryset.filter(integration__in=Integration.objects.filter(recipe=self.value()))


class KindFilter(DropdownFilter):
    """By what was found."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All kinds."""
        return [(str(kind), str(kind.label)) for kind in DriftKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings of this kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


class StateFilter(DropdownFilter):
    """Open, or left as it is."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Both states."""
        return [(str(state), str(state.label)) for state in DriftState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings in this state."""
        return queryset.filter(state=self.value()) if self.value() else queryset


class FieldFilter(DropdownFilter):
    """By field, of those that differ now."""

    title = "field"
    parameter_name = "field"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The fields of the integration chosen beside it; without one those of all."""
        rows = newest(Drift.objects.exclude(field="").order_by())
        if chosen := request.GET.get(IntegrationFilter.parameter_name, ""):
            rows = rows.filter(integration_id=uuid_or_nil(chosen))
        found = sorted(set(rows.values_list("field", flat=True).distinct()[:FIELDS_OFFERED]))
        return [(key, mask_key(key)) for key in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings about this field."""
        return newest(queryset).filter(field=self.value()) if self.value() else queryset


class AgeFilter(DropdownFilter):
    """By when the difference was found first."""

    title = "age"
    parameter_name = "since"
    younger = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}
    older = {"older7d": timedelta(days=7), "older30d": timedelta(days=30)}

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The spans."""
        return [
            ("24h", gettext("Last 24 hours")), ("7d", gettext("Last 7 days")),
            ("older7d", gettext("Older than 7 days")), ("older30d", gettext("Older than 30 days")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Findings of this age."""
        asked = self.value() or ""
        if asked in self.younger:
            return newest(queryset).filter(since__gte=timezone.now() - self.younger[asked])
        if asked in self.older:
            return newest(queryset).filter(since__lt=timezone.now() - self.older[asked])
        return queryset


@admin.register(Drift)
class DriftAdmin(BigTable):
    """One row per field that differs, and per record that only one side has."""

    list_display = ("record", "flow_name", "kind_said", "field_name", "here", "there", "state_badge", "tenant", "found")
    list_filter = (
        StateFilter, KindFilter, TenantFilter, IntegrationFilter, RecipeFilter, FlowFilter, FieldFilter, AgeFilter,
    )  # fmt: skip
    list_select_related = ("integration__tenant",)
    actions = ("take_ours", "take_theirs", "leave", "ask_again")
    empty_text = _("No difference. A comparison looks for them every week, and when you press Compare now.")
    fieldsets = (
        (_("What differs"), {"fields": ("record", "flow_name", "kind_said", "field_name", "values", "state_said")}),
        (_("Origin"), {"fields": ("integration_name", "person_door", "link_door", "run_door", "found", "seen")}),
    )

    @admin.display(description=_("Record"))
    def record(self, row: Drift) -> str:
        """The id where the record is; both where both sides have it."""
        source, target = map(noun, nouns(row.flow))
        parts = [f"{source} {mask_id(row.source_id)}"] if row.source_id else []
        if row.target_id and row.kind != DriftKind.ONLY_SOURCE:
            parts.append(f"{target} {mask_id(row.target_id)}")
        return capfirst(" ↔ ".join(parts))

    @admin.display(description=_("Flow"))
    def flow_name(self, row: Drift) -> str:
        """In words."""
        return flow_labels().get(row.flow, row.flow)

    @admin.display(description=_("What was found"))
    def kind_said(self, row: Drift) -> str:
        """The kind, with the product's name."""
        texts = {
            DriftKind.DIFFERS: gettext("Different in {vendor}"),
            DriftKind.ONLY_SOURCE: gettext("Missing in {vendor}"),
            DriftKind.ONLY_TARGET: gettext("Only in {vendor}"),
        }
        return texts[DriftKind(row.kind)].format(vendor=vendors(row)[1])

    @admin.display(description=_("Field"))
    def field_name(self, row: Drift) -> str:
        """The field, by its key."""
        return mask_key(row.field) or html.EMPTY

    @admin.display(description=_("Should be"))
    def here(self, row: Drift) -> html.Html:
        """What the mapping makes of the record."""
        return _short(row, row.ours)

    @admin.display(description=_("Is"))
    def there(self, row: Drift) -> html.Html:
        """What was read at the other side."""
        return _short(row, row.theirs)

    @admin.display(description=_("Values"))
    def values(self, row: Drift) -> html.Html:
        """Both values, whole as they are stored."""
        if row.kind != DriftKind.DIFFERS:
            return gettext("The whole record is concerned.")
        known = labels_of([row.integration])
        label = known[row.field][0] if row.field in known else row.field
        headers = [gettext("Field"), *(vendor for vendor in vendors(row))]
        cells = (mask_key(label), html.value(row.ours), html.value(row.theirs))
        return html.table(headers, [cells])

    @admin.display(description=_("State"))
    def state_badge(self, row: Drift) -> html.Badge:
        """In words."""
        return BADGES[DriftState(row.state)]

    @admin.display(description=_("State"))
    def state_said(self, row: Drift) -> html.Html:
        """In words, with when it was decided to leave it."""
        if row.decided_at is None:
            return str(BADGES[DriftState(row.state)])
        return html.facts([(str(DriftState(row.state).label), html.when(row.decided_at))])

    @admin.display(description=_("Tenant"))
    def tenant(self, row: Drift) -> html.Html:
        """Whose, in a word."""
        return html.door(row.integration, row.integration.tenant.name)

    @admin.display(description=_("Found first"))
    def found(self, row: Drift) -> html.Html:
        """Since when it is so, as far as we know."""
        return html.when(row.since)

    @admin.display(description=_("Found last"))
    def seen(self, row: Drift) -> html.Html:
        """When a comparison saw it last."""
        return html.when(row.seen_at)

    @admin.display(description=_("Integration"))
    def integration_name(self, row: Drift) -> html.Html:
        """Whose."""
        return html.door(row.integration)

    @admin.display(description=_("Person page"))
    def person_door(self, row: Drift) -> html.Html:
        """Everything about the record."""
        record = row.source_id or row.target_id
        if mask_id(record) != record:
            return html.EMPTY  # the door would carry a person's address
        return html.doors([(f"{reverse('console-find')}?{urlencode({'q': record})}", gettext("Everything about it"))])

    @admin.display(description=_("Record link"))
    def link_door(self, row: Drift) -> html.Html:
        """The pair of records."""
        return html.door(link_of(row))

    @admin.display(description=_("Run"))
    def run_door(self, row: Drift) -> html.Html:
        """The run that saw it last."""
        return html.door(row.run)

    @admin.action(description=_("Write the source's value"), permissions=["operate"])
    def take_ours(self, request: HttpRequest, queryset: QuerySet[Drift]) -> HttpResponse | None:
        """Write what the source and the mapping say."""
        return bulk(self, request, queryset, "take_ours", _repairing(Take.OURS))

    @admin.action(description=_("Take over the target's value"), permissions=["operate"])
    def take_theirs(self, request: HttpRequest, queryset: QuerySet[Drift]) -> HttpResponse | None:
        """Carry the target's value back."""
        return bulk(self, request, queryset, "take_theirs", _repairing(Take.THEIRS))

    @admin.action(description=_("Leave it, don't ask again"), permissions=["operate"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Drift]) -> HttpResponse | None:
        """Ask no more until the values change."""
        return bulk(self, request, queryset, "leave", _leaving(person(request)))

    @admin.action(description=_("Ask again"), permissions=["operate"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Drift]) -> HttpResponse | None:
        """Take a decision to leave it back."""
        return bulk(self, request, queryset, "ask_again", ASKING)


def _short(row: Drift, value: JSONValue) -> html.Html:
    return html.value(value) if row.kind == DriftKind.DIFFERS else html.EMPTY


def _repairable(rows: QuerySet[Drift]) -> QuerySet[Drift]:
    live = Integration.objects.filter(state__in=LIVE)
    return rows.exclude(kind=DriftKind.ONLY_TARGET).exclude(target_id="").filter(integration__in=live)


def _two_way(rows: QuerySet[Drift]) -> QuerySet[Drift]:
    return _repairable(rows).filter(kind=DriftKind.DIFFERS, two_way=True)


def _start(rows: Sequence[Drift], take: Take, user: AbstractBaseUser | None) -> Started:
    integrations = Integration.objects.select_related("left", "right", "tenant").in_bulk(
        {row.integration_id for row in rows}
    )
    for row in rows:
        row.integration = integrations[row.integration_id]
    return start_repair(rows, take, get_recipe, user)


def _repairing(take: Take) -> Bulk[Drift]:
    """Repair as runs, however few there are: a run shows how far it is and what came of each record."""
    limits = gettext("Nobody is subscribed by this, and large numbers of removals are paused until you confirm.")
    if take is Take.OURS:
        return Bulk(
            gettext("Write the source's value"), gettext("Write"),
            (
                gettext("The records are read again, and the value the mapping makes of them replaces the other "
                        "app's. A linked record that is missing there is dealt with as a sync would."),
                limits,
            ),
            lambda rows: len(_start(rows, take, None).runs), gettext("{count} runs started."), eligible=_repairable,
            none=gettext("Records that only the other app has, and those that were never linked, cannot be written."),
            as_runs=lambda rows, user: _start(rows, take, user), few=0,
        )  # fmt: skip
    return Bulk(
        gettext("Take over the target's value"), gettext("Take over"),
        (
            gettext("The other app's value replaces the one in the app the record comes from. This is possible for "
                    "fields that are synced in both directions."),
            limits,
        ),
        lambda rows: len(_start(rows, take, None).runs), gettext("{count} runs started."), eligible=_two_way,
        none=gettext("Only fields that are synced in both directions can be taken over."),
        as_runs=lambda rows, user: _start(rows, take, user), few=0,
    )  # fmt: skip


def _leaving(user: AbstractBaseUser | None) -> Bulk[Drift]:
    return Bulk(
        gettext("Leave differences as they are"), gettext("Leave them"),
        (gettext("Nothing is written. The differences are no longer counted, until one of the two values changes."),),
        lambda rows: drifts.leave(Drift.objects.filter(pk__in=[row.pk for row in rows]), user),
        gettext("{count} differences are left as they are."), eligible=lambda rows: rows.filter(state=DriftState.OPEN),
        none=gettext("None of these is open."),
    )  # fmt: skip


ASKING = Bulk[Drift](
    _("Ask about differences again"), _("Ask again"), (_("They are open and counted again. Nothing is written."),),
    lambda rows: drifts.ask_again(Drift.objects.filter(pk__in=[row.pk for row in rows])),
    _("{count} differences are open again."), eligible=lambda rows: rows.filter(state=DriftState.LEFT),
    none=_("None of these was left as it is."),
)  # fmt: skip
