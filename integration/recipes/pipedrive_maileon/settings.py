"""The settings form of Pipedrive ↔ Maileon, named as the customer's product names things (seed 000)."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

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
        label=_("Enable Pipedrive contacts sync"),
        required=False,
        help_text=_(
            "Creates three webhooks in Pipedrive: person created, changed, deleted. For existing people, use "
            "Fetch All afterwards."
        ),
    )
    permission = forms.ChoiceField(
        label=_("Maileon contacts permission"),
        choices=PERMISSIONS,
        required=False,
        help_text=_(
            "What a new contact gets at once when the opt-in email below is off. With None, the contact gets "
            "transaction mails only."
        ),
    )
    doi_enabled = forms.BooleanField(
        label=_("Enable Double Opt-in (DOI) process"),
        required=False,
        help_text=_("New contacts get an email with a confirmation link. Clicking it grants Double Opt-in Plus."),
    )
    doi_key = forms.CharField(
        label=_("Double Opt-in (DOI) key"),
        required=False,
        max_length=100,
        help_text=_("Which DOI mailing to send. Leave it empty if your Maileon account has a default DOI mailing."),
    )
    on_email_change = forms.ChoiceField(
        label=_("When a person's email address changes"),
        choices=ON_EMAIL_CHANGE,
        required=False,
        help_text=_("Without the DOI process the permission is always kept."),
    )
    on_delete = forms.ChoiceField(label=_("When a person is deleted in Pipedrive"), choices=ON_DELETE, required=False)
    custom_fields = forms.MultipleChoiceField(
        label=_("Custom fields mapping"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Any number of person fields. The same name is used in Maileon; missing fields are created there."),
    )
    deals_enabled = forms.BooleanField(
        label=_("Enable Pipedrive deals sync"),
        required=False,
        help_text=_("Every new, changed or deleted deal becomes a contact event of its person."),
    )
    deals_create_contacts = forms.BooleanField(
        label=_("Create contacts for deals"), required=False,
        help_text=_("Create a missing contact with permission None, so that its deals can be stored. When this is"
" off, such deals are skipped."),
    )  # fmt: skip

    sections = (
        (_("Contacts"), ("contacts_enabled", "permission", "doi_enabled", "doi_key", "on_email_change", "on_delete")),
        (_("Fields"), ("custom_fields",)),
        (_("Deals"), ("deals_enabled", "deals_create_contacts")),
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
    said = _said_of_people(settings) if settings["contacts_enabled"] else [gettext("People are not synced.")]
    if settings["deals_enabled"]:
        said.append(gettext("New, changed and deleted deals are sent to Maileon as contact events of their person."))
        said.append(
            gettext("Missing contacts are created for them with permission None.")
            if settings["deals_create_contacts"]
            else gettext("Deals of people who are not contacts are skipped.")
        )
    else:
        said.append(gettext("Deals are not sent."))
    return said


def _said_of_people(settings: Settings) -> list[str]:
    if settings["doi_enabled"]:
        said = [
            gettext("New people with Newsletter = Yes are created in Maileon."),
            newsletter.mailing_said(settings),
            gettext("When they confirm, Newsletter status becomes Confirmed."),
            newsletter.address_change_said(settings),
        ]
    else:
        permission = newsletter.permission_said(settings)
        said = [
            gettext(
                "New people with Newsletter = Yes are created in Maileon at once, with permission {permission}."
            ).format(permission=permission)
        ]
    said.append(gettext("When someone unsubscribes in Maileon, Newsletter is set to No in Pipedrive."))
    said.append(newsletter.deletion_said(settings, "Pipedrive"))
    if number := len(settings["custom_fields"] or ()):
        text = ngettext("{count} custom field is synced.", "{count} custom fields are synced.", number)
        said.append(text.format(count=number))
    return said
