"""Person → contact and the way back, case by case, against the sandbox vendors."""

from __future__ import annotations

import pytest

from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.setup import provisioning
from integration.engine.sync import replay, runs
from integration.models import RecordLink, SyncJob, SyncLog, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.world import ACCOUNT, World


def reasons(person_id):
    return list(SyncLog.objects.filter(source_id=person_id).values_list("reason", flat=True))


def confirmed(world, name="Ada Byron"):
    person_id = world.person(name)
    world.deliver()
    email = f"{name.lower().replace(' ', '.')}@example.com"
    world.click(email)
    world.deliver()
    return person_id, email


def test_yes_is_asked_once_and_confirmed(world):
    person_id = world.person("Ada Byron")
    world.deliver()
    assert world.mails() == ["ada.byron@example.com"]
    assert world.shown(person_id) == ("yes", "pending")
    assert world.contacts()["ada.byron@example.com"]["permission"] == 1

    world.click("ada.byron@example.com")
    world.deliver()

    assert world.contacts()["ada.byron@example.com"]["permission"] == 5
    assert world.shown(person_id) == ("yes", "confirmed")
    assert world.mails() == ["ada.byron@example.com"]


@pytest.mark.parametrize(("permission", "expected"), [("1", 1), ("2", 2), ("4", 4), ("5", 5)])
def test_without_doi_the_chosen_permission_is_given_at_once(sandbox, settings, transactional_db, permission, expected):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, doi_enabled=False, permission=permission)

    world.person("Ada Byron")
    world.deliver()

    assert world.contacts()["ada.byron@example.com"]["permission"] == expected
    assert world.mails() == []


@pytest.mark.parametrize(("newsletter", "reason"), [(None, "newsletter_never_asked"), ("No", "newsletter_no")])
def test_without_a_yes_nobody_is_synced(world, newsletter, reason):
    person_id = world.person("Ada Byron", newsletter=newsletter)

    world.deliver()

    assert reasons(person_id) == [reason]
    assert world.contacts() == {}


@pytest.mark.parametrize("newsletter", ["No", None])
def test_yes_to_no_or_empty_unsubscribes(world, newsletter):
    person_id, email = confirmed(world)

    world.say(person_id, newsletter)
    world.deliver()

    assert email not in world.contacts()
    assert world.shown(person_id) == ("no", "unsubscribed")


def test_an_unsubscribe_in_maileon_travels_back(world):
    person_id, email = confirmed(world)

    world.leave(email)
    world.deliver()

    assert world.shown(person_id) == ("no", "unsubscribed")


def test_a_stale_yes_never_subscribes_again(world):
    person_id, email = confirmed(world)
    world.leave(email)
    world.change(person_id, name="Ada Lovelace")
    person_events = [row for row in world.held() if row.vendor == "pipedrive"]

    for delivery in person_events:
        world.post(delivery)
    hub.drain()

    assert email not in world.contacts()
    assert world.mails() == [email]


@pytest.mark.chaos("V13")
def test_a_lost_unsubscribe_is_found_in_the_report(world):
    person_id, email = confirmed(world)
    world.leave(email)
    world.held()  # lost

    start_runs(world.integration, "poll")
    hub.drain()
    world.deliver()

    assert world.shown(person_id) == ("no", "unsubscribed")
    start_runs(world.integration, "poll")
    hub.drain()
    assert world.shown(person_id) == ("no", "unsubscribed")


def test_a_new_wish_after_an_opt_out_is_asked_by_mail_again(world):
    person_id, email = confirmed(world)
    world.leave(email)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})

    world.say(person_id, "Yes")
    world.deliver()

    assert world.mails() == [email, email]
    assert world.contacts()[email]["permission"] == 1
    assert world.shown(person_id) == ("yes", "pending")


def test_a_permission_that_is_being_withdrawn_is_not_believed(world):
    person_id, email = confirmed(world)
    world.leave(email)
    account = world.sandbox.state.maileon.accounts[ACCOUNT]
    account.leaving = [(at + 3600, contact) for at, contact in account.leaving]  # however slow this machine is
    world.deliver()

    world.say(person_id, "Yes")
    for delivery in world.held():
        world.post(delivery)
    hub.drain(due_now=False)

    job = SyncJob.objects.get(flow="person_to_contact", external_id=person_id)
    assert (job.state, job.reason) == ("waiting", "target_settling")
    assert world.shown(person_id) == ("yes", "unsubscribed")


def test_a_new_wish_without_doi_subscribes_nobody(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, doi_enabled=False, permission="2")
    person_id = world.person("Ada Byron")
    world.deliver()
    world.leave("ada.byron@example.com")
    world.deliver()

    world.say(person_id, "Yes")
    world.deliver()

    assert world.contacts() == {}
    assert "unsubscribed" in reasons(person_id)


def test_somebody_who_opted_out_before_is_not_asked(world):
    world.sandbox.state.maileon.accounts[501].markers.add("ada.byron@example.com")

    person_id = world.person("Ada Byron")
    world.deliver()

    assert world.mails() == []
    assert world.shown(person_id) == ("no", "unsubscribed")


def test_the_seeds_fields_arrive(world):
    person_id = world.person("Ada Byron", org_id=1)

    world.deliver()

    row = world.contacts()["ada.byron@example.com"]
    assert row["external_id"] == f"9001-{person_id}"
    assert row["standard"] == {
        "FIRSTNAME": "Ada", "LASTNAME": "Byron", "FULLNAME": "Ada Byron", "ORGANIZATION": "Analytical Engines Ltd",
    }  # fmt: skip
    assert row["custom"]["createdByPipedrive"] is True
    assert row["custom"]["pipedriveId"] == "9001"
    assert row["custom"]["owner_name"] == "Grace Hopper"


@pytest.mark.chaos("W5")
def test_a_changed_name_follows_and_its_echo_stops(world):
    person_id, email = confirmed(world)

    world.change(person_id, name="Ada King")
    world.deliver()

    assert world.contacts()[email]["standard"]["LASTNAME"] == "King"
    world.calls("maileon")
    world.deliver()
    assert world.calls("maileon") == []


@pytest.mark.chaos("H2")
def test_a_changed_address_is_asked_anew_and_the_old_one_dropped(world):
    person_id, email = confirmed(world)

    world.change(person_id, emails=[{"value": "new@example.com", "primary": True}])
    world.deliver()

    assert set(world.contacts()) == {"new@example.com"}
    assert world.mails() == [email, "new@example.com"]
    assert world.shown(person_id) == ("yes", "pending")


@pytest.mark.chaos("H2")
def test_a_changed_address_can_keep_its_permission(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, on_email_change="keep")
    person_id, email = confirmed(world)

    world.change(person_id, emails=[{"value": "new@example.com", "primary": True}])
    world.deliver()

    assert world.contacts()["new@example.com"]["permission"] == 5
    assert email not in world.contacts()
    assert world.mails() == [email]


@pytest.mark.parametrize(("on_delete", "stays"), [("unsubscribe", False), ("delete", False), ("nothing", True)])
def test_a_deleted_person_is_treated_as_the_setting_says(sandbox, settings, transactional_db, on_delete, stays):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, on_delete=on_delete)
    person_id, email = confirmed(world)

    world.delete(person_id)
    world.deliver()

    assert (email in world.contacts()) is stays


@pytest.mark.chaos("V12")
def test_a_merge_never_unsubscribes_the_survivor(world):
    survivor, email = confirmed(world)
    loser = world.person("Ada Twin", email=email)
    world.deliver()
    assert reasons(loser) == ["duplicate_email"]

    world.merge(loser, survivor)
    world.deliver()

    assert world.contacts()[email]["permission"] == 5
    assert world.mails() == [email]


@pytest.mark.chaos("V12")
def test_a_merged_away_contact_follows_the_survivor(world):
    loser, email = confirmed(world)
    survivor = world.person("Ada Twin", email=email)
    world.deliver()

    world.merge(loser, survivor)
    world.deliver()

    assert world.contacts()[email]["permission"] == 5
    assert world.contacts()[email]["external_id"] == f"9001-{survivor}"
    assert world.mails() == [email]


@pytest.mark.chaos("V12")
def test_nobody_is_left_behind_when_the_survivor_changes_with_the_merge(world):
    """The survivor takes over the loser's Yes and keeps its own address: both events are worked on together."""
    loser, email = confirmed(world)
    survivor = world.person("Augusta Ada", email="augusta@example.com", newsletter=None)
    world.deliver()

    world.merge(loser, survivor)
    world.say(survivor, "Yes")
    world.deliver()

    assert email not in world.contacts()  # its contact became the survivor's
    assert RecordLink.objects.get(link_type="person", state="active").source_id == survivor
    world.say(survivor, "No")
    world.deliver()
    assert world.contacts() == {}


@pytest.mark.chaos("H3")
def test_two_people_with_one_address_do_not_flap(world):
    first, email = confirmed(world)
    second = world.person("Ada Twin", email=email)
    world.deliver()

    world.change(first, name="First Again")
    world.change(second, name="Second Again")
    world.deliver()

    assert world.contacts()[email]["standard"]["FULLNAME"] == "First Again"
    assert set(reasons(second)) == {"duplicate_email"}


@pytest.mark.chaos("H3")
def test_an_opt_out_binds_everybody_with_that_address(world):
    first, email = confirmed(world)
    second = world.person("Ada Twin", email=email)
    world.deliver()

    world.leave(email)
    world.deliver()

    assert world.shown(first) == ("no", "unsubscribed")
    assert world.shown(second) == ("no", "unsubscribed")


@pytest.mark.chaos("W8")
@pytest.mark.parametrize(
    ("email", "reason"), [("", "no_email"), ("two@example.com,other@example.com", "invalid_email")]
)
def test_unusable_addresses_are_skipped(world, email, reason):
    person_id = world.person("Ada Byron", email=email)

    world.deliver()

    assert reasons(person_id) == [reason]


@pytest.mark.chaos("W8")
def test_the_primary_address_counts(world):
    emails = [{"value": "second@example.com", "primary": False}, {"value": "first@example.com", "primary": True}]

    world.person("Ada Byron", email="", emails=emails)
    world.deliver()

    assert set(world.contacts()) == {"first@example.com"}


@pytest.mark.chaos("V8")
def test_a_lost_answer_to_the_opt_in_call_sends_no_second_mail(world):
    failure = {"status": 500, "times": 1, "method": "POST", "path_contains": "/contacts/email/", "when": "after"}
    failure |= {"after": True}
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "maileon", "fail_next": [failure], "webhooks": {"hold": True}}
    )

    world.person("Ada Byron")
    world.deliver()

    assert world.mails() == ["ada.byron@example.com"]
    assert RecordLink.objects.get(link_type="person", target_id__startswith="9001-").notes["consent"] == "pending"


@pytest.mark.chaos("H4")
def test_a_missing_doi_mailing_holds_the_person_and_names_the_fix(world):
    world.sandbox.control("PATCH", "/maileon/501", {"default_doi_mailing": None})

    world.person("Ada Byron")
    world.deliver()

    job = SyncJob.objects.get(flow="person_to_contact", state="held")
    assert job.reason == "doi_mailing_missing"
    world.sandbox.control("PATCH", "/maileon/501", {"default_doi_mailing": "welcome"})
    replay.release([job])
    world.deliver()
    assert world.mails() == ["ada.byron@example.com"]


def test_resync_mails_nobody(world):
    world.seed_people(1)
    world.deliver()
    person_id = max(world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows)

    replay.resync(world.integration, "person_to_contact", [str(person_id)])
    hub.drain()

    assert world.mails() == []
    assert reasons(str(person_id)) == ["not_asked_existing"]


def test_links_lost_by_a_restore_bring_no_second_mail(world):
    person_id = world.person("Ada Byron")
    world.deliver()
    RecordLink.objects.all().delete()

    world.change(person_id, name="Ada King")
    world.deliver()

    assert world.mails() == ["ada.byron@example.com"]
    assert world.contacts()["ada.byron@example.com"]["standard"]["LASTNAME"] == "King"


@pytest.mark.chaos("V12")
def test_a_contact_deleted_in_maileon_stays_deleted(world):
    person_id, email = confirmed(world)
    world.sandbox.control("DELETE", f"/maileon/501/contacts/{email}")

    world.change(person_id, name="Ada King")
    world.deliver()

    assert world.contacts() == {}
    assert "removed_at_target" in reasons(person_id)


def fetch_all(world, **options):
    runs.start(world.integration, "fetch_all", "person_to_contact", options=options)
    hub.drain()
    return SyncRun.objects.filter(kind="fetch_all").latest("id")


def test_fetch_all_asks_nobody_unless_allowed(world):
    world.seed_people(8)

    quiet = fetch_all(world, allow_doi=False)
    assert quiet.counts["skipped:not_asked_existing"] == 8
    assert world.mails() == []

    loud = fetch_all(world, allow_doi=True)
    assert (loud.state, len(world.mails())) == ("done", 8)


def test_fetch_all_links_people_who_are_readers_already(world):
    world.seed_people(60)
    account = world.sandbox.state.maileon.accounts[501]
    from integration.connectors.maileon.client import MaileonClient
    from integration.connectors.maileon.records import Contact

    client = MaileonClient(world.integration.right.plain_credentials)
    client.synchronize_contacts([Contact(email=f"seed{n}@example.com") for n in range(10)], permission=4)
    assert len(account.contacts) == 10

    run = fetch_all(world, allow_doi=False)

    assert run.counts == {"skipped:newsletter_never_asked": 4, "adopt": 10, "skipped:not_asked_existing": 50}
    assert {row["permission"] for row in world.contacts().values()} == {4}
    assert world.contacts()["seed0@example.com"]["standard"]["FULLNAME"] == "Seed 0"


@pytest.mark.chaos("V13")
def test_a_person_missed_by_webhooks_is_found_by_the_poll(world):
    world.person("Ada Byron")
    world.held()  # lost

    start_runs(world.integration, "poll")
    hub.drain()

    assert world.mails() == ["ada.byron@example.com"]


@pytest.mark.chaos("V13")
def test_a_lost_deletion_is_found_by_the_reconcile(world):
    person_id, email = confirmed(world)
    world.delete(person_id)
    world.held()  # lost

    assert email in world.contacts()
    start_runs(world.integration, "reconcile")
    hub.drain()

    assert email not in world.contacts()
    assert SyncLog.objects.get(source_id=person_id, action="unsubscribe").outcome == "synced"


def test_many_deletions_at_once_wait_for_a_person(world):
    world.seed_people(30)
    fetch_all(world, allow_doi=True)
    for row in world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values():
        row["is_deleted"] = True

    start_runs(world.integration, "reconcile")
    hub.drain()

    assert len(world.contacts()) == 30
    assert set(SyncJob.objects.filter(flow="person_to_contact").values_list("state", "reason")) == {
        ("held", "mass_delete")
    }


@pytest.mark.parametrize("hidden", ["one of three", "all"])
def test_who_is_hidden_from_the_token_is_not_deleted_in_a_small_account_either(world, monkeypatch, hidden):
    monkeypatch.setattr(PipedriveClient, "is_admin", lambda client: False)
    keys = [world.person(f"Person Nr{letter}") for letter in "abc"]
    world.deliver()
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    for key in keys[:1] if hidden == "one of three" else keys:
        del rows[int(key)]

    start_runs(world.integration, "reconcile")
    hub.drain()

    assert len(world.contacts()) == 3
    assert SyncLog.objects.filter(reason="not_visible").count() == (1 if hidden == "one of three" else 3)


def delete_newsletter_field(world):
    key = world.integration.resources["newsletter"]
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")


def check_connections(world):
    provisioning.provision(world.integration, get_recipe)
    world.integration.refresh_from_db()


@pytest.mark.chaos("V11")
def test_a_deleted_newsletter_field_unsubscribes_nobody(world):
    person_id, email = confirmed(world)
    delete_newsletter_field(world)

    world.change(person_id, name="Ada King")
    world.deliver()

    assert world.contacts()[email]["permission"] == 5
    assert SyncJob.objects.get(flow="person_to_contact").reason == "newsletter_field_missing"


def test_a_field_made_anew_gets_its_values_back(world):
    reader, email = confirmed(world)
    leaver, gone = confirmed(world, "Bob Leaver")
    world.leave(gone)
    world.deliver()
    delete_newsletter_field(world)
    world.change(reader, name="Ada King")
    world.deliver()

    check_connections(world)
    world.deliver()

    assert world.shown(reader) == ("yes", "confirmed")
    assert world.shown(leaver) == ("no", "unsubscribed")
    assert world.contacts()[email]["standard"]["LASTNAME"] == "King"
    assert gone not in world.contacts()
    assert world.mails() == [email, gone]


def test_an_empty_new_field_means_nothing_until_it_was_yes(world):
    person_id, email = confirmed(world)
    delete_newsletter_field(world)
    check_connections(world)
    SyncJob.objects.filter(flow="consent_to_person").delete()

    world.change(person_id, name="Ada King")
    world.deliver()

    assert email in world.contacts()
    assert "newsletter_field_new" in reasons(person_id)
    world.say(person_id, "No")
    world.deliver()
    assert email not in world.contacts()


def test_an_option_that_is_not_ours_changes_nothing(world):
    person_id, email = confirmed(world)
    key = world.integration.resources["newsletter"]
    options = world.sandbox.state.pipedrive.companies["acme"].fields["person"][key].options
    options.append({"id": 999, "label": "Maybe"})

    world.change(person_id, custom_fields={key: 999})
    world.deliver()

    assert email in world.contacts()
    assert "newsletter_unclear" in reasons(person_id)


def test_an_opt_out_of_somebody_unknown_here_is_searched_for(world):
    from integration.connectors.maileon.client import MaileonClient
    from integration.connectors.maileon.records import Contact
    from integration.models import IdentityIndex

    client = MaileonClient(world.integration.right.plain_credentials)
    client.synchronize_contacts(
        [Contact(email="alan@example.com")], permission=2
    )  # a reader Pipedrive knows, we do not
    world.leave("alan@example.com")
    world.held()
    assert not IdentityIndex.objects.exists()

    start_runs(world.integration, "poll")
    hub.drain()

    assert world.shown("2") == ("no", "unsubscribed")


def test_fetch_all_knows_how_far_it_is(world):
    world.seed_people(8)
    run = fetch_all(world, allow_doi=True)

    assert (run.total, run.done) == (12, 12)


@pytest.mark.chaos("V11")
def test_custom_fields_are_mapped_by_name_and_a_vanished_one_is_reported(world):
    from integration.connectors.base import FieldSpec
    from integration.connectors.pipedrive.client import PipedriveClient
    from integration.connectors.pipedrive.fields import create_field
    from integration.models import FieldMapping

    client = PipedriveClient(world.integration.left.plain_credentials)
    size = create_field(client, "person", FieldSpec("", "Shoe size", "number", custom=True))
    city = create_field(client, "person", FieldSpec("", "Lastname", "text", custom=True))
    world.integration.settings = {**world.integration.settings, "custom_fields": [size.key, city.key]}
    world.integration.save(update_fields=["settings"])
    check_connections(world)
    world.person("Ada Byron", custom_fields={size.key: 38.5, city.key: "x"})
    world.deliver()

    row = world.contacts()["ada.byron@example.com"]
    assert row["custom"]["Shoe size"] == 38.5
    assert row["custom"]["Lastname 2"] == "x"

    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{size.key}")
    check_connections(world)
    assert "has no such field any more" in FieldMapping.objects.get(source__endswith=size.key).problem


@pytest.mark.parametrize("emails", [[], [{"value": "ada,broken@example.com", "primary": True}]])
def test_a_no_counts_whatever_became_of_the_address(world, emails):
    person_id, email = confirmed(world)
    world.change(person_id, emails=emails, custom_fields=world.newsletter("No"))
    world.deliver()

    assert email not in world.contacts()
    assert RecordLink.objects.get(source_id=person_id).notes["consent"] == "unsubscribed"


@pytest.mark.parametrize("emails", [[], [{"value": "ada,broken@example.com", "primary": True}]])
def test_an_address_that_nobody_has_any_more_is_let_go_and_nobody_opted_out(world, emails):
    person_id, email = confirmed(world)
    world.change(person_id, emails=emails)
    world.deliver()

    assert email not in world.contacts()
    assert world.shown(person_id) == ("yes", "")
    world.change(person_id, emails=[{"value": email, "primary": True}])
    world.deliver()
    assert world.mails() == [email, email], "they are asked again, and the address is not taken for one that opted out"


def came_back(world):
    """A person who opted out, wished to come back and clicked again."""
    person_id, email = confirmed(world)
    world.leave(email)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    world.say(person_id, "Yes")
    world.deliver()
    world.click(email)
    world.deliver()
    assert world.shown(person_id) == ("yes", "confirmed")
    return person_id, email


def test_the_poll_does_not_undo_a_return(world):
    person_id, email = came_back(world)

    start_runs(world.integration, "poll")
    hub.drain()
    world.deliver()

    assert world.shown(person_id) == ("yes", "confirmed")
    assert world.contacts()[email]["permission"] == 5


def test_replaying_an_old_opt_out_does_not_undo_a_return(world):
    person_id, email = came_back(world)

    replay.replay(WebhookEvent.objects.filter(vendor_event="unsubscription"))
    world.deliver()

    assert world.shown(person_id) == ("yes", "confirmed")
    assert "stale_event" in reasons(person_id)


def test_a_second_opt_out_counts(world):
    person_id, email = came_back(world)

    world.leave(email)
    world.deliver()

    assert world.shown(person_id) == ("no", "unsubscribed")


def test_the_log_has_no_address(world):
    person_id, email = confirmed(world)

    assert SyncLog.objects.filter(source_id=person_id, outcome="synced").count() >= 2
    assert email not in str(list(SyncLog.objects.values()))


def test_an_opt_out_that_a_merge_has_overtaken_reaches_the_survivor(world):
    """The event comes while the address is still the loser's here, and is worked off when the loser is gone."""
    hub.save(world.integration, contacts_enabled=True, on_delete="nothing")
    (survivor, kept), (loser, left) = confirmed(world, "Lasting Lea"), confirmed(world, "Lost Leo")
    world.merge(loser, survivor)
    world.leave(left)
    world.deliver()

    assert world.shown(survivor) == ("no", "unsubscribed")
    assert kept not in world.contacts()


def test_an_opt_out_of_people_who_are_all_gone_comes_to_an_end(world):
    """Nobody has told the hub that they are gone, so each is the other's heir here."""
    twins = [world.person(name, email="shared@example.com") for name in ("Twin Tessa", "Twin Toni")]
    world.deliver()
    for person_id in twins:
        world.delete(person_id)
    world.held()
    world.leave("shared@example.com")
    world.deliver()

    assert "shared@example.com" not in world.contacts()
    endings = SyncLog.objects.filter(source_id__in=twins, reason="deleted_at_source")
    assert sorted(set(endings.values_list("source_id", flat=True))) == twins
    assert not SyncJob.objects.exclude(state="done").exists()
