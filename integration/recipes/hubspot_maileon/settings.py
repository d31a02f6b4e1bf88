"""The settings form of HubSpot ↔ Maileon, named as the customer's product names things (seed 001)."""

from __future__ import annotations

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.api import setting
from integration.engine.api import settings as declared
from integration.recipes.hubspot_maileon.overrides import CONFIGURED, LIMITS
from integration.recipes.newsletter import settings as newsletter
from integration.recipes.newsletter.settings import ON_DELETE, ON_EMAIL_CHANGE, PERMISSIONS, NewsletterForm

EVENTS = {"confirmed": _("Double Opt-in Confirmation"), "unsubscribed": _("Unsubscription")}
STAGE_NAMES = tuple(f"{word}_stage{end}" for word in EVENTS for end in ("", "_from", "_to", "_reset"))


class Settings(newsletter.Settings):
    """What the form stores. The rule of a word in `EVENTS` is read by made-up names: see `stages.rule_for`."""

    doi_plus: bool
    override_limit: str
    confirmed_stage: bool
    confirmed_stage_from: str
    confirmed_stage_to: str
    confirmed_stage_reset: bool
    unsubscribed_stage: bool
    unsubscribed_stage_from: str
    unsubscribed_stage_to: str
    unsubscribed_stage_reset: bool


DEFAULTS: Settings = {
    **newsletter.DEFAULTS,
    "doi_plus": False,
    "override_limit": CONFIGURED,
    "confirmed_stage": False,
    "confirmed_stage_from": "",
    "confirmed_stage_to": "",
    "confirmed_stage_reset": False,
    "unsubscribed_stage": False,
    "unsubscribed_stage_from": "",
    "unsubscribed_stage_to": "",
    "unsubscribed_stage_reset": False,
}


def _stage_fields(
    event: StrOrPromise,
) -> tuple[forms.BooleanField, forms.ChoiceField, forms.ChoiceField, forms.BooleanField]:
    """The four fields of one rule: enabled, source, target, reset."""
    return (
        forms.BooleanField(
            label=format_lazy(_("Update on {event}"), event=event), required=False,
            help_text=_("Changes the lifecycle stage of the HubSpot contact. It needs Maileon's webhooks, which "
"Lockstep creates."),
        ),
        forms.ChoiceField(
            label=format_lazy(_("Source Lifecycle Stage on {event}"), event=event), required=False,
            help_text=_("The stage changes only if it matches this one."),
        ),
        forms.ChoiceField(
            label=format_lazy(_("Target Lifecycle Stage on {event}"), event=event), required=False,
            help_text=_("For a stage earlier than the source, also reset before updating."),
        ),
        forms.BooleanField(
            label=format_lazy(_("Reset Before Updating on {event}"), event=event), required=False,
            help_text=_("HubSpot lets a stage move forward only. With this switched on, the stage is cleared "
"first, so that it may go back."),
        ),
    )  # fmt: skip


class SettingsForm(NewsletterForm):
    """What a tenant decides."""

    doi_enabled = forms.BooleanField(
        label=_("Double Opt-in Process"),
        required=False,
        help_text=_("Each new contact gets an email with a confirmation link."),
    )
    doi_plus = forms.BooleanField(
        label=_("Double Opt-in Process Plus"),
        required=False,
        help_text=_("The click gives Double Opt-in Plus, which allows single user tracking, instead of Double Opt-in."),
    )
    doi_key = forms.CharField(
        label=_("Double Opt-in Mailing Key"),
        required=False,
        max_length=100,
        help_text=_("Which DOI mailing to send. Do not leave it empty if Maileon has no default DOI mailing."),
    )
    permission = forms.ChoiceField(
        label=_("Contact Permission"),
        choices=PERMISSIONS,
        required=False,
        help_text=_("What a new contact gets at once, without an opt-in email."),
    )
    override_limit = forms.ChoiceField(
        label=_("Limit of per-contact overrides"),
        choices=LIMITS,
        required=False,
        help_text=_(
            "The highest permission that the Maileon properties of a contact may give. They can be hidden fields "
            "of a form, and a visitor can change those."
        ),
    )
    on_email_change = forms.ChoiceField(
        label=_("When a contact's email address changes"),
        choices=ON_EMAIL_CHANGE,
        required=False,
        help_text=_("Without the opt-in process the permission is always kept."),
    )
    on_delete = forms.ChoiceField(label=_("When a contact is deleted in HubSpot"), choices=ON_DELETE, required=False)
    confirmed_stage, confirmed_stage_from, confirmed_stage_to, confirmed_stage_reset = _stage_fields(
        EVENTS["confirmed"]
    )
    unsubscribed_stage, unsubscribed_stage_from, unsubscribed_stage_to, unsubscribed_stage_reset = _stage_fields(
        EVENTS["unsubscribed"]
    )

    sections = (
        (
            _("Contact Settings"),
            ("doi_enabled", "doi_plus", "doi_key", "permission", "override_limit", "on_email_change", "on_delete"),
        ),
        (_("Lifecycle Stage Updates"), STAGE_NAMES),
    )
    depends = {
        "doi_plus": {"doi_enabled": True},
        "doi_key": {"doi_enabled": True},
        "permission": {"doi_enabled": False},
        "on_email_change": {"doi_enabled": True},
        **{name: {name.rpartition("_")[0]: True} for name in STAGE_NAMES if not name.endswith("_stage")},
    }
    asks = {name: "stages" for name in STAGE_NAMES if name.endswith(("_from", "_to"))}

    def clean_override_limit(self) -> str:
        """Default: nothing beyond the settings."""
        return str(self.cleaned_data.get("override_limit") or CONFIGURED)

    def clean(self) -> declared.Cleaned:
        """Check what belongs together."""
        data = super().clean() or {}
        if not data.get("doi_enabled"):
            data["doi_plus"] = False
        for word in EVENTS:
            self._check_stages(word, data)
        return data

    def _check_stages(self, word: str, data: declared.Cleaned) -> None:
        if not data.get(f"{word}_stage"):
            return
        source, target = (f"{word}_stage_from", f"{word}_stage_to")
        for name in (source, target):
            if name in data and not data[name]:
                self.add_error(name, gettext("Choose a stage, or switch this update off."))
        if data.get(source) and data.get(source) == data.get(target):
            self.add_error(target, gettext("Source and target are the same stage."))


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    found = newsletter.consent_warnings(settings)
    if settings["override_limit"] in ("4", "5"):
        found.append(
            gettext(
                "Contacts may give themselves a double opt-in permission by their properties. If those are fields of a "
                "form, its visitors may do so, too."
            )
        )
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = [
        *_said_of_contacts(settings),
        gettext("Contacts with No in “Subscribe to Maileon Newsletter” are not synced."),
    ]
    said.append(
        gettext(
            "When someone unsubscribes in Maileon, the property is set to No in HubSpot, and the timeline shows it."
        )
    )
    for word, event in EVENTS.items():
        if setting(settings, f"{word}_stage") and setting(settings, f"{word}_stage_to"):
            text = gettext("{event}: the lifecycle stage changes if it is the source stage.")
            if setting(settings, f"{word}_stage_reset"):
                text = gettext(
                    "{event}: the lifecycle stage changes if it is the source stage, even if that is a step back."
                )
            said.append(text.format(event=event))
    said.append(newsletter.deletion_said(settings, "HubSpot"))
    return said


def _said_of_contacts(settings: Settings) -> list[str]:
    if settings["doi_enabled"]:
        kind = gettext("Double Opt-in Plus") if settings["doi_plus"] else gettext("Double Opt-in")
        return [
            gettext("New contacts are created in Maileon."),
            newsletter.mailing_said(settings),
            gettext("When they confirm, they get the permission {kind}, and their timeline shows it.").format(
                kind=kind
            ),
            newsletter.address_change_said(settings),
        ]
    permission = newsletter.permission_said(settings)
    return [
        gettext("New contacts are created in Maileon at once, with permission {permission}.").format(
            permission=permission
        )
    ]
