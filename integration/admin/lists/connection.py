"""Connections: health with cause and fix, budgets left, webhooks, the secret's tail, and Check now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import english
from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import Admin, object_action
from integration.admin.lists.connection_form import ConnectionForm, choices
from integration.admin.status import connection_badge, connection_said, note_connections
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.clients import connection_health
from integration.forms.account_form import TAKEN, key_kind, prove
from integration.models import Connection, Health, Integration, VendorCall, WebhookEndpoint, WebhookEvent
from tenants import audit
from tenants.console import ShownOrder

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec

from config.pages import PageContext

AT_ONCE = 20  # checks in one request; each may take seconds
OWNED = ("base_url", "credentials", "credentials_hint", "credentials_changed_at", "health", "health_reason")


def check(request: HttpRequest, connection: Connection) -> bool:
    """Ask the vendor and say what came of it, with cause and fix."""
    try:
        fine = connection_health.check(connection)
    except IntegrityError:
        with english():
            connection_health.mark(connection, Health.NEEDS_YOU, "", str(TAKEN))
        messages.error(request, TAKEN)
        return False
    connection.refresh_from_db(fields=["health", "health_reason", "health_detail", "account_name"])
    name = connection.connector.label
    if fine:
        text = gettext("{vendor} accepts the credentials: {account}. Held jobs continue.")
        messages.success(request, text.format(vendor=name, account=connection.account_name))
    elif connection.health == Health.DISCONNECTED:
        text = gettext("{vendor} is disconnected. Enter new credentials first.")
        messages.warning(request, text.format(vendor=name))
    elif connection.health_reason:
        said = html.reason(connection.health_reason, connection.health_detail)
        messages.error(request, format_html(gettext("{} needs attention. {}"), name, said))
    else:
        text = gettext("{vendor} did not answer properly. Lockstep checks it again within 15 minutes.")
        messages.warning(request, text.format(vendor=name))
    return fine


class ConnectionList(ShownOrder):
    """A page of connections, each with its status, which is computed for all of them at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page and compute the statuses."""
        super().get_results(request)
        note_connections(self.result_list)


@admin.register(Connection)
class ConnectionAdmin(Admin):
    """A tenant's account at a vendor."""

    form = ConnectionForm
    list_display = ("account", "tenant", "health_badge", "budgets_left", "checked")
    list_filter = ("health", "vendor")
    linked = ("tenant__id__exact",)
    search_fields = ("tenant__name", "account_name", "external_account_id")
    found_whole = ("account_name", "external_account_id")
    search_help_text = _("Tenant or account")
    autocomplete_fields = ("tenant",)
    actions = ("check_selected",)
    actions_detail = ("check_now",)
    empty_text = _(
        "Connect a tenant's account at a vendor: choose the vendor, enter its key, and it is checked at once."
    )
    readonly_fields = (
        "account", "health_badge", "health_said", "checked", "budgets_table", "webhooks", "used_by", "traffic",
        "auth_said",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Never with the credentials: a list must open even when a key is lost."""
        rows = super().get_queryset(request).select_related("tenant").prefetch_related("budgets")
        return rows.defer("credentials").order_by("tenant__name", "vendor")

    def get_changelist(self, request: HttpRequest, **kwargs: str) -> type[ChangeList]:
        """The list that computes the statuses of a page at once."""
        return ConnectionList

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> _FieldsetSpec:
        """A short form for a new row; everything about an existing one."""
        vendor = obj.vendor if obj else request.GET.get("vendor", "")
        beside = tuple(get_connector(vendor).asks) if vendor in CONNECTORS else ()
        if obj is None:
            return ((None, {"fields": ("tenant", "base_url", "secret", *beside)}),)
        credentials = ("base_url", "secret", *beside) if obj.auth_kind != "oauth" else ("base_url", "auth_said")
        return (
            (gettext("Health"), {"fields": ("tenant", "account", "health_badge", "health_said", "checked")}),
            (gettext("Credentials"), {"fields": credentials}),
            (gettext("Budgets and webhooks"), {"fields": ("budgets_table", "webhooks", "used_by", "traffic")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A connection never moves to another tenant; OAuth ones are made by the tenant."""
        if not isinstance(obj, Connection):
            return ()
        fixed = (*self.readonly_fields, "tenant")
        return (*fixed, "base_url") if obj.auth_kind == "oauth" else fixed

    def get_form(
        self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any
    ) -> type[ConnectionForm]:
        """Tell the form its vendor; what the vendor asks for beside the secret, the form adds itself."""
        vendor = obj.vendor if obj else request.GET.get("vendor", "")
        fields = kwargs.get("fields") or flatten_fieldsets(self.get_fieldsets(request, obj))
        beside = get_connector(vendor).asks if vendor in CONNECTORS else {}
        kwargs["fields"] = [name for name in fields if name not in beside]
        base = super().get_form(request, obj, change, **kwargs)
        return type(gettext("VendorForm"), (base,), {"vendor": vendor, "refusal": getattr(request, "refusal", "")})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: PageContext | None = None,
    ) -> HttpResponse:
        """Prove new credentials before the page's transaction begins: a slow vendor must not hold a lock."""
        if request.method == "POST":
            request.refusal = self._refusal(request, object_id)  # type: ignore[attr-defined]  # read by get_form
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def _refusal(self, request: HttpRequest, object_id: str | None) -> str:
        """What is wrong with what was typed, in the vendor's eyes; empty for what the form itself refuses."""
        row = self.get_object(request, unquote(object_id)) if object_id else None
        allowed = self.has_change_permission(request, row) if row else self.has_add_permission(request)
        if not allowed or (object_id and row is None):
            return ""
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        typed = form.filled() if form.is_valid() else None
        if typed is None:
            return ""
        try:
            prove(typed)
        except ValidationError as exc:
            return " ".join(exc.messages)
        return ""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: PageContext | None = None
    ) -> HttpResponse:
        """First the vendor, then its form."""
        vendor = request.GET.get("vendor", "")
        if not self.has_add_permission(request) or (vendor in CONNECTORS and key_kind(get_connector(vendor))):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request), "title": gettext("Add connection"), "opts": self.opts,
            "lead": gettext("Which system should be connected?"), "choices": choices(request.GET.get("tenant", "")),
        }  # fmt: skip
        return TemplateResponse(request, "lockstep/choose.html", context)

    def save_model(self, request: HttpRequest, obj: Connection, form: ConnectionForm, change: bool) -> None:
        """Save what the form owns, then check outside of the transaction: a slow vendor must not hold a lock."""
        if change:
            changed = any(form.cleaned_data.get(name) for name in ("secret", *obj.connector.asks))
            obj.save(update_fields=[name for name in OWNED if name != "credentials" or changed])
        else:
            obj.save()
        transaction.on_commit(lambda: _after(request, obj))

    def response_post_save_change(self, request: HttpRequest, obj: Connection) -> HttpResponseRedirect:
        """Stay on the row: its page shows what came of saving."""
        return HttpResponseRedirect(html.url_of(obj))

    def response_post_save_add(self, request: HttpRequest, obj: Connection) -> HttpResponseRedirect:
        """The same after the first save."""
        return HttpResponseRedirect(html.url_of(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only one that no integration has ever used; the others are undone by Uninstall."""
        if obj is None or Integration.objects.filter(Q(left=obj) | Q(right=obj)).exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description=_("Account"))
    def account(self, row: Connection) -> str:
        """Vendor and account."""
        return str(row)

    @admin.display(description=_("Health"))
    def health_badge(self, row: Connection) -> html.Badge:
        """In words."""
        return connection_badge(row)

    @admin.display(description=_("Why"))
    def health_said(self, row: Connection) -> html.Html:
        """Cause and fix, or what delays its calls, since when and until when."""
        return connection_said(row)

    @admin.display(description=_("Last check"))
    def checked(self, row: Connection) -> html.Html:
        """When the credentials were proved last."""
        return html.when(row.last_checked_at) if row.last_checked_at else gettext("never")

    @admin.display(description=_("Budget left"))
    def budgets_left(self, row: Connection) -> str:
        """The tightest of the long windows."""
        limits = [budget for budget in row.budgets.all() if budget.limit]
        if not limits:
            return html.EMPTY
        least = min(limits, key=lambda budget: budget.remaining / (budget.limit or 1))
        figures = {"left": f"{max(least.remaining, 0):,.0f}", "limit": f"{least.limit:,.0f}"}
        return gettext("{left} of {limit} ({window})").format(**figures, window=_window(row, least.window).lower())

    @admin.display(description=_("Budgets"))
    def budgets_table(self, row: Connection) -> html.Html:
        """All windows."""
        cells = [
            (_window(row, budget.window), f"{max(budget.remaining, 0):,.0f}",
             f"{budget.limit:,.0f}" if budget.limit else gettext("unknown"), html.when(budget.resets_at))
            for budget in row.budgets.all()
        ]  # fmt: skip
        return html.table(
            (gettext("Budget"), gettext("Left"), gettext("Limit"), gettext("Resets")),
            cells,
            gettext("This app reports no rate limit."),
        )

    @admin.display(description=_("Webhooks"))
    def webhooks(self, row: Connection) -> html.Html:
        """What the vendor calls us for, and how it went; never the address, which is a secret."""
        events = ", ".join(row.subscriptions.order_by("event").values_list("event", flat=True))
        endpoint = WebhookEndpoint.objects.defer("secret").filter(connection=row).first()
        if endpoint is None:
            return gettext("None yet.")
        facts = [
            (gettext("Events"), events or "none"),
            (gettext("Last received"), html.when(endpoint.last_received_at)),
        ]
        if endpoint.refused:
            text = format_html(gettext("{} calls without proof of origin, last {}"), endpoint.refused,
                               html.when(endpoint.last_refused_at))  # fmt: skip
            facts.append((gettext("Refused"), text))
        return html.facts(facts)

    @admin.display(description=_("Used by"))
    def used_by(self, row: Connection) -> html.Html:
        """Integrations on it."""
        rows = Integration.objects.select_related("tenant").filter(Q(left=row) | Q(right=row))
        found = [(html.url_of(integration), str(integration)) for integration in rows]
        return html.doors(found) if found else gettext("No integration yet.")

    @admin.display(description=_("Traffic"))
    def traffic(self, row: Connection) -> html.Html:
        """Its calls and events."""
        calls = (html.url_of_list(VendorCall, connection=row.pk), gettext("Vendor calls"))
        return html.doors([calls, (html.url_of_list(WebhookEvent, connection=row.pk), gettext("Events"))])

    @admin.display(description=_("Sign-in"))
    def auth_said(self, row: Connection) -> str:
        """How an OAuth connection is renewed."""
        text = gettext("Connected by OAuth. The tenant connects it again in {vendor}; nothing is entered here.")
        return text.format(vendor=row.connector.label)

    @object_action(_("Check now"), icon="health_and_safety")
    def check_now(self, request: HttpRequest, row: Connection) -> HttpResponse:
        """Prove the credentials now."""
        if request.method != "POST":
            says = (
                gettext("Lockstep asks {vendor} whether it accepts the credentials. Nothing is changed there.").format(
                    vendor=row.connector.label
                ),
                gettext("If it works, jobs held for this connection continue."),
            )
            title = gettext("Check {connection}").format(connection=row)
            return page(self, request, title=title, says=says, verb=gettext("Check now"), back=html.url_of(row))
        fine = check(request, row)
        audit.record(f"Checked: {'fine' if fine else row.health_reason or 'not fine'}", row)
        return HttpResponseRedirect(html.url_of(row))

    @admin.action(description=_("Check now"), permissions=["operate"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> HttpResponse | None:
        """Prove the credentials of several."""
        rows = list(queryset[: AT_ONCE + 1])
        if len(rows) > AT_ONCE:
            text = gettext("Please select {count} or fewer; each check asks a vendor.")
            self.message_user(request, text.format(count=AT_ONCE), messages.WARNING)
            return None
        if "confirmed" not in request.POST:
            text = ngettext(
                "{count} connection is checked now. If it works, its held jobs continue.",
                "{count} connections are checked now. Held jobs of those that work continue.",
                len(rows),
            )
            says = (text.format(count=len(rows)),)
            hidden = [("action", "check_selected"), *(("_selected_action", str(row.pk)) for row in rows)]
            sample = [(html.url_of(row), f"{row.tenant}, {row}") for row in rows]
            return page(
                self,
                request,
                title=gettext("Check connections"),
                says=says,
                verb=gettext("Check now"),
                hidden=hidden,
                sample=sample,
            )
        fine = sum(check(request, row) for row in rows)
        audit.record(f"Checked {len(rows)} connections, {fine} fine", model=Connection)
        return None


def _after(request: HttpRequest, row: Connection) -> None:
    check(request, Connection.objects.select_related("tenant").defer("credentials").get(pk=row.pk))


def _window(row: Connection, key: str) -> str:
    return next((str(window.label) for window in row.connector.windows if window.key == key), key)
