"""The second factor of the console: the page that asks for a code, and the page where an app is set up."""

from __future__ import annotations

from collections.abc import Callable

import segno
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login

from config.pages import PageContext
from integration.admin.core.actions import note
from integration.admin.core.base import Admin
from integration.admin.core.masking import mask
from integration.models import AuthenticatorApp
from tenants import devices, guessing
from tenants.lock_out import STEP_UP
from tenants.locked import opens

OPEN = ("admin:login", "admin:logout", "login", "logout", "console-verify", "console-two-factor")
LOCKED = "locked"
WRONG = _("This code is not right, or was used already. Wait for the next one.")
RECOVERY = _(
    "This code was not accepted. Many wrong codes were tried for your account, so this device needs a recovery code. "
    "A device you have used before still takes a code of the app."
)


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )


class SecondFactor:
    """Nobody with an app gets past the door without its code; where one is required, nobody without an app.

    That is the console's door. After many guesses at somebody's password it is every page's, for staff with an app.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send staff to the page they need first."""
        page = _needed(request)
        if page is None:
            return self.get_response(request)
        return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")


def _needed(request: HttpRequest) -> str | None:
    console = request.path_info.startswith(reverse("admin:index"))
    if not (console or request.session.get(STEP_UP)) or request.path_info in {reverse(name) for name in OPEN}:
        return None
    if not (request.user.is_authenticated and request.user.is_staff) or _verified(request):
        return None
    if app_of(request) is not None:
        return "console-verify"
    return "console-two-factor" if console and settings.REQUIRE_TWO_FACTOR else None


def app_of(request: HttpRequest) -> AuthenticatorApp | None:
    """The signed-in person's app, once it has proven itself."""
    return AuthenticatorApp.objects.filter(user_id=request.user.pk or 0, confirmed=True).first()


def _verified(request: HttpRequest) -> bool:
    return bool(request.user.is_verified())  # type: ignore[union-attr]  # django-otp adds it to every user


@never_cache
@sensitive_post_parameters("code")
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the app's code, after the password."""
    app = app_of(request)
    if app is None or _verified(request):
        return HttpResponseRedirect(_next(request))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if _proves(request, app, form):
            otp_login(request, app)
            return HttpResponseRedirect(_next(request))
    context = {"form": form, "next": _next(request), "title": gettext("Enter your code")}
    return _page(request, "lockstep/verify.html", context, form)


@never_cache
@sensitive_post_parameters("code")
def two_factor(request: HttpRequest) -> HttpResponse:
    """Set an app up, make new recovery codes, or switch it off; the latter two ask for a code."""
    app = app_of(request)
    if app is not None and not _verified(request):
        return HttpResponseRedirect(f"{reverse('console-verify')}?{urlencode({'next': request.path})}")
    return _own(request, app) if app is not None else _set_up(request)


def _set_up(request: HttpRequest) -> HttpResponse:
    app, _ = AuthenticatorApp.objects.get_or_create(
        user_id=request.user.pk or 0, defaults={"name": gettext("Authenticator app"), "confirmed": False}
    )
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if _proves(request, app, form):
            app.confirmed = True
            app.save(update_fields=["confirmed"])
            otp_login(request, app)
            _note(request, "Two-factor sign-in switched on")
            messages.success(request, gettext("Two-factor sign-in is on. From now on the console asks for a code."))
            return _page(request, "lockstep/two_factor.html", {"app": app, "codes": app.new_recovery_codes()})
    qr = segno.make(app.address, error="m").svg_inline(scale=5, border=2, dark="#111827", light="#ffffff")
    context = {"form": form, "qr": mark_safe(qr), "secret": app.secret}  # noqa: S308 (made here, of our own text)
    return _page(request, "lockstep/two_factor.html", {**context, "required": settings.REQUIRE_TWO_FACTOR}, form)


def _own(request: HttpRequest, app: AuthenticatorApp) -> HttpResponse:
    form = CodeForm(request.POST or None)
    context: PageContext = {"app": app, "form": form, "left": len(app.recovery)}
    if request.method == "POST" and form.is_valid() and _proves(request, app, form):
        if request.POST.get("do") == "off":
            app.delete()
            _note(request, "Two-factor sign-in switched off")
            messages.warning(request, gettext("Two-factor sign-in is off."))
            return HttpResponseRedirect(request.path)
        _note(request, "New recovery codes")
        return _page(request, "lockstep/two_factor.html", {"app": app, "codes": app.new_recovery_codes()})
    return _page(request, "lockstep/two_factor.html", context, form)


def _proves(request: HttpRequest, app: AuthenticatorApp, form: forms.Form) -> bool:
    """Whether the code in the form is right; else the form says why not. Misses are counted by place, see guessing."""
    name = request.user.get_username()
    trial = guessing.Trial.of(guessing.CODE, request, name, devices.CODE)
    if until := guessing.locked_until(trial):
        form.add_error(
            "code",
            forms.ValidationError(gettext("Too many wrong codes. {opens}").format(opens=opens(until)), code=LOCKED),
        )
        return False
    if app.verify_token(form.cleaned_data["code"], known_device=bool(trial.device)):
        guessing.forgive(trial)
        devices.remember(request, name, devices.CODE)
        return True
    guessing.miss(trial)
    form.add_error("code", RECOVERY if app.asks_for_recovery and not trial.device else WRONG)
    return False


def _page(request: HttpRequest, template: str, context: PageContext, form: forms.Form | None = None) -> HttpResponse:
    shared = {
        **admin.site.each_context(request),
        "title": gettext("Two-factor sign-in"),
        "action_url": request.get_full_path(),
    }
    status = 200
    if form is not None and form.errors:
        status = 429 if form.has_error("code", LOCKED) else 422
    return TemplateResponse(request, template, {**shared, **context}, status=status)


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    fine = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if fine else reverse("admin:index")


def _note(request: HttpRequest, message: str) -> None:
    assert isinstance(request.user, User)
    note(request, User, message, request.user)


@admin.register(AuthenticatorApp)
class AppAdmin(Admin):
    """Who has a second factor. Deleting one lets somebody who lost phone and codes set up a new one."""

    list_display = ("user", "confirmed", "created_at", "last_used_at", "codes_left")
    list_select_related = ("user",)
    masked = {"user": "masked_user"}
    found_whole = ("user__username",)
    search_fields = ("user__username",)
    fields = list_display
    empty_text = _("Nobody has set up a second factor yet. Each person does it under My second factor.")

    @admin.display(description=_("Recovery codes left"))
    def codes_left(self, app: AuthenticatorApp) -> int:
        """Unused ones."""
        return len(app.recovery)

    @admin.display(description=_("User"))
    def masked_user(self, app: AuthenticatorApp) -> str:
        """Whose, for who may not see it."""
        return str(mask(app.user.get_username()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Everybody sets up their own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """There is nothing to change for somebody else."""
        return False
