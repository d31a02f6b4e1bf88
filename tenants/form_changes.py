"""What a form of the console changed, as the audit keeps it: field → value before and after. Secrets are only named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django import forms
from django.db.models import Model, QuerySet

from config.json_value import JSONValue
from tenants.audit import Change

if TYPE_CHECKING:
    FormSet = forms.BaseModelFormSet[Model, forms.ModelForm[Model]]
else:
    FormSet = forms.BaseModelFormSet

HIDDEN = re.compile(r"pass(word|phrase)|secret|token|credential|api_?key|seed|recovery", re.IGNORECASE)
CHANGED = "•••"


class FormChanges(str):
    """The sentence of an audit line, with what was changed. A text, since Django hands it on as one."""

    changes: dict[str, Change]

    @classmethod
    def of(cls, form: forms.BaseForm, formsets: Iterable[FormSet], *, add: bool) -> FormChanges:
        """Read a bound, valid form and its tables."""
        changes = dict(_changes(form, "", add=add))
        for formset in formsets:
            changes |= _of_table(formset)
        names = ", ".join(changes)
        said = cls("Added" if add else f"Changed {names}" if names else "Saved without a change")
        said.changes = changes
        return said


def _of_table(formset: FormSet) -> dict[str, Change]:
    found: dict[str, Change] = {}
    for row in formset.deleted_objects:
        found[f"{row._meta.verbose_name} {row.pk}"] = (str(row), None)
    new = {row.pk for row in formset.new_objects}
    for form in formset.forms:
        if form.has_changed() and form.instance.pk and form not in formset.deleted_forms:
            prefix = f"{form.instance._meta.verbose_name} {form.instance.pk}: "
            found.update(_changes(form, prefix, add=form.instance.pk in new))
    return found


def _changes(form: forms.BaseForm, prefix: str, *, add: bool) -> Iterable[tuple[str, Change]]:
    for name in form.changed_data:
        if HIDDEN.search(name) or isinstance(form.fields[name].widget, forms.PasswordInput):
            yield prefix + name, (None if add else CHANGED, CHANGED)
            continue
        before = None if add else plain(form.get_initial_for_field(form.fields[name], name))
        after = plain(form.cleaned_data.get(name))
        if before != after:
            yield prefix + name, (before, after)


def plain(value: object) -> JSONValue:
    """A form's value as JSON: rows by their names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | QuerySet):
        return ", ".join(sorted(str(part) for part in value))
    return str(value)
