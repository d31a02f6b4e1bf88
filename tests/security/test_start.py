"""Production refuses development: each start of web, worker and set-up is a real process with settings of its own."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.start import require_fit_settings

ROOT = Path(__file__).parents[2]
FIT = {
    "PUBLIC_URL": "https://hub.example.com", "ALLOWED_HOSTS": "hub.example.com", "TRUSTED_PROXIES": "1",
    "SECRET_KEY": "gY4-kQ9_zW1xTr7LmB3vHs8NcD2fJp6Ua5EoRi0XtKq_wZbVnM",
    "LOCKSTEP_SECRET_KEYS": "a3V2UjJzY0ZxN2J6NXBLOVd4dDh5TG0xTm80QWVHdkQ=",
    "LOCKSTEP_HASH_KEY": "Jq8vT2mXw5LrZ0cKpB7nYs4HdG9fUe1A", "METRICS_TOKEN": "u7Zk2Wm9Qx4Rb6Tn8Lp3Vc5Y",
}  # fmt: skip
KNOWN_SECRET_KEY = "development-only-secret-key-not-for-production-use"
KNOWN_FERNET_KEY = "ZGV2ZWxvcG1lbnQtb25seS1sb2Nrc3RlcC1rZXktMDE="
APP_SECRETS = ("sandbox-client-secret-0001", "sandbox-client-secret-hubspot-0001")
DEVELOPMENT = {"LOCKSTEP_DEVELOPMENT": "1", "PUBLIC_URL": "http://127.0.0.1:8000"}
REFUSED = {
    "development on https": ({"LOCKSTEP_DEVELOPMENT": "1"}, "PUBLIC_URL=https://hub.example.com"),
    "development on a public host": (
        {"LOCKSTEP_DEVELOPMENT": "true", "PUBLIC_URL": "http://hub.example.com"}, "PUBLIC_URL=http://hub.example.com"),
    "development on all addresses": (
        {"LOCKSTEP_DEVELOPMENT": "1", "PUBLIC_URL": "http://0.0.0.0:8000"}, "PUBLIC_URL=http://0.0.0.0:8000"),
    "development on https of this machine": (
        {"LOCKSTEP_DEVELOPMENT": "1", "PUBLIC_URL": "https://localhost"}, "PUBLIC_URL=https://localhost"),
    "development that looks like loopback": (
        {"LOCKSTEP_DEVELOPMENT": "1", "PUBLIC_URL": "http://127.0.0.1.example.com"}, "PUBLIC_URL"),
    "development under a public name": (DEVELOPMENT | {"ALLOWED_HOSTS": "hub.example.com"}, "ALLOWED_HOSTS names"),
    "development behind a proxy": (DEVELOPMENT | {"ALLOWED_HOSTS": "127.0.0.1", "TRUSTED_PROXIES": "1"}, "TRUSTED_"),
    "every host in development": (DEVELOPMENT | {"ALLOWED_HOSTS": "*", "TRUSTED_PROXIES": "0"}, "ALLOWED_HOSTS=*"),
    "every host": ({"ALLOWED_HOSTS": "hub.example.com,*"}, "ALLOWED_HOSTS=*"),
    "known secret key": ({"SECRET_KEY": KNOWN_SECRET_KEY}, "SECRET_KEY is known"),
    "short secret key": ({"SECRET_KEY": "kQ9_zW1xTr7LmB3v"}, "SECRET_KEY is known"),
    "poor secret key": ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is known"),
    "generated secret key": ({"SECRET_KEY": "django-insecure-" + FIT["SECRET_KEY"]}, "SECRET_KEY is known"),
    "no secret key": ({"SECRET_KEY": ""}, "SECRET_KEY"),
    "known encryption key": ({"LOCKSTEP_SECRET_KEYS": KNOWN_FERNET_KEY}, "LOCKSTEP_SECRET_KEYS contains"),
    "known encryption key behind another": (
        {"LOCKSTEP_SECRET_KEYS": f"{FIT['LOCKSTEP_SECRET_KEYS']},{KNOWN_FERNET_KEY}"}, "LOCKSTEP_SECRET_KEYS contains"),
    "no encryption key": ({"LOCKSTEP_SECRET_KEYS": ""}, "LOCKSTEP_SECRET_KEYS"),
    "known hash key": ({"LOCKSTEP_HASH_KEY": "development-only-hash-key"}, "LOCKSTEP_HASH_KEY is one"),
    "former hash key": ({"LOCKSTEP_HASH_KEY": "check-only"}, "LOCKSTEP_HASH_KEY is one"),
    "no hash key": ({"LOCKSTEP_HASH_KEY": ""}, "LOCKSTEP_HASH_KEY"),
    "known app secret": ({"HUBSPOT_CLIENT_SECRET": APP_SECRETS[1]}, "HUBSPOT_CLIENT_SECRET is the sandbox's"),
    "sandbox": ({"SANDBOX_URL": "http://127.0.0.1:8900"}, "SANDBOX_URL is set"),
    "short metrics token": ({"METRICS_TOKEN": "secret"}, "METRICS_TOKEN has fewer"),
    "no second factor": ({"REQUIRE_TWO_FACTOR": "false"}, "REQUIRE_TWO_FACTOR is off"),
    "debug": ({"DEBUG": "1"}, "DEBUG is on"),
    "example database": ({"DATABASE_URL": "postgres://lockstep:password@127.0.0.1/x"}, "password in DATABASE_URL"),
    "example redis": ({"REDIS_URL": "redis://:change-me@127.0.0.1:6379/0"}, "password in REDIS_URL"),
}  # fmt: skip
BY_PROCESS = ("development on https", "no encryption key", "every host")  # the others are looked at in this process
LOOKED_AT = {
    "ALLOWED_HOSTS", "DATABASES", "DEBUG", "DEVELOPMENT", "LOCKSTEP_HASH_KEY", "LOCKSTEP_SECRET_KEYS", "METRICS_TOKEN",
    "OAUTH_APPS", "PUBLIC_URL", "REDIS_URL", "REQUIRE_TWO_FACTOR", "SANDBOX_URL", "SECRET_KEY", "TRUSTED_PROXIES",
}  # fmt: skip
ACCEPTED = {
    "production": {},
    "no metrics": {"METRICS_TOKEN": ""},
    "a trial on this machine": {"PUBLIC_URL": "http://127.0.0.1:8000", "ALLOWED_HOSTS": "127.0.0.1,localhost"},
    "development": DEVELOPMENT | {"SECRET_KEY": KNOWN_SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1", "TRUSTED_PROXIES": "0"},
    "development under this machine's name": DEVELOPMENT
    | {"PUBLIC_URL": "http://localhost:8001", "ALLOWED_HOSTS": "localhost,[::1]", "TRUSTED_PROXIES": "0"},
}


def start(arguments, changed, tmp_path):
    """Run a program of ours with no settings but these."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'hub.sqlite3'}", "LOG_LEVEL": "WARNING"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=kept | database | FIT | changed, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


WEB = ("-c", "import config.wsgi")


@pytest.fixture
def settings_of(monkeypatch, settings, tmp_path):
    """Lets this process have the settings that an environment gives, as `config.wsgi` finds them."""

    def give(changed):
        for name, value in (
            FIT | {"DATABASE_URL": f"sqlite:///{tmp_path / 'hub.sqlite3'}", "REDIS_URL": ""} | changed
        ).items():
            monkeypatch.setenv(name, value)
        for name in {"LOCKSTEP_DEVELOPMENT", "DEBUG", "SANDBOX_URL"} - changed.keys():
            monkeypatch.delenv(name, raising=False)
        for name, value in runpy.run_path(str(ROOT / "config" / "settings.py")).items():
            if name in LOOKED_AT:
                setattr(settings, name, value)

    return give


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_are_not_fit_are_refused(case, settings_of):
    changed, says = REFUSED[case]
    settings_of(changed)

    with pytest.raises(ImproperlyConfigured, match=re.escape(says)):
        require_fit_settings()


@pytest.mark.parametrize("case", ACCEPTED)
def test_settings_that_are_fit_are_taken(case, settings_of):
    settings_of(ACCEPTED[case])

    assert require_fit_settings() is None


@pytest.mark.slow
@pytest.mark.parametrize("case", BY_PROCESS)
def test_the_web_process_does_not_start(case, tmp_path):
    changed, says = REFUSED[case]

    ended = start(WEB, changed, tmp_path)

    assert ended.returncode != 0
    assert says in ended.stderr
    assert "ImproperlyConfigured" in ended.stderr


@pytest.mark.slow
def test_the_web_process_starts(tmp_path):
    ended = start(WEB, {}, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("command", ["qcluster", "setup"])
def test_no_command_that_serves_or_prepares_starts_either(command, tmp_path):
    ended = start(("manage.py", command), {"LOCKSTEP_DEVELOPMENT": "1"}, tmp_path)

    assert ended.returncode == 1
    assert "LOCKSTEP_DEVELOPMENT is set, but PUBLIC_URL=https://hub.example.com" in ended.stderr
    assert "HINT: Take LOCKSTEP_DEVELOPMENT out" in ended.stderr
    assert not (tmp_path / "hub.sqlite3").exists(), "nothing was begun"


def test_gunicorn_ends_instead_of_starting_workers_for_ever(tmp_path):
    ended = start(
        ("-m", "gunicorn", "config.wsgi:application", "--bind", "127.0.0.1:0"), REFUSED["sandbox"][0], tmp_path
    )

    assert ended.returncode == 3
    assert "SANDBOX_URL is set" in ended.stderr


def test_files_for_the_browser_are_collected_without_keys(tmp_path):
    changed = dict.fromkeys(("LOCKSTEP_SECRET_KEYS", "LOCKSTEP_HASH_KEY"), "") | {"SECRET_KEY": "build"}
    ended = start(("manage.py", "collectstatic", "--noinput", "--dry-run", "--verbosity", "0"), changed, tmp_path)
    assert ended.returncode == 0


def test_a_known_encryption_key_can_be_rotated_away(tmp_path):
    start(("manage.py", "setup"), {}, tmp_path)
    keys = {"LOCKSTEP_SECRET_KEYS": f"{FIT['LOCKSTEP_SECRET_KEYS']},{KNOWN_FERNET_KEY}"}

    ended = start(("manage.py", "rotate_secrets"), keys, tmp_path)

    assert ended.returncode == 0
    assert "0 unreadable" in ended.stdout


def bind(changed, tmp_path):
    program = (
        "import django; django.setup(); from integration.management.processes import web_command;"
        " command = web_command(); print(command[command.index('--bind') + 1])"
    )
    ended = start(("-c", program), changed | {"DJANGO_SETTINGS_MODULE": "config.settings"}, tmp_path)
    return ended.stdout.strip()


def test_the_web_process_listens_on_this_machine_unless_told(tmp_path):
    assert bind({}, tmp_path) == "127.0.0.1:8000"
    assert bind({"WEB_BIND": "0.0.0.0:8000"}, tmp_path) == "0.0.0.0:8000"
    assert bind(DEVELOPMENT | {"PUBLIC_URL": "http://127.0.0.1:8001"}, tmp_path) == "127.0.0.1:8001"


def test_every_known_key_that_stands_in_the_code_or_its_documents_is_refused():
    named = (ROOT / "Makefile").read_text() + (ROOT / "deploy" / "env.example").read_text()
    for secret in APP_SECRETS:
        assert secret in named
    for line in (ROOT / "deploy" / "env.example").read_text().splitlines():
        if line.startswith(("SECRET_KEY", "LOCKSTEP_SECRET_KEYS", "LOCKSTEP_HASH_KEY")):
            assert line.endswith("="), "an example key would be used"
