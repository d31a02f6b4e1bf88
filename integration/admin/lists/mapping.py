"""Field mappings: edited as a table on their integration's page, listed here to be found across tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.base import Admin, IntegrationFilter
from integration.admin.core.masking import mask, mask_words
from integration.admin.core.search import flow_labels
from integration.admin.core.unfold_compat import UnfoldInline, styled
from integration.engine.mapping.fields import Catalogue
from integration.engine.mapping.transforms import TRANSFORM_LABELS
from integration.errors import IntegrationError
from integration.forms.account_form import refusal
from integration.forms.mapping_form import RowForm, RowsFormSet, catalogues_of
from integration.models import FieldMapping, Integration
from integration.recipes.registry import get_recipe
from tenants.console import MaskedColumns


class MappingForm(RowForm):
    """One row with its flow, in the console's clothes."""

    flow = forms.ChoiceField()

    class Meta(RowForm.Meta):
        fields = ("flow", *RowForm.Meta.fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flow = self.fields["flow"]
        assert isinstance(flow, forms.ChoiceField)
        flow.choices = list(flow_labels().items())
        styled(self)


@dataclass(frozen=True)
class KnownFields:
    """What the rows of each flow may name, or why that is not known."""

    catalogues: Mapping[str, Catalogue]
    problem: str = ""


class MappingInline(MaskedColumns, UnfoldInline):
    """The mapping table of an integration. Rows the recipe needs cannot be deleted."""

    model = FieldMapping
    form = MappingForm
    fields = (
        "flow", "source", "transform", "detail", "target", "direction", "only_create", "default", "create",
        "create_type", "problem_said",
    )  # fmt: skip
    readonly_fields = ("problem_said",)
    masked = {"default": "default_masked"}
    ordering = ("flow", "position", "id")
    extra = 0
    tab = True
    hide_title = True
    verbose_name_plural = _("Field mappings")

    @admin.display(description=_("Note"))
    def problem_said(self, row: FieldMapping) -> str:
        """Why a row is broken, or that the recipe needs it."""
        return mask_words(row.problem) or ("needed" if row.required_by_recipe else html.EMPTY)

    @admin.display(description=_("Default"))
    def default_masked(self, row: FieldMapping) -> str:
        """What is written when the source is empty, for who may not see it."""
        return str(mask(row.default))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str | list[str] | tuple[str, ...]]:
        """Without the flow when there is only one that maps fields."""
        one = isinstance(obj, Integration) and len(mapped_flows(obj)) == 1
        return [name for name in super().get_fields(request, obj) if name != "flow" or not one]

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        """Offer only the flows of this recipe, and keep the rows it needs."""
        formset = super().get_formset(request, obj, **kwargs)
        known = getattr(request, "known_fields", None) or KnownFields({})
        return _guarded(formset, obj, known) if isinstance(obj, Integration) else formset


def mapped_flows(integration: Integration) -> Mapping[str, str]:
    """The flows of an integration that field mappings make values for, with their labels."""
    return get_recipe(integration.recipe).mapped_flows


def known_fields(row: Integration) -> KnownFields:
    """Read what the rows may name. Call it outside of the page's transaction: vendors may be asked."""
    whole = Integration.objects.select_related("left", "right", "tenant").get(pk=row.pk)
    try:
        return KnownFields(catalogues_of(whole, get_recipe(row.recipe)))
    except IntegrationError as exc:
        return KnownFields({}, gettext("The fields cannot be read at the moment. {why}").format(why=refusal(exc)))


def _guarded(base: Any, integration: Integration, known: KnownFields) -> Any:
    flows = mapped_flows(integration)

    class Formset(RowsFormSet, base):  # type: ignore[misc]
        recipe = get_recipe(integration.recipe)
        catalogues, unreadable = known.catalogues, known.problem

        def add_fields(self, form: RowForm, index: int | None) -> None:
            """Which flow: a question only where there are several."""
            super().add_fields(form, index)
            if len(flows) == 1:
                form.fields.pop("flow", None)
                form.instance.flow = form.instance.flow or next(iter(flows))
            else:
                flow = form.fields["flow"]
                assert isinstance(flow, forms.ChoiceField)
                flow.choices = list(flows.items())

    return Formset


@admin.register(FieldMapping)
class MappingAdmin(Admin):
    """All rows, to look at; they are edited on their integration's page, where saving applies them."""

    list_display = ("row", "flow_label", "transform_label", "integration_name", "problem_said")
    list_filter = (IntegrationFilter, ("problem", admin.EmptyFieldListFilter))
    list_select_related = ("integration__tenant",)
    list_display_links = None
    fields = ("row", "flow_label", "transform_label", "default_said", "integration_name", "problem_said")
    readonly_fields = fields
    search_fields = ("source", "target")
    ordering = ("integration", "flow", "position", "id")
    empty_text = _("Installing an integration brings the recipe's default mapping.")

    @admin.display(description=_("Mapping"))
    def row(self, row: FieldMapping) -> str:
        """Source, direction, target."""
        return (
            str(row)
            if row.source
            else f"{mask(row.options.get('value', ''))!s} {row.get_direction_display()} {row.target}"
        )

    @admin.display(description=_("Flow"))
    def flow_label(self, row: FieldMapping) -> str:
        """In words."""
        return flow_labels().get(row.flow, row.flow)

    @admin.display(description=_("Transform"))
    def transform_label(self, row: FieldMapping) -> str:
        """In words."""
        return str(TRANSFORM_LABELS.get(row.transform, row.transform))

    @admin.display(description=_("Default"))
    def default_said(self, row: FieldMapping) -> str:
        """What is written when the source is empty."""
        return str(mask(row.default)) or html.EMPTY

    @admin.display(description=_("Integration"))
    def integration_name(self, row: FieldMapping) -> html.Html:
        """Where it is edited."""
        return html.door(row.integration)

    @admin.display(description=_("Problem"))
    def problem_said(self, row: FieldMapping) -> str:
        """Why it does not travel."""
        return mask_words(row.problem) or html.EMPTY

    def has_add_permission(self, request: HttpRequest) -> bool:
        """On the integration's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """On the integration's page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """On the integration's page."""
        return False
