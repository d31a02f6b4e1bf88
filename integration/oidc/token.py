"""From the code of the callback to a person: the ID token and each check of it (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from authlib.integrations.base_client.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from config.json_value import JSONValue
from integration import guard
from integration.guarded_session import NO_ANSWER, guarded
from integration.oidc import provider
from integration.oidc.provider import ProviderProblem

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
SKEW = 60.0  # seconds the provider's clock may be off
OLDEST = 600.0  # seconds since the token was made: it was made for this sign-in
LONGEST = 64 * 1024  # characters of a token


class Refused(Exception):
    """This token opens nothing. The text says why, without what stands in it."""


@dataclass(frozen=True)
class Claims:
    """Who somebody is, by the provider's word."""

    subject: str
    values: dict[str, JSONValue]

    def texts(self, name: str) -> set[str]:
        """A claim that is one text or a list of them."""
        found = self.values.get(name)
        listed = found if isinstance(found, list) else [found]
        return {value for value in listed if isinstance(value, str) and value}

    def text(self, name: str) -> str:
        """A claim that is one text."""
        found = self.values.get(name)
        return found if isinstance(found, str) else ""


def client(redirect_uri: str) -> OAuth2Session:
    """The OAuth client with our settings: PKCE, and the way the provider wants our secret."""
    methods = provider.metadata().token_auth_methods or ("client_secret_basic",)
    basic = "client_secret_basic" in methods
    return guarded(
        OAuth2Session(
            settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, redirect_uri=redirect_uri,
            scope=" ".join(settings.OIDC_SCOPES), code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
        )
    )  # fmt: skip


def exchange(code: str, verifier: str, redirect_uri: str) -> str:
    """Turn a code into an ID token, unread. Raises Refused and ProviderProblem."""
    url = provider.metadata().token_endpoint
    try:
        with provider.reaching(url), client(redirect_uri) as opened:
            answer = opened.fetch_token(
                url, code=code, code_verifier=verifier, timeout=provider.TIMEOUT, allow_redirects=False
            )
    except AuthlibBaseError as exc:
        raise Refused("The provider did not accept the code of this sign-in.") from exc
    except (*NO_ANSWER, guard.AddressRefused, ValueError) as exc:
        raise ProviderProblem("The identity provider could not be reached.") from exc
    token = answer.get("id_token")
    if not isinstance(token, str) or len(token) > LONGEST:
        raise Refused("The provider sent no ID token.")
    return token


def verify(token: str, nonce: str) -> Claims:
    """Return whose token this is. Raises Refused unless every check holds, and ProviderProblem."""
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as exc:
        raise Refused("The ID token cannot be read.") from exc
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise Refused("The ID token is not signed in a way that is accepted here.")
    key = provider.key(kid if isinstance(kid, str) else None, algorithm)
    try:
        values = dict(jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, ValueError) as exc:
        raise Refused("The signature of the ID token is wrong.") from exc
    _check(values, nonce)
    return Claims(str(values["sub"]), values)


def _check(values: dict[str, JSONValue], nonce: str) -> None:
    audience = values.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if values.get("iss") != settings.OIDC_ISSUER:
        raise Refused("The ID token is another provider's.")
    if settings.OIDC_CLIENT_ID not in listed:
        raise Refused("The ID token is for another application.")
    party = values.get("azp")
    if (len(listed) > 1 or party is not None) and party != settings.OIDC_CLIENT_ID:
        raise Refused("The ID token was given to another application.")
    if not _in_time(values):
        raise Refused("The ID token is out of date.")
    if not hmac.compare_digest(str(values.get("nonce") or "").encode(), nonce.encode()):
        raise Refused("The ID token is of another sign-in.")
    subject = values.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise Refused("The ID token names nobody.")


def _in_time(values: dict[str, JSONValue]) -> bool:
    now = time.time()
    until, made, begins = values.get("exp"), values.get("iat"), values.get("nbf", 0)
    numbers = [value for value in (until, made, begins) if isinstance(value, int | float) and value is not True]
    if len(numbers) < 3:
        return False
    return numbers[0] > now - SKEW and now - OLDEST - SKEW < numbers[1] < now + SKEW and numbers[2] < now + SKEW
