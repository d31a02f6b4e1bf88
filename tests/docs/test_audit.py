"""`make audit` against a source of advisories of our own: it tells vulnerable, clean and unreachable apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
ADVISORY = {
    "id": "PYSEC-2026-1", "summary": "made up", "published": "2026-01-01T00:00:00Z", "aliases": [],
    "affected": [
        {
            "package": {"name": "sqlparse", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}  # fmt: skip


class Source(HTTPServer):
    """Answers as OSV does, and remembers which packages it was asked about."""

    def __init__(self, vulnerable: str = "", status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.vulnerable, self.status, self.asked = vulnerable, status, []

    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class Answer(BaseHTTPRequestHandler):
    server: Source

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.append(name)
        body = json.dumps({"vulns": [ADVISORY]} if name == self.server.vulnerable else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def source() -> Iterator[Source]:
    with Source() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def audit(url: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, AUDIT, "--osv-url", url], capture_output=True, text=True, timeout=60,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_a_known_advisory_about_what_a_package_needs_fails_and_is_named(source: Source) -> None:
    source.vulnerable = "sqlparse"  # needed by Django alone

    code, said = audit(source.url)

    assert code == 1
    assert "sqlparse" in said
    assert "PYSEC-2026-1, mended by 99.0" in said


def test_no_advisory_is_said_with_the_number_of_packages(source: Source) -> None:
    code, said = audit(source.url)

    assert (code, said.count("\n")) == (0, 0)
    assert f"no advisory about {len(set(source.asked))} of" in said
    assert {"django", "django-q2", "urllib3", "redis"} <= set(source.asked)
    assert not {"hypothesis", "ruff", "pip"} & set(source.asked)


@pytest.mark.parametrize("status", [404, 500, None])
def test_a_source_that_cannot_be_asked_is_no_failure_and_no_good_news(source: Source, status: int | None) -> None:
    source.status = status or 200
    url = source.url if status else "http://127.0.0.1:9/v1/query"

    assert audit(url) == (0, "audit: not done, no source of advisories could be reached")


def test_a_tool_that_does_not_work_is_no_good_news(source: Source, tmp_path: Path) -> None:
    (tmp_path / "pip_audit.py").write_text("raise SystemExit('no such option: --osv-url')")

    code, said = audit(source.url, PYTHONPATH=str(tmp_path))

    assert (code, said) == (1, "audit: pip-audit does not work: no such option: --osv-url")
