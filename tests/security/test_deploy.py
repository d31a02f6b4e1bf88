"""What stands in deploy/ keeps its promises: locked-down units and containers, secrets in files, private files."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from redis import Redis, RedisError

from config.environment import VariablesAndFiles
from integration.engine.dispatch import heartbeat
from integration.fitness import check_settings
from tests.security.test_start import FIT
from tests.support.required import missing

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("lockstep-web.service", "lockstep-worker.service")
EXPOSURE_BOUND = 2.0  # of 10, as systemd counts; what is left is the network and a user that exists


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd itself."""
    command = shutil.which("systemd-analyze")
    if command is None:
        missing("REQUIRE_SYSTEMD", "systemd-analyze is not installed")
    return subprocess.run([command, *arguments], capture_output=True, text=True, timeout=60)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.fixture
def installed_units(tmp_path):
    """The units as on a host where everything is in place; only paths and the user are replaced."""
    for name in UNITS:
        text = (DEPLOY / name).read_text()
        text = text.replace("/opt/lockstep/.venv/bin/gunicorn", "/bin/true").replace(
            "/opt/lockstep/.venv/bin/python", "/bin/true"
        )
        (tmp_path / name).write_text(re.sub("(?m)^(User|Group)=lockstep$", r"\1=daemon", text))
    return [str(tmp_path / name) for name in UNITS]


def test_systemd_understands_every_line_of_the_units(installed_units):
    checked = analyze("verify", *installed_units)

    assert checked.returncode == 0, checked.stderr
    ours = [line for line in checked.stderr.splitlines() if "lockstep-" in line]
    assert not ours


@pytest.mark.parametrize("name", UNITS)
def test_systemd_counts_little_exposure(name):
    told = analyze("security", "--offline=true", "--json=short", str(DEPLOY / name))

    rows = json.loads(told.stdout)
    left = {row["name"]: row["exposure"] for row in rows if row["exposure"]}
    summary = analyze("security", "--offline=true", "--no-pager", str(DEPLOY / name)).stdout
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", summary)[1])
    assert exposure <= EXPOSURE_BOUND, left


@pytest.mark.parametrize("name", UNITS)
def test_the_units_say_what_we_promise(name):
    lines = set((DEPLOY / name).read_text().splitlines())
    assert {
        "UMask=0077", "NoNewPrivileges=true", "PrivateTmp=true", "ProtectSystem=strict", "ProtectHome=true",
        "PrivateDevices=true", "ProtectKernelTunables=true", "ProtectKernelModules=true", "ProtectKernelLogs=true",
        "ProtectControlGroups=true", "ProtectClock=true", "ProtectHostname=true", "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces=true", "LockPersonality=true",
        "RestrictSUIDSGID=true", "RestrictRealtime=true", "CapabilityBoundingSet=", "AmbientCapabilities=",
        "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources",
        "SystemCallArchitectures=native", "RemoveIPC=true", "ProcSubset=pid",
    } <= lines  # fmt: skip


def run(code: str, tmp_path: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """Start a program of ours as somebody with an open umask does."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'hub.sqlite3'}", "LOG_LEVEL": "WARNING"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=kept | database | FIT | changed, capture_output=True, text=True,
        timeout=120, umask=0o022,
    )  # fmt: skip


WRITE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from pathlib import Path
from django.conf import settings
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("create table if not exists t (x integer)")
    cursor.execute("insert into t values (1)")
    print(*(oct(Path(f"{settings.SQLITE_FILE}{end}").stat().st_mode & 0o777) for end in ("", "-wal", "-shm")))
from integration.management.processes import running
with running(Path(sys.argv[1] if sys.argv[1:] else settings.SQLITE_FILE.parent / "log")) as processes:
    processes.start("story", [sys.executable, "-c", "print(1)"])
    processes.children["story"].wait()
"""


def test_database_and_logs_are_private_whatever_umask_there_is(tmp_path):
    ran = run(WRITE, tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["0o600"] * 3
    assert mode(tmp_path / "log") == "0o700"
    assert mode(tmp_path / "log" / "story.log") == "0o600"


def test_what_an_older_version_left_open_is_closed_at_the_next_start(tmp_path):
    run(WRITE, tmp_path)
    (tmp_path / "hub.sqlite3").chmod(0o644)
    (ROOT / "var").mkdir(exist_ok=True)
    (ROOT / "var").chmod(0o755)

    run(WRITE, tmp_path)

    assert mode(tmp_path / "hub.sqlite3") == "0o600"
    assert mode(ROOT / "var") == "0o700"


def test_a_database_that_others_can_read_and_we_cannot_close_is_refused(tmp_path, settings):
    settings.DEVELOPMENT, settings.SQLITE_FILE = False, tmp_path / "hub.sqlite3"
    settings.SQLITE_FILE.touch(0o600)
    assert "lockstep.E022" not in {error.id for error in check_settings(None)}

    settings.SQLITE_FILE.chmod(0o640)

    assert "lockstep.E022" in {error.id for error in check_settings(None)}


SECRETS = {
    "SECRET_KEY": FIT["SECRET_KEY"], "LOCKSTEP_SECRET_KEYS": FIT["LOCKSTEP_SECRET_KEYS"],
    "LOCKSTEP_HASH_KEY": FIT["LOCKSTEP_HASH_KEY"], "METRICS_TOKEN": FIT["METRICS_TOKEN"],
    "DATABASE_URL": "postgres://lockstep:from-a-file@db.internal:5432/lockstep",
    "REDIS_URL": "redis://:from-a-file@redis.internal:6379/0", "PIPEDRIVE_CLIENT_SECRET": "of-a-file-1",
    "HUBSPOT_CLIENT_SECRET": "of-a-file-2", "ALERT_WEBHOOK_SECRET": "of-a-file-3",
    "EMAIL_URL": "smtp+tls://user:of-a-file-4@mail.example.com:587",
}  # fmt: skip
READ = """
import json
from config import settings as s
print(json.dumps([s.SECRET_KEY, s.LOCKSTEP_SECRET_KEYS, s.LOCKSTEP_HASH_KEY, s.METRICS_TOKEN,
    s.DATABASES["default"]["PASSWORD"], s.REDIS_URL, s.OAUTH_APPS["pipedrive"]["client_secret"],
    s.OAUTH_APPS["hubspot"]["client_secret"], s.ALERT_WEBHOOK_SECRET, s.EMAIL_HOST_PASSWORD]))
"""


def test_every_secret_may_stand_in_a_file(tmp_path):
    for name, value in SECRETS.items():
        (tmp_path / name.lower()).write_text(value + "\n")
    files = {f"{name}_FILE": str(tmp_path / name.lower()) for name in SECRETS}

    ran = run(READ, tmp_path, **dict.fromkeys(SECRETS, ""), **files)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [
        SECRETS["SECRET_KEY"], [SECRETS["LOCKSTEP_SECRET_KEYS"]], SECRETS["LOCKSTEP_HASH_KEY"],
        SECRETS["METRICS_TOKEN"], "from-a-file", SECRETS["REDIS_URL"], "of-a-file-1", "of-a-file-2", "of-a-file-3",
        "of-a-file-4",
    ]  # fmt: skip


def test_a_secret_in_two_places_or_in_a_file_that_is_gone_is_told_in_a_sentence(tmp_path):
    both = VariablesAndFiles({"SECRET_KEY": "a", "SECRET_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        both["SECRET_KEY"]
    gone = VariablesAndFiles({"SECRET_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE=.* cannot be read: No such file"):
        gone["SECRET_KEY"]


@pytest.fixture
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_fits_the_official_schema():
    checker = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")], capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_container_is_locked_down(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("user", "lockstep in the image") not in ("root", "0", 0), name
        assert "/tmp" in [place.partition(":")[0] for place in service["tmpfs"]], name  # noqa: S108
        assert service["pids_limit"] > 0, name


def test_every_service_that_stays_says_whether_it_is_well(compose):
    for name, service in compose["services"].items():
        check = service["healthcheck"]
        if name == "setup":
            assert check == {"disable": True}, "it ends by itself, and others wait for its end"
        else:
            assert check["test"][0] == "CMD", name
            assert {"interval", "timeout", "retries", "start_period"} <= check.keys(), name


def test_no_secret_stands_in_a_variable_or_in_a_command(compose):
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            secret = re.search("(KEY|SECRET|PASSWORD|TOKEN|_URL)", variable)
            assert not secret or variable.endswith("_FILE"), f"{name}: {variable}"
        for variable, path in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert path.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {variable}"
    assert "${" not in (DEPLOY / "compose.yaml").read_text(), "what is filled in stands in `docker inspect`"


def test_the_page_makes_every_secret_that_compose_names(compose, tmp_path):
    page = (DEPLOY / "README.md").read_text()
    block = re.search(r"```sh\n(# Secrets for Compose.*?)```", page, re.DOTALL)[1]

    subprocess.run(["bash", "-euc", block], cwd=tmp_path, check=True, timeout=60)  # noqa: S607

    folder = tmp_path / "deploy" / "secrets"
    assert mode(folder) == "0o700"
    for secret in compose["secrets"].values():
        assert (tmp_path / "deploy" / secret["file"]).is_file(), secret
    assert len((folder / "secret_key").read_text().strip()) >= 50
    assert (folder / "postgres_password").read_text().strip() in (folder / "database_url").read_text()
    assert (folder / "redis_password").read_text().strip() in (folder / "redis_url").read_text()


def test_redis_takes_its_password_from_the_file_and_tells_no_list_of_processes(compose, tmp_path):
    if shutil.which("redis-server") is None:
        missing("REQUIRE_REDIS", "redis-server is not installed")
    (tmp_path / "redis_password").write_text("of-the-file\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        part.replace("/run/secrets", str(tmp_path))
        .replace("$$", "$")
        .replace("dir /tmp", f"bind 127.0.0.1\nport {port}")
        for part in compose["services"]["redis"]["command"]
    ]

    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not answers(port, "of-the-file") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answers(port, "of-the-file")
        assert not answers(port, None)
        assert "of-the-file" not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert "redis-server" in Path(f"/proc/{server.pid}/cmdline").read_text(), "the shell has made way for it"
    finally:
        server.terminate()
        server.wait()


def answers(port: int, password: str | None) -> bool:
    try:
        return bool(Redis(host="127.0.0.1", port=port, password=password).ping())
    except RedisError:
        return False


@pytest.mark.django_db
def test_a_worker_is_asked_for_by_its_own_host(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "first")
    heartbeat.beat()
    call_command("check_worker")

    monkeypatch.setattr(socket, "gethostname", lambda: "second")
    with pytest.raises(CommandError, match="No worker of this host"):
        call_command("check_worker")


def test_the_health_check_of_the_web_container_tells_alive_from_dead(live_server):
    asked = [sys.executable, "-m", "config.alive"]
    environment = {"PATH": os.environ["PATH"], "ALLOWED_HOSTS": ".localhost,127.0.0.1"}
    assert subprocess.run([*asked, live_server.url], cwd=ROOT, env=environment, timeout=60).returncode == 0
    assert subprocess.run([*asked, "http://127.0.0.1:1"], cwd=ROOT, env=environment, timeout=60).returncode == 1


def test_the_image_runs_as_nobody_in_particular():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001:10001"], "a number, so that a cluster can see that it is not root"
    assert lines.index(users[0]) < next(number for number, line in enumerate(lines) if line.startswith("CMD"))
