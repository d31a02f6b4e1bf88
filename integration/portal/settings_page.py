"""The settings of one integration: its two accounts with Test and Change, the recipe's sections, and Save."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from config.texts import StrOrPromise
from integration.engine.clients import connection_health
from integration.engine.clients.session import OpenSession
from integration.engine.flow.general_reasons import general_text
from integration.engine.flow.permission import NeededPermission
from integration.engine.flow.reason_text import ReasonText
from integration.engine.flow.recipe import Recipe
from integration.engine.setup import lifecycle, permissions, provisioning
from integration.engine.setup import settings as stored_settings
from integration.errors import IntegrationError, RecordError
from integration.forms import account_form, settings_form
from integration.models import Connection, Health, Integration, State, VendorCall, WebhookEndpoint
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.access import person
from tenants.audit import AuditEntry
from tenants.models import Invitation, Role

TRIAL = "Opt-in email sent to oneself"  # in the audit
ONE_TRIAL_IN = timedelta(minutes=10)


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Show the page; on POST check, store, and make the vendors what the settings say. Viewers read only."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    recipe = get_recipe(integration.recipe)
    if integration.state == State.UNINSTALLED:
        return page(request, tenant, "settings", {}, integration)
    form = _form(request, integration, recipe)
    if form.is_valid():
        changed = stored_settings.save(integration, form)
        audit.record(f"Settings saved. {'; '.join(changed) or 'Nothing changed.'}", integration)
        _apply(request, integration)
        return redirect(request.path)
    settings_now = form.cleaned_data if form.is_bound and form.is_valid() else form.initial
    context = {
        "form": form,
        "sections": list(settings_form.sections(form)),
        "warnings": recipe.warnings(settings_now),
        "summary": recipe.summary(settings_now),
        "accounts": [_account(integration, side) for side in ("left", "right")],
        "may_try_opt_in": recipe.opt_in_trial is not None
        and recipe.opt_in_trial.offered(OpenSession(integration, recipe).settings),
        "steps": [{**step, "why": recipe.reason_text(step.get("reason", ""))} for step in integration.provisioning],
    }
    status = 422 if request.method == "POST" else 200
    return page(request, tenant, "settings", context, integration, status=status)


def _form(request: HttpRequest, integration: Integration, recipe: Recipe) -> Form:
    """The recipe's form with what was sent; what cannot be read or did not arrive is said above it."""
    form, problem = stored_settings.bound_form(integration, recipe, request.POST if request.method == "POST" else None)
    if problem:
        messages.warning(request, problem)
    if request.method == "POST" and not form.is_bound:
        messages.error(request, stored_settings.NOTHING_CAME)
    return form


@login_required
@require_POST
def summary(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """What the form as it is now would do, in sentences. Saves nothing, asks no vendor."""
    _, integration = enter_integration(request, tenant_id, integration_id, Role.EDITOR)
    recipe = get_recipe(integration.recipe)
    wished = stored_settings.imagined(integration, recipe, request.POST)
    context = {"summary": recipe.summary(wished), "warnings": recipe.warnings(wished)}
    return render(request, "portal/summary.html", context)


@login_required
@sensitive_post_parameters("secret")
@require_POST
def account(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """`do` = test asks the vendor whose account it is, with the typed `secret` or the stored one; save stores it.

    Answers in place when the page asks so, else on the settings page. A secret is never sent back.
    """
    _, integration = enter_integration(request, tenant_id, integration_id, Role.EDITOR)
    side, secret = request.POST.get("side", ""), request.POST.get("secret", "").strip()
    if side not in ("left", "right") or integration.state == State.UNINSTALLED:
        raise Http404
    connection: Connection = getattr(integration, side)
    if secret and connection.auth_kind not in account_form.SECRET_LABELS:
        raise Http404
    save = request.POST.get("do") == "save"
    ok, said = _save_key(request, integration, connection, secret) if save else _test(connection, secret)
    if request.headers.get("HX-Request"):
        return render(request, "portal/tested.html", {"ok": ok, "said": said})
    (messages.success if ok else messages.error)(request, said)
    return redirect(_address(integration))


@login_required
@require_POST
def opt_in_trial(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Send an opt-in email to the member who asks, at an address that is theirs and belongs to nobody in the source."""
    _, integration = enter_integration(request, tenant_id, integration_id, Role.EDITOR)
    recipe, address = get_recipe(integration.recipe), getattr(person(request), "email", "")
    trial = recipe.opt_in_trial
    ctx = OpenSession(integration, recipe)
    if trial is None or integration.state == State.UNINSTALLED or not trial.offered(ctx.settings):
        raise Http404
    if refusal := _refusal(request, address):
        messages.error(request, refusal)
        return redirect(_address(integration))
    try:
        messages.info(request, trial.send(ctx, address))  # accepted, and proven by the inbox only
    except RecordError as exc:  # this address, whose own words say what to do
        messages.error(request, exc.public)
    except IntegrationError as exc:
        reason = recipe.reason_text(exc.reason)
        messages.error(request, f"{exc.public} {reason.fix if reason else ''}".strip())
    else:
        audit.record(TRIAL, integration)
    finally:
        VendorCall.objects.bulk_create(ctx.calls)
    return redirect(_address(integration))


def _refusal(request: HttpRequest, address: str) -> str:
    """Why no opt-in email goes to this member now: it goes to an address that is theirs, and not again at once."""
    if not address:
        return gettext("Your user has no email address, so there is nobody to send the opt-in email to.")
    invited = Invitation.objects.filter(accepted_by=request.user.pk)
    if invited.exists() and not invited.filter(email__iexact=address).exists():
        return gettext("You joined with another address than the invitation was for, so it may not be yours.")
    since = timezone.now() - ONE_TRIAL_IN
    if AuditEntry.objects.filter(user_number=request.user.pk, what=TRIAL, at__gt=since).exists():
        return gettext("An opt-in email to you was started less than ten minutes ago. Wait for it first.")
    return ""


@login_required
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Pause, resume or uninstall (`do`), each with a statement of what will happen. Uninstalling is the owner's."""
    do = request.POST.get("do", "")
    at_least = {"uninstall": Role.OWNER, "pause": Role.EDITOR, "resume": Role.EDITOR}.get(do, Role.VIEWER)
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    if request.method == "GET":
        return page(request, tenant, "stop", {}, integration)
    if do == "pause" and integration.state == State.ACTIVE:
        lifecycle.pause(integration, person(request))
        audit.record("Paused", integration)
        messages.success(request, gettext("Paused. Changes are collected and wait for Resume."))
    elif do == "resume" and integration.state == State.PAUSED:
        lifecycle.resume(integration)
        audit.record("Resumed", integration)
        messages.success(request, gettext("Resumed. It continues where it stopped."))
    elif do == "uninstall" and integration.state != State.UNINSTALLED:
        if request.POST.get("sure") != "yes":
            messages.error(request, gettext("Tick the box first: uninstalling cannot be undone."))
        else:
            _uninstall(request, integration)
    else:
        text = gettext("Nothing was done. Present state: {state}.")
        messages.info(request, text.format(state=integration.get_state_display()))
    back = "integration" if request.POST.get("back") == "integration" else "stop"
    return redirect(f"portal:{back}", tenant_id=tenant.pk, integration_id=integration.pk)


def _uninstall(request: HttpRequest, integration: Integration) -> None:
    results = lifecycle.uninstall(integration, get_recipe)
    audit.record("Uninstalled", integration)
    for result in results:
        (messages.success if result.ok else messages.error)(request, f"{result.label}: {result.detail}")


def _apply(request: HttpRequest, integration: Integration) -> None:
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=integration.pk)
    results = provisioning.provision(row, get_recipe)
    failed = [result for result in results if not result.ok]
    if failed:
        text = gettext("Saved, but {failed} of {total} steps did not work. They are marked below; Save tries again.")
        messages.error(request, text.format(failed=len(failed), total=len(results)))
    else:
        messages.success(request, gettext("Saved. All {count} steps are done.").format(count=len(results)))


def _test(connection: Connection, secret: str) -> tuple[bool, str]:
    """Ask the vendor with the typed key, or with the stored one. Returns whether it works, and what to tell."""
    if not secret:
        return _check(connection)
    try:
        found = account_form.prove(_filled(connection, secret))
    except ValidationError as exc:
        return False, " ".join(exc.messages)
    return True, gettext("It works: {account}. Press “Save key” to use it.").format(account=found.name)


def _check(connection: Connection) -> tuple[bool, str]:
    try:
        connection_health.check(connection)  # outside of a transaction: a slow vendor must not hold a lock
    except IntegrityError:
        return False, str(account_form.TAKEN)
    connection.refresh_from_db()
    reason = general_text(connection.health_reason)
    if connection.health == Health.OK:
        return True, gettext("It works: {account}.").format(account=connection.account_name)
    return False, f"{reason.what if reason else ''} {connection.health_said} {reason.fix if reason else ''}".strip()


def _filled(connection: Connection, secret: str) -> Connection:
    """The connection with a typed key. Raises ValidationError when it cannot be one; nothing is saved."""
    form = account_form.KeyForm(connection.connector, {"secret": secret})
    if not form.is_valid():
        raise ValidationError(" ".join(str(error) for error in form.errors["secret"]))
    typed = copy.copy(connection)
    account_form.fill(typed, form.cleaned_data)
    return typed


def _save_key(request: HttpRequest, integration: Integration, connection: Connection, secret: str) -> tuple[bool, str]:
    """Store a key that works; one that does not leaves the stored one alone."""
    if not secret:
        return False, gettext("Enter the new key first.")
    ok, said = _test(connection, secret)
    if not ok:
        return False, gettext("Not saved. {said}").format(said=said)
    account_form.fill(connection, {"secret": secret})
    columns = ["credentials", "credentials_hint", "credentials_changed_at", "health", "health_reason"]
    connection.save(update_fields=columns)
    audit.record(f"New key for {connection.connector.label}", integration)
    if not connection_health.check(connection):
        return _check(connection)
    return True, gettext("Saved. {account} is connected; waiting changes continue.").format(
        account=connection.account_name
    )


@dataclass(frozen=True)
class AccountCard:
    """What the page shows of one account."""

    side: str
    connection: Connection
    endpoint: WebhookEndpoint | None
    webhook_addresses: Mapping[str, str]
    consents: bool  # it was connected on the vendor's own page
    secret_label: StrOrPromise
    why: ReasonText | None
    lacking: Sequence[NeededPermission]


def _account(integration: Integration, side: str) -> AccountCard:
    """One account's card. Its webhook addresses hold a token: the page shows them to those who may change settings."""
    connection: Connection = getattr(integration, side)
    endpoint = WebhookEndpoint.objects.filter(connection=connection).first()
    return AccountCard(
        side=side,
        connection=connection,
        endpoint=endpoint,
        webhook_addresses=provisioning.webhook_addresses(endpoint) if endpoint else {},
        consents=connection.auth_kind == "oauth",
        secret_label=account_form.SECRET_LABELS.get(connection.auth_kind, ""),
        why=general_text(connection.health_reason),
        lacking=permissions.missing(connection, get_recipe(integration.recipe), side),
    )


def _address(integration: Integration) -> str:
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return reverse("portal:settings", kwargs=ids)
