"""Connecting, the settings page and the Fields page of Planhat ↔ Pipedrive, from its declaration alone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.setup.settings import bound_form
from integration.models import Connection, Integration, RecordLink, SyncJob, SyncRun
from integration.recipes.planhat_pipedrive import rules
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import MappingFactory, MemberFactory, TenantFactory

pytestmark = pytest.mark.django_db
RECIPE = "planhat_pipedrive"


def signed_in(tenant):
    client = Client()
    client.force_login(MemberFactory(tenant=tenant).user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def owner(planhat_world):
    return signed_in(planhat_world.integration.tenant)


def page(integration, name):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


def form_of(world, **data):
    form, problem = bound_form(world.integration, get_recipe(RECIPE), data or None)
    assert problem == ""
    return form


# Connecting


def test_sections_show_only_after_both_accounts_were_proven(sandbox, tenant_of_owner):
    tenant, client = tenant_of_owner
    address = reverse("portal:connect", kwargs={"tenant_id": tenant.pk}) + f"?recipe={RECIPE}"
    typed = {
        "left-base_url": f"{sandbox.url}/pipedrive/acme/v1", "left-secret": hub.PIPEDRIVE_TOKEN,
        "right-base_url": f"{sandbox.url}/planhat", "right-secret": "wrong",
    }  # fmt: skip
    refused = client.post(address, typed)
    assert refused.status_code == 422
    assert "does not accept our credentials" in refused.content.decode()
    assert "{&quot;error" not in refused.content.decode()  # the answer as it came is for operators
    assert not Integration.objects.exists()

    known = str(Connection.objects.get(vendor="pipedrive").pk)
    done = client.post(address, {**typed, "left-account": known, "right-secret": hub.PLANHAT_TOKEN})
    integration = Integration.objects.get()
    assert done.status_code == 302
    assert integration.left.base_url == f"{sandbox.url}/pipedrive/acme"
    shown = client.get(page(integration, "settings")).content.decode()
    for title in ("Organizations", "Persons", "Notes", "Deals"):
        assert f"<h2>{title}</h2>" in shown


@pytest.fixture
def tenant_of_owner(settings, sandbox):
    settings.PUBLIC_URL = "https://hub.example.com"
    tenant = TenantFactory(name="ACME")
    return tenant, signed_in(tenant)


# Settings


def test_the_form_offers_pipelines_and_date_fields_of_the_account(planhat_world):
    key = planhat_world.deal_field("Contract start")
    form = form_of(planhat_world)
    assert ("1", "Pipeline") in form.fields["pipelines"].choices
    assert (f"custom_fields.{key}", "Contract start") in form.fields["start_date"].choices
    dates = dict(form.fields["start_date"].choices)
    assert {"expected_close_date", "won_time"} <= dates.keys()
    assert "update_time" not in dates


def test_rules_are_a_list_that_closes_ranks_and_grows(planhat_world):
    form = form_of(planhat_world, start_fallback="on", rule_1_what="", rule_2_what="pipeline", rule_2_value="Pipeline",
                   rule_2_to="sale", rule_3_what="product", rule_3_value="Set-up", rule_3_to="license")  # fmt: skip
    assert form.is_valid(), form.errors
    assert rules.rules_of(form.cleaned_data) == [
        rules.Rule("pipeline", "Pipeline", "sale"), rules.Rule("product", "Set-up", "license"),
    ]  # fmt: skip
    assert form.cleaned_data["rule_1_what"] == "pipeline"
    planhat_world.save(**form.cleaned_data)
    assert "rule_5_what" in form_of(planhat_world).fields
    assert type(form).accepts("rule_20_to")
    assert not type(form).accepts("rule_21_to")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rule_1_what": "pipeline", "rule_1_value": "Nowhere"}, "rule_1_value"),
        ({"rule_1_what": "pipeline"}, "rule_1_value"), ({"rule_1_value": "x"}, "rule_1_value"),
        ({"pipelines": ["4711"]}, "pipelines"), ({"start_date": "nonsense"}, "start_date"),
        ({"organization_direction": "sideways"}, "organization_direction"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_where_they_stand(planhat_world, changes, field):
    form = form_of(planhat_world, start_fallback="on", **changes)
    assert not form.is_valid()
    assert field in form.errors


def test_no_start_at_all_is_refused(planhat_world):
    form = form_of(planhat_world, mode="won")
    assert "start_date" in form.errors


def test_warnings_and_sentences_follow_the_settings():
    recipe = get_recipe(RECIPE)
    off = dict.fromkeys((f"{name}_direction" for name in ("organization", "person", "note", "deal")), "none")
    assert recipe.warnings(recipe.default_settings) == []
    assert len(recipe.warnings({**recipe.default_settings, "organization_direction": "send", "mode": "all"})) == 2
    assert any("nothing is synced" in said for said in recipe.warnings({**recipe.default_settings, **off}))
    assert recipe.summary(recipe.default_settings)[0].startswith("A deal that is won, or a won deal that changes,")
    said = recipe.summary({**recipe.default_settings, "organization_direction": "both", "rule_1_what": "pipeline",
                           "rule_1_value": "x", "pipelines": ["1"]})  # fmt: skip
    assert any("1 rule decides" in line for line in said)
    assert any("newer change is kept" in line for line in said)
    assert "in 1 of your pipelines" in said[0]


def test_the_pages_open_and_the_address_for_an_automation_is_shown(planhat_world, owner):
    shown = owner.get(page(planhat_world.integration, "settings")).content.decode()
    assert "Address for an automation of yours" in shown
    assert "Paste it there" in shown
    fields = owner.get(page(planhat_world.integration, "fields")).content.decode()
    assert "own field, numbers" in fields
    assert "↔" in fields


def test_settings_are_saved_from_the_page(planhat_world, owner):
    data = {"organization_direction": "both", "conflicts": "target", "mode": "won", "start_fallback": "on",
            "pipelines": ["1"], "rule_1_what": "product", "rule_1_value": "Set-up", "rule_1_to": "sale"}  # fmt: skip
    assert owner.post(page(planhat_world.integration, "settings"), data).status_code == 302
    planhat_world.integration.refresh_from_db()
    assert planhat_world.integration.settings["organization_direction"] == "both"
    assert all(step["ok"] for step in planhat_world.integration.provisioning)


def test_a_field_that_planhat_lacks_is_made_and_named_by_its_id(planhat_world):
    row = MappingFactory(
        integration=planhat_world.integration, flow="organization_to_company", position=9, source="website",
        target="Web address", options={"target_type": "text"},
    )  # fmt: skip
    planhat_world.save()
    row.refresh_from_db()
    assert row.target == planhat_world.custom_key("Web address")
    org = planhat_world.organization("Engines", website="https://engines.example")
    planhat_world.won(org)
    planhat_world.deliver()
    assert planhat_world.company(org)["custom"] == {"Web address": "https://engines.example"}


# One company


def test_a_company_is_found_looked_at_and_synced_from_the_page(planhat_world, owner):
    org = planhat_world.organization("Engines")
    planhat_world.won(org)
    planhat_world.held()
    record = page(planhat_world.integration, "record")
    assert "Engines" in owner.get(record, {"q": org}).content.decode()
    looked = owner.get(record, {"q": org, "flow": "organization_to_company", "id": org}).content.decode()
    assert "A sync would" in looked
    owner.post(record, {"flow": "organization_to_company", "id": org})
    assert SyncJob.objects.get().flow == "organization_to_company"
    hub.drain()
    assert planhat_world.counts()["licenses"] == 1


def test_a_preview_tells_what_comes_along_and_forgets_nothing(planhat_world, owner):
    org = planhat_world.organization("Engines")
    planhat_world.won(org)
    planhat_world.deliver()
    planhat_world.note("New", org_id=org)
    record, link = page(planhat_world.integration, "record"), RecordLink.objects.get(link_type="company")
    planhat_world.sandbox.control("DELETE", f"/planhat/901/companies/{link.target_id}")

    looked = owner.get(record, {"q": org, "flow": "organization_to_company", "id": org}).content.decode()

    assert "Nothing would be sent of the record itself." in looked
    assert "What belongs to it is synced, too: Note → Note (1)" in looked
    assert RecordLink.objects.get(pk=link.pk).written == link.written
    assert not planhat_world.rows("conversations")


def test_the_preview_of_a_deal_that_is_a_sale_says_so(planhat_world, owner):
    planhat_world.save(rule_1_what="pipeline", rule_1_value="1", rule_1_to="sale")
    deal = planhat_world.won(planhat_world.organization("Engines"))
    planhat_world.held()

    looked = owner.get(
        page(planhat_world.integration, "record"), {"q": deal, "flow": "deal_to_license", "id": deal}
    ).content.decode()

    assert "create sale" in looked
    assert "What belongs to it is synced, too: Organization → Company (1)" in looked


def test_runs_say_what_they_are_of_and_a_sample_leads_to_its_own_flow(planhat_world, owner):
    org = planhat_world.organization("Engines")
    planhat_world.won(org)
    planhat_world.held()
    planhat_world.run(dry_run=True)

    runs = owner.get(page(planhat_world.integration, "runs")).content.decode()
    assert all(f"<td>{label}</td>" in runs for label in ("Deal → License", "Person → End User", "Note → Note"))
    ids = {"tenant_id": planhat_world.integration.tenant_id, "integration_id": planhat_world.integration.pk}
    run = SyncRun.objects.get(flow="deal_to_license")
    shown = owner.get(reverse("portal:run", kwargs={**ids, "run_id": run.pk})).content.decode()
    assert "Deal → License" in shown
    assert f"?flow=organization_to_company&amp;id={org}" in shown


def test_an_error_in_a_rule_names_the_rule(planhat_world, owner):
    data = {"mode": "won", "start_fallback": "on", "rule_2_what": "pipeline", "rule_2_value": "Nowhere"}
    refused = owner.post(page(planhat_world.integration, "settings"), data).content.decode()
    assert "Rule 2: is</a>: There is no pipeline “Nowhere”." in refused
