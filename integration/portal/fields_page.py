"""Fields: which field of one system becomes which field of the other, edited as rows and tried on a real record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from config.pages import PageContext
from integration.engine.flow.mapping_row import MappingRow, as_data
from integration.engine.insight import preview
from integration.engine.mapping.fields import Catalogue
from integration.engine.setup import provisioning, schema_drift
from integration.errors import IntegrationError
from integration.forms.mapping_form import FlowRowsFormSet, RowForm, catalogues_of, rows_of
from integration.models import ChangeKind, FieldMapping, Integration, Outcome, SchemaChange, State, SyncLog
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.models import Role, Tenant

COUNTED = 5000  # log rows of today that "used … times today" looks at


@login_required
@require_http_methods(["GET", "POST"])
def fields(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Show the rows of each flow; POST saves them, or (`do` = add:flow, refresh) helps with the form."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    if integration.state == State.UNINSTALLED:
        return page(request, tenant, "fields", {}, integration)
    do = request.POST.get("do", "")
    try:
        known = catalogues_of(integration, get_recipe(integration.recipe), fresh=do == "refresh")
    except IntegrationError as exc:
        return _unread(request, tenant, integration, exc)
    if do == "noted":
        schema_drift.take_note(integration)
        return redirect(request.path)
    if do == "refresh":
        if integration.state != State.DRAFT:
            schema_drift.look(integration, get_recipe)
        messages.success(request, gettext("The field list was refreshed."))
        return redirect(request.path)
    if do.startswith("add:"):
        return _with_empty_row(request, tenant, integration, known, do.removeprefix("add:"))
    data = request.POST if request.method == "POST" else None
    formsets = _formsets(integration, known, data)
    if data is None:
        return _page(request, tenant, integration, formsets)
    if not all([formset.is_valid() for formset in formsets]):
        return _page(request, tenant, integration, formsets, status=422)
    _save(request, integration, formsets)
    return redirect(request.path)


def _unread(request: HttpRequest, tenant: Tenant, integration: Integration, exc: IntegrationError) -> HttpResponse:
    """The page while a vendor does not tell its fields: the stored rows, and why there is no more."""
    reason = get_recipe(integration.recipe).reason_text(exc.reason)
    context = {"problem": exc.public, "reason": reason, "rows": _stored(integration)}
    return page(request, tenant, "fields", context, integration, status=503 if request.method == "POST" else 200)


def _with_empty_row(
    request: HttpRequest, tenant: Tenant, integration: Integration, known: Mapping[str, Catalogue], flow: str
) -> HttpResponse:
    """The page as it is filled in, with one more empty row. Saves nothing."""
    formsets = _formsets(integration, known, _with_one_more(request.POST, flow))
    return _page(request, tenant, integration, formsets, adding=True)


def _formsets(
    integration: Integration, known: Mapping[str, Catalogue], data: QueryDict | None
) -> list[FlowRowsFormSet]:
    recipe = get_recipe(integration.recipe)
    return [rows_of(integration, recipe, flow, fields, data) for flow, fields in known.items()]


def _page(
    request: HttpRequest,
    tenant: Tenant,
    integration: Integration,
    formsets: list[FlowRowsFormSet],
    *,
    adding: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {"flows": _shown(integration, formsets), "adding": adding, "changes": _changes(integration)}
    return page(request, tenant, "fields", context, integration, status=status)


@dataclass(frozen=True)
class Changes:
    """What changed at the vendors: what needs somebody, what is only worth knowing, and new fields by vendor."""

    broken: list[SchemaChange]
    noted: list[SchemaChange]
    new: dict[str, list[SchemaChange]]


def _changes(integration: Integration) -> Changes:
    found = Changes([], [], {})
    for row in SchemaChange.objects.filter(integration=integration).order_by("since", "id"):
        if row.is_broken:
            found.broken.append(row)
        elif row.kind == ChangeKind.NEW:
            vendor = getattr(integration, row.side).connector.label
            found.new.setdefault(vendor, []).append(row)
        else:
            found.noted.append(row)
    return found


@login_required
@require_POST
def sample(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Put a real record (`record`, or one that is linked) through the rows as they are filled in now. Sends nothing."""
    _, integration = enter_integration(request, tenant_id, integration_id)
    recipe, flow = get_recipe(integration.recipe), request.POST.get("flow", "")
    if flow not in recipe.mapped_flows or integration.state == State.UNINSTALLED:
        raise Http404
    text = request.POST.get(f"{flow}-record", "").strip()[:200]
    context: PageContext = {"flow": flow, "text": text}
    try:
        rows = _rows_as_filled_in(integration, flow, request.POST)
        found = preview.sample(integration, recipe, flow, rows, text)
    except IntegrationError as exc:
        context |= {"problem": exc.public, "reason": recipe.reason_text(exc.reason)}
        return render(request, "portal/sample.html", context)
    if found is not None:
        context |= {"sample": found, "reason": recipe.reason_text(found.preview.reason), "rows": found.rows.items()}
    return render(request, "portal/sample.html", context)


def _rows_as_filled_in(integration: Integration, flow: str, data: QueryDict) -> dict[str, MappingRow]:
    """The rows of the form by their prefix, without wrong ones; the stored ones of somebody who only looks."""
    recipe = get_recipe(integration.recipe)
    known = catalogues_of(integration, recipe)[flow]
    formset = rows_of(integration, recipe, flow, known, data if f"{flow}-TOTAL_FORMS" in data else None)
    if not formset.is_bound:
        return {str(form.prefix): as_data(form.instance) for form in formset.forms}
    return {
        str(form.prefix): form.row() for form in formset.forms if form.is_valid() and form.cleaned_data.get("target")
    }


def _with_one_more(data: QueryDict, flow: str) -> QueryDict:
    """What was typed, and one more empty row for this flow."""
    more = data.copy()
    total = data.get(f"{flow}-TOTAL_FORMS", "")
    if total.isascii() and total.isdigit() and len(total) < 4:
        more[f"{flow}-TOTAL_FORMS"] = str(int(total) + 1)
        more[f"{flow}-{total}-transform"], more[f"{flow}-{total}-direction"] = "text", "forward"
    return more


def _save(request: HttpRequest, integration: Integration, formsets: list[FlowRowsFormSet]) -> None:
    """Store all rows or none, then make the vendors ready for them."""
    try:
        with transaction.atomic():
            for formset in formsets:
                formset.save()
    except IntegrityError:  # the same new row was saved a moment ago, from another tab or by somebody else
        messages.error(request, gettext("These rows were saved elsewhere a moment ago. Check them and save again."))
        return
    said = "; ".join(line for formset in formsets for line in formset.said())
    audit.record(f"Field mappings saved. {said or 'Nothing changed.'}", integration)
    if integration.state == State.DRAFT:
        messages.success(request, gettext("Saved. The rows are used once the settings are saved."))
        return
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=integration.pk)
    failed = [result for result in provisioning.provision(row, get_recipe) if not result.ok]
    for result in failed:
        why = get_recipe(integration.recipe).reason_text(result.reason)
        messages.error(request, f"{result.label}: {result.detail} {why.fix if why else ''}".strip())
    if not failed:
        messages.success(
            request,
            gettext(
                "Saved. Each record follows with its next change; to bring all of them up to date now, use Fetch All."
            ),
        )


@dataclass
class FlowRows:
    """The rows of one flow, each with how often it was written today."""

    key: str
    label: str
    formset: FlowRowsFormSet
    rows: list[tuple[RowForm, int]]
    capped: bool
    source: str
    target: str


def _shown(integration: Integration, formsets: list[FlowRowsFormSet]) -> Iterator[FlowRows]:
    """Each flow with its rows and how often each was written today."""
    labels = get_recipe(integration.recipe).mapped_flows
    for formset in formsets:
        used, capped = _used_today(integration, formset.flow)
        rows = [(form, used.get(form.instance.target, 0)) for form in formset.forms]
        yield FlowRows(
            formset.flow, labels[formset.flow], formset, rows, capped,
            formset.catalogue.source, formset.catalogue.target,
        )  # fmt: skip


def _used_today(integration: Integration, flow: str) -> tuple[dict[str, int], bool]:
    """Target field → how often it was written since midnight in the tenant's zone, and whether counting stopped."""
    midnight = timezone.localtime(timezone=integration.tenant.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = SyncLog.objects.filter(integration=integration, created_at__gte=midnight)
    found = list(
        rows.filter(flow=flow, outcome=Outcome.SYNCED).order_by("-id").values_list("changes", flat=True)[:COUNTED]
    )
    used: dict[str, int] = {}
    for changes in found:
        for target in changes:
            used[target] = used.get(target, 0) + 1
    return used, len(found) == COUNTED


def _stored(integration: Integration) -> list[FieldMapping]:
    """The rows as they are kept, for when the vendors cannot be asked."""
    return list(FieldMapping.objects.filter(integration=integration))
