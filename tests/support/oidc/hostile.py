"""A provider that answers what a test wants: forged tokens, other keys, answers without end."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class HostileProvider:
    """By default it plays by the rules; a test changes what it wants to be wrong."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.listed = [self.key]
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.nonce = ""
        self.token: Any = self.signed
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.calls: Counter[str] = Counter()

    def now_claims(self) -> dict[str, Any]:
        now = int(time.time())
        made = {"iss": self.issuer, "aud": "lockstep", "sub": "ada", "iat": now, "exp": now + 300, "nonce": self.nonce,
                "groups": ["ops"], "amr": ["mfa"], **self.claims}  # fmt: skip
        return {name: value for name, value in made.items() if value is not None}

    def signed(self) -> str:
        return jwt.encode(self.header, self.now_claims(), self.key, algorithms=[self.header["alg"]])

    def unsigned(self) -> str:
        return f"{part({'alg': 'none'})}.{part(self.now_claims())}."

    def by_public_key(self) -> str:
        """HS256 with the public key as the secret, for verifiers that let the token choose."""
        signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(self.now_claims())}"
        made = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"

    def by_client_secret(self) -> str:
        secret = OctKey.import_key("a-secret-of-tests-only-0001")
        return jwt.encode({"alg": "HS256"}, self.now_claims(), secret, algorithms=["HS256"])

    def tampered(self) -> str:
        head, _, signature = self.signed().split(".")
        return f"{head}.{part({**self.now_claims(), 'groups': ['admins']})}.{signature}"

    @staticmethod
    def shown(key: Any) -> dict[str, Any]:
        return key.as_dict() if isinstance(key, OctKey) else key.as_dict(private=False)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.calls[path] += 1
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            found = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return 200, {}, json.dumps({"issuer": self.issuer, **found, **self.metadata}).encode()
        if path == "/jwks_uri":
            return 200, {}, json.dumps({"keys": [self.shown(key) for key in self.listed]}).encode()
        body = {"access_token": "x", "token_type": "Bearer", "id_token": self.token()}
        return 200, {}, json.dumps(body).encode()

    def sign_in(self, client: Client) -> Any:
        """From the button to the answer of the callback; the page of the provider is skipped."""
        started = client.get("/admin/oidc/")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(started.url).query).items()}
        self.nonce = asked["nonce"]
        return client.get("/admin/oidc/callback/", {"code": "c0de", "state": asked["state"]})


@contextmanager
def forging() -> Iterator[HostileProvider]:
    """Serve one for as long as the block lasts."""
    provider: HostileProvider

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            status, headers, body = provider.answer(self.path.partition("?")[0])
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = HostileProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
