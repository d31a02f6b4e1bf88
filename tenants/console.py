"""What every table of the console holds to: which look-ups its address may carry, and what of it is personal data.

Django allows a look-up by any column of a table's own: `?email__startswith=a` answers a question about what the page
does not show. Here an address carries what the filters declare, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from config.pages import PageContext
from config.texts import english
from tenants import audit
from tenants.audit import AuditEntry
from tenants.form_changes import FormChanges, FormSet
from tenants.personal import mask, mask_words, may_see

if TYPE_CHECKING:
    from django.contrib.admin.options import BaseModelAdmin
    from django.db.models.query import _OrderByFieldName

    Columns: TypeAlias = BaseModelAdmin[Any]
    Table: TypeAlias = admin.ModelAdmin[Any]
else:
    Columns = Table = object

HISTORY = 100  # lines on a page
Column: TypeAlias = Callable[..., Any] | str
N = TypeVar("N")


class ShownOrder(ChangeList):
    """Sorts by the columns that may be sorted by, whatever the address asks for."""

    def get_ordering_field(self, field_name: Column) -> _OrderByFieldName | None:
        """The column's field, when it is one of them."""
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None


class MaskedColumns(Columns):
    """Columns of personal data, each with the one that is shown instead to who may not see it."""

    masked: ClassVar[Mapping[str, str]] = {}

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str | list[str] | tuple[str, ...]]:
        """With masked columns for who needs them."""
        return self.shown(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A masked column is made by a method, so it is never edited."""
        return (*super().get_readonly_fields(request, obj), *self.masked.values())

    def shown(self, request: HttpRequest, names: Iterable[N]) -> list[N | str]:
        """These columns as this person sees them."""
        plain = [name for name in names if name not in self.masked.values()]
        if may_see(request.user):
            return [*plain]
        return [self.masked.get(name, name) if isinstance(name, str) else name for name in plain]


class Guarded(MaskedColumns, Table):
    """The base of every table. It comes first among the bases."""

    # Look-ups that links of ours carry and no filter declares. Exact ones only.
    linked: ClassVar[tuple[str, ...]] = ()
    # Columns that who may not see personal data finds rows by as a whole only.
    found_whole: ClassVar[tuple[str, ...]] = ()
    # The table is personal data from end to end.
    personal = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """An allow-list, for everybody."""
        return request is not None and (lookup in self.linked or lookup in set(self._filtered(request)))

    def _filtered(self, request: HttpRequest) -> Iterator[str]:
        for listed in self.get_list_filter(request):
            if isinstance(listed, type):
                yield str(getattr(listed, "parameter_name", ""))
                continue
            make: Callable[..., admin.ListFilter] = admin.FieldListFilter.create
            if isinstance(listed, tuple):
                listed, make = listed
            path = str(listed)
            field = get_fields_from_path(self.model, path)[-1]
            declared = make(field, request, {}, self.model, self, field_path=path)
            yield from (name for name in declared.expected_parameters() if name)

    def get_changelist(self, request: HttpRequest, **kwargs: str) -> type[ChangeList]:
        """The list that sorts by nothing hidden."""
        return ShownOrder

    def get_list_display(self, request: HttpRequest) -> list[Column]:
        """With masked columns for who needs them."""
        return self.shown(request, super().get_list_display(request))

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """A part of a masked value finds nothing: it would tell the value letter by letter."""
        names = super().get_search_fields(request)
        if may_see(request.user):
            return [*names]
        return [f"={name}" if name in self.found_whole else name for name in names]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A table of personal data asks for that permission as well."""
        return super().has_view_permission(request, obj) and self._open_to(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The same."""
        return super().has_change_permission(request, obj) and self._open_to(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The same."""
        return super().has_delete_permission(request, obj) and self._open_to(request)

    def _open_to(self, request: HttpRequest) -> bool:
        return not self.personal or may_see(request.user)

    def construct_change_message(  # type: ignore[override]  # a text, handed on to the methods below
        self, request: HttpRequest, form: forms.BaseForm, formsets: Iterable[FormSet], add: bool = False
    ) -> FormChanges:
        """What was changed, for the audit."""
        with english():
            return FormChanges.of(form, formsets or (), add=add)

    # Django returns its own rows here, and asks for none.

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:  # type: ignore[override]
        """Into the audit instead of Django's own list."""
        self.log_change(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> None:  # type: ignore[override]
        """The same."""
        changes = message.changes if isinstance(message, FormChanges) else {}
        audit.record(_sentence(message), obj, changes=changes)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> None:  # type: ignore[override]
        """The same, a line each."""
        for row in queryset:
            audit.record("Deleted", row)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: PageContext | None = None
    ) -> HttpResponse:
        """When something was done; by whom and what exactly is for who may see personal data."""
        rows = audit.of_row(self.model, unquote(object_id))
        page = Paginator(rows, HISTORY).get_page(request.GET.get(PAGE_VAR))
        lines = [HistoryLine.of(row) for row in page.object_list]
        page.object_list = lines  # type: ignore[assignment]  # rows as the template reads them
        context: PageContext = {
            "action_list": page, "page_range": page.paginator.get_elided_page_range(page.number),
            "page_var": PAGE_VAR, "pagination_required": page.paginator.num_pages > 1,
        }  # fmt: skip
        answer: HttpResponse = super().history_view(request, object_id, {**context, **(extra_context or {})})
        return answer


@dataclass(frozen=True)
class Doer:
    """Who did it, as the template of Django's history asks."""

    get_username: str
    get_full_name: str = ""


@dataclass(frozen=True)
class HistoryLine:
    """A line of the audit, as the template of Django's history reads it."""

    action_time: datetime
    user: Doer
    get_change_message: str

    @classmethod
    def of(cls, row: AuditEntry) -> HistoryLine:
        """Masked for whoever may not see personal data."""
        changes = "; ".join(f"{field}: {before} → {after}" for field, (before, after) in row.changes.items())
        return cls(row.at, Doer(str(mask(row.who))), mask_words(f"{row.what}. {changes}" if changes else row.what))


def _sentence(message: object) -> str:
    """What Django's own pages say of a change they made themselves is structured; all others are sentences."""
    if isinstance(message, str):
        return str(message)
    with english():
        return LogEntry(change_message=json.dumps(message)).get_change_message() or "Changed"
