"""The settings of an integration: its recipe's form filled with what is stored, and storing what was checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from config.texts import english
from integration.engine.clients.session import OpenSession
from integration.engine.flow.recipe import Recipe
from integration.engine.flow.settings import Offered
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall

NOTHING_CAME = _(
    "None of the settings arrived, so nothing was changed. They are shown as they are stored: save once more."
)


def bound_form(integration: Integration, recipe: Recipe, data: QueryDict | None = None) -> tuple[forms.Form, str]:
    """Return the form, and a sentence if something could not be read (what is chosen stays chosen).

    Data with none of the form's fields, as a call cut short sends it, would switch all off: the form is then not bound.
    """
    offered, problem = _offered(integration, recipe)
    form = _made(integration, recipe, data, offered)
    if data is not None and not form.fields.keys() & data.keys():
        form = _made(integration, recipe, None, offered)
    return form, problem


def imagined(integration: Integration, recipe: Recipe, data: QueryDict) -> dict[str, JSONValue]:
    """The settings a form as it is filled in now would give; wrong values are left out. Asks no vendor."""
    sent = {(value, value) for key in data for value in data.getlist(key)}
    form = _made(integration, recipe, data, dict.fromkeys(recipe.choices, sorted(sent)))
    form.is_valid()
    return {**recipe.default_settings, **form.cleaned_data}


def _made(integration: Integration, recipe: Recipe, data: QueryDict | None, offered: Offered) -> forms.Form:
    form_class: Callable[..., forms.Form] = recipe.settings_form
    more = {"offered": offered} if recipe.choices else {}
    return form_class(data, initial={**recipe.default_settings, **integration.settings}, **more)


def save(integration: Integration, form: forms.Form) -> list[str]:
    """Store the checked settings and say what changed, one text each: label, old → new. No secret is among them."""
    values = {**integration.settings, **form.cleaned_data}
    Integration.objects.filter(pk=integration.pk).update(settings=values)
    with english():  # the audit log keeps it
        return [_change(form, name, values[name]) for name in form.changed_data]


def _change(form: forms.Form, name: str, value: JSONValue) -> str:
    return f"{form.fields[name].label}: {_said(form, name, form.initial.get(name))} → {_said(form, name, value)}"


def _said(form: forms.Form, name: str, value: JSONValue) -> str:
    """A setting as the form shows it."""
    choices = {str(key): str(label) for key, label in getattr(form.fields[name], "choices", ())}
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(choices.get(str(part), str(part)) for part in value) or "none"
    return choices.get(str(value), str(value)) if value not in (None, "") else "empty"


def _offered(integration: Integration, recipe: Recipe) -> tuple[Offered, str]:
    """What the accounts offer for the recipe's pickers; nothing where a vendor does not answer."""
    found: dict[str, Sequence[tuple[str, str]]] = {}
    silent: dict[str, None] = {}
    if not recipe.choices:
        return found, ""
    ctx = OpenSession(integration, recipe)
    for name, choices in recipe.choices.items():
        try:
            found[name] = choices.fetch(ctx)
        except IntegrationError:
            silent[ctx.connection(choices.side).connector.label] = None
    VendorCall.objects.bulk_create(ctx.calls)
    if not silent:
        return found, ""
    text = gettext("The fields of {apps} could not be read. Fields that are chosen stay chosen.")
    return found, text.format(apps=", ".join(silent))
