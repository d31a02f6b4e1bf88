"""What the console's lists share: tables too large to count, rows nobody may edit, filters that stay on an index."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.pages import PageContext
from config.texts import StrOrPromise
from integration.admin.core import search
from integration.admin.core.unfold_compat import DropdownFilter, UnfoldAdmin, object_action
from integration.models import Integration
from integration.recipes.registry import reason_choices
from tenants.console import Guarded, ShownOrder

__all__ = [
    "Admin", "BigTable", "IntegrationFilter", "LookaheadPaginator", "ReasonFilter", "SinceFilter", "object_action",
]  # fmt: skip

if TYPE_CHECKING:
    AnyPage: TypeAlias = Page[Model]
    AnyPaginator: TypeAlias = Paginator[Model]
else:
    AnyPage, AnyPaginator = Page, Paginator

NEWEST = 100_000  # rows that a filter without an index of its own looks through

LONGEST_NUMBER = 18  # digits

M = TypeVar("M", bound=Model)


class LookaheadPage(AnyPage):
    """A page that knows whether there is another one because it has read one row more."""

    def has_next(self) -> bool:
        """Say whether older rows follow."""
        return bool(getattr(self.paginator, "more", False))


class LookaheadPaginator(AnyPaginator):
    """Pages without ever counting: each page reads one row more than it shows."""

    template_name = "lockstep/pagination.html"
    count = 9_999_999_999  # "many"; never shown, see BigList
    more = False

    def page(self, number: int | str) -> AnyPage:
        """Read one page."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        self.more = len(rows) > self.per_page
        return LookaheadPage(rows[: self.per_page], number, self)


class BigList(ShownOrder):
    """A list that says how many rows it shows, and nothing about how many there are."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page and forget the paginator's stand-in for a count."""
        super().get_results(request)
        self.result_count = self.full_result_count = len(self.result_list)


class Admin(Guarded, UnfoldAdmin):
    """Every list of the console. `operate` is the permission of its actions: the model's change permission."""

    empty_text: StrOrPromise = ""
    list_filter_submit = True
    list_filter_sheet = True
    show_facets = admin.ShowFacets.NEVER  # facets count

    def render_change_form(
        self,
        request: HttpRequest,
        context: PageContext,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        """One Save button."""
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def has_operate_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether this person may press the buttons here."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


class BigTable(Admin):
    """A table of millions that only the engine writes: read-only, never counted, searched by exact keys."""

    paginator = LookaheadPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    sortable_by = ()
    search_fields: ClassVar[tuple[str, ...]] = ("id",)  # shows the box; what is looked for says `search.py`
    search_help_text = search.HELP

    def get_changelist(self, request: HttpRequest, **kwargs: str) -> type[ChangeList]:
        """The list that does not count."""
        return BigList

    def changelist_view(self, request: HttpRequest, extra_context: PageContext | None = None) -> HttpResponse:
        """A number no column can hold is a wrong filter, not an error of ours."""
        filters = [str(text) for name, text in request.GET.items() if name != SEARCH_VAR]
        if any(text.isdecimal() and len(text) > LONGEST_NUMBER for text in filters):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """Equality on indexed columns only, whatever the other filters."""
        if (term := search_term.strip()) and self.model in search.SEARCHABLE:
            queryset = queryset.filter(pk__in=search.matching(self.model, search.Term(term)).values_list("pk"))
        return queryset, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes history."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody rewrites it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """And nobody deletes it; retention does."""
        return False


class SinceFilter(DropdownFilter):
    """The newest hours or days, as a range of ids: rows come in the order of their ids."""

    title = "time"
    parameter_name = "since"
    field = "created_at"
    spans = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The spans."""
        return [("1h", gettext("Last hour")), ("24h", gettext("Last 24 hours")), ("7d", gettext("Last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Narrow by the first id of the span, so that any other index still helps."""
        span = self.spans.get(self.value() or "")
        return since(queryset, self.field, span) if span else queryset


def since(queryset: QuerySet[M], field: str, span: timedelta) -> QuerySet[M]:
    """Rows of the last `span`; the look-up of the first one uses the index on time."""
    start = timezone.now() - span
    first = (
        queryset.model._default_manager.filter(**{f"{field}__gte": start})
        .order_by(field)
        .values_list("pk", flat=True)[:1]
    )
    found = list(first)
    return queryset.filter(**{"pk__gte": found[0], f"{field}__gte": start}) if found else queryset.none()


def newest(queryset: QuerySet[M]) -> QuerySet[M]:
    """Only the newest rows, for filters on columns without an index."""
    last = list(queryset.model._default_manager.order_by("-pk").values_list("pk", flat=True)[:1])
    return queryset.filter(pk__gt=last[0] - NEWEST) if last else queryset


class ReasonFilter(DropdownFilter):
    """By reason, within the newest rows."""

    title = format_lazy(_("reason (newest {count})"), count=f"{NEWEST:,}")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The reasons of the integration chosen beside it; without one those of all recipes."""
        chosen = search.uuid_or_nil(request.GET.get(IntegrationFilter.parameter_name, ""))
        recipe = Integration.objects.filter(pk=chosen).values_list("recipe", flat=True).first()
        return reason_choices(recipe or "")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Rows with this reason."""
        return newest(queryset).filter(reason=self.value()) if self.value() else queryset


class IntegrationFilter(DropdownFilter):
    """By integration, named with its tenant."""

    title = "integration"
    parameter_name = "integration"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All integrations in one query."""
        rows = Integration.objects.select_related("tenant").order_by("tenant__name", "created_at")
        return [(str(row.pk), str(row)) for row in rows[:500]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Rows of this integration."""
        return queryset.filter(integration_id=search.uuid_or_nil(self.value() or "")) if self.value() else queryset


def recent(rows: QuerySet[M], count: int = 20) -> list[M]:
    """The newest rows of a relation, for a small table on a row's page."""
    return list(rows.order_by("-id")[:count])
