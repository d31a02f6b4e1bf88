"""Operators sign in with their identity provider: there with state, nonce and PKCE, back with a code, then in."""

from __future__ import annotations

import logging
import secrets
from typing import TypedDict

from authlib.common.security import generate_token
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from integration import sign_in_state
from integration.oidc import people, provider, token
from integration.oidc.backends import PATH
from integration.oidc.provider import ProviderProblem, is_configured
from integration.oidc.token import Refused
from integration.second_factor.demand import PROVIDER
from integration.secrets import DecryptionFailed, decrypt, encrypt
from tenants import audit

log = logging.getLogger(__name__)

COOKIE = "lockstep_oidc"
ID_TOKEN = "oidc_id_token"  # noqa: S105 (its name in a session)
LONGEST_HINT = 4000  # characters of a token that go into an address at signing out


class Asked(TypedDict):
    """What the browser brings back that was sent to the provider."""

    nonce: str
    verifier: str
    next: str


@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Send the person to the provider."""
    if not is_configured() or request.method not in ("GET", "HEAD"):
        raise Http404
    wanted = request.GET.get("next", "")
    fine = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    state = secrets.token_urlsafe(32)
    asked: Asked = {
        "nonce": secrets.token_urlsafe(32), "verifier": generate_token(64),
        "next": wanted if fine else reverse("admin:index"),
    }  # fmt: skip
    more = {"acr_values": " ".join(settings.OIDC_ACR)} if settings.OIDC_ACR else {}
    try:
        address, _ = token.client(_redirect_uri()).create_authorization_url(
            provider.metadata().authorization_endpoint, state=state, nonce=asked["nonce"],
            code_verifier=asked["verifier"], **more,
        )  # fmt: skip
    except ProviderProblem as exc:
        return _stop(request, str(exc), 503)
    answer = HttpResponseRedirect(address)
    sign_in_state.store(answer, COOKIE, state, asked)
    return answer


@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Take the person back: prove that this browser asked, check the token, sign in with today's roles."""
    if not is_configured() or request.method not in ("GET", "HEAD"):
        raise Http404
    return sign_in_state.clear(request, _back(request), COOKIE)


def _back(request: HttpRequest) -> HttpResponse:
    asked = sign_in_state.load(request, COOKIE, Asked)
    if asked is None or request.GET.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:  # RFC 9207
        why = gettext("This sign-in was started too long ago, in another browser, or was finished already.")
        return _stop(request, why, 400)
    code = request.GET.get("code", "")
    if not code or request.GET.get("error"):
        return _stop(request, gettext("{name} did not sign you in.").format(name=settings.OIDC_NAME), 403)
    try:
        return _arrived(request, asked, code)
    except ProviderProblem as exc:
        log.warning("Sign-in with the identity provider failed: %s", exc)
        return _stop(request, str(exc), 503)
    except Refused as exc:
        log.warning("A token of the identity provider was refused: %s", exc)
        return _stop(request, str(exc), 403)
    except people.NoRole:
        why = gettext("None of your groups at {name} opens this console. Ask whoever gives you your groups there.")
        return _stop(request, why.format(name=settings.OIDC_NAME), 403)
    except people.SwitchedOff:
        return _stop(request, gettext("Your user is switched off here. Ask an administrator of Lockstep."), 403)


def end_session_address(request: HttpRequest) -> str:
    """Where this session's provider signs people out; empty where there is none, or it does not answer."""
    kept = request.session.get(ID_TOKEN) if is_configured() else None
    if not kept:
        return ""
    try:
        hint, page = decrypt(kept), provider.metadata().end_session_endpoint
    except (DecryptionFailed, ProviderProblem):
        return ""
    back = settings.PUBLIC_URL.rstrip("/") + reverse("admin:login")
    query = {"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back, "id_token_hint": hint}
    return f"{page}{'&' if '?' in page else '?'}{urlencode(query)}" if page else ""


def _arrived(request: HttpRequest, asked: Asked, code: str) -> HttpResponse:
    raw = token.exchange(code, asked["verifier"], _redirect_uri())
    claims = token.verify(raw, asked["nonce"])
    user, changed = people.arrive(claims)
    request.session.flush()  # nothing of what this browser did before goes along
    login(request, user, backend=PATH)
    request.session[PROVIDER] = people.has_second_factor(claims)
    if len(raw) <= LONGEST_HINT:
        request.session[ID_TOKEN] = encrypt(raw)
    if changed:
        audit.record(f"Roles by the identity provider: {changed}", user)
    return redirect(asked["next"])


def _redirect_uri() -> str:
    """Our address as it is registered at the provider."""
    root: str = settings.PUBLIC_URL.rstrip("/")
    return root + reverse("console-oidc-callback")


def _stop(request: HttpRequest, why: str, status: int) -> HttpResponse:
    """Say why and how to begin anew. Nobody who is signed in keeps anything by it."""
    context = {"why": why, "again": reverse("console-oidc"), "name": settings.OIDC_NAME}
    return render(request, "sign_in_stopped.html", context, status=status)
