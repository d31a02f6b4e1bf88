"""Mapping rows as forms: one row, and the rules that hold for all rows of a flow. Used by portal and console."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue, json_texts
from integration.connectors.base import FieldSpec
from integration.engine.clients.session import OpenSession
from integration.engine.flow.mapping_row import MappingRow, as_data
from integration.engine.flow.recipe import Recipe
from integration.engine.mapping.fields import (
    Catalogue,
    catalogue,
    names,
    problem_of,
    resolve,
    trouble,
    warning_of,
)
from integration.engine.mapping.fitting import NEVER, TYPE_NAMES, TYPE_WORDS, fits
from integration.engine.mapping.transforms import SOURCELESS, TRANSFORM_LABELS, YES_KEYS
from integration.models import Direction, FieldMapping, Integration, VendorCall

if TYPE_CHECKING:
    RowModelForm = forms.ModelForm[FieldMapping]
    RowModelFormSet = forms.BaseModelFormSet[FieldMapping, "RowForm"]
else:
    RowModelForm, RowModelFormSet = forms.ModelForm, forms.BaseModelFormSet

# What a transform needs beside its source: option name and whether it is a list.
DETAILS = {"constant": ("value", False), "join": ("with", True), "phone": ("region", False), "yes_no": ("yes", True)}
DETAIL_HELP = _("Constant: the value. Join: further fields. Phone: country (DE). Yes / No: the words for yes.")
MOST_ROWS = 300  # of one flow
TYPES_TO_CREATE = ("text", "number", "integer", "boolean", "date")


class RowForm(RowModelForm):
    """One row. `detail` stands for the one option a transform has; other options of the row are kept.

    Both fields must be among those of the two accounts; a new target is made only where somebody says so.
    """

    catalogues: Mapping[str, Catalogue]  # flow → what its rows may name; given by the formset
    transform = forms.ChoiceField(label=_("Transform"), choices=list(TRANSFORM_LABELS.items()), initial="text")
    detail = forms.CharField(label=_("Detail"), required=False, max_length=200, help_text=DETAIL_HELP)
    create = forms.BooleanField(label=_("Create"), required=False)
    create_type = forms.ChoiceField(
        label=_("Field type"), choices=[(kind, TYPE_NAMES[kind]) for kind in TYPES_TO_CREATE], required=False
    )

    class Meta:
        model = FieldMapping
        fields: tuple[str, ...] = ("source", "transform", "detail", "target", "direction", "only_create", "default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].required = False
        if self.instance.pk:
            self.fields["detail"].initial = detail_of(self.instance)
        if self.locked:
            for field in self.fields.values():
                field.disabled = True

    @property
    def locked(self) -> bool:
        """Whether the recipe needs this row as it is."""
        return bool(self.instance.pk and self.instance.required_by_recipe)

    @property
    def known(self) -> Catalogue | None:
        """What this row may name; None where nobody could be asked."""
        return self.catalogues.get(self.cleaned_data.get("flow") or self.instance.flow)

    def clean_source(self) -> str:
        """The path behind the name."""
        text, known = str(self.cleaned_data.get("source") or ""), self.known
        if not text or text == self.instance.source or known is None:
            return text
        path = known.source_path(text)
        if path is None:
            raise forms.ValidationError(
                gettext("{source} has no field “{text}”. Pick one from the list.").format(
                    source=known.source, text=text
                )
            )
        return path

    def clean(self) -> dict[str, str | bool]:
        """A row reads something unless its transform needs no source, and writes a field that can hold it."""
        data = super().clean() or {}
        if not data.get("source") and data.get("transform") not in SOURCELESS and not self.errors:
            self.add_error("source", gettext("Choose a field. Only a constant needs none."))
        known = self.known
        if not self.locked and "target" in data and known is not None:
            self._clean_target(data, known)
        return data

    def _clean_target(self, data: dict[str, str | bool], known: Catalogue) -> None:
        """The target must exist or be created, be writable, and be able to hold what the row yields."""
        text = str(data["target"]).strip()
        key = resolve(text, known.targets)
        if key is not None:
            data["target"] = key
            self._check_target(key, known)
        elif data.get("direction") != Direction.OFF and text != self.instance.target and not data.get("create"):
            self.add_error(
                "target",
                gettext("{target} has no field “{text}”. Pick one from the list, or tick “Create”.").format(
                    target=known.target, text=text
                ),
            )
        elif text != self.instance.target:
            self._check_new_target(text, known)

    def _check_target(self, key: str, known: Catalogue) -> None:
        data = self.cleaned_data
        if key not in known.offered_targets:
            label = known.targets[key].label
            self.add_error(
                "target", gettext("{label} is written by Lockstep itself. Pick another field.").format(label=label)
            )
        elif data.get("direction") != Direction.OFF and "source" in data and not self.errors:
            self._check_pair(self.row(), known)

    def _check_pair(self, row: MappingRow, known: Catalogue) -> None:
        """What can never work is refused. A stored row whose way back is gone only says so: others may be saved."""
        found = trouble(row, known)
        if found == "type" or (found in ("no_way_back", "source_fixed") and self.has_changed()):
            self.add_error("target", problem_of(row, known))

    def _check_new_target(self, text: str, known: Catalogue) -> None:
        """A field that is to be made needs a name the vendor takes, and a type that can hold what the row yields."""
        if problem := known.name_problem(text):
            self.add_error("target", problem)
            return
        data = self.cleaned_data
        data["target"] = known.field_name(text)
        kind = data.get("create_type") or "text"
        row, source = self.row(), known.sources.get(str(data.get("source") or ""))
        if data.get("create") and "source" in data and fits(row, source, kind) == NEVER:
            self.add_error(
                "target", gettext("This never fits: the new field takes {kind}.").format(kind=TYPE_WORDS[kind])
            )

    def options(self) -> dict[str, JSONValue]:
        """The row's options: the detail where its transform looks for it, and the type of a field to be created."""
        options, known = self._options_with_detail(), self.known
        if self.cleaned_data.get("transform") == "yes_no" and {"source", "detail", "transform"} & set(
            self.changed_data
        ):
            options = self._with_ids(options)
        if self.cleaned_data.get("create") and known and self.cleaned_data.get("target") not in known.targets:
            options["target_type"] = self.cleaned_data.get("create_type") or "text"
        return options

    def _with_ids(self, options: dict[str, JSONValue]) -> dict[str, JSONValue]:
        """The words for yes with the ids of the options they name, which keep their meaning by another name."""
        spec = self.known.sources.get(str(self.cleaned_data.get("source") or "")) if self.known else None
        words = {str(word).strip().lower() for word in json_texts(options.get("yes"))}
        keys = [option.key for option in (spec.options if spec else ()) if option.label.strip().lower() in words]
        rest = {key: value for key, value in options.items() if key != YES_KEYS}
        return {**rest, YES_KEYS: keys} if keys and len(keys) == len(words) else rest

    def _options_with_detail(self) -> dict[str, JSONValue]:
        transform, detail = self.cleaned_data.get("transform", ""), str(self.cleaned_data.get("detail") or "").strip()
        kept = self.instance.options
        if not {"detail", "transform"} & set(self.changed_data):
            return dict(kept)
        options = {key: value for key, value in kept.items() if key not in dict(DETAILS.values())}
        if detail and transform in DETAILS:
            name, many = DETAILS[transform]
            options[name] = [part.strip() for part in detail.split(",") if part.strip()] if many else detail
        return options

    def row(self) -> MappingRow:
        """The row as data, as it is filled in now."""
        data = self.cleaned_data
        return MappingRow(
            source=data.get("source", ""), target=data.get("target", ""), transform=data.get("transform", "text"),
            options=self.options(), direction=data.get("direction", Direction.FORWARD),
            only_create=bool(data.get("only_create")), default=data.get("default", ""),
        )  # fmt: skip

    def save(self, commit: bool = True) -> FieldMapping:
        """Store the row with its options."""
        self.instance.options = self.options()
        return super().save(commit)


class PickerForm(RowForm):
    """One row with both fields picked by name from what the two accounts have."""

    def __init__(self, *args: Any, catalogue: Catalogue, two_way: bool, list_prefix: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalogue = catalogue
        for name, fields in (("source", catalogue.sources), ("target", catalogue.targets)):
            self.initial[name] = names(fields).get(self.initial.get(name, ""), self.initial.get(name, ""))
            self.fields[name].widget = forms.TextInput(
                attrs={"list": f"{list_prefix}-{name}s", "autocomplete": "off", "spellcheck": "false"}
            )
        offered = list(Direction.choices) if two_way else [(Direction.FORWARD, "→"), (Direction.OFF, _("off"))]
        self.fields["direction"] = forms.ChoiceField(
            label=_("Direction"), choices=offered, widget=forms.RadioSelect, initial=Direction.FORWARD
        )
        self.fields["create"].label = gettext("Create this field in {target}").format(target=catalogue.target)
        self.fields["direction"].disabled = self.locked

    @property
    def warning(self) -> str:
        """What may go wrong with single values of the stored row."""
        return warning_of(as_data(self.instance), self.catalogue) if self.instance.pk else ""

    @property
    def unannounced(self) -> bool:
        """Whether only a poll finds a change of the stored row's source alone."""
        spec = self.catalogue.sources.get(self.instance.source)
        return bool(self.instance.pk) and spec is not None and not spec.announced

    @property
    def opened(self) -> bool:
        """Whether what is folded away matters now."""
        folded = ("detail", "default", "create", "create_type")
        return any(name in self.errors for name in (*folded, "target")) if self.is_bound else False

    @property
    def row_errors(self) -> list[str]:
        """What is wrong with the row as one sees it; the rest stands beside what is folded away."""
        return [str(error) for name in ("source", "transform", "direction", "target") for error in self[name].errors]

    @property
    def detail_depends(self) -> str:
        """As JSON: the detail matters to some transforms only."""
        return json.dumps({self.add_prefix("transform"): list(DETAILS)})


class RowsFormSet(RowModelFormSet):
    """The rows of one integration: one source per target, and what the recipe needs stays."""

    integration: Integration
    recipe: Recipe
    catalogues: Mapping[str, Catalogue] = {}  # flow → what its rows may name
    unreadable = ""  # why they are not known, where they could not be read

    def add_fields(self, form: RowForm, index: int | None) -> None:
        """The recipe's own rows can be switched off, but would come back if they were deleted."""
        super().add_fields(form, index)
        form.catalogues = self.catalogues
        ours = {row.target for flow in self.recipe.flows for row in flow.mapping or ()}
        if form.instance.pk and form.instance.target in ours and "DELETE" in form.fields:
            form.fields["DELETE"].disabled = True

    def save(self, commit: bool = True) -> list[FieldMapping]:
        """Store the changes. Two rows may have swapped their targets, so the old ones step aside first."""
        moved = [form.instance.pk for form in self.initial_forms if form.has_changed() and form.instance.pk]
        with transaction.atomic():
            if commit:
                FieldMapping.objects.filter(pk__in=moved).update(direction=Direction.OFF)
            return super().save(commit)

    def said(self) -> list[str]:
        """What the saved changes are, one text per row: source → target and what became of it."""
        lines = [f"{row} added" for row in self.new_objects]
        lines += [f"{row} removed" for row in self.deleted_objects]
        by_row = {form.instance.pk: form for form in self.initial_forms}
        for row, changed in self.changed_objects:
            parts = ", ".join(_said(by_row[row.pk], name) for name in changed)
            lines.append(f"{row} ({parts})")
        return lines

    def clean(self) -> None:
        """One source per target field, as the database wants it; a row switched off does not count."""
        super().clean()
        if self.unreadable and any(form.has_changed() for form in self.forms):
            raise forms.ValidationError(self.unreadable)
        taken: set[tuple[str, str]] = set()  # flow and target
        for form in self.forms:
            data: Mapping[str, str | bool] = getattr(form, "cleaned_data", None) or {}
            if not data.get("DELETE") and data.get("direction") and data.get("target"):
                self._check_row(form, data, taken)

    def _check_row(self, form: RowForm, data: Mapping[str, str | bool], taken: set[tuple[str, str]]) -> None:
        if form.instance.required_by_recipe and "direction" in form.changed_data:
            form.add_error("direction", gettext("Required by this integration."))
        if data["direction"] == Direction.OFF:
            return
        key = (str(data.get("flow") or form.instance.flow), str(data["target"]))
        if key in taken:
            form.add_error("target", gettext("Another row writes this field already."))
        taken.add(key)


class FlowRowsFormSet(RowsFormSet):
    """The rows of one flow, with pickers."""

    flow: str
    catalogue: Catalogue

    def get_form_kwargs(self, index: int | None) -> dict[str, Catalogue | bool | str]:
        """What the pickers offer."""
        two_way = self.recipe.flow(self.flow).two_way is not None
        return {"catalogue": self.catalogue, "two_way": two_way, "list_prefix": self.flow}

    def add_fields(self, form: RowForm, index: int | None) -> None:
        """New rows belong to this flow and come last."""
        super().add_fields(form, index)
        if not form.instance.pk:
            form.instance.integration, form.instance.flow = self.integration, self.flow
            form.instance.position = 1000 + (index or 0)

    @property
    def offered(self) -> dict[str, list[tuple[str, str]]]:
        """Side → (name, what it is) for the two pickers, own fields last, in alphabetical order."""
        sides = {"sources": self.catalogue.offered_sources, "targets": self.catalogue.offered_targets}
        return {side: _offered(fields) for side, fields in sides.items()}


def catalogues_of(integration: Integration, recipe: Recipe, *, fresh: bool = False) -> dict[str, Catalogue]:
    """Read what the rows of each mapped flow may name. Raises IntegrationErrors of the calls."""
    ctx = OpenSession(integration, recipe)
    try:
        return {flow: catalogue(ctx, recipe.flow(flow), fresh=fresh) for flow in recipe.mapped_flows}
    finally:
        VendorCall.objects.bulk_create(ctx.calls)


def rows_of(
    integration: Integration,
    recipe: Recipe,
    flow: str,
    catalogue: Catalogue,
    data: QueryDict | None = None,
    *,
    extra: int = 0,
) -> FlowRowsFormSet:
    """The formset of one flow's rows, with `extra` empty ones."""
    made = forms.modelformset_factory(
        FieldMapping, form=PickerForm, formset=FlowRowsFormSet, extra=extra, can_delete=True, max_num=MOST_ROWS,
        validate_max=True,
    )  # fmt: skip
    formset_class = type("Rows", (made,), {
        "integration": integration, "recipe": recipe, "flow": flow, "catalogue": catalogue,
        "catalogues": {flow: catalogue},
    })  # fmt: skip
    rows = FieldMapping.objects.filter(integration=integration, flow=flow).order_by("position", "id")
    formset: FlowRowsFormSet = formset_class(data, queryset=rows, prefix=flow)
    return formset


def _offered(fields: Mapping[str, FieldSpec]) -> list[tuple[str, str]]:
    named = names(fields)
    rows = sorted(fields.items(), key=lambda item: (item[1].custom, named[item[0]].lower()))
    kinds = {True: gettext("own field, {type}"), False: gettext("standard field, {type}")}
    return [
        (
            named[path],
            kinds[spec.custom].format(type=TYPE_WORDS.get(spec.type, spec.type)),
        )
        for path, spec in rows
    ]


def _said(form: forms.BaseForm, name: str) -> str:
    """One changed column: old → new."""
    before = form.initial.get(name, form[name].initial)
    after = form.data.get(form.add_prefix(name), "off")
    return f"{name.replace('_', ' ')}: {before or 'empty'} → {after or 'empty'}"


def detail_of(row: FieldMapping) -> str:
    """The one option of the row's transform, as text."""
    name, _ = DETAILS.get(row.transform, ("", False))
    found = row.options.get(name, "")
    if isinstance(found, bool):
        return gettext("Yes") if found else gettext("No")
    return ", ".join(str(part) for part in found) if isinstance(found, list) else str(found)
