"""`python -m config.alive`: ask the web process of this machine whether it lives, as a health check does."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

from config.environment import Environment


def is_alive(address: str, host: str) -> bool:
    """Whether /livez answers under a name that ALLOWED_HOSTS has."""
    request = urllib.request.Request(f"{address}/livez", headers={"Host": host})  # noqa: S310 (our own address)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    host = Environment().list("ALLOWED_HOSTS", default=["127.0.0.1"])[0].lstrip(".")
    sys.exit(0 if is_alive(address, host) else 1)
