"""The distribution's nginx with deploy/nginx.conf: only names of files, ports and the certificate are replaced."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.required import missing

ROOT = Path(__file__).parents[2]
SYSTEM = Path("/etc/nginx/nginx.conf")  # Debian's own, which includes the site


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


@dataclass(frozen=True)
class Nginx:
    """A place with everything nginx reads and writes."""

    place: Path
    http: int
    https: int
    upstream: int

    @classmethod
    def prepare(cls, place: Path, upstream: int) -> Nginx:
        """Write its files. Skips, or fails with REQUIRE_NGINX, where there is no nginx."""
        if shutil.which("nginx") is None or not SYSTEM.exists():
            missing("REQUIRE_NGINX", "nginx is not installed")
        found = cls(place, free_port(), free_port(), upstream)
        (place / "logs").mkdir(parents=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=hub.example.com", "-keyout", str(place / "privkey.pem"),
             "-out", str(place / "fullchain.pem")],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        (place / "site.conf").write_text(found._site())
        (place / "nginx.conf").write_text(found._system())
        return found

    def _site(self) -> str:
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for old, new in (
            ("/var/log/nginx/", f"{self.place}/logs/"),
            ("/etc/letsencrypt/live/hub.example.com/", f"{self.place}/"),
            ("listen 80 ", f"listen 127.0.0.1:{self.http} "),
            ("listen 443 ", f"listen 127.0.0.1:{self.https} "),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{self.upstream};"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def _system(self) -> str:
        text = SYSTEM.read_text()
        text = re.sub(r"(?m)^user .*$", "user root;", text)
        text = re.sub(r"(?m)^pid .*$", f"pid {self.place}/nginx.pid;", text)
        text = text.replace("/var/log/nginx/", f"{self.place}/logs/")
        folders = "".join(
            f"\t{kind}_temp_path {self.place}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = re.sub(r"(?m)^\s*include /etc/nginx/(conf\.d|sites-enabled)/.*$", "", text)
        return text.replace("http {\n", f"http {{\n{folders}\tinclude {self.place}/site.conf;\n", 1)

    def check(self) -> subprocess.CompletedProcess[str]:
        """nginx -t."""
        return subprocess.run(self._command("-t"), capture_output=True, text=True, timeout=60)

    def _command(self, *more: str) -> list[str]:
        return ["nginx", "-e", str(self.place / "logs" / "start.log"), "-c", str(self.place / "nginx.conf"), *more]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve for the time of the block."""
        process = subprocess.Popen(self._command("-g", "daemon off;"), stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while not listens(self.https):
                assert process.poll() is None, self.written()
                assert time.monotonic() < deadline, self.written()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)

    def written(self) -> str:
        """Everything nginx has written into any file."""
        given = {"site.conf", "nginx.conf", "privkey.pem", "fullchain.pem"}
        files = [path for path in self.place.rglob("*") if path.is_file() and path.name not in given]
        return "\n".join(path.read_text(errors="replace") for path in files)


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
