"""Everything a person sees is marked for translation: pages, reasons, forms and mails in a language of brackets.

A page that shows a text outside of ⟦…⟧ fails unless it is data: a name, a value, an id, a figure or a date.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from integration.engine.setup.settings import bound_form
from integration.models import AlertNotice, SyncRun
from integration.notices.text import mail_text
from integration.recipes.registry import RECIPES, get_recipe
from tenants.audit import AuditEntry
from tests.integration.test_access import HUB, console_addresses, names
from tests.support import hub, pseudo
from tests.support.factories import AlertFactory, MemberFactory, RunFactory
from tests.support.leadboxer_world import ACTIVITIES, LEADS

pytestmark = pytest.mark.django_db(transaction=True)
PORTAL = [name for name, row in HUB.items() if name.startswith("portal:") and row.owner.get == 200]
# Visible, not data, and not translated.
# What is sent to pages: forms with mistakes, and what they show when all is well.
PRESSED = {
    "portal:settings": {"email": "nobody"},
    "portal:people": {"email": "nobody"},
    "portal:people found": {"email": "ada.lovelace@example.com", "do": "look"},
    "portal:people unsure": {"email": "ada.lovelace@example.com", "do": "erase"},
    "portal:team": {"do": "invite", "email": "nobody", "role": "nothing"},
    "portal:team invited": {"do": "invite", "email": "grace@example.com", "role": "editor"},
    "portal:fetch_all": {"mode": "nothing"},
    "portal:summary": {"doi_enabled": "on"},
}
ALLOWED = (
    r"(\bof )?\b[a-z]+_(to|of)_[a-z]+\b",  # keys of flows in the names of rows, as the audit keeps them
    r"^(allow doi|consent|confirmed|esc)$",  # options as they are stored; a key that the theme names
    r"\bQueue\b",  # the label of the queue's app, which is a setting
    r"\bAxes\b|Group[-_]permission\w*( relationships?)?:?( object)?|User-group relationship:?",  # not ours
    r"\bms\b",  # milliseconds
    r"\bJSON|CSV\b",
    r"[\w -]+ \([a-z]+(_[a-z]+)*\)",  # a field of an app by its label and key
)
# Not made of our texts: a program, the sentences of quality.yaml, the fields of django-otp, which has no catalogue, and
# a CSV file, whose columns and codes are keys.
ELSEWHERE = (
    "admin:jsi18n", "console-quality-of", "admin:integration_authenticatorapp", "admin:integration_integration_counts",
)  # fmt: skip


def test_the_search_finds_what_is_not_marked():
    html = '<p>⟦Save⟧</p><p>Save ⟦now⟧</p><input type="submit" value="Send"><p title="Help">Ada, 3 Nov 2026</p>'

    assert pseudo.unmarked(html, ["Ada"]) == ["Help", "Save", "Send"]
    assert pseudo.unmarked("<p>Adaptable</p>", ["Ada"]) == ["Adaptable"]
    assert pseudo.unmarked('<ol class="steps"><li>Webhooks <b>done</b></li></ol><p>Else</p>', []) == ["Else"]
    assert pseudo.unmarked("<p>⟦Log in with ⟦Maileon⟧⟧ ⟦and it was c…</p>", []) == []


@pytest.mark.parametrize("key", RECIPES)
def test_reasons_and_settings_are_marked(key):
    recipe = get_recipe(key)
    with pseudo.spoken():
        for text in recipe.reason_texts.values():
            for said in (text.what, text.cause, text.fix):
                assert not pseudo.outside(str(said))[0], text.code
        for said in (*recipe.warnings(recipe.default_settings), *recipe.summary(recipe.default_settings)):
            assert not pseudo.outside(str(said))[0]


def test_the_audit_keeps_one_language(world):
    with pseudo.spoken():
        form, _ = bound_form(world.integration, get_recipe("pipedrive_maileon"))
        assert not pseudo.outside(str(form.fields["contacts_enabled"].label))[0]
        signed_in(world).post(address("portal:stop", world), {"do": "pause"})

    assert [entry.what for entry in AuditEntry.objects.all()] == ["Paused"]


def signed_in(world: Any) -> Client:
    client = Client()
    member = MemberFactory(tenant=world.integration.tenant)
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def address(name: str, world: Any) -> str:
    flow = get_recipe(world.integration.recipe).flows[0].key
    run = SyncRun.objects.first() or RunFactory(integration=world.integration, flow=flow)
    values = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk, "run_id": run.pk}
    pattern = next(entry for full, entry in names() if full == name)
    return reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})


def look(world: Any) -> dict[str, list[str]]:
    """Every page of the portal that an owner may read → what is not marked on it."""
    client, wrong = signed_in(world), {}
    with pseudo.spoken():
        html = {name: client.get(address(name, world)).content.decode() for name in PORTAL}
        for name, form in PRESSED.items():
            html[f"{name} pressed"] = client.post(address(name.split()[0], world), form).content.decode()
    data = pseudo.known_data()
    for name, page in html.items():
        if found := pseudo.unmarked(page, data, ALLOWED):
            wrong[name] = found
    return wrong


def test_the_portal_of_pipedrive_and_maileon(world):
    world.person("Ada Lovelace")
    world.person("Cy Twombly", newsletter="No")
    world.deliver()

    assert look(world) == {}


def test_the_portal_of_hubspot_and_maileon(hubspot_world):
    hubspot_world.contact("Ada Lovelace", email="ada@example.com")
    hubspot_world.deliver()

    assert look(hubspot_world) == {}


def test_the_portal_of_pipedrive_and_brevo(brevo_world):
    brevo_world.person("Ada Lovelace")
    hub.drain()

    assert look(brevo_world) == {}


def test_the_portal_of_leadboxer_and_pipedrive(leadboxer_install):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    world.ada()
    world.poll()

    assert look(world) == {}


def test_the_portal_of_planhat_and_pipedrive(planhat_world):
    planhat_world.won(planhat_world.organization("Analytical Engines"))
    hub.drain()

    assert look(planhat_world) == {}


def test_the_console(settings):
    settings.WHITENOISE_USE_FINDERS = False
    call_command("setup", verbosity=0)
    client, wrong = Client(), {}
    rows = [row for row in console_addresses() if not row[0].startswith(ELSEWHERE)]
    addresses = [(name, where) for name, where, gets in rows if gets.get in (200, 403)]
    client.force_login(User.objects.create_superuser("operator"))
    with pseudo.spoken():
        answers = {name: client.get(where) for name, where in addresses}
        pages = {name: answer for name, answer in answers.items() if answer.status_code == 200 and not answer.streaming}
        html = {name: answer.content.decode() for name, answer in pages.items()}
    data = pseudo.known_data()
    for name, page in html.items():
        if found := pseudo.unmarked(page, data, ALLOWED):
            wrong[name] = found

    assert wrong == {}


@pytest.mark.parametrize("to_owners", [True, False])
@pytest.mark.parametrize("moment", ["opened", "reminder", "resolved"])
def test_mails_about_alerts(to_owners, moment):
    alert = AlertFactory()
    notice = AlertNotice(alert=alert, channel="owners", moment=moment)
    with pseudo.spoken():
        subject, text, html = mail_text(notice, get_recipe, to_owners=to_owners)
    data = pseudo.known_data()

    assert pseudo.unmarked(html, data, ALLOWED) == []
    assert pseudo.unmarked(f"{subject} {text}", data, ALLOWED) == []
