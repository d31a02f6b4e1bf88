"""Vendor calls: every request we made, with redacted request and response."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.admin.core import html
from integration.admin.core.base import BigTable, SinceFilter, newest, recent
from integration.admin.core.masking import mask_path
from integration.admin.core.unfold_compat import DropdownFilter
from integration.admin.lists.event import ConnectionFilter
from integration.connectors.registry import connector_choices
from integration.models import VendorCall


class AtFilter(SinceFilter):
    """By the time of the call."""

    field = "at"


class AnswerFilter(DropdownFilter):
    """By the kind of answer, within the newest calls."""

    title = _("answer (newest 100,000)")
    parameter_name = "answer"
    kinds: ClassVar[dict[str, tuple[StrOrPromise, Q]]] = {
        "ok": (_("Accepted (2xx)"), Q(status__range=(200, 399))),
        "refused": (_("Refused (4xx)"), Q(status__range=(400, 499)) & ~Q(status=429)),
        "limited": (_("Slow down (429)"), Q(status=429)),
        "broken": (_("Vendor error (5xx) or no answer"), Q(status__gte=500) | Q(status=0)),
    }

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Four kinds."""
        return [(key, str(label)) for key, (label, _) in self.kinds.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Calls answered so."""
        found = self.kinds.get(self.value() or "")
        return newest(queryset).filter(found[1]) if found else queryset


class VendorFilter(DropdownFilter):
    """By vendor, within the newest calls."""

    title = _("vendor (newest 100,000)")
    parameter_name = "vendor"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Every vendor."""
        return connector_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Calls to it."""
        return newest(queryset).filter(connection__vendor=self.value()) if self.value() else queryset


def status_badge(status: int) -> html.Badge:
    """An HTTP status with a sign."""
    if 200 <= status < 400:
        return html.Badge(html.GREEN, "check_circle", str(status))
    if status in (0, 429) or status >= 500:
        return html.Badge(html.AMBER, "error", str(status) if status else gettext("no answer"))
    return html.Badge(html.RED, "cancel", str(status))


def asked(call: VendorCall, longest: int = 2000) -> str:
    """Method and path of a call."""
    path = mask_path(call.path)
    return f"{call.method} {path if len(path) <= longest else f'{path[:longest]}…'}"


@admin.register(VendorCall)
class CallAdmin(BigTable):
    """Kept for two weeks by default."""

    list_display = ("call", "tenant", "answer", "took", "made")
    list_filter = (AtFilter, AnswerFilter, VendorFilter, ConnectionFilter)
    search_fields = ()
    empty_text = _("No call yet. Lockstep keeps what it asked vendors, without secrets, for two weeks.")
    fieldsets = (
        (None, {"fields": ("call", "tenant", "answer", "took", "made")}),
        (_("Request"), {"fields": ("request_text",)}),
        (_("Response"), {"fields": ("response_text",)}),
        (_("Records it decided"), {"fields": ("log",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Without credentials, and in lists without the bodies."""
        calls = super().get_queryset(request).select_related("connection__tenant")
        return calls.defer("connection__credentials", "request", "response")

    @admin.display(description=_("Call"))
    def call(self, call: VendorCall) -> str:
        """Method and path."""
        return asked(call, 100)

    @admin.display(description=_("Connection"))
    def tenant(self, call: VendorCall) -> html.Html:
        """Whose account at which vendor."""
        return html.door(call.connection, f"{call.connection.tenant}, {call.connection.connector.label}")

    @admin.display(description=_("Answer"))
    def answer(self, call: VendorCall) -> html.Badge:
        """The status."""
        return status_badge(call.status)

    @admin.display(description=_("Took"))
    def took(self, call: VendorCall) -> str:
        """Milliseconds."""
        return f"{call.ms:,} ms"

    @admin.display(description=_("Made"))
    def made(self, call: VendorCall) -> html.Html:
        """When."""
        return html.when(call.at)

    @admin.display(description=_("Sent (redacted)"))
    def request_text(self, call: VendorCall) -> html.Html:
        """What we sent."""
        return html.block(call.request)

    @admin.display(description=_("Received (redacted)"))
    def response_text(self, call: VendorCall) -> html.Html:
        """What came back."""
        return html.block(call.response)

    @admin.display(description=_("Log"))
    def log(self, call: VendorCall) -> html.Html:
        """Log rows this call decided."""
        rows = [(html.door(row), html.badge("outcome", row.outcome)) for row in recent(call.log.all(), 50)]
        return html.table(
            (gettext("Record"), gettext("Outcome")), rows, gettext("None: it only read or prepared something.")
        )
