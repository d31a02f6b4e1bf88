"""Production refuses development: settings that everybody knows or that leave a door open, refused at each start.

Registered as system checks, so that every command that touches data looks before it runs (`qcluster`, `serve`,
`setup`, …); the web process asks in `config.start`. LOCKSTEP_DEVELOPMENT is for this machine alone: then the address is
a loopback one and known keys are fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, register

from config import known, private_files

LEAST_KEY, LEAST_KINDS, LEAST_TOKEN = 50, 5, 24  # characters; the first two are what Django itself calls a weak key
GENERATED = "django-insecure-"
RANDOM = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"


@register("start")
def check_settings(app_configs: Any, **kwargs: Any) -> list[Error]:
    """lockstep.E010 to E022: nothing of development where people sign in, nothing of people where it is development."""
    return [*_anywhere(), *(_development() if settings.DEVELOPMENT else _production())]


def _anywhere() -> Iterator[Error]:
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Set ALLOWED_HOSTS to the host name of PUBLIC_URL, for example ALLOWED_HOSTS=hub.example.com."
        yield Error("ALLOWED_HOSTS=* answers to every host name, also forged ones.", hint=hint, id="lockstep.E010")
    if 0 < len(settings.METRICS_TOKEN) < LEAST_TOKEN:
        text = f"METRICS_TOKEN has fewer than {LEAST_TOKEN} characters and can be guessed."
        yield Error(text, hint=f"Make one with: {RANDOM}. Leave it empty to switch /metrics off.", id="lockstep.E011")


def _development() -> Iterator[Error]:
    """LOCKSTEP_DEVELOPMENT brings known keys: whoever reaches the hub could sign in as anybody."""
    hint = "Take LOCKSTEP_DEVELOPMENT out and set keys of your own (README, Go live), or use a loopback address."
    address = urlsplit(settings.PUBLIC_URL)
    if address.scheme != "http" or not _is_loopback(address.hostname or ""):
        text = (
            f"LOCKSTEP_DEVELOPMENT is set, but PUBLIC_URL={settings.PUBLIC_URL} is not a plain address of this machine."
        )
        yield Error(text, hint=hint, id="lockstep.E012")
    if public := [host for host in settings.ALLOWED_HOSTS if host != "*" and not _stays_inside(host)]:
        text = f"LOCKSTEP_DEVELOPMENT is set, but ALLOWED_HOSTS names {', '.join(public)}."
        yield Error(text, hint=hint, id="lockstep.E012")
    if settings.TRUSTED_PROXIES:
        text = "LOCKSTEP_DEVELOPMENT is set, but TRUSTED_PROXIES says that others reach the hub through a proxy."
        yield Error(text, hint=hint, id="lockstep.E012")


def _production() -> Iterator[Error]:
    yield from _keys()
    yield from _files()
    if settings.DEBUG:
        text = "DEBUG is on: error pages show settings and data to everybody."
        yield Error(text, hint="Take DEBUG out.", id="lockstep.E017")
    if settings.SANDBOX_URL:
        text = "SANDBOX_URL is set: connections could send customers' data to it, without TLS and to an address inside."
        yield Error(text, hint="Take SANDBOX_URL out. It is for development.", id="lockstep.E018")
    if not settings.REQUIRE_TWO_FACTOR:
        text = "REQUIRE_TWO_FACTOR is off: a guessed password would open the console."
        yield Error(text, hint="Take REQUIRE_TWO_FACTOR out, or set it to true.", id="lockstep.E019")


def _keys() -> Iterator[Error]:
    key = settings.SECRET_KEY
    weak = len(key) < LEAST_KEY or len(set(key)) < LEAST_KINDS or key.startswith(GENERATED)
    if key == known.SECRET_KEY or (key and weak):
        text = (
            f"SECRET_KEY is known to everybody, shorter than {LEAST_KEY} characters, or made of too few different ones."
        )
        yield Error(text, hint=f"Make one with: {RANDOM}. Everybody signs in again.", id="lockstep.E013")
    if known.FERNET_KEY in settings.LOCKSTEP_SECRET_KEYS:
        hint = "Put a key of your own before it, run manage.py rotate_secrets, then take the known one out."
        text = "LOCKSTEP_SECRET_KEYS contains the key of development, which everybody knows."
        yield Error(text, hint=hint, id="lockstep.E014")
    if settings.LOCKSTEP_HASH_KEY in (known.HASH_KEY, *known.FORMER_HASH_KEYS):
        text = "LOCKSTEP_HASH_KEY is one that everybody knows: addresses can be found from their hashes."
        yield Error(text, hint=f"Make one with: {RANDOM}, and set it before the first start.", id="lockstep.E015")
    for vendor, app in settings.OAUTH_APPS.items():
        if app["client_secret"] in known.APP_SECRETS:
            name = f"{vendor.upper()}_CLIENT_SECRET"
            text = f"{name} is the sandbox's, which everybody knows: webhooks and sign-ins could be forged."
            yield Error(text, hint=f"Set {name} to the secret of your own app.", id="lockstep.E016")
    if settings.DATABASES["default"].get("PASSWORD") in known.PASSWORDS:
        text = "The password in DATABASE_URL is the one of the example."
        yield Error(text, hint="Give the database user a password of its own, and write it there.", id="lockstep.E020")
    if urlsplit(settings.REDIS_URL).password in known.PASSWORDS:
        text = "The password in REDIS_URL is the one of the example."
        yield Error(
            text, hint="Give Redis a password of its own (requirepass), and write it there.", id="lockstep.E021"
        )


def _files() -> Iterator[Error]:
    if found := private_files.open_to_others(settings.BASE_DIR / "var", settings.SQLITE_FILE):
        text = f"Others on this machine can read {', '.join(map(str, found))}, where data of customers stands."
        hint = "Give it to the user the hub runs as, who then closes it, or run chmod -R go= on it."
        yield Error(text, hint=hint, id="lockstep.E022")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _stays_inside(host: str) -> bool:
    """Whether only this machine, or one beside it in a test's network, is called by this name."""
    try:
        return ip_address(host.strip("[]")).is_private
    except ValueError:
        return _is_loopback(host)
