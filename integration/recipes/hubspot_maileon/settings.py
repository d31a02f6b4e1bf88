"""The settings form of HubSpot ↔ Maileon, named as the customer's product names things (seed 001)."""

from __future__ import annotations

from django import forms

from integration.engine.api import setting
from integration.engine.api import settings as declared
from integration.recipes.hubspot_maileon.overrides import CONFIGURED, LIMITS
from integration.recipes.newsletter import settings as newsletter
from integration.recipes.newsletter.settings import ON_DELETE, ON_EMAIL_CHANGE, PERMISSIONS, NewsletterForm

EVENTS = {"confirmed": "Double Opt-in Confirmation", "unsubscribed": "Unsubscription"}
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


def _stage_fields(event: str) -> tuple[forms.BooleanField, forms.ChoiceField, forms.ChoiceField, forms.BooleanField]:
    """The four fields of one rule: enabled, source, target, reset."""
    return (
        forms.BooleanField(
            label=f"Update on {event}", required=False,
            help_text="Changes the lifecycle stage of the HubSpot contact. It needs Maileon's webhooks, which Lockstep "
            "creates.",
        ),
        forms.ChoiceField(
            label=f"Source Lifecycle Stage on {event}", required=False,
            help_text="The stage changes only if it matches this one.",
        ),
        forms.ChoiceField(
            label=f"Target Lifecycle Stage on {event}", required=False,
            help_text="For a stage earlier than the source, also reset before updating.",
        ),
        forms.BooleanField(
            label=f"Reset Before Updating on {event}", required=False,
            help_text="HubSpot lets a stage move forward only. With this it is cleared first, so that it may go back.",
        ),
    )  # fmt: skip


class SettingsForm(NewsletterForm):
    """What a tenant decides."""

    doi_enabled = forms.BooleanField(
        label="Double Opt-in Process",
        required=False,
        help_text="Each new contact gets a mail with a confirmation link.",
    )
    doi_plus = forms.BooleanField(
        label="Double Opt-in Process Plus",
        required=False,
        help_text="The click gives Double Opt-in Plus, which allows single user tracking, instead of Double Opt-in.",
    )
    doi_key = forms.CharField(
        label="Double Opt-in Mailing Key",
        required=False,
        max_length=100,
        help_text="Which DOI mailing to send. Do not leave it empty if Maileon has no default DOI mailing.",
    )
    permission = forms.ChoiceField(
        label="Contact Permission",
        choices=PERMISSIONS,
        required=False,
        help_text="What a new contact gets at once, without a mail.",
    )
    override_limit = forms.ChoiceField(
        label="Limit of per-contact overrides",
        choices=LIMITS,
        required=False,
        help_text="The highest permission that the Maileon properties of a contact may give. They can be hidden fields "
        "of a form, and a visitor can change those.",
    )
    on_email_change = forms.ChoiceField(
        label="When a contact's e-mail address changes",
        choices=ON_EMAIL_CHANGE,
        required=False,
        help_text="Without the opt-in process the permission is always kept.",
    )
    on_delete = forms.ChoiceField(label="When a contact is deleted in HubSpot", choices=ON_DELETE, required=False)
    confirmed_stage, confirmed_stage_from, confirmed_stage_to, confirmed_stage_reset = _stage_fields(
        EVENTS["confirmed"]
    )
    unsubscribed_stage, unsubscribed_stage_from, unsubscribed_stage_to, unsubscribed_stage_reset = _stage_fields(
        EVENTS["unsubscribed"]
    )

    sections = (
        (
            "Contact Settings",
            ("doi_enabled", "doi_plus", "doi_key", "permission", "override_limit", "on_email_change", "on_delete"),
        ),
        ("Lifecycle Stage Updates", STAGE_NAMES),
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
                self.add_error(name, "Choose a stage, or switch this update off.")
        if data.get(source) and data.get(source) == data.get(target):
            self.add_error(target, "Source and target are the same stage.")


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    found = newsletter.consent_warnings(settings)
    if settings["override_limit"] in ("4", "5"):
        found.append(
            "Contacts may give themselves a double opt-in permission by their properties. If those are fields of a "
            "form, so may its visitors."
        )
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = [*_said_of_contacts(settings), "Who says No to “Subscribe to Maileon Newsletter” is not synced."]
    said.append("Who unsubscribes in Maileon gets No in HubSpot, and an entry on the timeline.")
    for word, event in EVENTS.items():
        if setting(settings, f"{word}_stage") and setting(settings, f"{word}_stage_to"):
            reset = ", also if that is a step back" if setting(settings, f"{word}_stage_reset") else ""
            said.append(f"On {event.lower()} the lifecycle stage changes if it is the source stage{reset}.")
    said.append(newsletter.deletion_said(settings, "a contact"))
    return said


def _said_of_contacts(settings: Settings) -> list[str]:
    if settings["doi_enabled"]:
        kind = "Double Opt-in Plus" if settings["doi_plus"] else "Double Opt-in"
        return [
            f"New contacts are created in Maileon and get {newsletter.mailing_said(settings)}.",
            f"When they confirm, they have {kind}, and it shows on their timeline.",
            newsletter.address_change_said(settings),
        ]
    permission = newsletter.permission_said(settings)
    return [f"New contacts are created in Maileon at once, with permission {permission}."]
