"""Why not? Both systems asked now, for one record in one integration: a fragment of the person page."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from config.json_value import JSONObject
from integration.admin.core import fixes, html
from integration.admin.core.masking import mask, mask_id, mask_key, mask_words
from integration.admin.core.search import uuid_or_nil
from integration.engine.insight import explain_record
from integration.engine.insight.look_now import Look
from integration.engine.mapping.labels import Labels, labels_of, read_as
from integration.models import Integration, RecordLink, State, SyncLog
from integration.recipes.registry import get_recipe

AUTOMATIC, OFFERED = 2, 12


class Question(TypedDict):
    """An integration that can be asked; `now`: without a press of its button."""

    label: str
    now: bool
    address: str


def questions(query: str, links: list[RecordLink], logs: list[SyncLog]) -> list[Question]:
    """The integrations to ask: those that know the record, the first of them at once; else any that is active."""
    known: dict[UUID, Integration] = {row.integration_id: row.integration for row in links}
    known |= {row.integration_id: row.integration for row in logs}
    live = [row for row in known.values() if row.state != State.UNINSTALLED]
    rows = live or list(
        Integration.objects.select_related("tenant").filter(state=State.ACTIVE).order_by("tenant__name")[:OFFERED]
    )
    address = reverse("console-why")
    return [
        {"label": f"{row.tenant}, {get_recipe(row.recipe).label}", "now": bool(live) and number < AUTOMATIC,
         "address": f"{address}?{urlencode({'integration': str(row.pk), 'q': query})}"}
        for number, row in enumerate(rows[:OFFERED])
    ]  # fmt: skip


def ask(request: HttpRequest) -> HttpResponse:
    """Ask both systems now (`integration`, `q`). Reads only."""
    if not request.user.has_perm("integration.view_synclog"):
        raise PermissionDenied
    rows = Integration.objects.select_related("left", "right", "tenant")
    integration = get_object_or_404(rows, pk=uuid_or_nil(request.GET.get("integration", "")))
    query = request.GET.get("q", "").strip()[:200]
    recipe, labels = get_recipe(integration.recipe), labels_of([integration])
    ids = () if "@" in query else _ids(integration, query, recipe.main_flow.link_type)
    others = "@" not in query and not ids and _is_of_another_kind(integration, query)
    verdicts = [] if others else explain_record.verdicts(integration, recipe, "" if ids else query, ids)
    context = {
        "label": f"{integration.tenant}, {recipe.label}", "address": html.url_of(integration),
        "left": integration.left.connector.label, "right": integration.right.connector.label,
        "others": others,
        "verdicts": [
            {"row": verdict, "detail": mask_words(verdict.detail),
             "problems": [mask_words(problem) for problem in verdict.problems],
             "left_id": mask_id(verdict.external_id),
             "right_id": mask_id(verdict.link.target_id) if verdict.link else "",
             "source": _values(verdict.source, labels), "target": _values(verdict.target, labels),
             "fixes": fixes.doors(verdict.rule, integration), "name": mask(verdict.name),
             "job": html.door(verdict.job, gettext("Job")) if verdict.job else "",
             "look": _masked(verdict.look),
             "consent": recipe.consent_of(verdict.link.notes) if verdict.link else ""}
            for verdict in verdicts
        ],
    }  # fmt: skip
    return render(request, "lockstep/why.html", context)


def _masked(look: Look | None) -> Look | None:
    """What was found, with values as this person may see them."""
    if look is None:
        return None
    differences = (
        replace(one, label=mask_key(one.label), ours=mask(one.ours), theirs=mask(one.theirs))
        for one in look.differences
    )
    return replace(look, differences=tuple(differences))


def _ids(integration: Integration, query: str, kind: str) -> tuple[str, ...]:
    """The source ids of an id that may be either side's; links of this kind only."""
    links = RecordLink.objects.filter(integration=integration, link_type=kind)
    found = links.filter(target_id=query).exclude(source_id=query).values_list("source_id", flat=True)
    return (query, *found[:3]) if links.filter(source_id=query).exists() else tuple(found[:3])


def _is_of_another_kind(integration: Integration, query: str) -> bool:
    """Whether we know this id only as a deal's or the like: a person with the same id is somebody else."""
    return RecordLink.objects.filter(Q(source_id=query) | Q(target_id=query), integration=integration).exists()


def _values(values: JSONObject | None, labels: Labels) -> html.Html:
    if not values:
        return ""
    return html.facts(
        [(mask_key(name), html.value(value)) for name, value in (read_as(*pair, labels) for pair in values.items())]
    )
