"""A line to another server that can be cut and mended: what a network does to a database."""

from __future__ import annotations

import selectors
import socket
import threading


class Proxy:
    """Passes bytes both ways between its own port (on loopback unless told) and the target, until it is cut."""

    def __init__(self, target: tuple[str, int], at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.target = target
        self._listener = socket.create_server(at)
        self.port = self._listener.getsockname()[1]
        self._lines: set[socket.socket] = set()
        self._open = True

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._open = False
        for line in list(self._lines):
            line.close()
        self._lines.clear()

    def restore(self) -> None:
        """Let new connections through again."""
        self._open = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                near.close()
                continue
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            self._lines |= {near, far}
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(near, selectors.EVENT_READ, far)
                selector.register(far, selectors.EVENT_READ, near)
                while True:
                    for key, _ in selector.select(timeout=0.2):
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
                    if near.fileno() < 0:
                        return
            except (OSError, ValueError):
                return
            finally:
                near.close()
                far.close()
