"""What the two pages of a second factor do, for portal and console: ask for a code, and set an app up.

Each of the two brings its look: how a page is rendered, and what is called how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import segno
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django_otp import login as otp_login

from config.pages import PageContext
from integration.models import AuthenticatorApp
from integration.second_factor import enrolment
from integration.second_factor.codes import CodeForm, enrols, proves, status_of
from integration.second_factor.demand import app_of, demanding, is_demanded, proven
from tenants import audit
from tenants.access import person

Render = Callable[[HttpRequest, str, PageContext, int], HttpResponse]


@dataclass(frozen=True)
class Place:
    """Portal or console: the names of its addresses, its templates, its audit line."""

    home: str
    verify: str
    set_up: str
    verify_template: str
    set_up_template: str
    render: Render


def ask_code(request: HttpRequest, place: Place) -> HttpResponse:
    """Ask for the app's code, after the password or the vendor's consent page."""
    app = app_of(person(request))
    if app is None or proven(request):
        return HttpResponseRedirect(_next(request, place))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and proves(request, app, form):
        _opened(request, app)
        return HttpResponseRedirect(_next(request, place))
    context: PageContext = {"form": form, "title": gettext("Enter your code")}
    return _page(request, place, place.verify_template, context, form)


def own_app(request: HttpRequest, place: Place) -> HttpResponse:
    """Set an app up, make new recovery codes, or switch it off; the latter two ask for a code."""
    app = app_of(person(request))
    if app is None:
        return _set_up(request, place)
    if not proven(request):
        return HttpResponseRedirect(f"{reverse(place.verify)}?{urlencode({'next': request.path})}")
    return _own(request, place, app)


def _set_up(request: HttpRequest, place: Place) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    app, shown_before = enrolment.begin(request, user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not shown_before:
            form.add_error("code", gettext("This took too long. Scan the new picture, then enter the code it gives."))
        elif enrols(request, app, form):
            enrolment.end(request)
            _opened(request, app)
            _told(request, "Two-factor sign-in switched on")
            messages.success(request, gettext("Two-factor sign-in is on. From now on Lockstep asks for a code."))
            return _codes(request, place, app)
    qr = segno.make(app.address, error="m").svg_inline(scale=5, border=2, dark="#111827", light="#ffffff")
    context: PageContext = {"form": form, "qr": mark_safe(qr), "secret": app.secret}  # noqa: S308 (made of our own text)
    context |= {"required": is_demanded(user), "demanding": demanding(user)}
    return _page(request, place, place.set_up_template, context, form)


def _own(request: HttpRequest, place: Place, app: AuthenticatorApp) -> HttpResponse:
    form = CodeForm(request.POST or None)
    context: PageContext = {"app": app, "form": form, "left": len(app.recovery)}
    if request.method == "POST" and form.is_valid() and proves(request, app, form):
        if request.POST.get("do") == "off":
            app.delete()
            _told(request, "Two-factor sign-in switched off")
            messages.warning(request, gettext("Two-factor sign-in is off."))
            return HttpResponseRedirect(request.path)
        _told(request, "New recovery codes")
        return _codes(request, place, app)
    return _page(request, place, place.set_up_template, context, form)


def _opened(request: HttpRequest, app: AuthenticatorApp) -> None:
    """Mark the session, under a new key: who knew the old one has nothing of what it may do now."""
    otp_login(request, app)
    request.session.cycle_key()


def _codes(request: HttpRequest, place: Place, app: AuthenticatorApp) -> HttpResponse:
    context: PageContext = {"app": app, "codes": app.new_recovery_codes(), "next": _next(request, place)}
    return _page(request, place, place.set_up_template, context)


def _page(
    request: HttpRequest, place: Place, template: str, context: PageContext, form: CodeForm | None = None
) -> HttpResponse:
    shared: PageContext = {"title": gettext("Two-factor sign-in"), "action_url": request.get_full_path()}
    return place.render(request, template, {**shared, **context}, 200 if form is None else status_of(form))


def _next(request: HttpRequest, place: Place) -> str:
    wanted = request.GET.get("next", "")
    fine = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if fine else reverse(place.home)


def _told(request: HttpRequest, message: str) -> None:
    assert isinstance(request.user, User)
    audit.record(message, request.user)
