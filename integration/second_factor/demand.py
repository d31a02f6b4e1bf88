"""Who needs a second factor now, and whether this session has shown one. Portal and console ask here."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse

from integration.models import AuthenticatorApp
from tenants.access import person, works_in_console
from tenants.models import Tenant

PROVIDER = "second_factor_of_provider"  # in a session: whoever signed this person in has seen a second factor


def proven(request: HttpRequest) -> bool:
    """Whether this session has shown a second factor, here or where it was signed in."""
    verified: bool = request.user.is_verified()  # type: ignore[union-attr]  # django-otp adds it to every user
    return verified or bool(request.session.get(PROVIDER))


def app_of(user: AbstractBaseUser | AnonymousUser | None) -> AuthenticatorApp | None:
    """The person's app, once it has proven itself."""
    key = user.pk if user is not None else None
    return AuthenticatorApp.objects.filter(user_id=key, confirmed=True).first() if key is not None else None


def with_apps(users: Iterable[int]) -> set[int]:
    """Which of these people (by key) have an app."""
    rows = AuthenticatorApp.objects.filter(user_id__in=list(users), confirmed=True)
    return set(rows.values_list("user_id", flat=True))


def is_demanded(user: AbstractBaseUser) -> bool:
    """Whether this person must have a second factor, wherever they are in the hub."""
    if settings.REQUIRE_TWO_FACTOR and works_in_console(user):
        return True
    return demanding(user) is not None


def demanding(user: AbstractBaseUser) -> Tenant | None:
    """A tenant of this person that asks its members for a second factor."""
    rows = Tenant.objects.filter(members__user_id=user.pk, is_active=True, requires_second_factor=True)
    return rows.order_by("name").first()


def missing(request: HttpRequest) -> str | None:
    """The step this person has to take first: `verify`, `set_up`, or None."""
    user = person(request)
    if user is None or proven(request):
        return None
    if app_of(user) is not None:
        return "verify"
    return "set_up" if is_demanded(user) else None


def is_console(request: HttpRequest) -> bool:
    """Whether this is a page of the console."""
    return request.path_info.startswith(reverse("admin:index"))
