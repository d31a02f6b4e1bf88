"""A recipe's settings form as a page needs it: sections with what depends on what, and pickers fed by the accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django import forms

from integration.engine.clients.session import Context
from integration.engine.flow.recipe import Recipe
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall

Offered = Mapping[str, Sequence[tuple[str, str]]]
NOTHING_CAME = (
    "None of the settings arrived, so nothing was changed. They are shown as they are stored: save once more."
)


class SettingsForm(forms.Form):
    """The base of recipes' forms. `asks` names for each picker the recipe's choices it offers.

    What was chosen and is no longer offered stays chosen, marked as such.
    """

    asks: Mapping[str, str] = {}

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether there can be a setting of this name; forms whose fields depend on the account say more."""
        return name in cls.base_fields

    def __init__(self, *args: Any, offered: Offered | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered: Offered = offered or {}
        for name, kind in self.asks.items():
            self.offer(name, self.offered.get(kind, ()))

    def offer(self, name: str, known: Sequence[tuple[str, str]]) -> None:
        """Let a picker offer these, and what is chosen although it is not among them."""
        picker = self.fields[name]
        assert isinstance(picker, forms.ChoiceField)
        chosen = self.initial.get(name) or []
        lost = [key for key in (chosen if isinstance(chosen, list) else [chosen]) if str(key) not in dict(known)]
        empty = [] if isinstance(picker, forms.MultipleChoiceField) or picker.required else [("", "None")]
        picker.choices = [*empty, *known, *((key, f"{key} (no longer there)") for key in lost)]


def bound_form(integration: Integration, recipe: Recipe, data: Any = None) -> tuple[forms.Form, str]:
    """Return the form, and a sentence if something could not be read (what is chosen stays chosen).

    Data with none of the form's fields, as a call cut short sends it, would switch all off: the form is then not bound.
    """
    offered, problem = _offered(integration, recipe)
    form = _made(integration, recipe, data, offered)
    if form.is_bound and not form.fields.keys() & data.keys():
        form = _made(integration, recipe, None, offered)
    return form, problem


def imagined(integration: Integration, recipe: Recipe, data: Any) -> dict[str, Any]:
    """The settings a form as it is filled in now would give; wrong values are left out. Asks no vendor."""
    sent = {(value, value) for key in data for value in data.getlist(key)}
    form = _made(integration, recipe, data, dict.fromkeys(recipe.choices, sorted(sent)))
    form.is_valid()
    return {**recipe.default_settings, **form.cleaned_data}


def _made(integration: Integration, recipe: Recipe, data: Any, offered: Offered) -> forms.Form:
    form_class: Callable[..., forms.Form] = recipe.settings_form
    more = {"offered": offered} if recipe.choices else {}
    return form_class(data, initial={**recipe.default_settings, **integration.settings}, **more)


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


def _offered(integration: Integration, recipe: Recipe) -> tuple[Offered, str]:
    """What the accounts offer for the recipe's pickers; nothing where a vendor does not answer."""
    found: dict[str, Sequence[tuple[str, str]]] = {}
    silent: dict[str, None] = {}
    if not recipe.choices:
        return found, ""
    ctx = Context(integration, recipe)
    for name, choices in recipe.choices.items():
        try:
            found[name] = choices.fetch(ctx)
        except IntegrationError:
            silent[ctx.connection(choices.side).connector.label] = None
    VendorCall.objects.bulk_create(ctx.calls)
    problem = f"The fields of {' and '.join(silent)} could not be read; chosen ones stay chosen." if silent else ""
    return found, problem


def own_fields(ctx: Context, side: str, object_type: str) -> list[tuple[str, str]]:
    """The account's own fields of one object by label, but those we made."""
    ours = set(map(str, ctx.resources.values()))
    offered = [spec for spec in ctx.fields(side, object_type).values() if spec.custom and spec.key not in ours]
    return sorted(((spec.key, spec.label) for spec in offered), key=lambda pair: pair[1].lower())
