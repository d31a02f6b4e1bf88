"""Signing in at the console, and signing out everywhere."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from integration.admin.pages import oidc
from integration.oidc.provider import is_configured
from integration.second_factor.demand import is_console

admin.site.login_template = "lockstep/login.html"


def sign_in(request: HttpRequest) -> HttpResponse:
    """Django's page in the console's clothes; with an identity provider its button, and the password folded away."""
    shown = {"break_glass": bool(settings.OIDC_BREAK_GLASS_USER), "provider": ""}
    if is_configured():
        shown["provider"] = settings.OIDC_NAME
    return admin.site.login(request, extra_context=shown)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out here and, where the provider has a page for it, there: a closed console must not open with one click.

    The browser is led on by a page, not by a redirect: a form of ours may lead to no other host (form-action).
    """
    there = oidc.end_session_address(request)
    logout(request)
    if there:
        return render(request, "signed_out.html", {"there": there, "name": settings.OIDC_NAME})
    return redirect("admin:login" if is_console(request) else "login")
