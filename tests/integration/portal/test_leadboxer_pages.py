"""The pages of LeadBoxer → Pipedrive, from its declaration alone: connecting, settings, fields, people."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors import registry
from integration.engine.clients.session import OpenSession
from integration.engine.dispatch import sweeper
from integration.engine.flow.mapping_row import MappingRow, as_data
from integration.engine.insight.preview import preview, search
from integration.engine.mapping.fields import catalogue, trouble, warning_of
from integration.engine.privacy import personal_data
from integration.engine.setup import configuration
from integration.engine.setup.settings import bound_form
from integration.models import Connection, FieldMapping, Integration, RecordLink, SyncJob, SyncLog, VendorCall
from integration.portal import connect
from integration.recipes.leadboxer_pipedrive.settings import DEFAULTS, summary, warnings
from integration.recipes.registry import get_recipe
from sandbox.leadboxer.seed import API_KEY, LOGIN, SHOP, SITE
from tests.support import hub
from tests.support.factories import MemberFactory
from tests.support.leadboxer_world import ACTIVITIES, LEADS

pytestmark = pytest.mark.django_db(transaction=True)
RECIPE = "leadboxer_pipedrive"


@pytest.fixture
def world(leadboxer_install):
    return leadboxer_install(**{**LEADS, **ACTIVITIES})


def signed_in(tenant):
    client = Client()
    client.force_login(MemberFactory(tenant=tenant).user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(world, name):
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


def filled(**changes):
    """What the browser sends of a form in which both parts are on."""
    data = {**DEFAULTS, **LEADS, **ACTIVITIES, **changes}
    return {key: value for key, value in data.items() if value not in (False, "")}


# Connecting


def test_connecting_asks_for_key_and_login(sandbox, monkeypatch):
    def get_connector(key):
        found = registry.get_connector(key)
        return replace(found, default_base_url=f"{sandbox.url}/leadboxer/v1") if key == "leadboxer" else found

    monkeypatch.setattr(connect, "get_connector", get_connector)
    member = MemberFactory()
    client = signed_in(member.tenant)
    address = reverse("portal:connect", kwargs={"tenant_id": member.tenant.pk}) + f"?recipe={RECIPE}"
    assert "Email address you log in to LeadBoxer with" in client.get(address).content.decode()
    form = {"left-secret": API_KEY, "right-base_url": f"{sandbox.url}/pipedrive/acme",
            "right-secret": hub.PIPEDRIVE_TOKEN}  # fmt: skip
    assert client.post(address, form).status_code == 422
    assert not Connection.objects.exists()

    assert client.post(address, {**form, "left-email": LOGIN}).status_code == 302
    [left] = Connection.objects.filter(vendor="leadboxer")
    assert left.plain_credentials.values == {"api_key": API_KEY, "email": LOGIN}
    assert Integration.objects.get().recipe == RECIPE


def test_the_sandbox_can_be_connected_by_its_address_and_nobody_else_is_asked_for_one(sandbox, settings):
    member = MemberFactory()
    client = signed_in(member.tenant)
    address = reverse("portal:connect", kwargs={"tenant_id": member.tenant_id}) + f"?recipe={RECIPE}"
    hub.connect(member.tenant, "pipedrive", f"{sandbox.url}/pipedrive/acme", api_token=hub.PIPEDRIVE_TOKEN)
    typed = {
        "left-base_url": f"{sandbox.url}/leadboxer/v1", "left-secret": API_KEY, "left-email": LOGIN,
        "right-base_url": f"{sandbox.url}/pipedrive/acme", "right-secret": hub.PIPEDRIVE_TOKEN,
        "right-account": str(Connection.objects.get(vendor="pipedrive").pk),
    }  # fmt: skip

    assert client.post(address, typed).status_code == 302
    assert Integration.objects.get().left.base_url == f"{sandbox.url}/leadboxer/v1"
    settings.SANDBOX_URL = ""
    assert "left-base_url" not in client.get(address).content.decode()


def test_another_key_is_tried_and_kept_with_the_same_login(world, sandbox):
    client = signed_in(world.integration.tenant)
    sandbox.state.leadboxer.accounts["401"].api_key = "another-key-0123456789abcdef"
    answer = client.post(
        page(world, "account"), {"side": "left", "do": "save", "secret": "another-key-0123456789abcdef"}
    )

    assert answer.status_code == 302
    world.integration.left.refresh_from_db()
    assert world.integration.left.credentials == {"api_key": "another-key-0123456789abcdef", "email": LOGIN}
    assert world.integration.left.health == "ok"


def test_the_overview_says_when_leadboxer_was_asked(world):
    world.set(**LEADS)
    sweeper.sweep()
    client = signed_in(world.integration.tenant)
    assert (
        "The first check of LeadBoxer follows at the next full interval."
        in client.get(page(world, "integration")).content.decode()
    )
    assert "Lockstep checks LeadBoxer regularly" in client.get(page(world, "activity")).content.decode()
    world.poll()
    assert "Last check of LeadBoxer" in client.get(page(world, "integration")).content.decode()


# Settings


def test_the_form_offers_what_both_accounts_have(world):
    form, problem = bound_form(world.integration, get_recipe(RECIPE))

    assert problem == ""
    assert (SHOP, "shop.acme.example") in form.fields["leads_dataset"].choices
    assert (f"{SITE}:901", "acme.example: Top leads") in form.fields["leads_segment"].choices
    assert ("1", "Pipeline") in form.fields["pipeline"].choices
    assert ("call", "Call") in form.fields["type_visit"].choices
    assert ("organizationIndustryName", "Industry") in form.fields["lead_fields"].choices


def test_saving_makes_segment_field_and_mapping(world):
    client = signed_in(world.integration.tenant)
    answer = client.post(page(world, "settings"), filled(min_score=40), follow=True)

    assert answer.status_code == 200
    world.integration.refresh_from_db()
    steps = {step["key"]: step for step in world.integration.provisioning}
    assert all(step["ok"] for step in steps.values()), steps
    assert set(steps) == {"segment_leads", "segment_activities", "marker", "lead_fields", "mappings", "webhooks"}
    assert steps["webhooks"]["detail"].startswith("LeadBoxer: has none")
    assert world.integration.settings["min_score"] == 40


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"leads_dataset": ""}, "leads_dataset"),
        ({"leads_segment": ""}, "leads_segment"),
        ({"leads_segment": f"{SHOP}:904"}, "leads_segment"),
        ({"activities_segment": ""}, "activities_segment"),
        ({"create_deals": "on"}, "pipeline"),
        ({"trial": "on"}, "trial_pipeline"),
        ({"min_score": "101"}, "min_score"),
        ({"cap": "-1"}, "cap"),
        ({"lookback_days": "0"}, "lookback_days"),
        ({"interval": "7"}, "interval"),
        ({"leads_link": "everybody"}, "leads_link"),
        ({"type_form": "dance"}, "type_form"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(world, changes, field):
    form, _ = bound_form(world.integration, get_recipe(RECIPE), filled(**changes))

    assert not form.is_valid()
    assert list(form.errors) == [field]


def test_what_is_left_empty_has_its_default(world):
    sent = {"leads_enabled": "on", "leads_dataset": SITE, "leads_segment": f"{SITE}:900", "cap": "0"}
    form, _ = bound_form(world.integration, get_recipe(RECIPE), sent)

    assert form.is_valid(), form.errors
    data = form.cleaned_data
    assert (data["interval"], data["leads_link"], data["lookback_days"], data["type_email"]) == (
        "60", "organization", 30, "email",
    )  # fmt: skip
    assert (data["cap"], data["activities_enabled"], data["lead_fields"]) == (0, False, [])


def test_a_vendor_that_does_not_answer_is_said_and_what_is_chosen_stays(world, sandbox):
    sandbox.control("POST", "/misbehave", {"vendor": "leadboxer", "error_rate": 1.0})
    world.integration.left.reference_lists.all().delete()

    form, problem = bound_form(world.integration, get_recipe(RECIPE))

    assert "LeadBoxer could not be read" in problem
    assert (SITE, f"{SITE} (no longer there)") in form.fields["leads_dataset"].choices


def test_the_summary_says_what_will_happen():
    said = " ".join(summary({**DEFAULTS, **LEADS, "leads_link": "both", "trial": True, "min_score": 60, "cap": 50}))

    for words in (
        "linked to an organization and a person",
        "hourly, on the hour",
        "only 10 leads",
        "score of 60",
        "50",
    ):
        assert words in said
    assert "No activities are logged." in said
    assert "Neither" in warnings(DEFAULTS)[0]
    assert warnings({**DEFAULTS, **LEADS}) == [
        "No minimum score and no limit per run: a wide segment would fill Pipedrive."
    ]


# Fields and people


def test_every_row_the_recipe_proposes_fits(world):
    recipe = get_recipe(RECIPE)
    ctx = OpenSession(world.integration, recipe)
    rows = FieldMapping.objects.filter(integration=world.integration)

    assert {row.flow for row in rows} == {"lead_to_lead", "lead_to_organization"}
    for row in rows:
        assert trouble(as_data(row), catalogue(ctx, recipe.flow(row.flow))) == "", row


def test_the_fields_page_opens_for_leads_organizations_and_persons(world):
    text = signed_in(world.integration.tenant).get(page(world, "fields")).content.decode()

    for words in ("Lead → lead", "Lead → organization", "Lead → person", "LeadBoxer: Lead score", "Industry"):
        assert words in text


def test_any_key_can_be_mapped_and_one_that_is_none_cannot(world):
    recipe = get_recipe(RECIPE)
    fields = catalogue(OpenSession(world.integration, recipe), recipe.flow("lead_to_lead"))

    assert fields.source_path("Industry") == "organizationIndustryName"
    assert fields.source_path("favourite_colour") == "favourite_colour"
    assert fields.source_path("no such field!") is None
    assert "No recent record" in warning_of(MappingRow("favourite_colour", "title"), fields)
    assert "No recent record" not in warning_of(MappingRow("organizationCity", "title"), fields)


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_lead_is_found_and_previewed(world, by):
    made = world.ada()
    text = made["lead"] if by == "id" else "ada@x.example"

    [found] = search(world.integration, get_recipe(RECIPE), text)
    shown = preview(world.integration, get_recipe(RECIPE), found.flow, found.external_id)

    assert (found.flow, found.external_id, found.email) == ("lead_to_lead", made["lead"], "ada@x.example")
    assert (shown.name, shown.outcome, shown.action) == ("Ada Byron", "synced", "create_lead")
    assert world.leads() == []


def test_the_person_page_shows_both_sides(world):
    world.ada()
    world.poll()

    address = reverse("portal:people", kwargs={"tenant_id": world.integration.tenant_id})
    text = signed_in(world.integration.tenant).post(address, {"email": "ada@x.example"}).content.decode()

    assert text.count("X GmbH") >= 2
    assert "Lead(" not in text


def test_erasing_a_person_leaves_no_address_behind(world):
    world.ada()
    world.poll()
    said = personal_data.erase(world.integration.tenant, "ada@x.example", get_recipe)

    assert any("log entr" in line for line in said), said
    models = (SyncLog, RecordLink, SyncJob, VendorCall)
    kept = json.dumps([list(model.objects.values()) for model in models], default=str)
    assert "ada@x.example" not in kept
    assert "Byron" not in kept


def test_the_configuration_as_a_file_is_complete_and_without_secrets(world):
    document = configuration.export(world.integration.tenant, get_recipe)

    assert API_KEY not in str(document)
    entry = document["integrations"][0]
    assert entry["settings"]["leads_segment"] == f"{SITE}:900"
    assert configuration.plan(document, get_recipe)[0].changes == ()


def test_an_integration_is_named_without_claiming_a_direction(world):
    assert str(world.integration).startswith("LeadBoxer and Pipedrive of ")
