"""Diagnose finds each planted fault with its fix, and Repair heals what can be healed from here."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integration.engine.clients import rate_limits
from integration.engine.diagnose import examine as examining
from integration.engine.diagnose.examine import CHECKS, examine
from integration.engine.diagnose.faults import FAULTS
from integration.engine.diagnose.repair import repair
from integration.engine.diagnose.vendor_checks import reachable
from integration.engine.dispatch import sweeper
from integration.http import LimitStatus
from integration.models import (
    Connection,
    Doorbell,
    Integration,
    RemoteSubscription,
    SyncJob,
    VendorCall,
    WebhookEndpoint,
)
from integration.recipes.registry import get_recipe
from tenants.models import Tenant
from tests.support.factories import IntegrationFactory, JobFactory, MappingFactory, RunFactory


@pytest.fixture
def beating(world):
    """A hub whose worker lives."""
    sweeper.sweep()
    return world


def fresh(world):
    return Integration.objects.select_related("tenant", "left", "right").get(pk=world.integration.pk)


def look(world):
    """Findings that are not ok, as check/side → codes."""
    found = {}
    for finding in examine(fresh(world), get_recipe).faults:
        found.setdefault(f"{finding.check} {finding.side}".strip(), []).append(finding)
    return found


def codes(world):
    return {key: [finding.code for finding in findings] for key, findings in look(world).items()}


def mend(world):
    return {result.key: result for result in repair(fresh(world), get_recipe)}


def webhooks(world):
    return world.sandbox.state.pipedrive.companies["acme"].webhooks


def test_a_healthy_integration_has_no_fault_and_every_check_speaks(beating):
    report = examine(fresh(beating), get_recipe)

    assert report.faults == []
    spoken = {(finding.check, finding.side) for finding in report.findings}
    assert spoken == {(c.key, side) for c in CHECKS for side in (("left", "right") if c.sided else ("",))}
    said = {(finding.check, finding.side): finding.what for finding in report.findings if finding.status == "ok"}
    assert said["credentials", "right"].startswith("Maileon accepts them")
    assert said["rights", "right"].endswith("GET, POST, PUT, DELETE.")
    assert said["webhooks", "left"] == "All 3 are in place and call us."
    assert said["fields", "left"].startswith("All 2 exist: Newsletter, Newsletter status")
    assert said["mapping", ""] == "All 8 rows fit the fields of both sides."


def test_it_changes_nothing(beating):
    connections = list(Connection.objects.order_by("pk").values("health", "last_checked_at", "failures"))
    hooks, integration = dict(webhooks(beating)), Integration.objects.values().get()
    beating.calls("pipedrive"), beating.calls("maileon")

    examine(fresh(beating), get_recipe)

    assert list(Connection.objects.order_by("pk").values("health", "last_checked_at", "failures")) == connections
    assert dict(webhooks(beating)) == hooks
    assert Integration.objects.values().get() == integration
    written = [call for call in beating.calls("pipedrive") if not call.startswith("GET")]
    assert written == []
    assert VendorCall.objects.filter(connection=beating.integration.left).exists()  # the calls are on record


def test_an_expired_key(beating):
    beating.sandbox.control("PATCH", "/maileon/501", {"expired": True})
    JobFactory(integration=beating.integration, state="held", reason="credentials_refused")

    found = look(beating)

    assert set(found) == {"credentials right", "jobs"}
    [finding] = found["credentials right"]
    assert (finding.code, finding.button) == ("credentials_refused", "connection")
    assert finding.fix == get_recipe("pipedrive_maileon").reason_texts["credentials_refused"].fix
    assert found["jobs"][0].button == ""  # letting go would only hold it again
    assert "validity period is over" in finding.detail
    rows = {f.check: f.what for f in examine(fresh(beating), get_recipe).findings if f.side == "right"}
    assert rows["webhooks"] == rows["fields"] == "Not asked: The credentials were rejected."

    results = mend(beating)
    assert not results["credentials_right"].ok
    assert results["jobs"].detail == "0 go on, 1 still held"
    assert fresh(beating).right.health == "needs_you"

    beating.sandbox.control("PATCH", "/maileon/501", {"expired": False})
    assert codes(beating) == {"credentials right": ["marked"], "jobs": ["jobs_held"]}
    assert all(result.ok for result in mend(beating).values())
    assert codes(beating) == {}
    assert SyncJob.objects.get().state == "waiting"


def test_missing_verbs(beating):
    beating.sandbox.control("PATCH", "/maileon/501", {"verbs": ["GET", "POST", "PUT"]})

    [finding] = look(beating)["rights right"]

    assert finding.what == "The credentials lack a permission: DELETE."
    assert "under Settings, API Keys" in finding.fix
    assert "credentials right" not in look(beating)


def test_a_key_of_another_account(beating):
    account = beating.sandbox.control("POST", "/maileon/accounts", {"name": "Strangers"})
    right = fresh(beating).right
    right.store_credentials({"api_key": account["api_key"]}, account["api_key"])
    right.save()

    [finding] = look(beating)["credentials right"]

    assert finding.code == "other_account"
    assert "Strangers" in finding.what


@pytest.mark.chaos("V13")
def test_a_deleted_webhook(beating):
    gone = webhooks(beating).pop(min(webhooks(beating)))
    [finding] = look(beating)["webhooks left"]
    assert (finding.code, finding.button) == ("webhook_missing", "repair")
    assert finding.what == f"1 of 3 webhooks are missing at Pipedrive: person.{gone.event_action}."

    assert all(result.ok for result in mend(beating).values())

    assert codes(beating) == {}
    assert len(webhooks(beating)) == 3


@pytest.mark.chaos("V13")
def test_a_banned_webhook(beating):
    hook = webhooks(beating)[min(webhooks(beating))]
    hook.banned_until = beating.sandbox.state.clock.seconds() + 1800
    assert codes(beating) == {"webhooks left": ["webhook_inactive"]}

    mend(beating)

    assert codes(beating) == {}
    assert len(webhooks(beating)) == 3  # the banned one is gone


def test_webhooks_after_the_hub_has_moved(beating, settings):
    settings.PUBLIC_URL = "https://new.example.com"
    assert codes(beating) == {"webhooks left": ["webhook_elsewhere"], "webhooks right": ["webhook_elsewhere"]}

    results = mend(beating)

    assert results["redirect_left"].detail == "3 removed"
    assert codes(beating) == {}
    assert {hook.subscription_url.split("/")[2] for hook in webhooks(beating).values()} == {"new.example.com"}


def test_nobody_takes_another_hubs_webhooks_by_itself(beating, settings):
    """A copy of the database on another host must leave the first one's webhooks alone."""
    from integration import tasks

    settings.PUBLIC_URL = "https://staging.example.com"
    before = dict(webhooks(beating))

    tasks.check_integration(str(beating.integration.pk))
    tasks.repair_integration(str(beating.integration.pk))

    assert dict(webhooks(beating)) == before


@pytest.mark.parametrize(
    ("address", "fits"),
    [("https://hub.example.com", True), ("https://8.8.8.8", True), ("http://hub.example.com", False),
     ("https://10.0.0.7", False), ("https://127.0.0.1:8000", False), ("https://[::1]", False), ("https://hub", False)],
)  # fmt: skip
def test_an_address_vendors_reach_is_public_and_https(settings, address, fits):
    settings.PUBLIC_URL, settings.SANDBOX_URL = address, "http://127.0.0.1:8900"

    assert reachable("https://acme.pipedrive.com") is fits
    assert reachable("http://127.0.0.1:8900/pipedrive/acme")  # stand-in vendors on this machine reach any


@pytest.mark.chaos("V11")
def test_a_deleted_field_at_the_source(beating):
    key = beating.integration.resources["newsletter"]
    beating.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")
    [finding] = look(beating)["fields left"]
    assert (finding.code, finding.button) == ("field_missing", "repair")
    assert finding.what == "The field “Newsletter” is missing at Pipedrive."

    assert all(result.ok for result in mend(beating).values())

    assert codes(beating) == {}
    assert fresh(beating).resources["newsletter"] != key


@pytest.mark.chaos("V11")
def test_a_deleted_option(beating):
    fields = beating.sandbox.state.pipedrive.companies["acme"].fields["person"]
    spec = fields[beating.integration.resources["newsletter"]]
    spec.options[:] = [option for option in spec.options if option["label"] != "No"]
    [finding] = look(beating)["fields left"]
    assert finding.what == "The field “Newsletter” at Pipedrive lacks the option No."

    mend(beating)

    assert codes(beating) == {}


@pytest.mark.chaos("V11")
def test_deleted_fields_at_the_target(beating):
    """One the recipe needs and one of the mapping."""
    custom = beating.sandbox.state.maileon.accounts[501].custom_fields
    del custom["pipedriveId"], custom["owner_name"]
    found = look(beating)
    assert {key: [finding.code for finding in rows] for key, rows in found.items()} == {
        "fields right": ["field_missing"], "mapping": ["mapping_target_missing"],
    }  # fmt: skip
    assert found["mapping"][0].what.startswith("Owner: name → owner_name: Maileon has no such target field")

    mend(beating)

    assert codes(beating) == {}
    assert {"pipedriveId", "owner_name"} <= custom.keys()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "custom_fields." + "d" * 40}, "mapping_source_missing"),
        ({"target": "BIRTHDAY", "transform": "yes_no"}, "mapping_type"),
        ({"target": "BIRTHDAY", "transform": "constant", "options": {"value": "soon"}, "source": ""}, "mapping_type"),
        ({"target": "BIRTHDAY", "source": "add_time", "transform": "as_is"}, ""),
        ({"target": "GENDER", "transform": "number"}, ""),
    ],
)
def test_broken_mappings(beating, changes, code):
    values = {"source": "first_name", "transform": "text", "target": "CITY", **changes}
    MappingFactory(integration=beating.integration, flow="person_to_contact", **values)

    found = look(beating).get("mapping", [])

    assert [finding.code for finding in found] == ([code] if code else [])
    assert all(finding.button == "mapping" for finding in found)


def test_a_row_that_is_off_is_not_judged(beating):
    MappingFactory(
        integration=beating.integration, flow="person_to_contact", source="name", target="nowhere", direction="off"
    )
    assert codes(beating) == {}


def test_a_dead_worker(world):
    assert codes(world) == {}  # one may be on its way
    Integration.objects.update(activated_at=timezone.now() - timedelta(seconds=20))
    assert codes(world) == {"worker": ["worker_gone"]}
    sweeper.sweep()
    assert codes(world) == {}

    Doorbell.objects.update(rung_at=timezone.now() - timedelta(minutes=20))
    [finding] = look(world)["worker"]
    assert finding.what.startswith("No worker is alive: the last one was heard at ")
    assert "manage.py qcluster" in finding.fix


def test_a_broken_schedule(beating):
    Doorbell.objects.filter(key="sweeper").update(rung_at=timezone.now() - timedelta(minutes=20))
    assert codes(beating) == {"worker": ["sweeper_silent"]}


def test_a_queue_that_stands_still(beating):
    SyncJob.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    JobFactory(integration=beating.integration, next_attempt_at=timezone.now() - timedelta(minutes=19))
    [finding] = look(beating)["queue"]
    assert finding.what.startswith("The oldest change has waited for 19 minutes. None was synced in the last 2 minutes")


@pytest.mark.parametrize(
    ("moved", "words"), [(900, "that of Pipedrive differ by 15 minutes (ours is behind)"), (0, "")]
)
def test_a_skewed_clock(beating, moved, words):
    beating.sandbox.control("POST", "/time", {"advance_seconds": moved})

    found = look(beating)

    assert [finding.code for finding in found.get("clock left", [])] == (["clock_skew"] if words else [])
    assert all(words in finding.what for finding in found.get("clock left", []))
    assert ("clock right" in found) == bool(words)


def test_a_vendor_that_is_down(beating):
    beating.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "error_rate": 1.0, "error_status": 503})

    found = look(beating)

    assert {key: finding[0].code for key, finding in found.items()} == {"credentials right": "vendor_unavailable"}
    assert found["credentials right"][0].fix.startswith("Nothing to do")
    assert not mend(beating)["credentials_right"].ok


def test_a_failing_check_does_not_stop_the_others(beating, monkeypatch):
    """One vendor call fails, another check crashes: both say so, the rest goes on."""
    failure = {"status": 403, "times": 1, "path_contains": "/webhooks", "method": "GET"}
    beating.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [failure]})

    def crash(look, side):
        raise ZeroDivisionError("a bug of ours")
        yield

    monkeypatch.setattr(
        examining, "CHECKS",
        tuple(examining.Check(c.key, c.label, crash if c.key == "steps" else c.run, c.sided, c.asks) for c in CHECKS),
    )  # fmt: skip

    report = examine(fresh(beating), get_recipe)

    assert {(f.check, f.code) for f in report.faults} == {
        ("webhooks", "permission_missing"),
        ("steps", "check_crashed"),
    }
    assert {f.check for f in report.findings} == {c.key for c in CHECKS}
    [crashed] = [finding for finding in report.faults if finding.check == "steps"]
    assert "ZeroDivisionError" in crashed.what
    assert "a bug of ours" not in crashed.what


@pytest.mark.chaos("V2")
def test_a_used_up_budget_and_a_resting_connection(beating):
    left = fresh(beating).left
    rate_limits.ConnectionMeter(left).after([LimitStatus("day", remaining=6000, limit=30000, resets_in=7200)])
    left.refresh_from_db()
    Connection.objects.filter(pk=beating.integration.right_id).update(
        not_before=timezone.now() + timedelta(minutes=8, seconds=30), failures=6
    )

    report = examine(fresh(beating), get_recipe)

    found = {(finding.check, finding.side): finding for finding in report.faults}
    assert re.match(
        r"Maileon has not answered properly since .+; next try .+\. Nothing is lost\.", found["budget", "right"].what
    )
    assert found["budget", "left"].code == "budget_used_up"
    assert "of 30,000 left, tokens per day); it continues at" in found["budget", "left"].what
    assert report.status.codes == ("budget_used_up", "vendor_down")


def test_held_and_dead_jobs_by_reason(beating):
    for number in range(3):
        JobFactory(
            integration=beating.integration, external_id=f"h{number}", state="held", reason="doi_mailing_missing"
        )
    JobFactory(integration=beating.integration, state="held", reason="flow_off")
    JobFactory(integration=beating.integration, state="dead", reason="record_refused")
    JobFactory(integration=IntegrationFactory(), state="dead", reason="crashed")

    found = look(beating)["jobs"]

    assert [(f.code, f.about, f.button, f.what.split(".")[0]) for f in found] == [
        ("jobs_held", "doi_mailing_missing", "repair", "Jobs held: 3"),
        ("jobs_dead", "record_refused", "jobs", "Jobs dead: 1"),
    ]
    assert found[0].fix == get_recipe("pipedrive_maileon").reason_texts["doi_mailing_missing"].fix


def test_events_that_polls_found_and_no_webhook_told_of(beating):
    WebhookEndpoint.objects.filter(connection=beating.integration.left).update(
        last_received_at=timezone.now() - timedelta(hours=2)
    )
    hour_ago = timezone.now() - timedelta(hours=1)
    RunFactory(integration=beating.integration, kind="poll", state="done", started_at=hour_ago,
               counts={"update": 4, "skipped:unchanged": 9})  # fmt: skip
    [finding] = look(beating)["events left"]
    assert finding.what == "Changes in Pipedrive that a poll found and no webhook reported: 4."

    WebhookEndpoint.objects.update(last_received_at=timezone.now())
    assert codes(beating) == {}


def test_states(beating):
    Tenant.objects.update(is_active=False)
    assert codes(beating)["state"] == ["tenant_off"]
    Tenant.objects.update(is_active=True)
    Integration.objects.update(state="paused")
    assert codes(beating) == {}
    Integration.objects.update(state="draft", provisioning=[])
    assert codes(beating) == {"state": ["not_set_up"]}
    Integration.objects.update(state="active", provisioning=[
        {"key": "webhooks", "label": "Webhooks", "ok": False, "detail": "too many", "reason": "webhook_limit"}
    ])  # fmt: skip
    [finding] = look(beating)["steps"]
    assert (finding.code, finding.detail) == ("webhook_limit", "Webhooks: too many")


def test_a_disconnected_account_is_not_asked(beating):
    Connection.objects.filter(pk=beating.integration.left_id).update(health="disconnected")
    beating.calls("pipedrive")

    assert codes(beating)["credentials left"] == ["disconnected"]
    assert beating.calls("pipedrive") == []


def test_repair_keeps_what_a_person_must_decide(beating):
    for reason in ("mass_delete", "doi_mailing_missing"):
        JobFactory(integration=beating.integration, external_id=reason, state="held", reason=reason)
    webhooks(beating).clear()
    failure = {"status": 422, "times": 50, "path_contains": "/webhooks", "method": "POST"}
    beating.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [failure]})

    results = mend(beating)

    assert (results["webhooks"].ok, results["webhooks"].reason) == (False, "webhook_limit")
    assert results["newsletter"].ok  # the other steps went on
    states = dict(SyncJob.objects.values_list("reason", "state"))
    assert states == {"": "waiting", "mass_delete": "held"}
    assert results["jobs"].detail == "1 go on, 1 still held"


def test_every_fault_reads_well():
    for fault in FAULTS.values():
        assert fault.what.endswith((".", "{why}")), fault.code
        assert fault.cause, fault.code
        assert fault.fix, fault.code


def test_the_command_says_it_and_ends_with_one(beating):
    out = StringIO()
    call_command("diagnose", stdout=out)
    assert "ok      Webhooks of Pipedrive" in out.getvalue()

    webhooks(beating).clear()
    with pytest.raises(CommandError) as ended:
        call_command("diagnose", stdout=out)

    assert ended.value.returncode == 1
    text = out.getvalue()
    assert "NOT OK  Webhooks of Pipedrive" in text
    assert "fix: Press Repair: they are created again." in text


def test_the_command_speaks_json_of_one_tenant_or_integration(beating):
    other = IntegrationFactory(state="draft")
    webhooks(beating).clear()
    for option, value in (("tenant", beating.integration.tenant_id), ("integration", beating.integration.pk)):
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("diagnose", **{option: value}, json=True, stdout=out)
        [report] = json.loads(out.getvalue())
        assert (report["integration"], report["ok"]) == (str(beating.integration.pk), False)
        assert str(other.pk) not in out.getvalue()
        [wrong] = [finding for finding in report["findings"] if finding["status"] == "not_ok"]
        assert (wrong["check"], wrong["side"], wrong["button"]) == ("webhooks", "left", "repair")
    with pytest.raises(CommandError) as ended:
        call_command("diagnose", tenant=beating.integration.pk)
    assert ended.value.returncode == 2


def test_no_secret_is_in_what_it_says(beating):
    beating.sandbox.control("PATCH", "/maileon/501", {"expired": True})
    endpoint = WebhookEndpoint.objects.get(connection=beating.integration.left)
    text = repr(examine(fresh(beating), get_recipe).findings)
    for secret in (endpoint.token, endpoint.secret["current"], *fresh(beating).left.credentials.values(),
                   *fresh(beating).right.credentials.values()):  # fmt: skip
        assert secret not in text
    assert RemoteSubscription.objects.exists()
