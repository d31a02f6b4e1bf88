"""A recipe's settings form as a page needs it: sections with what depends on what, and the account's own fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django import forms

from integration.engine.context import Context
from integration.engine.recipe import Choices, Recipe
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall


def bound_form(integration: Integration, recipe: Recipe, data: Any = None) -> tuple[forms.Form, str]:
    """Return the form, and a sentence if an account could not be asked for options (chosen ones stay chosen)."""
    form_class: Callable[..., forms.Form] = recipe.settings_form
    initial = {**recipe.default_settings, **integration.settings}
    if recipe.choices is None:
        return form_class(data, initial=initial), ""
    choices, problem = _choices(integration, recipe)
    return form_class(data, initial=initial, choices=choices), problem


def imagined(integration: Integration, recipe: Recipe, data: Any) -> dict[str, Any]:
    """The settings a form as it is filled in now would give; wrong values are left out. Asks no vendor."""
    form_class: Callable[..., forms.Form] = recipe.settings_form
    offered = getattr(recipe.settings_form, "offered", ())  # whatever was chosen counts as offered
    chosen = {name: [(key, key) for key in data.getlist(name) if key] for name in offered}
    more = {"choices": chosen} if recipe.choices is not None else {}
    form = form_class(data, initial={**recipe.default_settings, **integration.settings}, **more)
    form.is_valid()
    return {**recipe.default_settings, **form.cleaned_data}


def sections(form: Any) -> Iterator[tuple[str, list[tuple[Any, str]]]]:
    """Yield (title, [(field, what it depends on as JSON)]); fields without a section come last."""
    depends = getattr(form, "depends", {})
    declared = getattr(form, "sections", ())
    placed = {name for _, names in declared for name in names}
    rest = tuple(name for name in form.fields if name not in placed)
    for title, names in (*declared, *((("Settings", rest),) if rest else ())):
        yield title, [(form[name], json.dumps(depends[name]) if name in depends else "") for name in names]


def save(integration: Integration, form: forms.Form) -> list[str]:
    """Store the checked settings and say what changed, one text each: label, old → new. No secret is among them."""
    values = {**integration.settings, **form.cleaned_data}
    Integration.objects.filter(pk=integration.pk).update(settings=values)
    return [
        f"{form.fields[name].label}: {_said(form, name, form.initial.get(name))} → {_said(form, name, values[name])}"
        for name in form.changed_data
    ]


def _said(form: forms.Form, name: str, value: Any) -> str:
    """A setting as the form shows it."""
    choices = {str(key): str(label) for key, label in getattr(form.fields[name], "choices", ())}
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(choices.get(str(part), str(part)) for part in value) or "none"
    return choices.get(str(value), str(value)) if value not in (None, "") else "empty"


def _choices(integration: Integration, recipe: Recipe) -> tuple[Choices, str]:
    """The options only the accounts know; none when a vendor does not answer."""
    assert recipe.choices is not None
    ctx = Context(integration, recipe)
    try:
        return recipe.choices(ctx), ""
    except IntegrationError:
        label = ctx.connection(ctx.talking_to).connector.label
        return {}, f"The fields of {label} could not be read; chosen ones stay chosen."
    finally:
        VendorCall.objects.bulk_create(ctx.calls)
