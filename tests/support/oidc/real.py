"""panva's oidc-provider in a Node process, installed from the lock file beside it into var/, once per state of it."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.test import Client

from tests.support.required import missing

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "provider.mjs")
CALLBACK, AFTER = "https://hub.example.com/admin/oidc/callback/", "https://hub.example.com/admin/login/"
SECRET = "a-secret-of-tests-only-0001"


class RealProvider:
    """The provider, and somebody who signs in there."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def control(self, **wish: Any) -> None:
        """Say who signs in next (`who`), or make other keys (`rotate`)."""
        requests.post(f"{self.issuer}/control", json=wish, timeout=10).raise_for_status()

    def somebody(self, sub: str, *groups: str, amr: Any = None, acr: Any = None, **claims: Any) -> None:
        """Who signs in next."""
        self.control(who={"sub": sub, "amr": amr, "acr": acr, "claims": {"groups": list(groups), **claims}})

    def walk(self, address: str, *, browser: requests.Session | None = None) -> str:
        """Follow the provider's pages until it leads back to the hub; return that path with its query."""
        session = browser or requests.Session()
        session.trust_env = False
        for _ in range(8):
            answer = session.get(address, allow_redirects=False, timeout=10)
            address = answer.headers.get("Location", "")
            assert address, f"{answer.status_code} {answer.text[:500]}"
            if address.startswith("/"):
                address = self.issuer + address
            if address.startswith(CALLBACK):
                parts = urlsplit(address)
                return f"{parts.path}?{parts.query}"
        raise AssertionError("no way back")

    def sign_in(self, client: Client, query: str = "") -> Any:
        """All of it: from the console's button to the answer of the callback."""
        started = client.get(f"/admin/oidc/{query}")
        assert started.status_code == 302, started.content.decode()
        return client.get(self.walk(started.url))


@contextmanager
def running() -> Iterator[RealProvider]:
    """Start one for as long as the block lasts."""
    folder = _installed()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [shutil.which("node") or "node", "provider.mjs", str(port), CALLBACK, AFTER]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = []
        for line in process.stdout or ():
            said.append(line)
            if line.strip() == "ready":
                break
        else:
            raise AssertionError("".join(said))
        yield RealProvider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _installed() -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        missing("REQUIRE_OIDC", "Node and npm are not installed (Debian: apt-get install nodejs npm)")
    state = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    folder = Path(settings.BASE_DIR) / "var" / f"oidc-{state}"
    with (Path(settings.BASE_DIR) / "var" / "oidc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                shutil.copy(HERE / name, folder / name)
            run = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder, capture_output=True, text=True, check=False, timeout=150,
            )  # fmt: skip
            if run.returncode:
                missing("REQUIRE_OIDC", f"oidc-provider cannot be installed: {run.stderr[-500:]}")
            (folder / "installed").touch()
    return folder
