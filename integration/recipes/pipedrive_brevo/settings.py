"""The settings form of Pipedrive ↔ Brevo, named as the customer's product names things (seed 002)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypedDict

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.engine.api import settings as declared

EVENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
# What happens in Pipedrive → the setting that holds the event's name at Brevo. Rows of the seed's event table.
EVENTS = {
    "event_person_added": _("Person added"),
    "event_person_updated": _("Person updated"),
    "event_person_merged": _("Person merged"),
    "event_deal_added": _("Deal added"),
    "event_deal_updated": _("Deal updated"),
    "event_stage_changed": _("Deal moved to another stage, won or lost"),
    "event_activity_added": _("Activity added"),
}
NAMED_LISTS = {
    "list_all": (
        _("All contacts"),
        _("Every synced person joins it. If it is empty, Lockstep creates a list “Pipedrive contacts”."),
    ),
    "list_qualified": (
        _("Qualified leads"),
        _("For people with an open deal in a stage without a list of its own below."),
    ),
    "list_customers": (_("Customers"), _("For people with a won deal.")),
    "list_churned": (_("Churned"), _("For people with a lost deal.")),
    "list_nurture": (_("Nurture"), _("For people with a lead.")),
}


class Settings(TypedDict):
    """What the form stores. Beside these it has a list for each stage: see STAGE."""

    persons_enabled: bool
    create_persons: bool
    conflicts: str
    on_delete: str
    merge_duplicates: bool
    set_marketing_status: bool
    custom_fields: list[str]
    ltv_currency: str
    key_name: str
    deals_enabled: bool
    organizations_enabled: bool
    activities_enabled: bool
    leads_enabled: bool
    list_all: str
    list_qualified: str
    list_customers: str
    list_churned: str
    list_nurture: str
    event_person_added: str
    event_person_updated: str
    event_person_merged: str
    event_deal_added: str
    event_deal_updated: str
    event_stage_changed: str
    event_activity_added: str


DEFAULTS: Settings = {
    "persons_enabled": True,
    "create_persons": False,
    "conflicts": "newest",
    "on_delete": "keep",
    "merge_duplicates": False,
    "set_marketing_status": False,
    "custom_fields": [],
    "ltv_currency": "EUR",
    "key_name": "",
    "deals_enabled": False,
    "organizations_enabled": False,
    "activities_enabled": False,
    "leads_enabled": False,
    "list_all": "",
    "list_qualified": "",
    "list_customers": "",
    "list_churned": "",
    "list_nurture": "",
    "event_person_added": "contact_created",
    "event_person_updated": "contact_updated",
    "event_person_merged": "contact_merged",
    "event_deal_added": "deal_created",
    "event_deal_updated": "deal_updated",
    "event_stage_changed": "deal_stage_changed",
    "event_activity_added": "activity_logged",
}
CONFLICTS = (
    ("newest", _("The newer change")),
    ("source", "Pipedrive"),
    ("target", "Brevo"),
)
KEPT = {
    "newest": _("When both sides changed the same field, the newer change is kept."),
    "source": _("When both sides changed the same field, the value of Pipedrive is kept."),
    "target": _("When both sides changed the same field, the value of Brevo is kept."),
}
ON_DELETE = (
    ("keep", _("Leave the contact as it is")),
    ("leave_list", _("Take the contact off the list of all contacts")),
    ("delete", _("Delete the contact and its history")),
)
STAGE = "stage_"  # begins the settings of the deal stage mapping: stage_<id>, stage_won, stage_lost
CLOSED = (("won", _("Won")), ("lost", _("Lost")))


def _list_picker(name: str) -> forms.ChoiceField:
    label, text = NAMED_LISTS[name]
    return forms.ChoiceField(label=label, required=False, help_text=text)


def _event_name(name: str) -> forms.CharField:
    text = _("The event's name in Brevo. If it is empty, no event is sent.")
    return forms.CharField(label=EVENTS[name], required=False, max_length=255, help_text=text)


class SettingsForm(declared.SettingsForm):
    """What a tenant decides. Lists, stages and fields are picked from what the accounts have."""

    persons_enabled = forms.BooleanField(
        label=_("Sync persons"),
        required=False,
        help_text=_(
            "Persons with an email address become contacts, and changes sync both ways. Nobody is ever taken "
            "off Brevo's blocklist."
        ),
    )
    create_persons = forms.BooleanField(
        label=_("Create persons for new contacts"),
        required=False,
        help_text=_(
            "Contacts that appear in Brevo from now on become persons in Pipedrive; older ones with Fetch All. "
            "Brevo announces no new contacts, so this takes up to fifteen minutes."
        ),
    )
    conflicts = forms.ChoiceField(
        label=_("When both sides changed the same field, keep"),
        choices=CONFLICTS,
        required=False,
        help_text=_("Both values are written down in the activity."),
    )
    on_delete = forms.ChoiceField(label=_("When a person is deleted in Pipedrive"), choices=ON_DELETE, required=False)
    merge_duplicates = forms.BooleanField(
        label=_("Merge persons with the same email address in Pipedrive"),
        required=False,
        help_text=_(
            "This cannot be undone. When this is off, the first one owns the contact, and the others are reported."
        ),
    )
    set_marketing_status = forms.BooleanField(
        label=_("Set Pipedrive's marketing status too"),
        required=False,
        help_text=_(
            "Only with Pipedrive's Campaigns. People who unsubscribe in Brevo then get no mailings from Pipedrive."
        ),
    )
    custom_fields = forms.MultipleChoiceField(
        label=_("Custom fields"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Person fields of your own. Missing attributes are created in Brevo; see Fields for their names."),
    )
    ltv_currency = forms.CharField(
        label=_("Currency of LTV"),
        required=False,
        max_length=3,
        help_text=_("LTV is the sum of a person's won deals in this currency. Others are left out, not converted."),
    )
    key_name = forms.CharField(
        label=_("Name of the API key in Brevo"),
        required=False,
        max_length=100,
        help_text=_("Create a key for Lockstep alone and enter its name: then our own changes are recognised at once."),
    )
    deals_enabled = forms.BooleanField(
        label=_("Sync deals"),
        required=False,
        help_text=_("A deal's stage decides which list its person is on, and each move is an event for automations."),
    )
    organizations_enabled = forms.BooleanField(
        label=_("Sync organizations"),
        required=False,
        help_text=_(
            "Organizations become companies in Brevo, linked to the contacts of their people. Brevo allows a "
            "hundred such calls an hour: many take their time."
        ),
    )
    activities_enabled = forms.BooleanField(
        label=_("Sync activities"),
        required=False,
        help_text=_("Calls, emails and meetings become events of their person."),
    )
    leads_enabled = forms.BooleanField(
        label=_("Sync leads"), required=False, help_text=_("The person of a lead joins the list “Nurture”.")
    )
    list_all = _list_picker("list_all")
    list_qualified = _list_picker("list_qualified")
    list_customers = _list_picker("list_customers")
    list_churned = _list_picker("list_churned")
    list_nurture = _list_picker("list_nurture")
    event_person_added = _event_name("event_person_added")
    event_person_updated = _event_name("event_person_updated")
    event_person_merged = _event_name("event_person_merged")
    event_deal_added = _event_name("event_deal_added")
    event_deal_updated = _event_name("event_deal_updated")
    event_stage_changed = _event_name("event_stage_changed")
    event_activity_added = _event_name("event_activity_added")
    asks = {"custom_fields": "person_fields", **dict.fromkeys(NAMED_LISTS, "lists")}
    depends: declared.Depends = {
        **{
            name: {"persons_enabled": True}
            for name in (
                "create_persons", "conflicts", "on_delete", "merge_duplicates", "set_marketing_status", "custom_fields",
                "ltv_currency", "list_all", "event_person_added", "event_person_updated", "event_person_merged",
            )
        },
        **{
            name: {"deals_enabled": True}
            for name in (
                "list_qualified", "list_customers", "list_churned", "event_deal_added", "event_deal_updated",
                "event_stage_changed",
            )
        },
        "list_nurture": {"leads_enabled": True},
        "event_activity_added": {"activities_enabled": True},
    }  # fmt: skip

    def add_fields(self) -> None:
        """A picker of lists for every stage."""
        self.stages = self._stages()
        for name, label in self.stages.items():
            self.fields[name] = forms.ChoiceField(label=label, required=False)
            self.offer(name, self.offered.get("lists", ()))
        self.depends = {**self.depends, **{name: {"deals_enabled": True} for name in self.stages}}

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Every place of a deal may have a list of its own."""
        return super().accepts(name) or bool(re.fullmatch(rf"{STAGE}(\d+|won|lost)", name))

    def _stages(self) -> dict[str, str]:
        """Setting → label of every stage the account has, won and lost, and of those only known from earlier."""
        named = [(key, label) for key, label in self.offered.get("stages", ()) if key.isdigit()]
        known = {f"{STAGE}{key}": label for key, label in (*named, *((key, str(label)) for key, label in CLOSED))}
        chosen = [key for key in (*self.initial, *self.data) if re.fullmatch(rf"{STAGE}\d+", key) and key not in known]
        return {
            **known,
            **{key: gettext("Stage {id} (no longer there)").format(id=key.removeprefix(STAGE)) for key in chosen},
        }

    @property
    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The page's sections; that of the stages depends on the account."""
        return (
            (gettext("Persons"), ("persons_enabled", "create_persons", "conflicts", "on_delete", "merge_duplicates",
                         "set_marketing_status", "ltv_currency", "custom_fields")),
            (gettext("Lists"), tuple(NAMED_LISTS)),
            (gettext("Deals"), ("deals_enabled", *self.stages)),
            (gettext("Organizations, activities and leads"), ("organizations_enabled", "activities_enabled",
                                                                "leads_enabled")),
            (gettext("Events"), tuple(EVENTS)),
            ("Brevo", ("key_name",)),
        )  # fmt: skip

    def clean_conflicts(self) -> str:
        """Default: the newer change."""
        return str(self.cleaned_data.get("conflicts") or DEFAULTS["conflicts"])

    def clean_on_delete(self) -> str:
        """Default: leave the contact."""
        return str(self.cleaned_data.get("on_delete") or DEFAULTS["on_delete"])

    def clean_ltv_currency(self) -> str:
        """A currency is three letters."""
        text = str(self.cleaned_data.get("ltv_currency") or DEFAULTS["ltv_currency"]).strip().upper()
        if not (len(text) == 3 and text.isascii() and text.isalpha()):
            raise forms.ValidationError(gettext("A currency has three letters, for example EUR."))
        return text

    def clean(self) -> declared.Cleaned:
        """Event names are what Brevo takes; one list is not both for the won and for the lost."""
        data = super().clean() or {}
        for name in EVENTS:
            if data.get(name) and not EVENT_NAME.fullmatch(str(data[name])):
                self.add_error(name, gettext("Brevo takes letters, digits, - and _ only."))
        if data.get("create_persons") and not data.get("persons_enabled"):
            data["create_persons"] = False
        return data


def stage_list(settings: Mapping[str, object], place: str) -> int | None:
    """The list for deals at this place (a stage id, won or lost); None for no list."""
    named = {"won": "list_customers", "lost": "list_churned"}.get(place, "list_qualified")
    chosen = settings.get(f"{STAGE}{place}") or settings.get(named)
    return int(str(chosen)) if chosen else None


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    found = []
    won, lost = stage_list(settings, "won"), stage_list(settings, "lost")
    if settings["deals_enabled"] and won is not None and won == lost:
        found.append(gettext("Won and lost deals lead to the same list."))
    if settings["merge_duplicates"] and settings["persons_enabled"]:
        found.append(gettext("Persons with the same email address will be merged in Pipedrive. That cannot be undone."))
    if settings["leads_enabled"] and not settings["list_nurture"]:
        found.append(gettext("Leads are synced, but no list “Nurture” is chosen: nothing happens."))
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = []
    if settings["persons_enabled"]:
        said.append(gettext("Persons with an email address become contacts in Brevo, and changes sync both ways."))
        said.append(str(KEPT.get(settings["conflicts"], KEPT["newest"])))
        said.append(gettext("People who unsubscribe in Brevo are marked in Pipedrive; nobody is resubscribed."))
        if settings["create_persons"]:
            said.append(gettext("New contacts in Brevo become persons in Pipedrive."))
    else:
        said.append(gettext("Persons are not synced."))
    said.append(
        gettext("A deal's stage decides the list of its person, and each move is an event in Brevo.")
        if settings["deals_enabled"]
        else gettext("Deals are not sent.")
    )
    if settings["organizations_enabled"]:
        said.append(gettext("Organizations become companies in Brevo, linked to their people."))
    if settings["activities_enabled"]:
        said.append(gettext("New activities become events in Brevo."))
    if settings["leads_enabled"]:
        said.append(gettext("People with a lead join the list “Nurture”."))
    return said
