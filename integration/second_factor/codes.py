"""A code in a form: counted before it is looked at, by place, device and account (`tenants.guessing`)."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.models import AuthenticatorApp
from tenants import devices, guessing
from tenants.locked import opens

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


def proves(request: HttpRequest, app: AuthenticatorApp, form: forms.Form) -> bool:
    """Whether the code in the form is right; else the form says why not."""

    def check(known_device: bool) -> bool:
        return app.verify_token(form.cleaned_data["code"], known_device=known_device)

    return _try(request, form, check, app)


def enrols(request: HttpRequest, app: AuthenticatorApp, form: forms.Form) -> bool:
    """Whether the code is that of the new app, which then is the person's; else the form says why not."""
    return _try(request, form, lambda known_device: app.enrol(form.cleaned_data["code"]), app)


def status_of(form: forms.Form) -> int:
    """The status of a page with this form."""
    if not form.errors:
        return 200
    return 429 if form.has_error("code", LOCKED) else 422


def _try(request: HttpRequest, form: forms.Form, check: Callable[[bool], bool], app: AuthenticatorApp) -> bool:
    name = request.user.get_username()
    trial = guessing.Trial.of(guessing.CODE, request, name, devices.CODE)
    if until := guessing.begin(trial):
        text = gettext("Too many wrong codes. {opens}").format(opens=opens(until))
        form.add_error("code", forms.ValidationError(text, code=LOCKED))
        return False
    if check(bool(trial.device)):
        guessing.forgive(trial)
        devices.remember(request, name, devices.CODE)
        return True
    form.add_error("code", RECOVERY if app.asks_for_recovery and not trial.device else WRONG)
    return False
