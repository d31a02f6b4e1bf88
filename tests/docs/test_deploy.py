"""What stands in deploy/ fits what the code needs of its surroundings."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.urls import reverse

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def services():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def test_a_worker_in_a_container_may_finish_what_it_has_in_hand(services):
    worker = services["worker"]
    assert worker["command"] == ["python", "manage.py", "qcluster"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > settings.Q_CLUSTER["timeout"]


def test_web_and_workers_start_when_the_database_is_up_to_date(services):
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
        assert services[name]["image"] == services["setup"]["image"]
    assert services["setup"]["command"] == ["python", "manage.py", "setup"]


def test_nothing_but_the_web_process_listens_and_that_on_loopback(services):
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:8000:8000"]}


def test_the_units_stop_a_worker_as_the_queue_wants_it():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "lockstep-worker.service")
    assert unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["TimeoutStopSec"]) > settings.Q_CLUSTER["timeout"]


def test_nginx_limits_the_doors_of_people_and_not_what_vendors_call():
    text = (DEPLOY / "nginx.conf").read_text()
    doors, hooks = (re.search(rf"location {start}[^{{]*{{(.*?)}}", text, re.DOTALL)[1] for start in ("~", "/hooks/"))
    pattern = re.search(r"location ~ (\S+)", text)[1]

    assert "limit_req zone=lockstep_doors" in doors
    assert "access_log off" in doors, "the address of an invitation is its key"
    assert "limit_req" not in hooks
    for name in ("login", "admin:login", "console-verify", "console-two-factor"):
        assert re.match(pattern, reverse(name))
    assert re.match(pattern, reverse("portal:invitation", kwargs={"token": "t"}))
    assert not re.match(pattern, reverse("portal:home"))
