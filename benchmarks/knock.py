"""A lean client that posts ready-made requests over a few kept connections and notes how long each took.

Run as a process of its own, so that measuring shares its interpreter with nothing: `python -m benchmarks.knock` reads a
JSON document from standard input and writes one to standard output.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answered:
    """What came of a series of requests: how many were accepted, within how many seconds, and each one's seconds."""

    accepted: int
    refused: int
    seconds: float
    took: list[float]

    @property
    def per_second(self) -> float:
        """Accepted requests per second."""
        return self.accepted / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Seconds within which this share was answered."""
        return sorted(self.took)[min(int(len(self.took) * share), len(self.took) - 1)] if self.took else 0.0


def knock(
    url: str, bodies: Sequence[str], headers: Sequence[dict[str, str]], *, connections: int = 16, rate: float = 0.0
) -> Answered:
    """Post each body with its headers. `rate` is requests per second over all connections; 0: as fast as it goes."""
    wish = {"url": url, "bodies": list(bodies), "headers": list(headers), "connections": connections, "rate": rate}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.knock"], input=json.dumps(wish), capture_output=True, text=True, check=True
    )
    return Answered(**json.loads(done.stdout))


def _main() -> None:
    json.dump(asyncio.run(_all(json.load(sys.stdin))), sys.stdout)


async def _all(wish: dict[str, Any]) -> dict[str, Any]:
    host, _, path = wish["url"].removeprefix("http://").partition("/")
    requests = [
        _request(host, f"/{path}", body, headers) for body, headers in zip(wish["bodies"], wish["headers"], strict=True)
    ]
    queue = iter(enumerate(requests))
    took: list[float] = []
    codes: list[int] = []
    started = time.perf_counter()

    async def line() -> None:
        reader, writer = await asyncio.open_connection(*host.split(":"))
        for number, request in queue:
            due = started + number / wish["rate"] if wish["rate"] else 0.0
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            sent = max(due, 0.0) or time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - sent)
            codes.append(int(head[9:12]))
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.close()

    await asyncio.gather(*(line() for _ in range(wish["connections"])))
    accepted = sum(code == 200 for code in codes)
    seconds = time.perf_counter() - started
    return {"accepted": accepted, "refused": len(codes) - accepted, "seconds": seconds, "took": took}


def _request(host: str, path: str, body: str, headers: dict[str, str]) -> bytes:
    lines = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body.encode())), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


if __name__ == "__main__":
    _main()
