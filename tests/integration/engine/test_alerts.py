"""Alerts: each kind opens once, reminds after a day, closes with a recovery notice, and never disturbs the sync."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.utils import timezone

from integration import tasks
from integration.checks import check_alerts
from integration.engine.alerts import ledger, watch
from integration.engine.clients import connection_health
from integration.engine.dispatch import sweeper
from integration.engine.insight import traffic_baseline
from integration.engine.privacy import retention
from integration.models import Alert, AlertNotice, Connection, ConsentEntry, Doorbell, Integration, WebhookHabit
from integration.notices import outgoing
from integration.recipes.registry import get_recipe
from tenants.models import Role
from tests.support.client_cases import Stub
from tests.support.factories import (
    EndpointFactory,
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LogFactory,
    MemberFactory,
    SubscriptionFactory,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(hours=24)
SECRET = "a-signing-secret-of-the-operators"


@pytest.fixture(autouse=True)
def by_mail(settings):
    settings.EMAIL_URL = "smtp://mail.example.com"
    settings.ALERT_EMAILS = ["ops@example.com"]
    settings.PUBLIC_URL = "https://hub.example.com"
    sweeper.sweep()


@pytest.fixture
def acme():
    integration = IntegrationFactory(tenant__name="ACME", activated_at=timezone.now())
    MemberFactory(tenant=integration.tenant, user__email="owner@example.com")
    MemberFactory(tenant=integration.tenant, user__email="viewer@example.com", role=Role.VIEWER)
    MemberFactory(user__email="stranger@example.com")
    return integration


@pytest.fixture
def receiver(settings):
    stub = Stub()
    settings.SANDBOX_URL = stub.url  # the one loopback address that may be called
    settings.ALERT_WEBHOOK_URL = f"{stub.url}/in/T0PSECRET?channel=ops"
    settings.ALERT_WEBHOOK_SECRET = SECRET
    yield stub
    stub.close()


def refuse(integration, reason="credentials_refused"):
    connection_health.mark(integration.right, "needs_you", reason, "detail with secret-key-9999 of ada@example.com")


def accept(integration):
    connection_health.mark(integration.right, "ok")


def open_alerts():
    return {(alert.kind, alert.subject): alert.what for alert in Alert.objects.filter(resolved_at__isnull=True)}


def later(span):
    """Move the whole record of alerts into the past."""
    for alert in Alert.objects.all():
        moved = {
            name: getattr(alert, name) - span
            for name in ("opened_at", "seen_at", "last_notified_at", "resolved_at")
            if getattr(alert, name)
        }
        Alert.objects.filter(pk=alert.pk).update(**moved)
    for notice in AlertNotice.objects.all():
        AlertNotice.objects.filter(pk=notice.pk).update(
            created_at=notice.created_at - span, next_attempt_at=notice.next_attempt_at - span
        )


def subjects(to):
    return [message.subject for message in mail.outbox if to in message.recipients()]


# Kinds


def test_nothing_wrong_opens_nothing(acme):
    assert tasks.watch() == "0 open, 0 sent"
    assert mail.outbox == []


def test_a_refused_key(acme):
    refuse(acme)
    for number in range(12):
        JobFactory(integration=acme, external_id=f"j{number}", state="held")
    IntegrationFactory(right__health="ok")

    tasks.watch()

    what = "Maileon refuses the key of ACME, 12 changes waiting"
    assert open_alerts() == {("connection", f"connection:{acme.right_id}"): what}
    assert subjects("owner@example.com") == [f"Lockstep: {what}"]
    assert subjects("ops@example.com") == [f"Lockstep: {what}"]
    assert subjects("viewer@example.com") == subjects("stranger@example.com") == []


def test_what_nobody_uses_or_somebody_switched_off_opens_nothing(acme):
    refuse(acme)
    for change in ({"state": "uninstalled"}, {"state": "draft"}):
        Integration.objects.update(**change)
        tasks.watch()
    Integration.objects.update(state="active")
    type(acme.tenant).objects.update(is_active=False)
    tasks.watch()
    assert open_alerts() == {}


def test_changes_that_wait_too_long(acme, settings):
    settings.ALERT_WAITING_SECONDS = 600
    JobFactory(integration=acme, next_attempt_at=timezone.now() - timedelta(minutes=9))
    JobFactory(integration=IntegrationFactory(state="paused"), next_attempt_at=timezone.now() - DAY)
    JobFactory(
        integration=IntegrationFactory(left__not_before=timezone.now() + DAY), next_attempt_at=timezone.now() - DAY
    )
    tasks.watch()
    assert open_alerts() == {}

    JobFactory(integration=acme, next_attempt_at=timezone.now() - timedelta(minutes=25))
    event = EventFactory(connection=acme.left)
    type(event).objects.update(received_at=timezone.now() - timedelta(hours=2))
    tasks.watch()

    assert open_alerts() == {
        ("waiting", f"integration:{acme.pk}"): "Changes of ACME (Pipedrive ↔ Maileon) have waited for 25 minutes",
        ("waiting", "hub"): "Events have waited to be routed for 2 hours",
    }
    assert subjects("owner@example.com") == []  # nothing an owner could do


def test_too_many_failures(acme, settings):
    settings.ALERT_FAILURE_MINIMUM, settings.ALERT_FAILURE_PERCENT = 5, 50
    other = IntegrationFactory()
    for number in range(9):
        LogFactory(integration=acme, outcome="failed" if number < 5 else "synced")
        LogFactory(integration=other, outcome="failed" if number < 4 else "synced")
        LogFactory(integration=other, outcome="skipped")
        LogFactory(integration=other, outcome="failed", created_at=timezone.now() - timedelta(hours=2))

    tasks.watch()

    what = "55 % of the records of ACME (Pipedrive ↔ Maileon) failed in the last hour (5 of 9)"
    assert open_alerts() == {("failures", f"integration:{acme.pk}"): what}


def test_a_dead_worker_is_one_alert_and_found_by_cron_and_healthz(acme, client):
    Doorbell.objects.update(rung_at=timezone.now() - timedelta(minutes=9))
    for number in range(3):
        JobFactory(integration=IntegrationFactory(), external_id=f"{number}", next_attempt_at=timezone.now() - DAY)
    out = StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("check_alerts", stdout=out)

    assert ended.value.returncode == 1
    assert open_alerts() == {("worker", "hub"): "No worker is alive: the last one was heard 9 minutes ago"}
    assert "No worker is alive" in out.getvalue()
    assert subjects("ops@example.com") == ["Lockstep: No worker is alive: the last one was heard 9 minutes ago"]
    assert "Start or restart the workers" in mail.outbox[0].body

    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["worker"]) == (503, False)
    assert client.get("/livez").status_code == client.get("/readyz").status_code == 200  # the intake goes on

    sweeper.sweep()
    tasks.watch()
    tasks.watch()
    assert subjects("ops@example.com")[1:] == ["Lockstep: A worker is alive again"]  # it gets time to catch up
    later(timedelta(minutes=16))
    tasks.watch()
    assert len(open_alerts()) == 3


def test_a_worker_that_never_came(acme):
    Doorbell.objects.all().delete()
    tasks.watch()
    assert open_alerts() == {}  # just installed: there was no time for a sweep
    Integration.objects.update(activated_at=timezone.now() - DAY)
    tasks.watch()
    assert list(open_alerts()) == [("worker", "hub")]


def office_hours(endpoint, weeks, until):
    """Every working hour of some weeks brought an event."""
    moment = (until - timedelta(weeks=weeks)).replace(minute=0, second=0, microsecond=0)
    while moment < until:
        if moment.weekday() < 5 and 9 <= moment.hour < 17:
            type(endpoint).objects.filter(pk=endpoint.pk).update(last_received_at=moment + timedelta(minutes=5))
        traffic_baseline.update(moment + timedelta(minutes=30))
        moment += timedelta(hours=1)
    endpoint.refresh_from_db()


MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def test_a_vendor_is_silent_against_its_own_habit(acme):
    """A weekend is no silence; a working day is."""
    endpoint = EndpointFactory(connection=acme.left)
    SubscriptionFactory(connection=acme.left, event="person.change", external_id="1")
    office_hours(endpoint, 2, MONDAY)
    assert endpoint.last_received_at.strftime("%a %H") == "Fri 16"

    assert list(watch.silent(get_recipe, MONDAY)) == []
    assert list(watch.silent(get_recipe, MONDAY.replace(hour=13, minute=59))) == []
    [condition] = watch.silent(get_recipe, MONDAY.replace(hour=14, minute=1))

    assert condition.subject == f"connection:{acme.left_id}"
    assert condition.what.startswith("Pipedrive has sent nothing of ACME for 2 days, although it usually does")


def asked(integration, count, days_ago, became="pending", was=""):
    moment = timezone.now() - days_ago * DAY
    ConsentEntry.objects.bulk_create(
        ConsentEntry(integration=integration, source_id=str(n), was=was, became=became, vendor="pipedrive", at=moment)
        for n in range(count)
    )


def test_opt_in_mails_that_nobody_confirms_perhaps_never_went_out(acme):
    """No answer of the vendor tells a mailing that does not exist from one that does."""
    asked(acme, 19, 2)
    asked(acme, 100, 0.5)  # they may not have looked at their mail yet
    asked(acme, 100, 9)
    assert list(watch.unanswered(get_recipe, timezone.now())) == []

    asked(acme, 1, 2)
    [condition] = watch.unanswered(get_recipe, timezone.now())
    assert condition.subject == f"integration:{acme.pk}"
    assert condition.what.startswith("20 people of ACME")

    asked(acme, 500, 0, became="confirmed")  # who was a reader before us has answered nothing
    assert len(list(watch.unanswered(get_recipe, timezone.now()))) == 1
    asked(acme, 1, 0, became="confirmed", was="pending")
    assert list(watch.unanswered(get_recipe, timezone.now())) == []


def test_an_integration_that_is_paused_is_not_asked_why_nobody_confirms(acme):
    asked(acme, 30, 2)
    Integration.objects.update(state="paused")
    assert list(watch.unanswered(get_recipe, timezone.now())) == []


def test_a_new_or_rarely_used_account_is_never_silent(acme):
    endpoint = EndpointFactory(connection=acme.left)
    SubscriptionFactory(connection=acme.left, event="person.change", external_id="1")
    office_hours(endpoint, 0.5, MONDAY)  # half a week is no habit yet
    assert traffic_baseline.missed(endpoint, MONDAY + 30 * DAY) == 0

    WebhookHabit.objects.update(observed=1000, weights=[0.01] * 168)
    endpoint = type(endpoint).objects.select_related("habit").get()
    assert traffic_baseline.missed(endpoint, endpoint.last_received_at + 7 * DAY) < 2


def test_hours_in_which_nobody_looked_teach_nothing(acme):
    endpoint = EndpointFactory(connection=acme.left, last_received_at=MONDAY)
    traffic_baseline.update(MONDAY)
    traffic_baseline.update(MONDAY + timedelta(hours=10))
    row = WebhookHabit.objects.get(endpoint=endpoint)
    assert (row.observed, row.weights[8], sum(row.weights)) == (1, 1.0, 1.0)
    assert traffic_baseline.update(MONDAY + timedelta(hours=10, minutes=5)) == 0  # nothing changed, nothing is written


# From opening to end


def test_one_alert_and_one_mail_however_often_it_is_looked_at(acme):
    refuse(acme)
    for _ in range(5):
        tasks.watch()
    assert Alert.objects.count() == 1
    assert len(mail.outbox) == 2  # operators, owners


def test_two_evaluations_at_once_open_it_once(acme, monkeypatch):
    refuse(acme)
    [condition] = watch.connection(get_recipe, timezone.now())
    ledger.open_alert(condition, timezone.now())
    ledger.open_alert(condition, timezone.now())
    assert (Alert.objects.count(), AlertNotice.objects.count()) == (1, 2)


def test_a_reminder_after_a_day(acme):
    refuse(acme)
    tasks.watch()
    later(timedelta(hours=23))
    tasks.watch()
    assert len(subjects("ops@example.com")) == 1
    later(timedelta(hours=2))
    tasks.watch()
    tasks.watch()
    assert subjects("ops@example.com")[1:] == ["Lockstep: Maileon refuses the key of ACME (still)"]
    assert len(subjects("owner@example.com")) == 2


def test_the_recovery_closes_it(acme):
    refuse(acme)
    tasks.watch()
    accept(acme)
    tasks.watch()
    tasks.watch()
    alert = Alert.objects.get()
    assert alert.resolved_at is not None
    assert subjects("owner@example.com")[1:] == ["Lockstep: Maileon works again for ACME"]
    assert subjects("ops@example.com")[1:] == ["Lockstep: Maileon works again for ACME"]
    assert "Nothing was lost; there is nothing to do." in mail.outbox[-1].body + mail.outbox[-2].body


def test_owners_hear_of_one_problem_a_day_however_often_it_comes_and_goes(acme):
    for _ in range(3):
        refuse(acme)
        tasks.watch()
        accept(acme)
        tasks.watch()
    assert len(subjects("ops@example.com")) == 6
    assert subjects("owner@example.com") == [
        "Lockstep: Maileon refuses the key of ACME", "Lockstep: Maileon works again for ACME",
    ]  # fmt: skip


def test_what_comes_and_goes_within_minutes_is_one_alert(acme, settings):
    settings.ALERT_WAITING_SECONDS = 600
    job = JobFactory(integration=acme, next_attempt_at=timezone.now() - DAY)
    tasks.watch()
    for state in ("done", "waiting", "done"):
        type(job).objects.update(state=state)
        tasks.watch()
    assert len(open_alerts()) == 1
    later(timedelta(minutes=6))
    tasks.watch()
    assert open_alerts() == {}
    assert subjects("ops@example.com")[1:] == ["Lockstep: Changes of ACME are synced again"]


def test_a_watcher_that_crashes_closes_nothing_and_stops_no_other(acme, monkeypatch):
    refuse(acme)
    tasks.watch()

    def crash(recipes, now):
        raise ZeroDivisionError
        yield

    monkeypatch.setattr(watch, "WATCHERS", {**watch.WATCHERS, "connection": crash})
    Doorbell.objects.update(rung_at=timezone.now() - DAY)
    tasks.watch()
    assert sorted(kind for kind, _ in open_alerts()) == ["connection", "worker"]


def test_closed_alerts_are_purged_with_the_log(acme):
    refuse(acme)
    tasks.watch()
    later(timedelta(days=1000))
    assert retention.purge()["alerts"] == 0
    accept(acme)
    tasks.watch()
    later(timedelta(days=1000))
    assert retention.purge()["alerts"] == 1


# What is said


def test_the_owners_mail(acme):
    acme.tenant.timezone = "Europe/Berlin"
    acme.tenant.save()
    refuse(acme)
    JobFactory(integration=acme, state="held")
    tasks.watch()

    [message] = [message for message in mail.outbox if "owner@example.com" in message.recipients()]

    link = f"https://hub.example.com/t/{acme.tenant_id}/i/{acme.pk}/settings/"
    assert message.subject == "Lockstep: Maileon refuses the key of ACME, 1 change waiting"
    assert message.body.startswith("Maileon refuses the key of ACME, 1 change waiting.\n\nSince ")
    assert " CET. Nothing is lost." in message.body or " CEST. Nothing is lost." in message.body
    assert "What to do: Enter a new key on the settings page" in message.body
    assert f"Open the settings: {link}" in message.body
    assert "because you are an owner of ACME" in message.body
    [(html, kind)] = message.alternatives
    assert (kind, html.count("<a "), f'href="{link}"' in html) == ("text/html", 1, True)
    assert message.to == []  # owners do not see each other's addresses
    for word in ("Press Release", "Check now", "console", "/admin/"):
        assert word not in message.body


def test_the_operators_mail_leads_to_the_console(acme):
    refuse(acme, "secret_unreadable")
    tasks.watch()
    [message] = mail.outbox  # an unreadable secret is no matter of the owners
    assert f"https://hub.example.com/admin/integration/alert/{Alert.objects.get().pk}/change/" in message.body
    assert "LOCKSTEP_SECRET_KEYS" in message.body


@pytest.mark.chaos("H11")
def test_no_secret_and_no_person_is_in_it(acme, receiver):
    receiver.will(status=200)
    type(acme.tenant).objects.update(name="ACME\r\nBcc: all@example.com <b>ada@example.com</b>")
    refuse(acme)
    JobFactory(integration=acme, state="held", detail="ada@example.com")
    tasks.watch()
    said = "".join(message.subject + message.body + message.alternatives[0][0] for message in mail.outbox)
    said += receiver.last.body.decode() + repr(list(Alert.objects.values())) + repr(list(AlertNotice.objects.values()))
    for secret in ("secret-key-9999", "ada@example.com", "all@example.com", "k" * 20, "f" * 40):
        assert secret not in said
    assert "\n" not in mail.outbox[0].subject
    assert "<b>" not in mail.outbox[0].alternatives[0][0]


# Delivery


def test_the_webhook_is_signed(acme, receiver):
    receiver.will(status=204)
    refuse(acme)

    tasks.watch()

    [seen] = receiver.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/in/T0PSECRET", [("channel", "ops")])
    headers = {name.lower(): value for name, value in seen.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + seen.body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"
    body = json.loads(seen.body)
    assert body["type"] == "alert.opened"
    data = body["data"]
    assert (data["kind"], data["vendor"], data["recipe"]) == ("connection", "maileon", "pipedrive_maileon")
    assert (data["what"], data["tenant"]["name"]) == ("Maileon refuses the key of ACME", "ACME")
    assert AlertNotice.objects.get(channel="webhook").state == "sent"


def test_a_secret_in_the_standards_form():
    key = base64.b64encode(b"0123456789abcdef").decode()
    assert outgoing.sign(f"whsec_{key}", "m", "1", b"{}") == outgoing.sign("0123456789abcdef", "m", "1", b"{}")
    assert outgoing.sign("whsec_!", "m", "1", b"{}") != outgoing.sign("other", "m", "1", b"{}")


def test_a_receiver_that_fails_is_tried_again_and_its_address_stays_secret(acme, receiver):
    receiver.will(status=500).will(status=200)
    refuse(acme)
    tasks.watch()
    notice = AlertNotice.objects.get(channel="webhook")
    assert (notice.state, notice.attempts) == ("waiting", 1)
    assert "T0PSECRET" not in notice.problem
    tasks.watch()
    assert len(receiver.seen) == 1  # not yet due
    first_id = receiver.last.headers["webhook-id"]
    AlertNotice.objects.update(next_attempt_at=timezone.now())
    tasks.watch()
    assert AlertNotice.objects.get(channel="webhook").state == "sent"
    assert receiver.last.headers["webhook-id"] == first_id  # so that the receiver can tell a repetition


@pytest.mark.chaos("H8")
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "https://127.0.0.1/x", "https://10.0.0.1/x", "nonsense"])
def test_the_webhook_never_leads_inside_the_network(acme, settings, address):
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = address, SECRET
    refuse(acme)
    tasks.watch()
    notice = AlertNotice.objects.get(channel="webhook")
    assert (notice.state, notice.attempts) == ("waiting", 1)
    assert notice.problem


def test_a_broken_mail_server_does_not_break_the_task(acme, monkeypatch):
    tries = []

    def refuse_all(self, fail_silently=False):
        tries.append(self.subject)
        raise ConnectionRefusedError("mail.example.com says no")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse_all)
        refuse(acme)
        assert tasks.watch() == "1 open, 0 sent"
        assert len(tries) == 1  # the others would wait for the same server
    assert AlertNotice.objects.filter(state="waiting").count() == 2

    AlertNotice.objects.update(next_attempt_at=timezone.now())
    assert tasks.watch() == "1 open, 2 sent"


def test_one_refused_address_does_not_hold_up_the_others(acme, monkeypatch):
    real = EmailMessage.send

    def picky(self, fail_silently=False):
        if "ops@example.com" in self.recipients():
            raise SMTPRecipientsRefused({"ops@example.com": (550, b"no such user ops@example.com")})
        return real(self, fail_silently)

    monkeypatch.setattr(EmailMessage, "send", picky)
    refuse(acme)
    tasks.watch()
    assert len(subjects("owner@example.com")) == 1
    assert "ops@example.com" not in AlertNotice.objects.get(channel="operators").problem


def test_a_notice_is_given_up_after_a_day_and_a_stale_one_is_not_sent(acme, monkeypatch):
    monkeypatch.setattr(EmailMessage, "send", lambda self, fail_silently=False: (_ for _ in ()).throw(OSError("down")))
    refuse(acme)
    tasks.watch()
    AlertNotice.objects.filter(channel="operators").update(
        created_at=timezone.now() - timedelta(hours=25), next_attempt_at=timezone.now()
    )
    AlertNotice.objects.filter(channel="owners").update(next_attempt_at=timezone.now() + DAY)
    tasks.watch()
    assert AlertNotice.objects.get(channel="operators").state == "given_up"
    accept(acme)
    tasks.watch()
    assert AlertNotice.objects.get(channel="owners").problem == "It was over before it could be sent."
    assert not AlertNotice.objects.filter(moment="resolved").exists()


def test_without_settings_alerts_are_kept_and_nothing_is_sent(acme, settings):
    settings.EMAIL_URL, settings.ALERT_EMAILS = "", []
    refuse(acme)
    assert tasks.watch() == "1 open, 0 sent"
    assert not AlertNotice.objects.exists()


def test_settings_that_cannot_work_are_refused_at_start(settings):
    assert check_alerts(None) == []
    settings.EMAIL_URL, settings.ALERT_WEBHOOK_URL = "", "https://example.com/x"
    assert [error.id for error in check_alerts(None)] == ["lockstep.E006", "lockstep.E007"]


def test_the_command_is_quiet_when_all_is_well(acme):
    out = StringIO()
    call_command("check_alerts", stdout=out)
    assert out.getvalue() == "0 open, 0 notices sent\n"
    assert Connection.objects.count() == 2
