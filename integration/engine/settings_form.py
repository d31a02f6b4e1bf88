"""A recipe's settings form as a page needs it: sections with what depends on what, and the account's own fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django import forms

from integration.engine.context import Context
from integration.engine.recipe import Recipe
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall


def bound_form(integration: Integration, recipe: Recipe, data: Any = None) -> tuple[forms.Form, str]:
    """Return the form, and a sentence if the account's fields could not be read (chosen ones stay chosen)."""
    form_class: Callable[..., forms.Form] = recipe.settings_form
    initial = {**recipe.default_settings, **integration.settings}
    if "custom_fields" not in recipe.settings_form.base_fields:
        return form_class(data, initial=initial), ""
    choices, problem = _field_choices(integration, recipe)
    return form_class(data, initial=initial, field_choices=choices), problem


def imagined(integration: Integration, recipe: Recipe, data: Any) -> dict[str, Any]:
    """The settings a form as it is filled in now would give; wrong values are left out. Asks no vendor."""
    form_class: Callable[..., forms.Form] = recipe.settings_form
    chosen = [(key, key) for key in data.getlist("custom_fields")]
    more = {"field_choices": chosen} if "custom_fields" in recipe.settings_form.base_fields else {}
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


def _field_choices(integration: Integration, recipe: Recipe) -> tuple[list[tuple[str, str]], str]:
    """The account's own person fields by label, but ours; none when the vendor does not answer."""
    ctx = None
    try:
        ctx = Context(integration, recipe)
        fields = ctx.fields("left", "person")
    except IntegrationError:
        label = integration.left.connector.label
        return [], f"The fields of {label} could not be read; chosen ones stay chosen."
    finally:
        VendorCall.objects.bulk_create(ctx.calls if ctx else [])
    ours = set(integration.resources.values())
    offered = [spec for spec in fields.values() if spec.custom and spec.key not in ours]
    return sorted(((spec.key, spec.label) for spec in offered), key=lambda pair: pair[1].lower()), ""
