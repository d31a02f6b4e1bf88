"""Who may sign in how, once operators have an identity provider."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from integration.oidc.provider import is_break_glass, is_configured
from tenants.access import works_in_console

PATH = "integration.oidc.backends.ProviderBackend"


class NoPasswordForOperators:
    """Stands before the password's backend: an operator's password opens nothing where a provider is configured."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None
    ) -> None:
        """Raise PermissionDenied for operators, but for the break-glass account."""
        if not is_configured() or username is None or is_break_glass(username):
            return
        user = User.objects.filter(username=username).first()
        if user is not None and works_in_console(user):
            User().set_password(password)  # takes as long as it would take to look
            raise PermissionDenied


class ProviderBackend(BaseBackend):
    """What a session of the provider's names: it finds the person again, while the provider is configured."""

    def get_user(self, user_id: int) -> User | None:
        """The person, unless switched off."""
        return User.objects.filter(pk=user_id, is_active=True).first() if is_configured() else None
