"""What the settings forms of all recipes share: the Maileon side, named as the product documents name it."""

from __future__ import annotations

from typing import TypedDict

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.engine.api import settings as declared

PERMISSIONS = (("1", _("None")), ("2", _("Single Opt-in")), ("4", _("Double Opt-in")), ("5", _("Double Opt-in Plus")))
ON_DELETE = (
    ("unsubscribe", _("Unsubscribe the contact")),
    ("delete", _("Delete the contact and its history")),
    ("nothing", _("Do nothing")),
)
ON_EMAIL_CHANGE = (
    ("ask_again", _("Send an opt-in email to the new address and remove the old contact")),
    ("keep", _("Change the address and keep the permission")),
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
DELETED = {
    "unsubscribe": _("When someone is deleted in {product}, the contact in Maileon is unsubscribed."),
    "delete": _("When someone is deleted in {product}, the contact in Maileon is deleted with its history."),
    "nothing": _("When someone is deleted in {product}, the contact in Maileon stays as it is."),
}


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
            raise forms.ValidationError(
                gettext("A DOI key has only letters and digits. Copy it from the mailing in Maileon.")
            )
        return key


def is_mailing_key(text: str) -> bool:
    """Whether this can be the key of a mailing."""
    return text.isascii() and text.isalnum()


def consent_warnings(settings: Settings) -> list[str]:
    """What to warn about: a missing opt-in mailing, and a double opt-in nobody gave."""
    if settings["doi_enabled"]:
        missing = gettext(
            "No DOI key is given. That works only if your Maileon account has a default DOI mailing; without one, no "
            "opt-in email can be sent, and people wait until there is one."
        )
        return [] if settings["doi_key"] else [missing]
    if settings["permission"] in ("4", "5"):
        return [
            gettext(
                "People get a double opt-in permission without being asked. Make sure that you have their confirmation."
            )
        ]
    return []


def mailing_said(settings: Settings) -> str:
    """Say which opt-in mailing people get."""
    if settings["doi_key"]:
        return gettext("They get the DOI mailing “{doi_key}”.").format(doi_key=settings["doi_key"])
    return gettext("They get your default DOI mailing.")


def permission_said(settings: Settings) -> str:
    """The permission given at once, in words."""
    return str(dict(PERMISSIONS).get(str(settings["permission"]), PERMISSIONS[0][1]))


def address_change_said(settings: Settings) -> str:
    """What becomes of a changed address, with the opt-in process on."""
    if settings["on_email_change"] == "keep":
        return gettext("When an address changes, the contact keeps its permission.")
    return gettext("When an address changes, we send an opt-in email to the new one and remove the old contact.")


def deletion_said(settings: Settings, product: str) -> str:
    """What becomes of the contact of somebody who was deleted."""
    text = DELETED.get(str(settings.get("on_delete")), DELETED[DEFAULTS["on_delete"]])
    return str(text).format(product=product)
