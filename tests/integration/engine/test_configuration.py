"""Configuration as code: what is exported, what a diff shows, what is refused, and what applying does."""

from __future__ import annotations

from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command

from integration.models import FieldMapping
from tests.support import hub


def exported(tenant="ACME"):
    out = StringIO()
    call_command("export_config", tenant, stdout=out)
    return out.getvalue()


def applied(tmp_path, document, *flags):
    path, out = tmp_path / "config.yaml", StringIO()
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    call_command("apply_config", str(path), *flags, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("fixture", ["brevo_world", "world"])
def test_what_is_exported_changes_nothing_and_holds_no_secret(request, tmp_path, fixture):
    request.getfixturevalue(fixture)
    text = exported()

    assert hub.PIPEDRIVE_TOKEN not in text
    assert "${PIPEDRIVE_API_TOKEN}" in text
    assert "nothing to change" in applied(tmp_path, text)


def test_a_document_has_connectors_settings_and_mapping(brevo_world):
    [entry] = yaml.safe_load(exported())["integrations"]

    assert entry["recipe"] == "pipedrive_brevo"
    assert entry["connectors"]["brevo"]["api_key"] == "${BREVO_API_KEY}"
    assert entry["settings"]["list_all"] == ""
    assert {"source": "name", "target": "FULLNAME"} in entry["mapping"]["person_to_contact"]


def test_a_change_is_shown_before_and_made_with_yes(brevo_world, tmp_path):
    document = yaml.safe_load(exported())
    [entry] = document["integrations"]
    entry["settings"] |= {"deals_enabled": True, "list_customers": "62", "stage_1": "61"}
    rows = entry["mapping"]["person_to_contact"]
    rows[:] = [row for row in rows if row["target"] != "COMPANY"]
    rows.append({"source": "owner_id.name", "target": "OWNER", "options": {"target_type": "text"}})

    said = applied(tmp_path, document)
    brevo_world.integration.refresh_from_db()
    assert "pipedrive_brevo.settings.list_customers: empty → 62" in said
    assert (
        "pipedrive_brevo.mapping.person_to_contact.COMPANY: source org_id.name → source org_id.name, direction off"
        in said
    )
    assert "run again with --yes" in said
    assert "list_customers" not in brevo_world.integration.settings

    made = applied(tmp_path, document, "--yes")
    brevo_world.integration.refresh_from_db()
    assert "FAILED" not in made
    assert brevo_world.integration.settings["stage_1"] == "61"
    assert "OWNER" in brevo_world.brevo()["attributes"]
    assert FieldMapping.objects.get(target="COMPANY").direction == "off"
    assert "nothing to change" in applied(tmp_path, exported())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(color="red"), "document: unknown key 'color'"),
        (lambda d: d["integrations"][0].update(lists={}), "integrations: unknown key 'lists'"),
        (lambda d: d["integrations"][0]["settings"].update(deal_enabled=True), "unknown key 'deal_enabled'"),
        (lambda d: d["integrations"][0]["mapping"].update(deals=[]), "unknown key 'deals'"),
        (lambda d: d["integrations"][0]["mapping"]["person_to_contact"].append({"field": "x"}), "unknown key 'field'"),
        (lambda d: d["integrations"][0]["mapping"]["person_to_contact"].append({"target": "X", "transform": "magic"}),
         "a known transform"),
        (lambda d: d["integrations"][0]["connectors"].update(hubspot={}), "unknown key 'hubspot'"),
        (lambda d: d["integrations"][0]["connectors"]["brevo"].update(api_key="xkeysib-1"), "written ${NAME}"),
        (lambda d: d["integrations"][0]["connectors"]["brevo"].update(address="https://x.example"), "another account"),
        (lambda d: d.update(tenant="Nobody"), "no tenant 'Nobody'"),
        (lambda d: d["integrations"][0].update(recipe="pipedrive_maileon"), "0 integrations of this recipe"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(brevo_world, tmp_path, change, said):
    document = yaml.safe_load(exported())
    change(document)

    with pytest.raises(CommandError) as caught:
        applied(tmp_path, document, "--yes")

    assert said in str(caught.value)


def test_a_value_the_form_refuses_is_refused_and_nothing_is_stored(brevo_world, tmp_path):
    document = yaml.safe_load(exported())
    document["integrations"][0]["settings"] |= {"list_customers": "4711", "ltv_currency": "USD"}

    with pytest.raises(CommandError, match="list_customers"):
        applied(tmp_path, document, "--yes")

    brevo_world.integration.refresh_from_db()
    assert "ltv_currency" not in brevo_world.integration.settings


def test_a_key_comes_from_the_environment_and_must_work(brevo_world, tmp_path, monkeypatch):
    monkeypatch.setenv("BREVO_API_KEY", hub.BREVO_KEY)
    assert "nothing to change" in applied(tmp_path, exported())
    monkeypatch.setenv("BREVO_API_KEY", "xkeysib-wrong-wrong-wrong")

    said = applied(tmp_path, exported())
    assert "pipedrive_brevo.connectors.brevo: stored key → another key" in said
    assert "wrong" not in said
    with pytest.raises(CommandError):
        applied(tmp_path, exported(), "--yes")
