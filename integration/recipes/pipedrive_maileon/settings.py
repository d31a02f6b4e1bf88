"""The settings form of Pipedrive ↔ Maileon, named as the customer's product names things (seed 000)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integration.engine import settings_form

DEFAULTS: dict[str, Any] = {
    "contacts_enabled": True,
    "permission": "1",
    "doi_enabled": True,
    "doi_key": "",
    "deals_enabled": False,
    "deals_create_contacts": False,
    "custom_fields": [],
    "on_delete": "unsubscribe",
    "on_email_change": "ask_again",
}

PERMISSIONS = (("1", "None"), ("2", "Single Opt-in"), ("4", "Double Opt-in"), ("5", "Double Opt-in Plus"))
ON_DELETE = (
    ("unsubscribe", "Unsubscribe the contact"),
    ("delete", "Delete the contact and its history"),
    ("nothing", "Do nothing"),
)
ON_EMAIL_CHANGE = (
    ("ask_again", "Ask the new address by opt-in mail (the old contact is removed)"),
    ("keep", "Change the address and keep the permission"),
)


class SettingsForm(settings_form.SettingsForm):
    """What a tenant decides."""

    contacts_enabled = forms.BooleanField(
        label="Enable Pipedrive contacts sync",
        required=False,
        help_text="Creates three webhooks in Pipedrive: person created, changed, deleted. For people who were there "
        "before, use Fetch All afterwards.",
    )
    permission = forms.ChoiceField(
        label="Maileon contacts permission",
        choices=PERMISSIONS,
        required=False,
        help_text="What a new contact gets at once when the opt-in mail below is off. None: transaction mails only.",
    )
    doi_enabled = forms.BooleanField(
        label="Enable Double Opt-in (DOI) process",
        required=False,
        help_text="New contacts get a mail with a confirmation link. Clicking it grants Double Opt-in Plus, whatever "
        "is chosen above.",
    )
    doi_key = forms.CharField(
        label="Double Opt-in (DOI) key",
        required=False,
        max_length=100,
        help_text="Which DOI mailing to send. Leave it empty if your Maileon account has a default DOI mailing.",
    )
    on_email_change = forms.ChoiceField(
        label="When a person's e-mail address changes",
        choices=ON_EMAIL_CHANGE,
        required=False,
        help_text="Without the DOI process the permission is always kept.",
    )
    on_delete = forms.ChoiceField(label="When a person is deleted in Pipedrive", choices=ON_DELETE, required=False)
    custom_fields = forms.MultipleChoiceField(
        label="Custom fields mapping",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Any number of person fields. The same name is used in Maileon; missing fields are created there.",
    )
    deals_enabled = forms.BooleanField(
        label="Enable Pipedrive deals sync",
        required=False,
        help_text="Every new, changed or deleted deal becomes a contact event of its person.",
    )
    deals_create_contacts = forms.BooleanField(
        label="Create contacts for deals", required=False,
        help_text="Create a missing contact with permission None, so that its deals can be stored. Off: skipped.",
    )  # fmt: skip

    sections = (
        ("Contacts", ("contacts_enabled", "permission", "doi_enabled", "doi_key", "on_email_change", "on_delete")),
        ("Fields", ("custom_fields",)),
        ("Deals", ("deals_enabled", "deals_create_contacts")),
    )
    depends = {
        "permission": {"contacts_enabled": True, "doi_enabled": False},
        "doi_enabled": {"contacts_enabled": True},
        "doi_key": {"contacts_enabled": True, "doi_enabled": True},
        "on_email_change": {"contacts_enabled": True, "doi_enabled": True},
        "on_delete": {"contacts_enabled": True},
        "custom_fields": {"contacts_enabled": True},
        "deals_create_contacts": {"deals_enabled": True},
    }

    asks = {"custom_fields": "person_fields"}

    def clean_permission(self) -> str:
        """An option hidden by others keeps a harmless value."""
        return str(self.cleaned_data.get("permission") or DEFAULTS["permission"])

    def clean_on_delete(self) -> str:
        """Default: unsubscribe."""
        return str(self.cleaned_data.get("on_delete") or DEFAULTS["on_delete"])

    def clean_on_email_change(self) -> str:
        """Default: ask again."""
        return str(self.cleaned_data.get("on_email_change") or DEFAULTS["on_email_change"])

    def clean(self) -> dict[str, Any]:
        """Check what belongs together."""
        data = super().clean() or {}
        if data.get("deals_create_contacts") and not data.get("deals_enabled"):
            data["deals_create_contacts"] = False
        key = str(data.get("doi_key") or "")
        if key and not (key.isascii() and key.isalnum()):  # what Maileon takes as `doimailing` (maileon sheet §2.2)
            self.add_error("doi_key", "A DOI key has only letters and digits. Copy it from the mailing in Maileon.")
        return data


def warnings(settings: Mapping[str, Any]) -> list[str]:
    """What to warn about although it can be saved."""
    found = []
    if settings.get("contacts_enabled") and settings.get("doi_enabled") and not settings.get("doi_key"):
        found.append(
            "No DOI key is given. That works only if your Maileon account has a default DOI mailing; without one, no "
            "opt-in mail can be sent and people wait until there is one."
        )
    if (
        settings.get("contacts_enabled")
        and not settings.get("doi_enabled")
        and settings.get("permission") in ("4", "5")
    ):
        found.append(
            "People get a double opt-in permission without being asked. Make sure that you have their confirmation."
        )
    return found


def summary(settings: Mapping[str, Any]) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = _said_of_people(settings) if settings.get("contacts_enabled") else ["People are not synced."]
    if settings.get("deals_enabled"):
        said.append("New, changed and deleted deals are sent to Maileon as contact events of their person.")
        said.append(
            "Missing contacts are created for them with permission None."
            if settings.get("deals_create_contacts")
            else "Deals of people who are not contacts are skipped."
        )
    else:
        said.append("Deals are not sent.")
    return said


def _said_of_people(settings: Mapping[str, Any]) -> list[str]:
    if settings.get("doi_enabled"):
        mailing = f"the DOI mail “{settings['doi_key']}”" if settings.get("doi_key") else "your default DOI mail"
        said = [
            f"New people with Newsletter = Yes are created in Maileon and get {mailing}.",
            "When they confirm, Newsletter status becomes Confirmed.",
        ]
        if settings.get("on_email_change") == "keep":
            said.append("When an address changes, the contact keeps its permission.")
        else:
            said.append("When an address changes, the new one is asked by mail and the old contact is removed.")
    else:
        permission = dict(PERMISSIONS).get(str(settings.get("permission")), "None")
        said = [f"New people with Newsletter = Yes are created in Maileon at once, with permission {permission}."]
    said.append("Who unsubscribes in Maileon gets Newsletter = No in Pipedrive.")
    deleted = {"unsubscribe": "is unsubscribed", "delete": "is deleted with its history", "nothing": "stays as it is"}
    said.append(
        f"When a person is deleted, the contact {deleted.get(str(settings.get('on_delete')), 'is unsubscribed')}."
    )
    if number := len(settings.get("custom_fields") or ()):
        said.append(
            f"{number} field{'' if number == 1 else 's'} of your own {'is' if number == 1 else 'are'} sent along."
        )
    return said
