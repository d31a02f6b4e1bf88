"""The operators' identity provider: what the settings say of it, what it says of itself, and its keys.

Its answers are bounded like those of vendors (`integration.guarded_session`). Only its own origin may be at a private
address, and only where a setting says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.conf import settings
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from config.json_value import JSONValue, json_object, parse_json
from integration import guard
from integration.guarded_session import NO_ANSWER, guarded

log = logging.getLogger(__name__)

TIMEOUT = (5.0, 10.0)  # seconds to connect, to answer
LONGEST = 1024 * 1024  # bytes of an answer that are looked at
FRESH = 3600.0  # seconds for which metadata and keys are believed: a key that was withdrawn is gone after that
REFETCH = 60.0  # seconds between two looks for a key we do not know: made-up key ids cost the provider nothing


class ProviderProblem(Exception):
    """The provider did not answer, or not as it should. The text is for operators and holds no secret."""


@dataclass(frozen=True)
class Metadata:
    """What the provider says of itself (OpenID Connect Discovery 1.0 §3), as far as we use it."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    token_auth_methods: tuple[str, ...]


def is_configured() -> bool:
    """Whether operators sign in with a provider here."""
    return bool(settings.OIDC_ISSUER)


def is_break_glass(username: str) -> bool:
    """Whether this is the one local account that still opens the console with a password."""
    return bool(settings.OIDC_BREAK_GLASS_USER) and username == settings.OIDC_BREAK_GLASS_USER


@dataclass
class _Known:
    """What this process has read, when, and when it last looked for a key it did not know."""

    issuer: str = ""
    metadata: Metadata | None = None
    keys: KeySet | None = None
    read_at: float = float("-inf")
    looked_at: float = float("-inf")


_lock = threading.Lock()
_known = _Known()


def forget() -> None:
    """Read everything anew at the next sign-in."""
    global _known
    _known = _Known()


def metadata() -> Metadata:
    """Return what the provider says of itself. Raises ProviderProblem."""
    return _read()[0]


def key(kid: str | None, algorithm: str) -> Key:
    """Return the key a token names; an unknown one is looked for once, not more than once a minute.

    Raises ProviderProblem when there is none.
    """
    _, keys = _read()
    found = _find(keys, kid, algorithm)
    if found is None and _may_look_again():
        log.info("The identity provider signs with a key we do not know. Its keys are read anew.")
        _, keys = _read(anew=True)
        found = _find(keys, kid, algorithm)
    if found is None:
        raise ProviderProblem("The token is signed with a key that the provider does not list.")
    return found


def session() -> requests.Session:
    """A session that obeys the rules of all our calls."""
    return guarded(requests.Session())


def reaching(url: str) -> AbstractContextManager[None]:
    """What a call to the provider is made inside of: its own origin may be private where the settings say so."""
    same = urlsplit(url).netloc == urlsplit(settings.OIDC_ISSUER).netloc
    return guard.trusting(url) if same and settings.OIDC_PRIVATE_ADDRESS else nullcontext()


def _read(*, anew: bool = False) -> tuple[Metadata, KeySet]:
    with _lock:
        now = time.monotonic()
        stale = anew or _known.issuer != settings.OIDC_ISSUER or now - _known.read_at > FRESH
        if stale or _known.metadata is None or _known.keys is None:
            _known.metadata = _discover()
            _known.keys = _keys(_known.metadata.jwks_uri)
            _known.issuer, _known.read_at = settings.OIDC_ISSUER, now
        return _known.metadata, _known.keys


def _may_look_again() -> bool:
    with _lock:
        now = time.monotonic()
        if now - _known.looked_at < REFETCH:
            return False
        _known.looked_at = now
        return True


def _discover() -> Metadata:
    issuer: str = settings.OIDC_ISSUER
    said = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise ProviderProblem("The provider calls itself by another name than OIDC_ISSUER.")
    methods = said.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization_endpoint=_address(said, "authorization_endpoint"),
        token_endpoint=_address(said, "token_endpoint"),
        jwks_uri=_address(said, "jwks_uri"),
        end_session_endpoint=_address(said, "end_session_endpoint") if said.get("end_session_endpoint") else "",
        token_auth_methods=tuple(str(name) for name in methods) if isinstance(methods, list) else (),
    )


def _address(said: Mapping[str, JSONValue], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or urlsplit(value).scheme != urlsplit(settings.OIDC_ISSUER).scheme:
        raise ProviderProblem(f"The provider names no usable {name}.")
    return value


def _keys(url: str) -> KeySet:
    listed = _get(url).get("keys")
    usable = []
    for entry in listed if isinstance(listed, list) else []:
        found = json_object(entry)
        if found.get("kty") in ("RSA", "EC", "OKP") and found.get("use", "sig") == "sig":  # a shared secret is no key
            usable.append(found)
    try:
        return KeySet.import_key_set({"keys": usable})  # type: ignore[typeddict-item]  # looked at by the library
    except (JoseError, ValueError, KeyError, TypeError) as exc:
        raise ProviderProblem("The provider's keys cannot be read.") from exc


def _find(keys: KeySet, kid: str | None, algorithm: str) -> Key | None:
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    fitting = [row for row in keys.keys if row.key_type == kinds[algorithm[:2]]]
    if kid is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((row for row in fitting if row.kid == kid), None)


def _get(url: str) -> Mapping[str, JSONValue]:
    try:
        with reaching(url), session() as opened:
            answer = opened.get(url, timeout=TIMEOUT, allow_redirects=False)
    except (*NO_ANSWER, guard.AddressRefused) as exc:
        log.warning("The identity provider could not be reached: %s", type(exc).__name__)
        raise ProviderProblem("The identity provider could not be reached.") from exc
    if answer.status_code != 200 or len(answer.content) > LONGEST:
        raise ProviderProblem(f"The identity provider answered with status {answer.status_code}.")
    try:
        return json_object(parse_json(answer.content))
    except ValueError as exc:
        raise ProviderProblem("The identity provider's answer is not JSON.") from exc
