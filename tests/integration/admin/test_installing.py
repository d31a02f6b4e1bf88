"""Adding an integration, its settings page, its mapping table: what is saved is checked and applied."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.base import FieldSpec
from integration.engine.clients.session import open_client
from integration.errors import TransientError
from integration.models import FieldMapping, Integration, SyncJob
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import fresh
from tests.support import factories, hub

ADD = reverse("admin:integration_integration_add")
FORM = {"contacts_enabled": "on", "permission": "1", "doi_enabled": "on", "doi_key": "welcome1",
        "on_email_change": "ask_again", "on_delete": "unsubscribe", "deals_enabled": "on"}  # fmt: skip


def settings_of(row: Integration) -> str:
    return f"/admin/integration/integration/{row.pk}/settings/"


def change(row: Integration) -> str:
    return reverse("admin:integration_integration_change", args=[row.pk])


@pytest.fixture
def installed(transactional_db: None, sandbox: Any, settings: Any) -> Integration:
    settings.PUBLIC_URL = "https://hub.example.com"
    return hub.install(sandbox.url, deals_enabled=False)


def test_first_the_recipe_then_the_accounts(console: Client, rows: Any) -> None:
    assert "?recipe=pipedrive_maileon" in console.get(ADD).content.decode()
    stranger = factories.ConnectionFactory(account_name="Stranger")
    form = console.get(ADD, {"recipe": "pipedrive_maileon", "tenant": str(rows.tenant.pk)}).context["adminform"].form
    assert list(form.fields["left"].queryset) == [rows.left]
    assert list(form.fields["right"].queryset) == [rows.right]
    assert stranger not in form.fields["left"].queryset


def test_a_new_integration_goes_on_to_its_settings(console: Client, rows: Any) -> None:
    left, right = (
        factories.ConnectionFactory(tenant=rows.tenant, vendor=vendor) for vendor in ("pipedrive", "maileon")
    )
    data = {"tenant": str(rows.tenant.pk), "left": str(left.pk), "right": str(right.pk)}
    page = console.post(f"{ADD}?recipe=pipedrive_maileon", data)
    row = Integration.objects.get(left=left)
    assert (row.state, row.recipe) == ("draft", "pipedrive_maileon")
    assert page["Location"] == settings_of(row)
    assert "Not saved yet" in console.get(settings_of(row)).content.decode()


def test_a_foreign_account_is_refused(console: Client, rows: Any) -> None:
    stranger = factories.ConnectionFactory()
    data = {"tenant": str(rows.tenant.pk), "left": str(stranger.pk), "right": str(rows.right.pk)}
    page = console.post(f"{ADD}?recipe=pipedrive_maileon", data)
    assert page.context["adminform"].form.errors["left"]
    assert Integration.objects.count() == 1


def test_an_account_of_the_wrong_vendor_is_refused(console: Client, rows: Any) -> None:
    data = {"tenant": str(rows.tenant.pk), "left": str(rows.right.pk), "right": str(rows.right.pk)}
    page = console.post(f"{ADD}?recipe=pipedrive_maileon", data)
    assert page.context["adminform"].form.errors["left"]


def test_a_form_of_which_nothing_arrived_switches_nothing_off(console: Client, installed: Integration) -> None:
    page = console.post(settings_of(installed), {"csrfmiddlewaretoken": "x"})
    html = page.content.decode()
    assert "None of the settings arrived" in html
    assert re.search(r'<input[^>]*name="contacts_enabled"[^>]*checked', html)
    assert fresh(installed).settings == installed.settings


def test_the_settings_page_has_sections_and_dependencies(console: Client, installed: Integration) -> None:
    page = console.get(settings_of(installed))
    text = page.content.decode()
    assert [title for title, _ in page.context["sections"]] == ["Contacts", "Fields", "Deals"]
    assert 'data-depends="{&quot;contacts_enabled&quot;: true, &quot;doi_enabled&quot;: true}"' in text
    assert page.context["form"]["doi_enabled"].value() is True


def test_the_accounts_own_fields_are_offered_but_not_ours(
    console: Client, installed: Integration, sandbox: Any
) -> None:
    spec = FieldSpec("", "Shoe size", "number", custom=True)
    installed.left.connector.create_field(open_client(installed.left), "person", spec)
    installed.left.reference_lists.all().delete()
    choices = dict(console.get(settings_of(installed)).context["form"].fields["custom_fields"].choices)
    assert "Shoe size" in choices.values()
    assert installed.resources["newsletter"] not in choices


def test_saving_provisions_and_shows_each_step(console: Client, installed: Integration, sandbox: Any) -> None:
    page = console.post(settings_of(installed), FORM, follow=True)
    text = page.content.decode()
    assert "Saved. All 5 steps are done" in text
    assert "Pipedrive: 6 in place (3 created, 0 removed)" in text
    row = fresh(installed)
    assert (row.settings["deals_enabled"], row.settings["doi_key"], row.state) == (True, "welcome1", "active")
    entry = AuditEntry.objects.get()
    assert "Enable Pipedrive deals sync" in entry.what


def test_warnings_are_shown_and_do_not_stop_the_save(console: Client, installed: Integration) -> None:
    page = console.post(settings_of(installed), {**FORM, "doi_key": ""}, follow=True)
    assert "No DOI key is given." in page.content.decode()
    assert fresh(installed).settings["doi_key"] == ""


def test_what_was_typed_stays_after_an_error_and_nothing_is_saved(console: Client, installed: Integration) -> None:
    before = fresh(installed).settings
    page = console.post(settings_of(installed), {**FORM, "doi_key": "not a key!"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "A DOI key has only letters" in text
    assert 'value="not a key!"' in text
    assert fresh(installed).settings == before


def test_a_failing_step_says_why_and_what_to_do(console: Client, installed: Integration, sandbox: Any) -> None:
    installed.right.store_credentials({"api_key": "wrong" * 5}, "wrong" * 5)
    installed.right.save()
    text = console.post(settings_of(installed), FORM, follow=True).content.decode()
    assert "Saved, but" in text
    assert "Enter a new key or connect again." in text
    assert "wrongwrong" not in text


def test_a_vendor_that_is_down_does_not_close_the_page(console: Client, installed: Integration, sandbox: Any) -> None:
    installed.left.reference_lists.all().delete()
    Integration.objects.filter(pk=installed.pk).update(settings={"custom_fields": ["k" * 40]})
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "error_rate": 1.0})
    page = console.get(settings_of(installed))
    sandbox.control("DELETE", "/misbehave")
    assert page.status_code == 200
    assert "could not be read" in page.content.decode()
    assert page.context["form"]["custom_fields"].value() == ["k" * 40]


def test_viewers_see_the_settings_without_the_button(signed_in: Any, installed: Integration) -> None:
    viewer = signed_in("view_integration")
    assert "Save and apply" not in viewer.get(settings_of(installed)).content.decode()
    assert viewer.post(settings_of(installed), FORM).status_code == 403
    assert signed_in("view_synclog").get(settings_of(installed)).status_code == 403


def test_an_uninstalled_one_has_no_settings(console: Client, rows: Any) -> None:
    Integration.objects.update(state="uninstalled")
    assert console.get(settings_of(rows.integration))["Location"] == change(rows.integration)
    assert console.get(change(rows.integration)).status_code == 200


def test_uninstalling_undoes_it_and_reports(console: Client, installed: Integration, sandbox: Any) -> None:
    here = f"/admin/integration/integration/{installed.pk}/uninstall/"
    text = console.post(here, {"sure": "on"}, follow=True).content.decode()
    assert "Webhooks at Pipedrive: 3 removed" in text
    assert "revoked and erased" in text
    assert fresh(installed).state == "uninstalled"
    assert fresh(installed.left).credentials == {}
    said = list(AuditEntry.objects.order_by("pk").values_list("what", flat=True))
    assert said == ["Erased the credentials", "Erased the credentials", "Uninstalled"]


# The mapping table


def table(row: Integration, *changes: dict[str, str], extra: dict[str, str] | None = None) -> dict[str, str]:
    """The inline table as the browser sends it."""
    mappings = list(FieldMapping.objects.filter(integration=row).order_by("flow", "position", "id"))
    data = {"mappings-TOTAL_FORMS": str(len(mappings) + bool(extra)), "mappings-INITIAL_FORMS": str(len(mappings))}
    for number, mapping in enumerate(mappings):
        values = {"id": mapping.pk, "integration": row.pk, "source": mapping.source, "transform": mapping.transform,
                  "target": mapping.target, "direction": mapping.direction, "default": mapping.default,
                  "detail": "Yes" if mapping.transform == "constant" else ""}  # fmt: skip
        change = next((one for one in changes if one.get("target") == mapping.target), {})
        data |= {f"mappings-{number}-{key}": str(value) for key, value in {**values, **change}.items()}
    data |= {f"mappings-{len(mappings)}-{key}": value for key, value in (extra or {}).items()}
    return data


def test_mappings_are_edited_and_applied(console: Client, installed: Integration, sandbox: Any) -> None:
    extra = {"source": "phone", "transform": "phone", "detail": "AT", "target": "Mobile", "create": "on"}
    page = console.post(change(installed), table(installed, extra={**extra, "direction": "forward"}), follow=True)
    row = FieldMapping.objects.get(target="Mobile")
    assert (row.flow, row.options["region"], row.transform) == ("person_to_contact", "AT", "phone")
    assert "created Mobile" in page.content.decode()  # the missing contact field was made at once


def test_an_untouched_table_changes_nothing(console: Client, installed: Integration) -> None:
    before = list(FieldMapping.objects.order_by("id").values())
    console.post(change(installed), table(installed))
    assert list(FieldMapping.objects.order_by("id").values()) == before


def test_two_rows_cannot_write_one_field(console: Client, installed: Integration) -> None:
    extra = {"source": "name", "transform": "text", "target": "FIRSTNAME", "direction": "forward"}
    page = console.post(change(installed), table(installed, extra=extra))
    assert "Another row writes this field already." in page.content.decode()


def test_a_row_needs_a_source_unless_it_is_constant(console: Client, installed: Integration) -> None:
    extra = {"source": "", "transform": "text", "target": "Empty", "direction": "forward", "create": "on"}
    assert "Choose a field." in console.post(change(installed), table(installed, extra=extra)).content.decode()
    extra = {
        "source": "",
        "transform": "constant",
        "detail": "CRM",
        "target": "Origin",
        "direction": "forward",
        "create": "on",
    }
    console.post(change(installed), table(installed, extra=extra))
    assert FieldMapping.objects.get(target="Origin").options == {"value": "CRM", "target_type": "text"}


def test_rows_of_the_recipe_are_switched_off_and_not_deleted(console: Client, installed: Integration) -> None:
    shown = console.get(change(installed)).content.decode()
    assert all("disabled" in box for box in re.findall(r'<input[^>]*name="mappings-\d+-DELETE"[^>]*>', shown))
    console.post(change(installed), table(installed, {"target": "owner_name", "DELETE": "on"}))
    assert FieldMapping.objects.filter(target="owner_name").exists()
    console.post(change(installed), table(installed, {"target": "owner_name", "direction": "off"}))
    assert FieldMapping.objects.get(target="owner_name").direction == "off"
    console.post(change(installed), table(installed, {"target": "pipedriveId", "direction": "off"}))
    assert FieldMapping.objects.get(target="pipedriveId").direction == "forward"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"source": "nickname_of_the_cat"}, "Pipedrive has no field “nickname_of_the_cat”."),
        ({"target": "Whiskers"}, "Maileon has no field “Whiskers”. Pick one from the list, or tick “Create”."),
        ({"source": "", "transform": "constant", "detail": "soon", "target": "BIRTHDAY"}, "is not a date and time."),
    ],
)
def test_rows_are_checked_as_in_the_portal(
    console: Client, installed: Integration, wrong: dict[str, str], said: str
) -> None:
    extra = {"source": "job_title", "transform": "text", "target": "JOB", "direction": "forward", **wrong}
    before = FieldMapping.objects.count()
    assert said in console.post(change(installed), table(installed, extra=extra)).content.decode()
    assert FieldMapping.objects.count() == before


def test_a_name_will_do_for_a_path(console: Client, installed: Integration) -> None:
    extra = {"source": "Name", "transform": "text", "target": "Nickname", "direction": "forward", "create": "on"}
    console.post(change(installed), table(installed, extra=extra))
    assert FieldMapping.objects.get(target="Nickname").source == "name"


def test_without_the_fields_no_row_is_changed(console: Client, installed: Integration, monkeypatch: Any) -> None:
    def silent(*given: Any) -> Any:
        raise TransientError("Maileon could not be reached.", reason="vendor_unreachable")

    monkeypatch.setattr("integration.admin.lists.mapping.catalogues_of", silent)
    extra = {"source": "name", "transform": "text", "target": "Nickname", "direction": "forward", "create": "on"}
    page = console.post(change(installed), table(installed, extra=extra))
    assert "The fields cannot be read at the moment." in page.content.decode()
    assert not FieldMapping.objects.filter(target="Nickname").exists()


def test_rows_of_the_tenant_can_be_deleted(console: Client, installed: Integration) -> None:
    factories.MappingFactory(
        integration=installed, flow="person_to_contact", position=50, source="name", target="Nickname"
    )
    console.post(change(installed), table(installed, {"target": "Nickname", "DELETE": "on"}))
    assert not FieldMapping.objects.filter(target="Nickname").exists()


def test_mappings_need_their_own_permission(signed_in: Any, installed: Integration) -> None:
    viewer = signed_in("view_integration", "view_fieldmapping")
    assert viewer.post(change(installed), table(installed)).status_code == 403


def test_what_a_brake_holds_is_let_through_after_a_look(console: Client, installed: Integration) -> None:
    installed.brakes.create(kind="removals", count=12)
    for number in range(3):
        factories.JobFactory(integration=installed, state="held", reason="mass_delete", external_id=f"p{number}")
    page = f"/admin/integration/integration/{installed.pk}/brakes/"

    assert "3: An unusually large number of contacts" in console.get(page).content.decode()
    console.post(page)

    assert not SyncJob.objects.filter(state="held").exists()
    assert (installed.brakes.get().count, installed.brakes.get().allowance) == (0, 3)
    assert installed.brakes.get().released_by is not None
    assert AuditEntry.objects.filter(what__contains="Let 3 records through").exists()
    assert console.get(page, follow=True).redirect_chain, "with nothing held there is nothing to decide"
