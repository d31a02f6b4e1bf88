"""An erasure finds everything, leaves other people's evidence alone, and nobody who was erased comes back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog
from django.apps import apps
from django.conf import settings
from django.utils import timezone
from django_q.models import Failure

from integration import tasks
from integration.engine.clients.session import OpenSession
from integration.engine.dispatch import wakeups
from integration.engine.privacy import personal_data
from integration.engine.safety import erased
from integration.engine.setup import lifecycle
from integration.models import (
    Alert,
    AlertNotice,
    ComparedRecord,
    Connection,
    Drift,
    ErasedAddress,
    IdentityIndex,
    Integration,
    RecordLink,
    ReferenceCache,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)
from integration.recipes.registry import get_recipe
from integration.secrets import email_hash
from tenants.models import Invitation, Session
from tenants.session_store import SessionStore
from tests.support import factories, hub, whole_database
from tests.support.fake_recipe import FakeFlow, recipes_with
from tests.support.personal_columns import personal_columns

pytestmark = pytest.mark.django_db

NAME, EMAIL, PHONE = "Ottoline Zwickelbauer", "ottoline.zwickelbauer@example.com", "+49 151 70707077"
TRACES = ("ottoline", "zwickelbauer", "70707077")
MASKED = "o•••@example.com"  # as recorded calls keep an address
RECORD = {"FULLNAME": NAME, "email": EMAIL, "phone": PHONE}
OTHER = {"id": 9, "name": "Zora Hurston", "email": "z•••@example.com"}


def traces() -> set[tuple[str, str, str]]:
    """Which columns of the whole database hold a trace of the person."""
    return {(table, column, word) for word in TRACES for table, column in whole_database.found(word)}


def filled(row: Any, **values: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**values)


def body(*records: Any) -> str:
    return json.dumps({"success": True, "data": list(records)}, ensure_ascii=False)


@pytest.fixture
def integration() -> Integration:
    made: Integration = factories.IntegrationFactory()
    return made


@pytest.fixture
def everywhere(integration: Integration) -> Integration:
    """The person stands in every column that may hold one, and each time beside somebody else."""
    digest, left, right = email_hash(EMAIL), integration.left, integration.right
    about = {"integration": integration, "source_id": "8", "email_hash": digest}
    told = f"Person {NAME} <{EMAIL}>, {PHONE}, is not accepted."
    factories.LinkFactory(**about, target_id="9001-8", written=RECORD, notes={"consent": "confirmed", "name": NAME})
    factories.LogFactory(**about, detail=told, changes={"FULLNAME": [None, NAME]})
    factories.DriftFactory(**about, ours=NAME, theirs={"name": NAME})
    factories.EventFactory(connection=left, external_id="8", state="routed", payload=RECORD)
    factories.EventFactory(
        connection=right, object_type="contact", external_id="9001-8", state="routed", payload=RECORD
    )
    factories.JobFactory(integration=integration, external_id="8", state="done", hint=RECORD, detail=told)
    factories.JobFactory(integration=integration, flow="other", state="dead", hint={"last": RECORD}, detail=told)
    run = factories.RunFactory(
        integration=integration, problem=told, options={"ids": ["8"], "name": NAME}, cursor={"after": EMAIL},
        samples={"create": [{"id": "8", "name": NAME, "values": RECORD}, {"id": "9", "name": "Zora Hurston"}]},
    )  # fmt: skip
    ComparedRecord.objects.create(run=run, record_id="9001-8", email_hash=digest, values=RECORD)
    factories.CallFactory(
        connection=left, path="/persons/search?term=Ottoline%20Zwickelbauer&x=1", request=body(OTHER),
        response=body({"id": 8, "name": NAME, "email": MASKED, "phone": PHONE}, OTHER),
    )  # fmt: skip
    theirs = f"<contact><external_id>9001-8</external_id><name>{NAME}</name></contact>"
    other = "<contact><external_id>9001-9</external_id></contact>"
    factories.CallFactory(connection=right, request=f"<contacts>{theirs}{other}</contacts>")
    filled(left, health_detail=told)
    filled(integration, provisioning=[{"ok": False, "label": "Webhooks", "detail": told}])
    ReferenceCache.objects.create(connection=left, kind="users", fetched_at=timezone.now(),
                                  entries={"1": {"id": 1, "name": NAME}, "2": {"id": 2, "name": "Zora"}})  # fmt: skip
    mapping = factories.MappingFactory(integration=integration)
    filled(mapping, problem=told)
    alert = Alert.objects.create(kind="failures", subject="x", tenant=integration.tenant, integration=integration,
                                 what=told)  # fmt: skip
    AlertNotice.objects.create(alert=alert, channel="owners", moment="opened", problem=told)
    Invitation.objects.create(tenant=integration.tenant, email=EMAIL, token_hash="h", expires_at=timezone.now())
    attempt = {"user_agent": "x", "ip_address": "127.0.0.1", "username": EMAIL, "http_accept": "x", "path_info": "/"}
    AccessAttempt.objects.create(**attempt, get_data=f"next=/{EMAIL}", post_data=EMAIL, failures_since_start=1)
    AccessFailureLog.objects.create(**attempt)
    over = Session(session_key="over", expire_date=timezone.now() - timedelta(days=1))
    over.session_data = SessionStore().encode({"wanted": NAME})
    over.save()
    Failure.objects.create(
        id="f" * 32, name="x", func="f", started=timezone.now(), stopped=timezone.now(), success=False,
        args=(EMAIL,), kwargs={"email": EMAIL}, result=told,
    )  # fmt: skip
    return integration


def test_every_personal_column_is_tested(everywhere: Integration) -> None:
    unfilled = set()
    for label, columns in personal_columns().items():
        rows = list(apps.get_model(label)._base_manager.values())
        unfilled |= {f"{label}.{column}" for column in columns if not any(row.get(column) for row in rows)}

    assert unfilled == set()


def test_no_trace_stays_in_the_whole_database_in_files_and_in_logs(everywhere: Integration, caplog: Any) -> None:
    assert traces()

    personal_data.erase(everywhere.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    assert traces() == set()
    assert not any(word in caplog.text.lower() for word in TRACES)
    for folder in (settings.BASE_DIR / "var", Path(settings.MEDIA_ROOT or settings.BASE_DIR / "var")):
        for path in folder.rglob("*") if folder.exists() else ():
            if path.is_file() and ".sqlite3" not in path.name:  # other processes of these tests have theirs there
                assert not any(word.encode() in path.read_bytes().lower() for word in TRACES), path
    assert not Session.objects.filter(pk="over").exists()
    assert not Failure.objects.exists()


def test_the_report_says_what_was_found_where(everywhere: Integration) -> None:
    report = personal_data.erase(everywhere.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    for line in (
        "1 recorded call to Pipedrive: this person was cut out.",
        "1 recorded call to Maileon: this person was cut out.",
        "1 log entry emptied; IDs and outcome stay.", "2 events emptied.", "1 job deleted.",
        "1 dry-run report emptied of this person.", "1 link between two records deleted.", "1 invitation deleted.",
        "2 failed sign-ins deleted.", "1 report of a failed task deleted.",
    ):  # fmt: skip
        assert line in report
    assert report[-1] == "Nothing was found in: address index."


def test_other_people_keep_their_evidence(everywhere: Integration) -> None:
    untouched = factories.CallFactory(connection=everywhere.left, response=body(OTHER, {"id": 80, "name": "Grace"}))
    olga, of_bob = {"id": 10, "name": "Olga", "email": MASKED}, {"id": 8, "title": "x", "email": "b•••@b.com"}
    namesake = factories.CallFactory(connection=everywhere.left, response=body(olga))
    deal = factories.CallFactory(connection=everywhere.left, response=body(of_bob))
    before = {row.pk: row.response for row in (untouched, namesake, deal)}

    personal_data.erase(everywhere.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    assert dict(VendorCall.objects.filter(pk__in=before).values_list("pk", "response")) == before
    shared = VendorCall.objects.get(path__startswith="/persons/search")
    assert (shared.path, json.loads(shared.response)["data"]) == ("/persons/search?term=•••&x=1", [OTHER])
    assert "9001-9" in VendorCall.objects.get(connection=everywhere.right).request
    assert not ReferenceCache.objects.exists()  # it is read anew when somebody needs it


def test_who_owns_or_employs_the_person_is_no_trace_of_them(integration: Integration) -> None:
    factories.LinkFactory(integration=integration, source_id="8", email_hash=email_hash(EMAIL), written=RECORD)
    person = {"id": 8, "name": NAME, "owner": {"id": 7, "name": "Sally Rep"}, "organization": {"name": "Acme Corp"},
              "org_name": "Acme Corp"}  # fmt: skip
    read = factories.CallFactory(connection=integration.left, response=body(person))
    others = {"id": 70, "name": "Sally Rep"}, {"id": 71, "name": "Bob Other", "user_id": 8, "org_name": "Acme Corp"}
    kept = factories.CallFactory(connection=integration.left, response=body(*others))
    before = kept.response

    personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    kept.refresh_from_db()
    read.refresh_from_db()
    assert kept.response == before
    assert json.loads(read.response)["data"] == []


@pytest.mark.parametrize("has_it_still", [True, False])
def test_a_record_deleted_for_good_takes_nobody_along_who_has_its_former_address(
    integration: Integration, has_it_still: bool
) -> None:
    """Who has it now is asked at the source; the index may be older."""
    digest, left = email_hash(EMAIL), integration.left
    factories.LinkFactory(integration=integration, source_id="8", email_hash=digest, written=RECORD)
    heir = factories.LinkFactory(integration=integration, source_id="9", email_hash=digest, written=RECORD)
    IdentityIndex.objects.create(connection=left, object_type="person", email_hash=digest, external_id="9")
    flow = FakeFlow(source={"9": {"email": EMAIL if has_it_still else "new@example.com"}})

    personal_data.erase_record(OpenSession(integration, recipes_with(flow)("fake")), "person", "8", None)

    heir.refresh_from_db()
    assert (heir.written == RECORD) is has_it_still
    assert (erased.entry(integration.tenant, EMAIL) is None) is has_it_still


def test_an_opt_out_that_an_app_refused_is_not_lost(integration: Integration) -> None:
    """It is tried again with each poll, as long as the person is there."""
    people = FakeFlow(source={"8": {"email": EMAIL}, "80": {"email": EMAIL}})
    back = FakeFlow(key="consent", side="right", urgent=True)
    for source_id, flow, state in (("8", "consent", "dead"), ("80", "consent", "held"), ("8", people.key, "dead")):
        factories.JobFactory(integration=integration, flow=flow, external_id=source_id, state=state)
    for source_id in ("8", "80"):
        factories.LinkFactory(
            integration=integration, source_id=source_id, email_hash=email_hash(EMAIL), written=RECORD
        )

    personal_data.erase(integration.tenant, EMAIL, recipes_with(people, back))

    assert set(SyncJob.objects.values_list("flow", "state")) == {("consent", "dead"), ("consent", "held")}


def test_what_a_worker_has_in_hand_is_left_to_it(integration: Integration) -> None:
    factories.LinkFactory(integration=integration, source_id="8", email_hash=email_hash(EMAIL), written=RECORD)
    hint = {"deleted": True, "last": {"name": NAME}}
    waiting = factories.JobFactory(integration=integration, flow="other", state="waiting", hint=hint)
    running = factories.RunFactory(integration=integration, state="running", cursor={"after": NAME})

    report = personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.hint, running.cursor) == (hint, {"after": NAME})
    assert any("A run is under way" in line for line in report)


@pytest.mark.parametrize("cut_at", range(60, 190, 10))
def test_a_body_that_was_cut_short_loses_the_person_wherever_it_ends(integration: Integration, cut_at: int) -> None:
    factories.LinkFactory(integration=integration, source_id="8", email_hash=email_hash(EMAIL), written=RECORD)
    whole = body(OTHER, {"id": 8, "name": NAME, "emails": [{"value": MASKED}], "phone": [{"value": PHONE}]})
    call = factories.CallFactory(connection=integration.left, response=f"{whole[:cut_at]}… (4711 characters)")

    personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    call.refresh_from_db()
    assert not any(word in call.response.lower() for word in (*TRACES, "ottol"))
    assert "Zora Hurston" in call.response or cut_at < 80


def test_a_deal_of_somebody_who_is_gone_forgets_the_address(integration: Integration) -> None:
    """The deal is still there, but no opt-out ever comes by it."""
    deals = FakeFlow(key="deal_to_event", link_type="deal", source_object="deal", source={"70": {"email": EMAIL}})
    people = FakeFlow(source={})
    digest = email_hash(EMAIL)
    factories.LinkFactory(integration=integration, link_type="deal", source_id="70", email_hash=digest, written=RECORD)
    factories.LinkFactory(integration=integration, source_id="8", email_hash=digest, written=RECORD)

    personal_data.erase(integration.tenant, EMAIL, recipes_with(people, deals))

    row = RecordLink.objects.get()
    assert (row.source_id, row.email_hash, row.written) == ("70", "", {})
    assert traces() == set()


def test_an_account_of_the_hub_is_named_and_stays_protected(integration: Integration) -> None:
    member = factories.MemberFactory(tenant=integration.tenant, user__email=EMAIL, user__username=EMAIL)
    attempt = {"user_agent": "x", "ip_address": "127.0.0.1", "username": EMAIL, "http_accept": "x", "path_info": "/"}
    AccessAttempt.objects.create(**attempt, get_data="", post_data="", failures_since_start=1)
    factories.LogFactory(integration=integration, email_hash=email_hash(EMAIL))

    report = personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    assert any("remove the member on the Team page" in line for line in report)
    assert type(member).objects.filter(pk=member.pk).exists()
    assert AccessAttempt.objects.count() == 1  # erasing oneself would start the counting of wrong passwords anew


def test_uninstalling_leaves_no_trace_in_what_belongs_to_the_integration(everywhere: Integration) -> None:
    everywhere.state = "uninstalled"
    everywhere.save()

    lifecycle.strip_personal_data(everywhere)

    of_others = {
        "tenants_invitation",
        "axes_accessattempt",
        "axes_accessfailurelog",
        "tenants_session",
        "django_q_task",
    }
    assert {table for table, _, _ in traces()} <= of_others


# People met by Fetch All alone, and whoever comes back


def fetch_all(world: Any) -> None:
    tasks.start_runs(world.integration, "fetch_all")
    hub.drain()


@pytest.mark.django_db(transaction=True)
def test_somebody_fetch_all_has_only_read_is_erased_as_well(world: Any) -> None:
    world.person(NAME, email=EMAIL, newsletter=None, phones=[{"value": PHONE}])
    world.held()  # no event ever tells of them
    fetch_all(world)
    assert whole_database.found("zwickelbauer")
    assert not RecordLink.objects.filter(written__FULLNAME=NAME).exists()
    calls = VendorCall.objects.exclude(response="").count()

    personal_data.erase(world.integration.tenant, EMAIL, get_recipe)

    assert traces() == set()
    assert VendorCall.objects.exclude(response="").count() >= calls


def erase_and_return(world: Any) -> str:
    """Somebody is a contact, is erased while they are still at the source, and is met again. Returns their id."""
    person_id: str = world.person(NAME, email=EMAIL)
    world.deliver()
    world.click(EMAIL)
    world.deliver()
    personal_data.erase(world.integration.tenant, EMAIL, get_recipe)
    return person_id


@pytest.mark.chaos("H10")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["webhook", "fetch_all", "made anew"])
def test_an_erased_address_is_not_taken_in_again(world: Any, way: str) -> None:
    person_id = erase_and_return(world)
    mails, contacts = world.mails(), world.contacts()

    if way == "webhook":
        world.change(person_id, name=f"{NAME} Second")
    elif way == "made anew":
        world.delete(person_id)
        world.deliver()
        world.person(f"{NAME} Second", email=EMAIL.upper())
    world.deliver()
    if way == "fetch_all":
        fetch_all(world)

    assert SyncLog.objects.filter(reason="address_erased").exists() or way == "fetch_all"
    assert world.mails() == mails
    assert way != "webhook" or world.contacts() == contacts
    assert way != "made anew" or EMAIL not in world.contacts()
    kept = {(table, column) for table, column, _ in traces()}
    assert kept <= {("integration_recordlink", "written")}  # the address of who is still at the source
    assert not any("Second" in text for _, _, text in whole_database.raw_texts())


@pytest.mark.django_db(transaction=True)
def test_an_opt_out_of_somebody_erased_arrives_in_both_directions(world: Any) -> None:
    person_id = erase_and_return(world)
    world.leave(EMAIL)
    world.deliver()
    assert world.shown(person_id)[0] == "no"

    other = world.person("Erna Second", email="erna@example.com")
    world.deliver()
    world.click("erna@example.com")
    world.deliver()
    personal_data.erase(world.integration.tenant, "erna@example.com", get_recipe)
    world.say(other, "No")
    world.deliver()
    assert "erna@example.com" not in world.contacts()


@pytest.mark.django_db(transaction=True)
def test_an_opt_out_of_somebody_erased_arrives_from_brevo(brevo_world: Any) -> None:
    person_id = brevo_world.person(NAME, email=EMAIL)
    brevo_world.deliver()
    assert EMAIL in brevo_world.contacts()
    personal_data.erase(brevo_world.integration.tenant, EMAIL, get_recipe)

    brevo_world.leave(EMAIL)
    brevo_world.deliver()

    assert brevo_world.status(person_id) == "unsubscribed"


@pytest.mark.django_db(transaction=True)
def test_an_opt_out_at_another_address_blocks_a_contact_of_somebody_erased(brevo_world: Any) -> None:
    person_id = brevo_world.person(NAME, email=EMAIL)
    brevo_world.deliver()
    personal_data.erase(brevo_world.integration.tenant, EMAIL, get_recipe)
    RecordLink.objects.filter(source_id=person_id).delete()
    job = {"integration": brevo_world.integration, "flow": "person_to_contact", "external_id": person_id}
    SyncJob.objects.filter(**job).delete()
    factories.JobFactory(**job, hint={"block": True})
    wakeups.wake(str(brevo_world.integration.pk))
    hub.drain()

    assert brevo_world.contact(EMAIL)["emailBlacklisted"] is True


@pytest.mark.django_db(transaction=True)
def test_a_comparison_takes_nobody_erased_for_a_difference(world: Any) -> None:
    """The person is still in both apps: they are left out by rule, and nobody calls the contact a stray."""
    erase_and_return(world)
    tasks.start_comparisons(world.integration)
    hub.drain()

    run = SyncRun.objects.get(kind="compare", flow="person_to_contact")
    assert run.state == "done"
    assert run.counts.get("skipped:address_erased") == 1
    assert not Drift.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_late_event_of_somebody_who_is_gone_is_emptied(world: Any) -> None:
    person_id = world.person(NAME, email=EMAIL)
    late = world.held()
    personal_data.erase(world.integration.tenant, EMAIL, get_recipe)
    world.delete(person_id)
    for delivery in late:
        assert world.post(delivery) == 200
    hub.drain()

    assert WebhookEvent.objects.filter(external_id=person_id, state="routed").exists()
    assert not any(NAME in str(row) for row in WebhookEvent.objects.values_list("payload", flat=True))


@pytest.mark.django_db(transaction=True)
def test_once_lifted_an_address_syncs_again(world: Any) -> None:
    person_id = erase_and_return(world)
    owner = factories.MemberFactory(tenant=world.integration.tenant).user
    row = erased.entry(world.integration.tenant, EMAIL)
    assert row is not None
    assert erased.lift(row, owner, "Asked us to be back.")
    assert not erased.lift(row, owner, "twice")

    world.change(person_id, name="Ottoline King")
    world.deliver()

    assert world.contacts()[EMAIL]["standard"]["FULLNAME"] == "Ottoline King"
    kept = ErasedAddress.objects.get()
    assert (kept.lift_reason, kept.lifted_by) == ("Asked us to be back.", owner)


def test_an_erasure_of_one_tenant_refuses_nobody_for_another(integration: Integration) -> None:
    personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    assert erased.entry(integration.tenant, EMAIL.upper()) is not None
    assert erased.entry(factories.TenantFactory(), EMAIL) is None
    assert not Connection.objects.filter(health_detail__contains=NAME).exists()
    assert not WebhookEvent.objects.exists()


def test_somebody_with_very_many_records_is_erased(integration: Integration) -> None:
    """A condition with a term for each of them is more than a database takes."""
    digest, count = email_hash(EMAIL), 1200
    deals = FakeFlow(key="deal_to_event", link_type="deal", source_object="deal", source={})
    for number in range(count):
        about = {"integration": integration, "source_id": f"d{number}", "email_hash": digest}
        factories.LinkFactory(**about, link_type="deal", written=RECORD)
        factories.LogFactory(**about, flow=deals.key, changes={"FULLNAME": [None, NAME]})
    call = factories.CallFactory(connection=integration.left, response=body({"id": "d7", "name": "Deal"}, OTHER))

    report = personal_data.erase(integration.tenant, EMAIL, recipes_with(FakeFlow(source={}), deals))

    assert traces() == set()
    call.refresh_from_db()
    assert json.loads(call.response)["data"] == [OTHER]
    assert f"{count} log entries emptied; IDs and outcome stay." in report


def told_again(connection: Any) -> WebhookEvent:
    found: WebhookEvent = factories.EventFactory(
        connection=connection, external_id="8", state="routed", email_hash=email_hash(EMAIL), payload=RECORD
    )
    return found


def test_an_event_that_comes_in_during_the_erasure_is_emptied(everywhere: Integration, monkeypatch: Any) -> None:
    remember, meanwhile = erased.remember, []

    def late(*given: Any) -> None:
        remember(*given)
        meanwhile.append(told_again(everywhere.left))

    monkeypatch.setattr(erased, "remember", late)
    personal_data.erase(everywhere.tenant, EMAIL, recipes_with(FakeFlow(source={})))

    meanwhile[0].refresh_from_db()
    assert (meanwhile[0].payload, meanwhile[0].email_hash) == ({}, "")


def test_of_several_events_that_led_to_one_job_none_keeps_the_person(integration: Integration) -> None:
    """The job names the newest of them only."""
    erased.remember(integration.tenant, [email_hash(EMAIL)], None)
    older, newest = told_again(integration.left), told_again(integration.left)
    elsewhere = told_again(factories.IntegrationFactory().left)

    erased.forget_handled(SimpleNamespace(integration=integration), {newest.pk: ""})

    for event in (older, newest, elsewhere):
        event.refresh_from_db()
    assert (older.payload, newest.payload, elsewhere.payload) == ({}, {}, RECORD)
