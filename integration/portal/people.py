"""Personal data: what the hub holds on one address, as a download, and its erasure with a report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config.json_value import JSONObject, JSONValue
from config.pages import PageContext
from integration.connectors.registry import get_connector
from integration.engine.flow.recipe import Recipe
from integration.engine.insight import explain_record
from integration.engine.insight.explain_record import Verdict
from integration.engine.mapping.labels import Labels, labels_of, named, read_as
from integration.engine.privacy import personal_data
from integration.engine.safety import consent_ledger, erased
from integration.models import Integration, State
from integration.portal.pages import enter, integrations_of, page
from integration.recipes.registry import get_recipe, reason_text
from tenants import audit
from tenants.access import person
from tenants.models import Role, Tenant

HISTORY = 30  # log entries shown
LONGEST_REASON = 300  # characters


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """GET shows the search box. POST with `email` shows what is held; the address never stands in a URL.

    `do` = export downloads it (editors), `do` = erase erases it (owners) and shows the report, `do` = lift lets an
    erased address come back (owners, with a `reason`).
    """
    do = request.POST.get("do", "look")
    at_least = {"erase": Role.OWNER, "lift": Role.OWNER, "export": Role.EDITOR}.get(do, Role.VIEWER)
    tenant = enter(request, tenant_id, at_least)
    email = request.POST.get("email", "").strip()
    if request.method == "GET":
        return page(request, tenant, "people", {"erased_addresses": erased.latest(tenant)})
    try:
        validate_email(email)
    except ValidationError:
        context = {"email": email, "error": gettext("Enter a whole email address, for example ada@example.com.")}
        return page(request, tenant, "people", context, status=422)
    if do == "export":
        return _export(request, tenant, email)
    if do == "erase":
        return _erase(request, tenant, email)
    if do == "lift":
        return _lift(request, tenant, email)
    return page(request, tenant, "people", {"email": email, **_held(tenant, email)})


def _held(tenant: Tenant, email: str) -> PageContext:
    held = personal_data.find(tenant, email, get_recipe)
    ledger = list(consent_ledger.of_person(tenant, email, held.links)[:HISTORY])
    counts = (
        (gettext("Links between the two apps"), len(held.links)),
        (gettext("Log entries"), held.log.count()),
        (gettext("Events"), held.events.count()),
        (gettext("Jobs"), held.jobs.count()),
        (gettext("Entries of the address index"), held.addresses.count()),
        (gettext("Entries of the consent ledger"), len(ledger)),
    )
    labels = labels_of(integrations_of(tenant))
    history = [
        (row, reason_text(row.reason, row.integration.recipe), named(row.changes, labels))
        for row in held.log.select_related("integration").order_by("-id")[:HISTORY]
    ]
    said = [(row, get_connector(row.vendor).label) for row in ledger]
    return {
        "refused": erased.entry(tenant, email), "found": bool(held), "counts": counts,
        "standings": _standings(tenant, email, held), "history": history, "ledger": said,
    }  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """Where a person is in one integration: each verdict with the values of both sides and the state of consent."""

    integration: Integration
    recipe: Recipe
    verdicts: list[tuple[Verdict, list[tuple[str, JSONValue]], list[tuple[str, JSONValue]], str]]


def _standings(tenant: Tenant, email: str, held: personal_data.Holding) -> list[Standing]:
    """Per integration: where the person is on both sides now, and why not."""
    found = []
    for integration in integrations_of(tenant).exclude(state=State.UNINSTALLED):
        recipe = get_recipe(integration.recipe)
        kind = recipe.main_flow.link_type
        links = [link for link in held.links if link.integration_id == integration.pk and link.link_type == kind]
        ids = tuple(link.source_id for link in links)
        fields = labels_of([integration])
        verdicts = [
            (verdict, _labelled(verdict.source, fields), _labelled(verdict.target, fields),
             recipe.consent_of(verdict.link.notes) if verdict.link else "")
            for verdict in explain_record.verdicts(integration, recipe, email, ids)
        ]  # fmt: skip
        found.append(Standing(integration, recipe, verdicts))
    return found


def _labelled(values: JSONObject | None, labels: Labels) -> list[tuple[str, JSONValue]]:
    """Values with the names and option labels people know them by."""
    return [read_as(path, value, labels) for path, value in values.items()] if values else []


def _export(request: HttpRequest, tenant: Tenant, email: str) -> HttpResponse:
    content = json.dumps(personal_data.export(tenant, email, get_recipe), indent=2, ensure_ascii=False)
    audit.record("Exported the personal data of one address", tenant)
    answer = HttpResponse(content, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    return answer


def _erase(request: HttpRequest, tenant: Tenant, email: str) -> HttpResponse:
    if request.POST.get("sure") != "yes":
        context = {
            "email": email,
            "error": gettext("Tick the box first: an erasure cannot be undone."),
            **_held(tenant, email),
        }
        return page(request, tenant, "people", context, status=422)
    report = personal_data.erase(tenant, email, get_recipe, person(request))
    audit.record("Erased the personal data of one address", tenant)
    return page(request, tenant, "people", {"email": email, "report": report})


def _lift(request: HttpRequest, tenant: Tenant, email: str) -> HttpResponse:
    row, by = erased.entry(tenant, email), person(request)
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    if not reason:
        error = gettext("Say why the address may come back. The reason is kept.")
        return page(request, tenant, "people", {"email": email, "error": error, **_held(tenant, email)}, status=422)
    if row is not None and by is not None and erased.lift(row, by, reason):
        audit.record(f"Lifted the erasure {row.short}", tenant)
        messages.success(request, gettext("This address syncs again with its next change."))
    return page(request, tenant, "people", {"email": email, **_held(tenant, email)})
