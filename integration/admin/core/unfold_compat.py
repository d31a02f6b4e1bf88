"""Unfold's base classes with types: at run time they are Unfold's, for the type checker Django's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from unfold import widgets

from config.texts import StrOrPromise


class Button(Protocol):
    """What Unfold makes of an action on one row's page."""

    action_name: str


if TYPE_CHECKING:

    class UnfoldAdmin(admin.ModelAdmin[Any]):
        """A ModelAdmin in Unfold's clothes."""

        def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
            """The buttons of one row's page."""

    class UnfoldInline(admin.TabularInline[Any, Any]):
        """A table of rows inside another row's page."""

    class DropdownFilter(admin.SimpleListFilter):
        """A filter shown as a select."""
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.admin import TabularInline as UnfoldInline
    from unfold.contrib.filters.admin import DropdownFilter

__all__ = ["Button", "DropdownFilter", "UnfoldAdmin", "UnfoldInline", "object_action", "styled"]

FormT = TypeVar("FormT", bound=forms.BaseForm)
AdminT = TypeVar("AdminT", bound="UnfoldAdmin")
RowT = TypeVar("RowT", bound=Model)
Handler: TypeAlias = Callable[[AdminT, HttpRequest, RowT], HttpResponseBase]
View: TypeAlias = Callable[[AdminT, HttpRequest, str], HttpResponseBase]


def styled(form: FormT) -> FormT:
    """Give a plain form's widgets Unfold's clothes; recipes know nothing of the admin."""
    for field in form.fields.values():
        widget = field.widget
        if widget.attrs.get("class") or isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
            continue  # lists of choices are styled by our own sheet
        if isinstance(widget, forms.CheckboxInput):
            names = widgets.CHECKBOX_CLASSES
        elif isinstance(widget, forms.Select):  # keep the browser's arrow
            names = [name for name in widgets.SELECT_CLASSES if name != "appearance-none"]
        else:
            names = widgets.INPUT_CLASSES
        widget.attrs["class"] = " ".join(names)
    return form


def object_action(
    description: StrOrPromise, *, icon: str = "", variant: str = "default", permission: str = "operate"
) -> Callable[[Handler[AdminT, RowT]], View[AdminT]]:
    """A button on one row's page with a URL of its own. Looks the row up and checks the permission first."""

    def decorate(handler: Handler[AdminT, RowT]) -> View[AdminT]:
        @wraps(handler)
        def view(self: AdminT, request: HttpRequest, object_id: str) -> HttpResponseBase:
            if not getattr(self, f"has_{permission}_permission")(request):
                raise PermissionDenied
            row = self.get_object(request, unquote(object_id))
            if row is None:
                raise Http404
            return handler(self, request, row)

        described: dict[str, object] = {
            "short_description": description, "url_path": handler.__name__.replace("_", "-"), "attrs": {},
            "icon": icon, "variant": variant, "allowed_permissions": (permission,),
        }  # fmt: skip
        for name, value in described.items():
            setattr(view, name, value)
        return view

    return decorate
