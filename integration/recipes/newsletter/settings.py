"""What the settings forms of all recipes share: the Maileon side, named as the product documents name it."""

from __future__ import annotations

from typing import TypedDict

from django import forms

from integration.engine.api import settings as declared

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


class Settings(TypedDict):
    """What every recipe's form stores of the newsletter."""

    permission: str
    doi_enabled: bool
    doi_key: str
    on_delete: str
    on_email_change: str


DEFAULTS: Settings = {
    "permission": "1", "doi_enabled": True, "doi_key": "", "on_delete": "unsubscribe", "on_email_change": "ask_again",
}  # fmt: skip
DELETED = {"unsubscribe": "is unsubscribed", "delete": "is deleted with its history", "nothing": "stays as it is"}


class NewsletterForm(declared.SettingsForm):
    """Keeps options that others hide at a harmless value, and checks what Maileon takes."""

    def clean_permission(self) -> str:
        """An option hidden by others keeps a harmless value."""
        return str(self.cleaned_data.get("permission") or DEFAULTS["permission"])

    def clean_on_delete(self) -> str:
        """Default: unsubscribe."""
        return str(self.cleaned_data.get("on_delete") or DEFAULTS["on_delete"])

    def clean_on_email_change(self) -> str:
        """Default: ask again."""
        return str(self.cleaned_data.get("on_email_change") or DEFAULTS["on_email_change"])

    def clean_doi_key(self) -> str:
        """Letters and digits: what Maileon takes as `doimailing` (maileon sheet §2.2)."""
        key = str(self.cleaned_data.get("doi_key") or "")
        if key and not is_mailing_key(key):
            raise forms.ValidationError("A DOI key has only letters and digits. Copy it from the mailing in Maileon.")
        return key


def is_mailing_key(text: str) -> bool:
    """Whether this can be the key of a mailing."""
    return text.isascii() and text.isalnum()


def consent_warnings(settings: Settings) -> list[str]:
    """What to warn about: a missing opt-in mailing, and a double opt-in nobody gave."""
    if settings["doi_enabled"]:
        missing = (
            "No DOI key is given. That works only if your Maileon account has a default DOI mailing; without one, no "
            "opt-in mail can be sent and people wait until there is one."
        )
        return [] if settings["doi_key"] else [missing]
    if settings["permission"] in ("4", "5"):
        return [
            "People get a double opt-in permission without being asked. Make sure that you have their confirmation."
        ]
    return []


def mailing_said(settings: Settings) -> str:
    """The opt-in mail in words."""
    return f"the DOI mail “{settings['doi_key']}”" if settings["doi_key"] else "your default DOI mail"


def permission_said(settings: Settings) -> str:
    """The permission given at once, in words."""
    return dict(PERMISSIONS).get(str(settings["permission"]), "None")


def address_change_said(settings: Settings) -> str:
    """What becomes of a changed address, with the opt-in process on."""
    if settings["on_email_change"] == "keep":
        return "When an address changes, the contact keeps its permission."
    return "When an address changes, the new one is asked by mail and the old contact is removed."


def deletion_said(settings: Settings, who: str) -> str:
    """What becomes of the contact of somebody who was deleted."""
    return f"When {who} is deleted, the contact {DELETED.get(str(settings.get('on_delete')), 'is unsubscribed')}."
