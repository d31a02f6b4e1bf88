"""deploy/nginx.conf in the distribution's own nginx: who is slow stops nobody, and no secret stands in a log."""

from __future__ import annotations

import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import urllib3

from tests.security.test_start import FIT
from tests.support.nginx import Nginx, free_port, listens

ROOT = Path(__file__).parents[2]
HOST = "hub.example.com"
TOKEN = "c4n4ryT0ken_of-an.address"
LARGE = 24 * 1024 * 1024  # bytes; more than the buffers of all sockets on the way hold
THREADS = 4  # answers that the stand-in for the hub gives at once
MANY = 40  # clients of one kind; the web unit has two processes with eight threads
PATIENCE = 2.0  # seconds for a health address meanwhile
BUSY = 8.0  # seconds more on a machine that has other work; less than nginx waits for a slow client


def plain(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def tls(port: int) -> socket.socket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain(port), server_hostname=HOST)


def say(open_line: Callable[[], socket.socket], text: str) -> bytes:
    """Send these bytes, and return how the answer begins. Nothing for a line that is closed without one."""
    with open_line() as line:
        try:
            line.sendall(text.encode("latin-1"))
            return line.recv(65536)
        except OSError:
            return b""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """gunicorn as the web unit starts it, on a port of its own."""
    place = tmp_path_factory.mktemp("hub")
    unit = (ROOT / "deploy" / "lockstep-web.service").read_text()
    started = re.search(r"ExecStart=\S+/gunicorn (.*?[^\\])\n", unit, re.DOTALL)[1].replace("\\\n", " ")
    port = free_port()
    processes, threads = (int(re.search(rf"--{name} (\d+)", started)[1]) for name in ("workers", "threads"))
    assert processes * threads < MANY
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | FIT | {"DATABASE_URL": f"sqlite:///{place}/hub.sqlite3", "LOG_LEVEL": "WARNING"}
    subprocess.run(
        [sys.executable, "manage.py", "setup"], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *shlex.split(started.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))],
        cwd=ROOT, env=environment,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not alive(f"http://127.0.0.1:{port}", patience=10):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def before_the_hub(hub: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    nginx = Nginx.prepare(tmp_path_factory.mktemp("nginx") / "of-hub", hub)
    with nginx.running():
        yield nginx


def alive(address: str, path: str = "/livez", patience: float = PATIENCE) -> bool:
    try:
        with urllib3.warnings.catch_warnings():
            urllib3.warnings.simplefilter("ignore")
            found = requests.get(address + path, headers={"Host": HOST}, timeout=patience, verify=False)  # noqa: S501
    except requests.RequestException:
        return False
    return found.status_code == 200


def stays_alive(address: str, path: str = "/livez") -> bool:
    """Whether a health address answers while others hold their lines, on a busy machine too."""
    deadline = time.monotonic() + BUSY
    while not alive(address, path):
        if time.monotonic() > deadline:
            return False
    return True


HEAD = f"POST /hooks/pipedrive/{TOKEN}/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
# A form that the hub begins to read: its proof is in order, as far as one sees before the body.
FORM = (
    f"POST /login/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\nReferer: https://{HOST}/login/\r\n"
    f"Cookie: csrftoken={'a' * 32}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\na"
)
SLOW = {
    "a head without end": "GET /livez HTTP/1.1\r\nHost: hub.example.com\r\nX-A: b",
    "a body without end": f"{HEAD}Content-Length: 4000\r\n\r\n{{",
    "a body in chunks without end": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n",
    "nothing at all": "",
}


@contextmanager
def slow_clients(open_line: Callable[[], socket.socket], begin: str) -> Iterator[list[socket.socket]]:
    """Clients that have begun and send a byte more every half second."""
    with ExitStack() as stack:
        lines = [stack.enter_context(open_line()) for _ in range(MANY)]
        for line in lines:
            line.sendall(begin.encode())
        done = threading.Event()

        def drip() -> None:
            while not done.wait(0.5):
                for line in lines if begin else ():
                    try:
                        line.sendall(b"x")
                    except OSError:
                        continue  # given up by the other side, which is its right

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            time.sleep(1)
            yield lines
        finally:
            done.set()
            thread.join()


def test_nginx_takes_the_configuration(tmp_path):
    checked = Nginx.prepare(tmp_path / "nginx", 8000).check()

    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_beyond_all_threads_stop_nobody(kind, before_the_hub):
    with slow_clients(lambda: tls(before_the_hub.https), SLOW[kind]):
        for path in ("/livez", "/healthz", "/livez"):
            assert stays_alive(f"https://127.0.0.1:{before_the_hub.https}", path), path


@pytest.mark.slow
def test_the_same_clients_would_stop_the_hub_alone(hub):
    """Such clients stop a hub without nginx. The two processes take new lines unevenly, so some waves may be needed."""
    answers = True
    with ExitStack() as waves:
        for _ in range(5):
            waves.enter_context(slow_clients(lambda: plain(hub), FORM))
            answers = answers and alive(f"http://127.0.0.1:{hub}")
    assert not answers


@pytest.mark.slow
def test_a_head_that_drips_is_given_up_in_time(before_the_hub):
    """client_header_timeout is for the whole head, however often a byte comes."""
    with slow_clients(lambda: tls(before_the_hub.https), SLOW["a head without end"]) as lines:
        lines[0].settimeout(15)
        assert closes(lines[0])


def closes(line: socket.socket) -> bool:
    """Whether the other side ends this line, with or without a word, instead of waiting on."""
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except (ConnectionError, ssl.SSLError):
        return True


class Upstream(BaseHTTPRequestHandler):
    """Stands for the hub where only nginx matters."""

    protocol_version = "HTTP/1.1"

    threads = threading.BoundedSemaphore(THREADS)

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.threads, suppress(ConnectionError):
            body = b"a" * LARGE if self.path == "/large" else b"ok"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@contextmanager
def upstream(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_slow_readers_stop_nobody(tmp_path):
    """nginx takes a large answer at once, however slowly its client reads, and no thread of the hub waits for that."""
    nginx = Nginx.prepare(tmp_path / "nginx", free_port())
    with nginx.running(), upstream(nginx.upstream), ExitStack() as stack:
        for _ in range(2 * THREADS):
            line = stack.enter_context(tls(nginx.https))
            line.sendall(f"GET /large HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert stays_alive(f"https://127.0.0.1:{nginx.https}")


PATHS = (
    f"/hooks/pipedrive/{TOKEN}/", f"/hooks/hubspot/?token={TOKEN}", f"//hooks//planhat/{TOKEN}",
    f"/HOOKS/brevo/{TOKEN}/", f"/x/../hooks/brevo/{TOKEN}/", f"/%68ooks/brevo/{TOKEN}/", f"/hooks/{TOKEN}",
    f"/hooks;/{TOKEN}",
    f"/invite/{TOKEN}/", f"/invite/{TOKEN}", f"/{TOKEN}", f"/nowhere/{TOKEN}/?a={TOKEN}",
    f"/oauth/pipedrive/callback/?code={TOKEN}&state={TOKEN}", f"/oauth/hubspot/callback/?code={TOKEN}",
    f"/install/pipedrive/?code={TOKEN}", f"/claim/?token={TOKEN}", f"/login/?next=/invite/{TOKEN}/",
    f"/admin/?token={TOKEN}", f"/static/a.css?{TOKEN}", f"/?api_token={TOKEN}", f"/metrics?token={TOKEN}",
    f"https://{HOST}/hooks/pipedrive/{TOKEN}/",
)  # fmt: skip
LONG = "a" * 9000


def requests_with(path: str) -> list[str]:
    """Good and bad ones: methods, hosts, heads and bodies that nginx or the hub refuses."""
    head = f"{path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nReferer: https://{HOST}/invite/{TOKEN}/\r\n"
    return [
        f"GET {head}\r\n",
        f"POST {head}Authorization: Basic {TOKEN}\r\nContent-Length: 2\r\n\r\n{{}}",
        f"POST {head}Content-Length: 9000000\r\n\r\n",  # 413
        f"POST {head}Content-Length: many\r\n\r\n",  # 400
        f"POST {head}Transfer-Encoding: odd\r\n\r\n",  # 501
        f"TRACE {head}\r\n", f"CONNECT {head}\r\n", f"odd {head}\r\n", f"GET {head}Host: twice\r\n\r\n",
        f"GET {head}X-Long: {LONG}\r\n\r\n",  # 400
        f"GET {path} HTTP/1.1\r\n\r\n", f"GET {path} HTTP/1.1\r\nHost: a b\r\n\r\n", f"GET {path}\r\n",
        f"GET {path} HTTP/9.9\r\n\r\n", f"GET {path}?{LONG} HTTP/1.1\r\nHost: {HOST}\r\n\r\n",  # 505, 414
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    ]  # fmt: skip


def ask_everything(nginx: Nginx) -> list[str]:
    """Every request over https, over http, and as plain text at the port of https. The statuses that came back."""
    statuses = []
    for path in PATHS:
        for text in requests_with(path):
            for line in (lambda: tls(nginx.https), lambda: plain(nginx.http), lambda: plain(nginx.https)):
                statuses.append(say(line, text)[9:12].decode())
    for _ in range(30):  # more than the doors let in
        text = f"GET /invite/{TOKEN}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
        statuses.append(say(lambda: tls(nginx.https), text)[9:12].decode())
    with tls(nginx.https) as line:  # who goes before the answer comes
        line.sendall(f"GET {PATHS[0]} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return statuses


def test_no_secret_of_an_address_stands_in_a_file_of_nginx(tmp_path):
    nginx = Nginx.prepare(tmp_path / "nginx", free_port())
    with nginx.running():
        statuses = ask_everything(nginx)  # nobody stands behind it
        with upstream(nginx.upstream):
            statuses += ask_everything(nginx)
            say(lambda: tls(nginx.https), f"GET /admin/x/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")

    assert {"200", "301", "400", "405", "413", "414", "429", "502", "505"} <= set(statuses), set(statuses)
    written = nginx.written()
    assert "GET /admin/x/ 200" in written, "there is a log at all"
    assert " 502 " in written
    assert TOKEN not in written
    assert TOKEN[:12] not in written
    assert LONG[:100] not in written


def test_http_leads_to_the_name_of_the_hub_and_nowhere_else(tmp_path):
    nginx = Nginx.prepare(tmp_path / "nginx", free_port())
    with nginx.running():
        answer = say(
            lambda: plain(nginx.http), "GET /login/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
        assert listens(nginx.http)

    assert b"Location: https://hub.example.com/login/" in answer
