"""The settings form of Pipedrive ↔ Maileon, named as the customer's product names things (seed 000)."""

from __future__ import annotations

from django import forms

from integration.engine.api import settings as declared
from integration.recipes.newsletter import settings as newsletter
from integration.recipes.newsletter.settings import ON_DELETE, ON_EMAIL_CHANGE, PERMISSIONS, NewsletterForm


class Settings(newsletter.Settings):
    """What the form stores."""

    contacts_enabled: bool
    deals_enabled: bool
    deals_create_contacts: bool
    custom_fields: list[str]


DEFAULTS: Settings = {
    **newsletter.DEFAULTS,
    "contacts_enabled": True,
    "deals_enabled": False,
    "deals_create_contacts": False,
    "custom_fields": [],
}


class SettingsForm(NewsletterForm):
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

    def clean(self) -> declared.Cleaned:
        """Check what belongs together."""
        data = super().clean() or {}
        if data.get("deals_create_contacts") and not data.get("deals_enabled"):
            data["deals_create_contacts"] = False
        return data


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    return newsletter.consent_warnings(settings) if settings["contacts_enabled"] else []


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = _said_of_people(settings) if settings["contacts_enabled"] else ["People are not synced."]
    if settings["deals_enabled"]:
        said.append("New, changed and deleted deals are sent to Maileon as contact events of their person.")
        said.append(
            "Missing contacts are created for them with permission None."
            if settings["deals_create_contacts"]
            else "Deals of people who are not contacts are skipped."
        )
    else:
        said.append("Deals are not sent.")
    return said


def _said_of_people(settings: Settings) -> list[str]:
    if settings["doi_enabled"]:
        said = [
            f"New people with Newsletter = Yes are created in Maileon and get {newsletter.mailing_said(settings)}.",
            "When they confirm, Newsletter status becomes Confirmed.",
            newsletter.address_change_said(settings),
        ]
    else:
        permission = newsletter.permission_said(settings)
        said = [f"New people with Newsletter = Yes are created in Maileon at once, with permission {permission}."]
    said.append("Who unsubscribes in Maileon gets Newsletter = No in Pipedrive.")
    said.append(newsletter.deletion_said(settings, "a person"))
    if number := len(settings["custom_fields"] or ()):
        said.append(
            f"{number} field{'' if number == 1 else 's'} of your own {'is' if number == 1 else 'are'} sent along."
        )
    return said
