"""Field mappings: edited as a table on their integration's page, listed here to be found across tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from integration.admin import show
from integration.admin.base import Admin, IntegrationFilter
from integration.admin.kit import UnfoldInline, styled
from integration.admin.search import flow_labels
from integration.engine.mapping import SOURCELESS, TRANSFORM_LABELS
from integration.models import Direction, FieldMapping, Integration
from integration.recipes.registry import get_recipe

if TYPE_CHECKING:
    RowForm = forms.ModelForm[FieldMapping]
else:
    RowForm = forms.ModelForm

# What a transform needs beside its source: option name and whether it is a list.
DETAILS = {"constant": ("value", False), "join": ("with", True), "phone": ("region", False), "yes_no": ("yes", True)}
DETAIL_HELP = "Constant: the value. Join: further fields. Phone: country (DE). Yes / No: the words for yes."


class MappingForm(RowForm):
    """One row. `detail` stands for the one option a transform has; other options of the row are kept."""

    flow = forms.ChoiceField()
    transform = forms.ChoiceField(choices=list(TRANSFORM_LABELS.items()))
    detail = forms.CharField(required=False, max_length=200, help_text=DETAIL_HELP)

    class Meta:
        model = FieldMapping
        fields = ("flow", "source", "transform", "detail", "target", "direction", "only_create", "default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flow = self.fields["flow"]
        assert isinstance(flow, forms.ChoiceField)
        flow.choices = list(flow_labels().items())
        self.fields["source"].required = False
        styled(self)
        if self.instance.pk:
            self.fields["detail"].initial = _detail(self.instance)

    def clean(self) -> dict[str, Any]:
        """A row reads something, unless its transform needs no source."""
        data = super().clean() or {}
        if not data.get("source") and data.get("transform") not in SOURCELESS:
            self.add_error("source", "Which field? Only a constant needs none.")
        return data

    def save(self, commit: bool = True) -> FieldMapping:
        """Put the detail where its transform looks for it."""
        row = self.instance
        transform, detail = self.cleaned_data["transform"], self.cleaned_data["detail"].strip()
        if "detail" in self.changed_data or "transform" in self.changed_data:
            options = {key: value for key, value in row.options.items() if key not in dict(DETAILS.values())}
            if detail and transform in DETAILS:
                name, many = DETAILS[transform]
                options[name] = [part.strip() for part in detail.split(",") if part.strip()] if many else detail
            row.options = options
        return super().save(commit)


def _detail(row: FieldMapping) -> str:
    name, _ = DETAILS.get(row.transform, ("", False))
    found = row.options.get(name, "")
    if isinstance(found, bool):
        return "Yes" if found else "No"
    return ", ".join(str(part) for part in found) if isinstance(found, list) else str(found)


class MappingInline(UnfoldInline):
    """The mapping table of an integration. Rows the recipe needs cannot be deleted."""

    model = FieldMapping
    form = MappingForm
    fields = (
        "flow", "source", "transform", "detail", "target", "direction", "only_create", "default", "problem_said",
    )  # fmt: skip
    readonly_fields = ("problem_said",)
    ordering = ("flow", "position", "id")
    extra = 0
    tab = True
    hide_title = True
    verbose_name_plural = "Field mappings"

    @admin.display(description="Note")
    def problem_said(self, row: FieldMapping) -> str:
        """Why a row is broken, or that the recipe needs it."""
        return row.problem or ("needed" if row.required_by_recipe else show.EMPTY)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the flow when there is only one that maps fields."""
        one = isinstance(obj, Integration) and len(mapped_flows(obj)) == 1
        return [name for name in self.fields if name != "flow"] if one else self.fields

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Offer only the flows of this recipe, and keep the rows it needs."""
        formset = super().get_formset(request, obj, **kwargs)
        return _guarded(formset, obj) if isinstance(obj, Integration) else formset


def mapped_flows(integration: Integration) -> dict[str, str]:
    """The flows of an integration that field mappings make values for, with their labels."""
    recipe = get_recipe(integration.recipe)
    return {flow.key: flow.label for flow in recipe.flows if flow.key in recipe.default_mappings}


def _guarded(base: Any, integration: Integration) -> Any:
    flows = mapped_flows(integration)
    ours = {row.target for rows in get_recipe(integration.recipe).default_mappings.values() for row in rows}

    class Formset(base):  # type: ignore[misc]
        def add_fields(self, form: Any, index: int | None) -> None:
            """The recipe's flows; its own rows can be switched off, but would come back if they were deleted."""
            super().add_fields(form, index)
            if len(flows) == 1:
                form.fields.pop("flow", None)
                form.instance.flow = form.instance.flow or next(iter(flows))
            else:
                form.fields["flow"].choices = list(flows.items())
            if form.instance.pk and form.instance.target in ours and "DELETE" in form.fields:
                form.fields["DELETE"].disabled = True

        def clean(self) -> None:
            """One source per target field, as the database wants it; a row switched off does not count."""
            super().clean()
            taken = set()
            for form in self.forms:
                data = getattr(form, "cleaned_data", None) or {}
                direction, target = data.get("direction"), data.get("target")
                if data.get("DELETE") or not direction or not target:
                    continue
                if form.instance.required_by_recipe and "direction" in form.changed_data:
                    form.add_error("direction", "The recipe needs this row as it is.")
                if direction == Direction.OFF:
                    continue
                key = (data.get("flow") or form.instance.flow, target)
                if key in taken:
                    form.add_error("target", "Another row writes this field already.")
                taken.add(key)

    return Formset


@admin.register(FieldMapping)
class MappingAdmin(Admin):
    """All rows, to look at; they are edited on their integration's page, where saving applies them."""

    list_display = ("row", "flow_label", "transform_label", "integration_name", "problem_said")
    list_filter = (IntegrationFilter, ("problem", admin.EmptyFieldListFilter))
    list_select_related = ("integration__tenant",)
    list_display_links = None
    search_fields = ("source", "target")
    ordering = ("integration", "flow", "position", "id")
    empty_text = "Installing an integration brings the recipe's default mapping."

    @admin.display(description="Mapping")
    def row(self, row: FieldMapping) -> str:
        """Source, direction, target."""
        return (
            str(row) if row.source else f"{row.options.get('value', '')!s} {row.get_direction_display()} {row.target}"
        )

    @admin.display(description="Flow")
    def flow_label(self, row: FieldMapping) -> str:
        """In words."""
        return flow_labels().get(row.flow, row.flow)

    @admin.display(description="Transform")
    def transform_label(self, row: FieldMapping) -> str:
        """In words."""
        return TRANSFORM_LABELS.get(row.transform, row.transform)

    @admin.display(description="Integration")
    def integration_name(self, row: FieldMapping) -> show.Html:
        """Where it is edited."""
        return show.door(row.integration)

    @admin.display(description="Problem")
    def problem_said(self, row: FieldMapping) -> str:
        """Why it does not travel."""
        return row.problem or show.EMPTY

    def has_add_permission(self, request: HttpRequest) -> bool:
        """On the integration's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the integration's page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the integration's page."""
        return False
