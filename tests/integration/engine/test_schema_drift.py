"""Fields, options, stages and pipelines that people rename, delete, retype or add at a vendor."""

from __future__ import annotations

import pytest
import requests
from django.test import Client
from django.urls import reverse

from integration import tasks
from integration.engine.alerts import ledger
from integration.engine.setup import schema_drift
from integration.models import Alert, ChangeKind, FieldMapping, SchemaChange
from integration.notices import text
from integration.recipes.registry import get_recipe
from sandbox.hubspot.seed import PORTAL_ID
from tests.support import hub
from tests.support.factories import IntegrationFactory, MappingFactory, MemberFactory
from tests.support.leadboxer_world import ACTIVITIES

pytestmark = pytest.mark.django_db(transaction=True)


class Screen:
    """Pipedrive's settings pages: who sits there changes fields, over HTTP."""

    def __init__(self, sandbox, kind="person"):
        self.url = f"{sandbox.url}/pipedrive/acme/api/v2/{kind}Fields"

    def do(self, method, path="", body=None):
        answer = requests.request(
            method, f"{self.url}{path}", json=body, headers={"x-api-token": hub.PIPEDRIVE_TOKEN}, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json()["data"]

    def add(self, name, kind="varchar", *options):
        body = {"field_name": name, "field_type": kind}
        return self.do("POST", "", {**body, "options": [{"label": label} for label in options]} if options else body)


@pytest.fixture
def screen(world):
    world.sandbox.control("PATCH", "/pipedrive/acme", {"token_scopes": []})
    return Screen(world.sandbox)


@pytest.fixture
def shoe(world, screen):
    """A field of the customer's own that a row sends to Maileon."""
    made = screen.add("Shoe size")
    client = hub.client_of(world.integration.left)
    spec = next(s for s in world.integration.left.connector.fields(client, "person") if s.key == made["field_code"])
    path = world.integration.left.connector.path_of(spec)
    MappingFactory(
        integration=world.integration, flow="person_to_contact", source=path, target="CITY", direction="forward"
    )
    look(world.integration)
    return made["field_code"]


def look(integration):
    integration.refresh_from_db()
    return schema_drift.look(integration, get_recipe)


def kinds(integration):
    return [(row.kind, row.label, row.concerns, row.is_broken) for row in look(integration)]


def opened():
    ledger.evaluate(get_recipe)
    return list(Alert.objects.filter(kind="schema", resolved_at__isnull=True))


def test_the_first_reading_is_news_to_nobody(world):
    assert look(world.integration) == []
    assert look(world.integration) == []


def test_a_deleted_field_opens_an_alert_that_names_its_rows_and_closes_when_they_are_mended(world, screen, shoe):
    screen.do("DELETE", f"/{shoe}")

    assert tasks.repair_integration(str(world.integration.pk)) == "not fine"

    change = SchemaChange.objects.get()
    assert (change.kind, change.label, change.concerns, change.is_broken) == (
        ChangeKind.VANISHED, "Shoe size", ["Shoe size → CITY"], True,
    )  # fmt: skip
    row = FieldMapping.objects.get(target="CITY", source__contains=shoe)
    assert "has no such field any more" in row.problem
    [alert] = opened()
    assert "“Shoe size” was deleted in Pipedrive" in alert.what
    assert "Shoe size → CITY" in alert.what
    assert text.owners_link(alert).endswith(f"/i/{world.integration.pk}/fields/")

    world.person("Ada Lovelace")
    world.deliver()
    assert "ada.lovelace@example.com" in world.mails()  # the other fields go on

    row.delete()
    assert tasks.repair_integration(str(world.integration.pk)) == "fine"
    assert opened() == []
    assert Alert.objects.get(kind="schema").resolved_at is not None


def test_a_renamed_field_is_told_and_alarms_nobody(world, screen, shoe):
    screen.do("PATCH", f"/{shoe}", {"field_name": "Foot length"})

    [change] = look(world.integration)

    assert (change.kind, change.before, change.label) == ("renamed", "Shoe size", "Foot length")
    assert not change.is_broken
    assert opened() == []
    assert not FieldMapping.objects.exclude(problem="").exists()


def test_a_retyped_field_that_no_longer_fits_is_an_alert(world, screen, shoe):
    field = world.sandbox.state.pipedrive.companies["acme"].fields["person"][shoe]
    row = FieldMapping.objects.get(source__contains=shoe)
    FieldMapping.objects.filter(pk=row.pk).update(transform="number")
    look(world.integration)
    field.type = "date"

    assert kinds(world.integration) == [("retyped", "Shoe size", ["Shoe size → CITY"], True)]
    row.refresh_from_db()
    assert row.problem
    [alert] = opened()
    assert "“Shoe size” changed type in Pipedrive" in alert.what

    FieldMapping.objects.filter(pk=row.pk).update(transform="text")
    assert kinds(world.integration) == []
    assert opened() == []


def test_an_option_that_a_row_names_is_missed_and_others_are_told(world, screen):
    made = screen.add("Tier", "enum", "Gold", "Silver")
    gold, silver = made["options"]
    code = made["field_code"]
    MappingFactory(
        integration=world.integration, flow="person_to_contact", source=f"custom_fields.{code}", target="CITY",
        transform="text", direction="forward", options={"only": str(gold["id"])},
    )  # fmt: skip
    assert [kind for kind, *_ in kinds(world.integration)] == []

    screen.do("DELETE", f"/{code}/options", [{"id": silver["id"]}])
    screen.do("PATCH", f"/{code}/options", [{"id": gold["id"], "label": "Platinum"}])
    assert sorted((kind, label, broken) for kind, label, _, broken in kinds(world.integration)) == [
        ("renamed", "Tier: Platinum", False), ("vanished", "Tier: Silver", False),
    ]  # fmt: skip

    screen.do("POST", f"/{code}/options", [{"label": "Bronze"}])
    screen.do("DELETE", f"/{code}/options", [{"id": gold["id"]}])
    found = kinds(world.integration)
    assert ("vanished", "Tier: Platinum", ["Tier → CITY"], True) in found
    assert ("new", "Tier: Bronze", ["Tier → CITY"], False) in found
    assert len(opened()) == 1


def test_a_new_field_is_a_quiet_suggestion_until_somebody_takes_note(world, screen):
    look(world.integration)
    screen.add("Favourite colour")
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role="editor").user)
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    page = reverse("portal:fields", kwargs=ids)

    html = client.post(page, {"do": "refresh"}, follow=True).content.decode()

    assert "1 new field or option in Pipedrive since" in html
    assert "Favourite colour. Add a row to sync one of them." in html
    assert opened() == []
    client.post(page, {"do": "noted"})
    look(world.integration)
    assert "Favourite colour. Add" not in client.get(page).content.decode()


def test_the_fields_page_says_what_is_gone(world, screen, shoe):
    screen.do("DELETE", f"/{shoe}")
    look(world.integration)
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role="viewer").user)
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}

    html = client.get(reverse("portal:fields", kwargs=ids)).content.decode()

    assert "<strong>Shoe size</strong>: it was deleted. Used by: Shoe size → CITY" in html
    assert client.post(reverse("portal:fields", kwargs=ids), {"do": "noted"}).status_code == 404


def test_a_lifecycle_stage_that_a_setting_uses(hubspot_world):
    world = hubspot_world
    stage = world.sandbox.control("POST", f"/hubspot/{PORTAL_ID}/stages", {"label": "Fan"})["value"]
    hub.save(world.integration, confirmed_stage=True, confirmed_stage_to=stage)
    assert [row for row in look(world.integration) if row.place.startswith("choices:")] == []

    world.sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}/stages/{stage}", {"label": "Superfan"})
    renamed = [row for row in look(world.integration) if row.place == "choices:stages"]
    assert [(row.kind, row.before, row.label, row.is_broken) for row in renamed] == [
        ("renamed", "Fan", "Superfan", False)
    ]

    world.sandbox.control("DELETE", f"/hubspot/{PORTAL_ID}/stages/{stage}")
    [gone] = [row for row in look(world.integration) if row.place == "choices:stages"]
    assert (gone.kind, gone.is_broken) == ("vanished", True)
    assert gone.concerns
    [alert] = opened()
    assert "“Superfan” was deleted in HubSpot" in alert.what

    world.integration.settings = {**world.integration.settings, "confirmed_stage_to": ""}
    world.integration.save()
    look(world.integration)
    assert opened() == []


def test_a_pipeline_that_a_setting_uses(leadboxer_install):
    world = leadboxer_install(**ACTIVITIES)
    tables = world.sandbox.state.pipedrive.companies["acme"].tables
    chosen = list(tables["pipeline"].rows)[-1]
    world.set(create_deals=True, pipeline=str(chosen))
    assert look(world.integration) == []

    tables["pipeline"].rows[chosen]["is_deleted"] = True
    [gone] = look(world.integration)

    assert (gone.kind, gone.concerns, gone.is_broken) == ("vanished", ["Pipeline for new deals"], True)


def test_a_vendor_that_does_not_answer_has_deleted_nothing(world, shoe):
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "error_rate": 1.0, "error_status": 500})

    assert look(world.integration) == []


def test_tenants_do_not_see_each_others_changes(world, screen, shoe):
    screen.do("DELETE", f"/{shoe}")
    look(world.integration)
    other = IntegrationFactory()
    client = Client()
    client.force_login(MemberFactory(tenant=other.tenant, role="owner").user)
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}

    assert client.get(reverse("portal:fields", kwargs=ids)).status_code == 404
    assert not SchemaChange.objects.filter(integration=other).exists()
    assert {alert.tenant_id for alert in opened()} == {world.integration.tenant_id}
