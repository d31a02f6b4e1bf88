"""The second factor in the portal: the page that asks for a code, and the page where an app is set up."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from config.pages import PageContext
from integration.second_factor.pages import Place, ask_code, own_app


def _render(request: HttpRequest, template: str, context: PageContext, status: int) -> HttpResponse:
    return render(request, template, context, status=status)


PORTAL = Place(
    home="portal:home", verify="portal:verify", set_up="portal:second_factor",
    verify_template="portal/verify.html", set_up_template="portal/second_factor.html", render=_render,
)  # fmt: skip


@never_cache
@sensitive_post_parameters("code")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the app's code, after the password or the vendor's consent page."""
    return ask_code(request, PORTAL)


@never_cache
@sensitive_post_parameters("code")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The person's own app."""
    return own_app(request, PORTAL)
