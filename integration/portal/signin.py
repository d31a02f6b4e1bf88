"""Install and sign in with a vendor: to its consent page with a state, back with a code, and on to the tenant."""

from __future__ import annotations

import logging
import secrets
import uuid
from typing import Any, Literal, TypedDict

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from config.pages import PageContext
from integration import oauth_login, sign_in_state
from integration.connectors.base import WebhookRequest
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.clients import tokens
from integration.engine.setup import app_uninstall
from integration.errors import IntegrationError, TransientError
from integration.models import State
from integration.portal import claims_page
from integration.portal.accounts import Arrival, Contested, NotAllowed, NotConnected, SignInRequest, arrive
from integration.portal.pages import integrations_of
from tenants import flood
from tenants.access import member_or_404
from tenants.models import Role, Tenant

log = logging.getLogger(__name__)

COOKIE = "lockstep_consent"
BACKEND = "django.contrib.auth.backends.ModelBackend"


class Asked(TypedDict):
    """What the browser brings back that was sent to a vendor's consent page."""

    vendor: str
    purpose: Literal["login", "install"]
    tenant: str
    user: str
    next: str


class SignIn(LoginView):
    """Sign in with a password; the vendors one may sign in with instead are named below."""

    template_name = "portal/login.html"

    def get_context_data(self, **kwargs: Any) -> PageContext:
        """Add the vendors that are configured."""
        return {**super().get_context_data(**kwargs), "vendors": oauth_login.login_vendors()}


def landing(tenant: Tenant) -> str:
    """Where somebody arrives after signing in or installing: at the settings, or where two systems are connected."""
    integration = integrations_of(tenant).exclude(state=State.UNINSTALLED).first()
    if integration is None:
        return reverse("portal:connect", kwargs={"tenant_id": tenant.pk})
    return reverse("portal:settings", kwargs={"tenant_id": tenant.pk, "integration_id": integration.pk})


def redirect_uri(vendor: str) -> str:
    """Our address the vendor sends people back to, exactly as it is registered there."""
    root: str = settings.PUBLIC_URL.rstrip("/")
    return root + reverse("portal:oauth_callback", kwargs={"vendor": vendor})


def local(address: str) -> str:
    """The address if it is a path of ours, else nothing."""
    fine = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if fine else ""


@never_cache
@require_safe
def install(request: HttpRequest, vendor: str) -> HttpResponse:
    """Send the person to the vendor's consent page. `tenant` in the query connects for that tenant (owners only)."""
    if not oauth_login.is_configured(vendor):
        return _not_configured(request, vendor)
    tenant_id = request.GET.get("tenant", "")
    if tenant_id:
        _owned(request, tenant_id)
    state = secrets.token_urlsafe(32)
    asked: Asked = {
        "vendor": vendor,
        "purpose": "login" if request.GET.get("for") == "login" else "install",
        "tenant": tenant_id,
        "user": str(request.user.pk or ""),
        "next": local(request.GET.get("next", "")),
    }
    answer = redirect(oauth_login.page_address(vendor, redirect_uri(vendor), state))
    sign_in_state.store(answer, COOKIE, state, asked)
    return answer


@never_cache
@csrf_exempt  # a GET is bound to this browser by its state, a DELETE proves that it is the vendor's
@require_http_methods(["GET", "DELETE"])
def callback(request: HttpRequest, vendor: str) -> HttpResponse:
    """Where a vendor sends people after its consent page (GET), and where it says that our app was removed (DELETE)."""
    if request.method == "DELETE":
        return _removed(request, vendor)
    return sign_in_state.clear(request, _back(request, vendor), COOKIE)


def _removed(request: HttpRequest, vendor: str) -> HttpResponse:
    """Note the removal and answer; the next sweep uninstalls what lived on that consent."""
    read = get_connector(vendor).read_removal if vendor in CONNECTORS else None
    if read is None or not oauth_login.is_configured(vendor):
        return HttpResponse(status=404)
    removal = read(WebhookRequest.of(request), *tokens.app_at(vendor))
    if removal is None:
        return HttpResponse(status=429 if flood.beyond(request) else 401)
    app_uninstall.note(vendor, removal)
    return HttpResponse(status=200)


def _back(request: HttpRequest, vendor: str) -> HttpResponse:
    """Take the person back: prove that this browser asked, learn who they are, sign them in."""
    if not oauth_login.is_configured(vendor):
        return _not_configured(request, vendor)
    if "state" not in request.GET and "code" in request.GET:  # started at the vendor's marketplace: nobody here asked
        return redirect("portal:install", vendor=vendor)
    asked = sign_in_state.load(request, COOKIE, Asked)
    if asked is None or not _fits(asked, request, vendor):
        why = gettext("This sign-in was started too long ago, in another browser, or was finished already.")
        return _stop(request, vendor, gettext("Please start again"), why, 400)
    if request.GET.get("error") or not request.GET.get("code"):
        why = gettext("{vendor} says that you did not agree. Nothing was connected.").format(
            vendor=get_connector(vendor).label
        )
        return _stop(request, vendor, gettext("Not connected"), why, 200, asked)
    return _arrived(request, vendor, asked)


def _arrived(request: HttpRequest, vendor: str, asked: Asked) -> HttpResponse:
    """Sign the person in, or say what stands against it and how to go on."""
    try:
        return _finish(request, vendor, asked)
    except Contested as exc:
        claims_page.offer(request, exc.claim, exc.user)
        looking: Asked = {**asked, "purpose": "login"} if exc.may_look else asked
        verb = gettext("Sign in") if exc.may_look else gettext("Try again")
        return _stop(
            request, vendor, gettext("This account is connected already"), str(exc), 403, looking, claim=True, verb=verb
        )
    except NotConnected as exc:
        installing: Asked = {**asked, "purpose": "install"}
        return _stop(
            request, vendor, gettext("Not connected yet"), str(exc), 403, installing, verb=gettext("Connect it")
        )
    except NotAllowed as exc:
        return _stop(request, vendor, gettext("This does not work"), str(exc), 403, asked)
    except IntegrationError as exc:
        log.warning("Sign-in with %s failed: %s", vendor, exc.reason)
        status = 503 if isinstance(exc, TransientError) else 400
        return _stop(
            request,
            vendor,
            gettext("Please start again"),
            gettext("{problem} Nothing was connected.").format(problem=exc.public),
            status,
            asked,
        )


def _finish(request: HttpRequest, vendor: str, asked: Asked) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    tenant = _owned(request, asked["tenant"]) if asked["tenant"] else None  # asked again: roles change meanwhile
    token, identity = oauth_login.exchange_code(vendor, request.GET["code"], redirect_uri(vendor))
    wish = SignInRequest(vendor, user, tenant, installs=asked["purpose"] == "install")
    arrival = arrive(wish, identity, token)
    login(request, arrival.user, backend=BACKEND)
    request.session.cycle_key()
    messages.success(request, _welcome(vendor, identity.account.name, arrival))
    return redirect(local(asked["next"]) or landing(arrival.tenant))


def _welcome(vendor: str, account: str, arrival: Arrival) -> str:
    label = get_connector(vendor).label
    if arrival.connected:
        return gettext("{label} is connected: {account}.").format(label=label, account=account)
    if arrival.joined:
        return gettext(
            "{label} account {account} is connected to {tenant} and stays there. You are a member now."
        ).format(label=label, account=account, tenant=arrival.tenant.name)
    return gettext("Signed in with {label}.").format(label=label)


def _fits(asked: Asked, request: HttpRequest, vendor: str) -> bool:
    """Whether this is the vendor that was asked, and still the same person."""
    return asked["user"] == str(request.user.pk or "") and asked["vendor"] == vendor


def _owned(request: HttpRequest, tenant_id: str) -> Tenant:
    try:
        key = uuid.UUID(tenant_id)
    except ValueError as exc:
        raise Http404 from exc
    return member_or_404(request.user, key, Role.OWNER).tenant


def _not_configured(request: HttpRequest, vendor: str) -> HttpResponse:
    if not oauth_login.speaks_oauth(vendor):
        name = get_connector(vendor).label if vendor in CONNECTORS else gettext("This vendor")
        why = gettext("{name} cannot be installed from here.").format(name=name)
        return render(request, "portal/stopped.html", {"heading": gettext("Not available"), "why": why}, status=404)
    name = vendor.upper()
    why = gettext(
        "This hub has no app at {vendor} yet. Its operator sets {name}_CLIENT_ID and {name}_CLIENT_SECRET."
    ).format(vendor=get_connector(vendor).label, name=name)
    return render(request, "portal/stopped.html", {"heading": gettext("Not configured"), "why": why}, status=404)


def _stop(
    request: HttpRequest,
    vendor: str,
    heading: str,
    why: str,
    status: int,
    asked: Asked | None = None,
    *,
    claim: bool = False,
    verb: str = "",
) -> HttpResponse:
    """Words and a way to begin anew, with the same wish."""
    query = {}
    if asked is not None:
        query = {"next": asked["next"], "tenant": asked["tenant"], "for": asked["purpose"]}
    again = reverse("portal:install", kwargs={"vendor": vendor})
    query = {key: value for key, value in query.items() if value}
    again += f"?{urlencode(query)}" if query else ""
    context = {"heading": heading, "why": why, "again": again, "claim": claim, "verb": verb or gettext("Try again")}
    return render(request, "portal/stopped.html", context, status=status)
