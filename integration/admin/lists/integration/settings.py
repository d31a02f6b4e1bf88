"""The settings page of an integration: the recipe's form, its warnings, and what saving did at the vendors."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext

from integration.admin.core import html
from integration.admin.core.base import Admin
from integration.admin.core.masking import mask, mask_id
from integration.admin.core.unfold_compat import styled
from integration.admin.status import badge, statuses_of, steps
from integration.engine.flow.recipe import Recipe
from integration.engine.setup import provisioning
from integration.engine.setup import settings as stored_settings
from integration.forms import settings_form
from integration.models import Integration, State
from integration.recipes.registry import get_recipe
from tenants import audit


def view(admin: Admin, request: HttpRequest, row: Integration) -> HttpResponse:
    """Show the form; on POST check, save and provision."""
    if row.state == State.UNINSTALLED:
        admin.message_user(request, gettext("It is uninstalled. Add a new integration instead."), messages.WARNING)
        return HttpResponseRedirect(html.url_of(row))
    may_save = admin.has_operate_permission(request)
    if request.method == "POST" and not may_save:
        raise PermissionDenied
    recipe = get_recipe(row.recipe)
    form = _form(request, row, recipe)
    if not may_save:
        _mask(form)
    if form.is_valid():
        return _save(request, row, recipe, form)
    context = {
        **admin.admin_site.each_context(request),
        "title": gettext("Settings of {tenant}, {recipe}").format(tenant=row.tenant, recipe=recipe.label),
        "form": form,
        "sections": list(settings_form.sections(form)),
        "opts": admin.opts,
        "original": row,
        "may_save": may_save,
        "back": html.url_of(row),
        "status": badge(row, statuses_of([row])[row.pk]),
        "steps": steps(provisioning.last_steps(row), row.recipe),
        "vendors": gettext("{left} and {right}").format(left=row.left.connector.label, right=row.right.connector.label),
    }
    return TemplateResponse(request, "lockstep/settings.html", context)


def _form(request: HttpRequest, row: Integration, recipe: Recipe) -> forms.Form:
    form, problem = stored_settings.bound_form(
        _whole(row.pk), recipe, request.POST if request.method == "POST" else None
    )
    if problem:
        messages.warning(request, problem)
    if request.method == "POST" and not form.is_bound:
        messages.error(request, stored_settings.NOTHING_CAME)
    return styled(form)


def _mask(form: forms.Form) -> None:
    """Values as this person may see them. The form is only looked at: what is masked is never saved."""
    for name, field in form.fields.items():
        if isinstance(field, forms.ChoiceField):
            offered = field.choices
            assert isinstance(offered, Iterable)
            field.choices = [(key, label if mask_id(str(key)) == str(key) else mask(str(key)))
                             for key, label in offered]  # fmt: skip
        else:
            form.initial[name] = mask(form.initial.get(name))


def _save(request: HttpRequest, row: Integration, recipe: Recipe, form: forms.Form) -> HttpResponse:
    for warning in recipe.warnings(form.cleaned_data):
        messages.warning(request, warning)
    changed = stored_settings.save(row, form)
    audit.record(f"Settings saved. {'; '.join(changed) or 'Nothing changed.'}", row)
    apply(request, row.pk)
    return HttpResponseRedirect(request.path)


def apply(request: HttpRequest, pk: UUID) -> None:
    """Make the vendors what the settings and mappings say, and report each step."""
    row = _whole(pk)
    results = provisioning.provision(row, get_recipe)
    failed = [result for result in results if not result.ok]
    if failed:
        text = gettext("Saved, but {} of {} steps did not work. {}")
        said = steps(failed, row.recipe)
        messages.error(request, format_html(text, len(failed), len(results), said))
    else:
        text = gettext("Saved. All {count} steps are done. Present state: {state}.")
        messages.success(request, text.format(count=len(results), state=row.get_state_display()))


def _whole(pk: UUID) -> Integration:
    return Integration.objects.select_related("left", "right", "tenant").get(pk=pk)
