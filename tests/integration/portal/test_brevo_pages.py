"""The settings page and the Fields page of Pipedrive ↔ Brevo, from its declaration alone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.clients.session import OpenSession
from integration.engine.flow.mapping_row import as_data
from integration.engine.mapping.fields import catalogue, trouble
from integration.engine.setup.settings import bound_form
from integration.models import FieldMapping
from integration.recipes.registry import get_recipe
from tests.support.factories import MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(brevo_world):
    member = MemberFactory(tenant=brevo_world.integration.tenant)
    client = Client()
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(world, name):
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


def test_the_form_offers_lists_and_stages_of_the_accounts(brevo_world):
    form, problem = bound_form(brevo_world.integration, get_recipe("pipedrive_brevo"))

    assert problem == ""
    assert ("61", "Qualified leads") in form.fields["list_customers"].choices
    stages = {name: field.label for name, field in form.fields.items() if name.startswith("stage_")}
    assert stages["stage_won"] == "Won"
    assert any("Pipeline: " in label for label in stages.values())
    assert all(form.depends[name] == {"deals_enabled": True} for name in stages)


def test_a_stage_or_list_that_is_gone_stays_chosen_and_marked(brevo_world):
    brevo_world.integration.settings = {"stage_999": "61", "list_customers": "888"}

    form, _ = bound_form(brevo_world.integration, get_recipe("pipedrive_brevo"))

    assert form.fields["stage_999"].label == "Stage 999 (no longer there)"
    assert ("888", "888 (no longer there)") in form.fields["list_customers"].choices


def test_a_vendor_that_does_not_answer_is_said_and_what_is_chosen_stays(brevo_world, sandbox):
    brevo_world.integration.settings = {"list_customers": "62"}
    sandbox.control("POST", "/misbehave", {"vendor": "brevo", "error_rate": 1.0})

    form, problem = bound_form(brevo_world.integration, get_recipe("pipedrive_brevo"))

    assert "Brevo could not be read" in problem
    assert ("62", "62 (no longer there)") in form.fields["list_customers"].choices


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"event_deal_added": "deal.created"}, "event_deal_added"), ({"ltv_currency": "EURO"}, "ltv_currency"),
     ({"list_customers": "4711"}, "list_customers")],
)  # fmt: skip
def test_wrong_values_are_refused_where_they_stand(brevo_world, changes, field):
    form, _ = bound_form(brevo_world.integration, get_recipe("pipedrive_brevo"), {"persons_enabled": "on", **changes})

    assert not form.is_valid()
    assert field in form.errors


def test_warnings_and_sentences_follow_the_settings():
    recipe = get_recipe("pipedrive_brevo")
    settings = {**recipe.default_settings, "deals_enabled": True, "list_customers": "62", "list_churned": "62",
                "leads_enabled": True, "merge_duplicates": True}  # fmt: skip

    assert len(recipe.warnings(settings)) == 3
    assert recipe.warnings(recipe.default_settings) == []
    assert any("newer change is kept" in said for said in recipe.summary(recipe.default_settings))
    assert recipe.summary({**settings, "persons_enabled": False})[0] == "Persons are not synced."


def test_both_pages_open_for_the_tenant(brevo_world, owner):
    settings_page = owner.get(page(brevo_world, "settings"))
    fields_page = owner.get(page(brevo_world, "fields"))

    assert settings_page.status_code == fields_page.status_code == 200
    assert "Qualified leads" in settings_page.content.decode()
    assert "↔" in fields_page.content.decode()
    overview = owner.get(page(brevo_world, "integration")).content.decode()
    assert f'href="{page(brevo_world, "report")}"' in overview


def test_a_computed_field_cannot_travel_back(brevo_world):
    recipe = get_recipe("pipedrive_brevo")
    fields = catalogue(OpenSession(brevo_world.integration, recipe), recipe.flow("person_to_contact"))
    row = FieldMapping.objects.get(target="LTV")

    assert trouble(as_data(row), fields) == ""
    row.direction = "both"
    assert trouble(as_data(row), fields) == "source_fixed"
    row.transform = "first_word"
    assert trouble(as_data(row), fields) == "no_way_back"
