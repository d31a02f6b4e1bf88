"""Run the sandbox inside a test's own process, on a free port of 127.0.0.1."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import requests
import uvicorn

from sandbox.app import build
from sandbox.state import Sandbox

START_TIMEOUT_S = 10.0


class SandboxThread:
    """`with SandboxThread() as sandbox: requests.get(sandbox.url + ...)`; retries wait `time_scale` as long."""

    def __init__(self, port: int = 0, *, seed: int = 1, time_scale: float = 1.0, thrown: Iterable[str] = ()) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.state, app = build(self.url, seed=seed, time_scale=time_scale, thrown=thrown)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False, date_header=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._session = requests.Session()
        self._session.trust_env = False

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> SandboxThread:
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the sandbox did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=5)
        self._session.close()
        self.state.courier.stop()
        self._socket.close()

    def reset(self) -> Sandbox:
        self.control("POST", "/reset")
        return self.state

    def control(self, method: str, path: str, json: Any = None) -> Any:
        """Call the control API; raises on an error status. `path` is taken below /_control."""
        path = path.removeprefix("/_control")
        answer = self._session.request(method, f"{self.url}/_control{path}", json=json, timeout=60)
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def wait_until_delivered(self, timeout_s: float = 5.0) -> None:
        """Return once no webhook is under way; those waiting for a later retry do not count."""
        deadline = time.monotonic() + timeout_s
        while not self.state.courier.idle():
            if time.monotonic() > deadline:
                raise TimeoutError("webhooks are still under way")
            time.sleep(0.005)


def _listen(port: int) -> socket.socket:
    """Listen as TCP by name: asyncio switches Nagle's delay off only for sockets that say so."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    return listener
