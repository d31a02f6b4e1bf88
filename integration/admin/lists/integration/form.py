"""The first step of an installation: which tenant, which two of its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext

from integration.models import Connection, Health, Integration
from integration.recipes.registry import get_recipe

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Integration]
else:
    ModelForm = forms.ModelForm


class InstallForm(ModelForm):
    """The first step of installing: which accounts. The recipe is fixed before the form is shown."""

    recipe_key = ""

    class Meta:
        model = Integration
        fields = ("tenant", "left", "right")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            return
        self.instance.recipe = self.recipe_key
        recipe = get_recipe(self.recipe_key)
        rows = Connection.objects.select_related("tenant").defer("credentials").exclude(health=Health.DISCONNECTED)
        tenant = self.data.get("tenant") or self.initial.get("tenant")
        for side in ("left", "right"):
            field = self.fields[side]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows.filter(vendor=getattr(recipe, side)).order_by("tenant__name")
            if tenant:
                field.queryset = field.queryset.filter(tenant=tenant)
            field.label_from_instance = _named  # type: ignore[method-assign]

    def clean(self) -> dict[str, Any]:
        """Both accounts belong to the tenant; whatever was sent, a foreign one is refused."""
        data = super().clean() or {}
        for side in ("left", "right"):
            row = data.get(side)
            if row is not None and row.tenant_id != getattr(data.get("tenant"), "pk", None):
                self.add_error(side, gettext("This account belongs to another tenant."))
        return data


def _named(obj: Connection) -> str:
    return f"{obj.tenant}, {obj}"
