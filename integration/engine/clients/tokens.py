"""Keep OAuth tokens fresh. One refresh in flight per connection, so that two workers never burn one refresh token.

The lock is a lease, so no transaction is open while the vendor answers.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.utils import timezone

from integration import retry
from integration.connectors.base import Tokens
from integration.connectors.registry import CONNECTORS
from integration.engine.dispatch import leases
from integration.errors import AuthError, TransientError
from integration.models import Connection
from tenants import audit

EARLY = timedelta(minutes=5)
PATIENCE = 15.0  # seconds that a call waits while another worker renews; a vendor answers within a few
LOOK_EVERY = 0.2  # seconds
STORED = ("credentials", "credentials_hint", "credentials_changed_at", "token_expires_at")


class OAuth(Protocol):
    """What each vendor's `oauth.py` offers."""

    def authorize_url(self, client_id: str, redirect_uri: str, state: str) -> str:
        """Return the address of the consent page."""

    def exchange_code(self, client_id: str, client_secret: str, code: str, redirect_uri: str) -> Tokens:
        """Turn a code into tokens. Raises IntegrationErrors."""

    def refresh(self, client_id: str, client_secret: str, refresh_token: str) -> Tokens:
        """Return newer tokens. Raises AuthError when the vendor refuses."""

    def revoke(self, client_id: str, client_secret: str, refresh_token: str) -> None:
        """Give the tokens back."""


class RenewalUnderWay(TransientError):
    """Another worker renews the token at this moment."""


def ensure_fresh(connection: Connection, *, force: bool = False) -> None:
    """Refresh the access token when it runs out within five minutes, or at once with `force`.

    Raises RenewalUnderWay when another worker is refreshing and the present token is no longer good, AuthError when
    the vendor refuses the refresh token.
    """
    if connection.auth_kind != "oauth":
        return
    connection.refresh_from_db(fields=STORED)
    _ = connection.plain_credentials  # raises when they cannot be decrypted
    if not force and not _expires_within(connection, EARLY):
        return
    before = connection.credentials_changed_at
    lease = leases.acquire(leases.TOKEN_RENEWAL, connection.pk)
    if lease is None:
        if force or _expires_within(connection, timedelta(0)):
            pause = retry.next_delay(retry.TOKEN_RACE)
            raise RenewalUnderWay("The access token is being renewed.", retry_after=pause)
        return
    try:
        connection.refresh_from_db(fields=STORED)
        if connection.credentials_changed_at != before:
            return  # another worker was quicker between our look and our lease
        client_id, client_secret = app_of(connection)
        seen = connection.credentials_changed_at
        renewed = oauth_of(connection.vendor).refresh(client_id, client_secret, connection.credentials["refresh_token"])
        store(connection, renewed, unless_changed_since=seen)
    finally:
        leases.release(lease)


def after_refusal(connection: Connection, refused: str, *, patience: float = PATIENCE) -> str | None:
    """Return an access token to go on with after the vendor has refused one; None when there is no newer one to get.

    The first 401 is answered by one renewal, whoever meets it: while one worker renews, others wait for it so many
    seconds. A token that was refused young was not refused for its age. Raises RenewalUnderWay after that time,
    TransientErrors of the vendor's token endpoint.
    """
    if connection.auth_kind != "oauth":
        return None
    until = time.monotonic() + patience
    while True:
        connection.refresh_from_db(fields=STORED)
        if _access_token(connection) != refused:
            return _access_token(connection)
        try:
            if not _may_renew(connection):
                return None
            ensure_fresh(connection, force=True)
            return _access_token(connection)
        except RenewalUnderWay:
            if time.monotonic() >= until:
                raise
            time.sleep(LOOK_EVERY)
        except AuthError:
            connection.refresh_from_db(fields=STORED)  # somebody may have consented anew meanwhile
            return _access_token(connection) if _access_token(connection) != refused else None


def _may_renew(connection: Connection) -> bool:
    changed = connection.credentials_changed_at
    return changed is None or changed <= timezone.now() - timedelta(seconds=retry.next_delay(retry.REFUSED_TOKEN))


def _access_token(connection: Connection) -> str:
    return str(connection.plain_credentials.values.get("access_token", ""))


def store(connection: Connection, token: Tokens, *, unless_changed_since: datetime | None = None) -> None:
    """Save a token reply before anything uses it. No new refresh token in it means that ours stays valid.

    A refresh gives way to whoever consented anew while it was under way: theirs are the newer tokens.
    """
    values = {
        **connection.credentials,
        "access_token": token.access_token,
        "refresh_token": token.refresh_token or connection.credentials.get("refresh_token", ""),
        "scope": token.scope or connection.credentials.get("scope", ""),
    }
    connection.store_credentials(values, token.access_token)
    connection.token_expires_at = token.expires_at
    if unless_changed_since is None:  # a new consent; it ends what was noted of the one before
        connection.health_reason = ""
        connection.save(update_fields=None if connection._state.adding else [*STORED, "health_reason"])
        audit.record("Stored the tokens of a consent", connection)
        return
    same = Connection.objects.filter(pk=connection.pk, credentials_changed_at=unless_changed_since)
    if not same.update(**{column: getattr(connection, column) for column in STORED}):
        connection.refresh_from_db(fields=STORED)


def revoke(connection: Connection) -> None:
    """Give the tokens back to the vendor. Raises IntegrationErrors of the call."""
    if connection.auth_kind == "oauth" and connection.credentials.get("refresh_token"):
        client_id, client_secret = app_of(connection)
        oauth_of(connection.vendor).revoke(client_id, client_secret, connection.credentials["refresh_token"])


def app_of(connection: Connection) -> tuple[str, str]:
    """Our app's client id and secret at this vendor. Raises AuthError when they are not configured."""
    return app_at(connection.vendor)


def app_at(vendor: str) -> tuple[str, str]:
    """The same by the vendor's key."""
    app: dict[str, str] = settings.OAUTH_APPS.get(vendor, {})
    if not app.get("client_id"):
        name = vendor.upper()
        raise AuthError(
            "This hub has no OAuth app for the vendor.", detail=f"Set {name}_CLIENT_ID and {name}_CLIENT_SECRET."
        )
    return app["client_id"], app["client_secret"]


def oauth_of(vendor: str) -> OAuth:
    """The vendor's `oauth.py`."""
    oauth: OAuth = import_module(CONNECTORS[vendor].rpartition(".")[0] + ".oauth")
    return oauth


def _expires_within(connection: Connection, span: timedelta) -> bool:
    return connection.token_expires_at is None or connection.token_expires_at <= timezone.now() + span
