"""The settings page: accounts are tested in place, options checked on the server, Save sets everything up."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Integration
from tenants.audit import AuditEntry
from tests.support import hub
from tests.support.factories import MemberFactory

pytestmark = pytest.mark.django_db

SETTINGS = {"contacts_enabled": "on", "permission": "1", "doi_enabled": "on", "doi_key": "welcome1",
            "on_delete": "unsubscribe", "on_email_change": "ask_again"}  # fmt: skip
IN_PLACE = {"HX-Request": "true"}


def member(world, role="owner"):
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role=role).user)
    return client


def address(world, name="settings"):
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


def key_form(do, secret="", side="right"):
    return {"side": side, "do": do, "secret": secret}


def test_a_secret_is_never_shown_only_its_end_and_date(world):
    html = member(world).get(address(world)).content.decode()

    assert "API key ends in …r501" in html
    assert hub.MAILEON_KEY not in html
    assert hub.PIPEDRIVE_TOKEN not in html


def test_a_form_of_which_nothing_arrived_switches_nothing_off(world):
    before = dict(Integration.objects.get().settings)

    answer = member(world).post(address(world), {"csrfmiddlewaretoken": "x"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "None of the settings arrived" in html
    assert re.search(r'<input[^>]*name="contacts_enabled"[^>]*checked', html), (
        "what is stored is what the next Save sends"
    )
    assert Integration.objects.get().settings == before


def test_the_stored_key_is_tested_in_place(world):
    answer = member(world).post(address(world, "account"), key_form("test"), headers=IN_PLACE)

    assert "It works:" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_typed_key_is_tested_without_being_stored(world):
    right = world.integration.right
    client = member(world)

    wrong = client.post(address(world, "account"), key_form("test", "wrong-key-000000"), headers=IN_PLACE)
    good = client.post(address(world, "account"), key_form("test", hub.MAILEON_KEY), headers=IN_PLACE)

    assert "Maileon does not accept the API key" in wrong.content.decode()
    assert "wrong-key-000000" not in wrong.content.decode()
    assert "Press “Save key”" in good.content.decode()
    before = right.credentials_changed_at
    right.refresh_from_db()
    assert (right.credentials_changed_at, right.health) == (before, "ok")


def test_a_wrong_key_is_not_saved_and_the_right_one_lets_waiting_changes_go_on(world):
    right = world.integration.right
    right.store_credentials({"api_key": "no-longer-valid-1"}, "no-longer-valid-1")
    right.save()
    world.person("Ada Lovelace")
    world.deliver()
    assert world.contacts() == {}
    client = member(world, "editor")

    refused = client.post(address(world, "account"), key_form("save", "wrong-key-000000"), headers=IN_PLACE)
    saved = client.post(address(world, "account"), key_form("save", hub.MAILEON_KEY), headers=IN_PLACE)
    hub.drain()

    assert "Not saved." in refused.content.decode()
    assert "Saved." in saved.content.decode()
    assert "ada.lovelace@example.com" in world.contacts()
    assert all(hub.MAILEON_KEY not in entry.what for entry in AuditEntry.objects.all())


@pytest.mark.parametrize("secret", ["two words", "line\nbreak"])
def test_a_key_with_blanks_inside_is_not_even_tried(world, secret):
    world.sandbox.control("DELETE", "/calls")

    answer = member(world).post(address(world, "account"), key_form("save", secret), headers=IN_PLACE)

    assert "Copy it again in one piece." in answer.content.decode()
    assert world.calls("maileon") == []


def test_without_scripts_the_answer_is_a_message_on_the_page(world):
    html = member(world).post(address(world, "account"), key_form("test"), follow=True).content.decode()

    assert "It works:" in html
    assert "<h1>Settings</h1>" in html


def test_save_stores_sets_up_and_shows_each_step(world):
    Integration.objects.update(state="draft", provisioning=[])

    html = member(world, "editor").post(address(world), SETTINGS, follow=True).content.decode()

    row = Integration.objects.get()
    assert row.state == "active"
    assert row.settings["doi_key"] == "welcome1"
    assert "steps are done" in html
    assert "Field “Newsletter” in Pipedrive" in html
    assert AuditEntry.objects.filter(what__contains="Settings saved").count() == 1


def test_a_step_that_fails_says_how_to_fix_it_and_loses_nothing(world):
    Integration.objects.update(state="draft", provisioning=[])
    left = world.integration.left
    left.store_credentials({"api_token": "0" * 40}, "0" * 40)
    left.save()
    client = member(world)

    html = client.post(address(world), SETTINGS, follow=True).content.decode()

    row = Integration.objects.get()
    assert (row.state, row.settings["doi_key"]) == ("draft", "welcome1")
    assert "steps did not work" in html
    assert "Enter a new key" in html


@pytest.mark.chaos("H4")
def test_the_opt_in_process_without_a_key_warns_and_saves(world):
    html = member(world).post(address(world), {**SETTINGS, "doi_key": ""}, follow=True).content.decode()

    assert "No DOI key is given" in html
    assert Integration.objects.get().settings["doi_key"] == ""


def test_a_wrong_value_is_named_at_its_field_and_what_was_typed_stays(world):
    answer = member(world).post(address(world), {**SETTINGS, "doi_key": "welcome-mail", "on_delete": "delete"})
    html = answer.content.decode()

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in html
    assert "A DOI key has only letters" in html
    assert 'value="welcome-mail"' in html
    assert Integration.objects.get().settings.get("on_delete") != "delete"


def test_an_option_that_does_not_exist_is_refused_by_the_server(world):
    answer = member(world).post(address(world), {**SETTINGS, "permission": "99"})

    assert answer.status_code == 422
    assert Integration.objects.get().settings.get("permission") != "99"


def test_viewers_look_but_change_nothing(world):
    client = member(world, "viewer")

    html = client.get(address(world)).content.decode()

    assert "Ask an editor" in html
    assert "Save key" not in html
    assert client.post(address(world), SETTINGS).status_code == 404
    assert client.post(address(world, "account"), key_form("test")).status_code == 404
    assert client.post(address(world, "stop"), {"do": "pause"}).status_code == 404


def test_pause_collects_and_resume_works_it_off(world):
    client = member(world, "editor")

    assert "Changes are collected" in client.post(address(world, "stop"), {"do": "pause"}, follow=True).content.decode()
    world.person("Ada Lovelace")
    world.deliver()
    assert world.contacts() == {}
    client.post(address(world, "stop"), {"do": "pause"})  # a double click changes nothing
    client.post(address(world, "stop"), {"do": "resume"})
    hub.drain()

    assert "ada.lovelace@example.com" in world.contacts()


def test_uninstalling_is_the_owners_and_needs_the_tick(world):
    stop = address(world, "stop")

    assert member(world, "editor").post(stop, {"do": "uninstall", "sure": "yes"}).status_code == 404
    owner = member(world)
    assert "Tick the box first" in owner.post(stop, {"do": "uninstall"}, follow=True).content.decode()
    assert Integration.objects.get().state == "active"

    html = owner.post(stop, {"do": "uninstall", "sure": "yes"}, follow=True).content.decode()

    assert Integration.objects.get().state == "uninstalled"
    assert "revoked and erased" in html
    assert not world.sandbox.state.maileon.accounts[501].webhooks
    assert not world.sandbox.state.pipedrive.companies["acme"].webhooks
    assert "was uninstalled" in owner.get(address(world)).content.decode()
    assert owner.post(address(world, "account"), key_form("test")).status_code == 404


def test_the_summary_says_what_the_form_would_do_and_saves_nothing(world):
    before = Integration.objects.get().settings
    wished = {"contacts_enabled": "on", "permission": "2", "on_delete": "nothing", "deals_enabled": "on"}

    html = member(world, "editor").post(address(world, "summary"), wished).content.decode()

    assert "at once, with permission Single Opt-in" in html
    assert "the contact in Maileon stays as it is" in html
    assert "Deals of people who are not contacts are skipped." in html
    assert Integration.objects.get().settings == before
    assert "default DOI mail" in member(world).get(address(world)).content.decode()


def test_webhook_addresses_are_for_those_who_may_change_settings(world):
    world.person("Ada Lovelace")
    world.deliver()

    assert "/hooks/pipedrive/" in member(world, "editor").get(address(world)).content.decode()
    assert "Last received:" in member(world, "editor").get(address(world)).content.decode()
    assert "/hooks/" not in member(world, "viewer").get(address(world)).content.decode()
