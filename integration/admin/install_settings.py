"""The settings page of an integration: the recipe's form, its warnings, and what saving did at the vendors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html

from integration.admin import show
from integration.admin.actions import note
from integration.admin.kit import styled
from integration.admin.standing import standing, steps
from integration.engine import provisioning
from integration.engine.context import Context
from integration.engine.recipe import Recipe
from integration.errors import IntegrationError
from integration.models import Integration, State, VendorCall
from integration.recipes.registry import get_recipe


def view(admin: Any, request: HttpRequest, row: Integration) -> HttpResponse:
    """Show the form; on POST check, save and provision."""
    if row.state == State.UNINSTALLED:
        admin.message_user(request, "It is uninstalled. Add a new integration instead.", messages.WARNING)
        return HttpResponseRedirect(show.url_of(row))
    may_save = admin.has_operate_permission(request)
    if request.method == "POST" and not may_save:
        raise PermissionDenied
    recipe = get_recipe(row.recipe)
    form = _form(request, row, recipe)
    if request.method == "POST" and form.is_valid():
        return _save(request, row, recipe, form)
    context = {
        **admin.admin_site.each_context(request), "title": f"Settings of {row.tenant}, {recipe.label}",
        "form": form, "sections": list(_sections(form)), "opts": admin.opts, "original": row, "may_save": may_save,
        "back": show.url_of(row), "standing": standing(row), "steps": steps(row.provisioning),
        "vendors": f"{row.left.connector.label} and {row.right.connector.label}",
    }  # fmt: skip
    return TemplateResponse(request, "lockstep/settings.html", context)


def _form(request: HttpRequest, row: Integration, recipe: Recipe) -> forms.Form:
    form_class: Callable[..., forms.Form] = recipe.settings_form
    data = request.POST if request.method == "POST" else None
    initial = {**recipe.default_settings, **row.settings}
    if "custom_fields" in recipe.settings_form.base_fields:
        return styled(form_class(data, initial=initial, field_choices=_field_choices(request, row, recipe)))
    return styled(form_class(data, initial=initial))


def _field_choices(request: HttpRequest, row: Integration, recipe: Recipe) -> list[tuple[str, str]]:
    """The account's own person fields by label, but ours; without them when the vendor does not answer."""
    ctx = None
    try:
        ctx = Context(_whole(row.pk), recipe)
        fields = ctx.fields("left", "person")
    except IntegrationError:
        text = f"The fields of {row.left.connector.label} could not be read; chosen ones stay chosen."
        messages.warning(request, text)
        return []
    finally:
        VendorCall.objects.bulk_create(ctx.calls if ctx else [])
    ours = set(row.resources.values())
    chosen = [spec for spec in fields.values() if spec.custom and spec.key not in ours]
    return sorted(((spec.key, spec.label) for spec in chosen), key=lambda pair: pair[1].lower())


def _sections(form: Any) -> Iterator[tuple[str, list[tuple[Any, str]]]]:
    """(title, [(field, what it depends on as JSON)]); fields without a section come last."""
    depends = getattr(form, "depends", {})
    sections = getattr(form, "sections", ())
    placed = {name for _, names in sections for name in names}
    rest = tuple(name for name in form.fields if name not in placed)
    for title, names in (*sections, *((("Settings", rest),) if rest else ())):
        rows = [(form[name], json.dumps(depends[name]) if name in depends else "") for name in names]
        yield title, rows


def _save(request: HttpRequest, row: Integration, recipe: Recipe, form: forms.Form) -> HttpResponse:
    for warning in recipe.warnings(form.cleaned_data):
        messages.warning(request, warning)
    Integration.objects.filter(pk=row.pk).update(settings={**row.settings, **form.cleaned_data})
    changed = [str(form.fields[name].label) for name in form.changed_data]
    note(request, Integration, f"Settings saved, changed: {', '.join(changed) or 'nothing'}", row)
    apply(request, row.pk)
    return HttpResponseRedirect(request.path)


def apply(request: HttpRequest, pk: Any) -> None:
    """Make the vendors what the settings and mappings say, and report each step."""
    row = _whole(pk)
    results = provisioning.provision(row, get_recipe)
    failed = [result for result in results if not result.ok]
    if failed:
        text = "Saved, but {} of {} steps did not work. {}"
        said = steps([asdict(result) for result in failed])
        messages.error(request, format_html(text, len(failed), len(results), said))
    else:
        messages.success(request, f"Saved. All {len(results)} steps are done; the integration is {row.state}.")


def _whole(pk: Any) -> Integration:
    return Integration.objects.select_related("left", "right", "tenant").get(pk=pk)
