"""Sessions of requests that obey our rules, for our own calls and for libraries that want a session of their own."""

from __future__ import annotations

import socket
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from integration import answers, guard, retry

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds
SAFE_METHODS = frozenset({"GET", "HEAD"})

# What a cut line swallowed is given up by the kernel when we give it up. Otherwise it would go on trying for a socket
# that is closed, and could bring a call to the vendor long after another worker has taken over. Linux only.
_SOCKET_OPTIONS = list(HTTPConnection.default_socket_options)
if hasattr(socket, "TCP_USER_TIMEOUT"):
    _SOCKET_OPTIONS.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(READ_TIMEOUT * 1000)))  # milliseconds


class _GuardedAdapter(HTTPAdapter):
    """Opens sockets only to checked addresses and keeps them open for the next call."""

    def __init__(self, most_bytes: int, **kwargs: Any) -> None:
        self._most_bytes = most_bytes
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=_SOCKET_OPTIONS)
        self.poolmanager.pool_classes_by_scheme = guard.POOL_CLASSES

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Read every answer whole and within its limits, for whoever holds the session. Raises Unbounded."""
        response = super().send(*args, **{**kwargs, "stream": True})
        try:
            response._content = answers.read_body(response.raw, self._most_bytes)
            response._content_consumed = True  # type: ignore[attr-defined]
        finally:
            response.close()
        return response


# Statuses are ours to judge: with a Retry-After header urllib3 would wait and try again by itself.
_RETRY = Retry(
    total=retry.HTTP_CONNECT.attempts - 1, connect=retry.HTTP_CONNECT.attempts - 1, read=retry.HTTP_READ.attempts - 1,
    status=0, redirect=0, other=0, allowed_methods=SAFE_METHODS,
    backoff_factor=retry.HTTP_CONNECT.base, backoff_max=retry.HTTP_CONNECT.cap, respect_retry_after_header=False,
)  # fmt: skip
# What the libraries raise where no answer came, or none that has an end.
NO_ANSWER = (requests.RequestException, HTTPError, TimeoutError, answers.Unbounded)


def guarded(session: requests.Session, most_bytes: int = answers.MAX_SIGN_IN_BYTES) -> requests.Session:
    """Make any requests session obey our rules: checked addresses, bounded answers, no proxies, no cookies."""
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, _GuardedAdapter(most_bytes, max_retries=_RETRY, pool_connections=20, pool_maxsize=20))
    return session
