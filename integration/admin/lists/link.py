"""Record links: which source record is which target record, consent, and what we last wrote there."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.actions import bulk
from integration.admin.core.base import BigTable, IntegrationFilter, recent
from integration.admin.core.masking import mask_id, mask_key
from integration.admin.core.search import flows_of
from integration.admin.lists.log import resync_of
from integration.connectors.registry import get_connector
from integration.engine.insight.code_words import noun, words
from integration.models import Integration, RecordLink, SyncLog
from integration.recipes.registry import get_recipe


def consent(link: RecordLink) -> str:
    """Where the person stands, as the recipe remembers it."""
    return words(get_recipe(link.integration.recipe).consent_of(link.notes))


def sides(link: RecordLink) -> tuple[str, str]:
    """What the two ids are: `Pipedrive person`, `Maileon contact`."""
    recipe = get_recipe(link.integration.recipe)
    sharing = [flow for flow in recipe.flows if flow.link_type == link.link_type]
    # A flow that carries something back works on the links of the one that makes them, which starts on the left.
    flow = next((flow for flow in sharing if flow.side == "left"), sharing[0] if sharing else None)
    if flow is None:
        return gettext("Source"), gettext("Target")
    near, far = (recipe.left, recipe.right) if flow.side == "left" else (recipe.right, recipe.left)
    source, target = get_connector(near).label, get_connector(far).label
    return f"{source} {noun(flow.source_object)}", f"{target} {noun(flow.target_object)}"


@admin.register(RecordLink)
class LinkAdmin(BigTable):
    """One row per source record."""

    list_display = ("pair", "kind", "state_badge", "consent_said", "tenant", "updated")
    list_filter = (IntegrationFilter,)
    list_select_related = ("integration__tenant",)
    actions = ("resync",)
    empty_text = _("No link yet. The first record that is in sync at both vendors makes one.")
    fieldsets = (
        (None, {"fields": ("source", "target", "state_badge", "consent_said", "integration_name", "updated")}),
        (_("What we remember"), {"fields": ("written_text", "notes_text", "version", "announced")}),
        (_("What was done"), {"fields": ("log",)}),
    )

    @admin.display(description=_("Pair"))
    def pair(self, link: RecordLink) -> str:
        """Both ids."""
        return str(link)

    @admin.display(description=_("Kind"))
    def kind(self, link: RecordLink) -> str:
        """Which pair of objects."""
        return noun(link.link_type)

    @admin.display(description=_("Source"))
    def source(self, link: RecordLink) -> str:
        """The source record."""
        return f"{sides(link)[0]} {mask_id(link.source_id)}"

    @admin.display(description=_("Target"))
    def target(self, link: RecordLink) -> str:
        """The target record."""
        return f"{sides(link)[1]} {mask_id(link.target_id) or html.EMPTY}"

    @admin.display(description=_("State"))
    def state_badge(self, link: RecordLink) -> html.Badge:
        """In words."""
        return html.badge("link", link.state)

    @admin.display(description=_("Consent"))
    def consent_said(self, link: RecordLink) -> str:
        """Where the person stands."""
        return consent(link) or html.EMPTY

    @admin.display(description=_("Tenant"))
    def tenant(self, link: RecordLink) -> html.Html:
        """Whose, in a word."""
        return html.door(link.integration, link.integration.tenant.name)

    @admin.display(description=_("Integration"))
    def integration_name(self, link: RecordLink) -> html.Html:
        """Whose."""
        return html.door(link.integration)

    @admin.display(description=_("Changed"))
    def updated(self, link: RecordLink) -> html.Html:
        """Last change."""
        return html.when(link.updated_at)

    @admin.display(description=_("Last written"))
    def written_text(self, link: RecordLink) -> html.Html:
        """Values as we last wrote them."""
        return (
            html.facts([(mask_key(key), html.value(value)) for key, value in link.written.items()])
            if link.written
            else "–"
        )

    @admin.display(description=_("Memory of the flow"))
    def notes_text(self, link: RecordLink) -> html.Html:
        """Consent and the like."""
        return (
            html.facts([(mask_key(key), html.value(value)) for key, value in link.notes.items()]) if link.notes else "–"
        )

    @admin.display(description=_("Source version"))
    def version(self, link: RecordLink) -> html.Html:
        """The vendor's time of the version we wrote."""
        return html.when(link.source_version)

    @admin.display(description=_("Marker"))
    def announced(self, link: RecordLink) -> str:
        """What a create-only call is looked up by before a second try."""
        return mask_id(link.marker) or html.EMPTY

    @admin.display(description=_("Log"))
    def log(self, link: RecordLink) -> html.Html:
        """The newest rows about this pair."""
        rows = SyncLog.objects.filter(integration=link.integration, source_id=link.source_id, flow__in=flows_of(link))
        cells = [
            (
                html.when(row.created_at),
                html.badge("outcome", row.outcome),
                html.door(row, words(row.action) if row.action else gettext("open")),
                html.reason_line(row.reason, link.integration.recipe),
            )
            for row in recent(rows)
        ]
        return html.table(
            (gettext("When"), gettext("Outcome"), gettext("What"), gettext("Reason")),
            cells,
            gettext("Nothing, or older than the log is kept."),
        )

    @admin.action(description=_("Resync: read again and bring up to date"), permissions=["operate"])
    def resync(self, request: HttpRequest, queryset: QuerySet[RecordLink]) -> HttpResponse | None:
        """Queue the links' source records in the flow that writes their target."""

        def records(links: Sequence[RecordLink]) -> list[tuple[Integration, str, str]]:
            integrations = Integration.objects.in_bulk({link.integration_id for link in links})
            for link in links:
                link.integration = integrations[link.integration_id]
            return [(link.integration, flows_of(link)[0], link.source_id) for link in links if flows_of(link)]

        return bulk(self, request, queryset, "resync", resync_of(records))
