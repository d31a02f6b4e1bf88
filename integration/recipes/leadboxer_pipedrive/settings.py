"""The settings form of LeadBoxer → Pipedrive, named as the customer's product names things (seed 003)."""

from __future__ import annotations

from typing import TypedDict

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.api import setting
from integration.engine.api import settings as declared

LINKS = (("organization", _("Organization")), ("person", _("Person")), ("both", _("Both")))
INTERVALS = (
    ("15", _("Every 15 minutes")), ("30", _("Every half hour")), ("60", _("Hourly, on the hour")),
    ("120", _("Every two hours")), ("240", _("Every four hours")), ("1440", _("Daily, at midnight UTC")),
)  # fmt: skip
PARTS = ("leads", "activities")
LINKED = {
    "organization": _("Leads of the segment become leads in Pipedrive, linked to an organization, found or created."),
    "person": _("Leads of the segment become leads in Pipedrive, linked to a person, found or created."),
    "both": _(
        "Leads of the segment become leads in Pipedrive, linked to an organization and a person, found or created."
    ),
}


class Settings(TypedDict):
    """What the form stores."""

    leads_enabled: bool
    leads_dataset: str
    leads_segment: str
    leads_link: str
    lead_fields: list[str]
    activities_enabled: bool
    activities_dataset: str
    activities_segment: str
    create_deals: bool
    pipeline: str
    type_visit: str
    type_form: str
    type_email: str
    interval: str
    lookback_days: int
    min_score: int
    cap: int
    trial: bool
    trial_count: int
    trial_pipeline: str


DEFAULTS: Settings = {
    "leads_enabled": False,
    "leads_dataset": "",
    "leads_segment": "",
    "leads_link": "organization",
    "lead_fields": ["leadscore", "organizationIndustryName", "organizationEmployeeCountRangeName", "leadcard_url"],
    "activities_enabled": False,
    "activities_dataset": "",
    "activities_segment": "",
    "create_deals": False,
    "pipeline": "",
    "type_visit": "task",
    "type_form": "task",
    "type_email": "email",
    "interval": "60",
    "lookback_days": 30,
    "min_score": 0,
    "cap": 100,
    "trial": False,
    "trial_count": 10,
    "trial_pipeline": "",
}


class SettingsForm(declared.SettingsForm):
    """What a tenant decides. Datasets, segments, pipelines and kinds of activities are picked from the accounts."""

    leads_enabled = forms.BooleanField(
        label=_("Create leads"),
        required=False,
        help_text=_(
            "Each lead of the segment becomes one lead in Pipedrive: created once, its fields kept up to date."
        ),
    )
    leads_dataset = forms.ChoiceField(label=_("Dataset for leads"), required=False)
    leads_segment = forms.ChoiceField(
        label=_("Segment for leads"),
        required=False,
        help_text=_("Choose one that holds qualified leads only; its filters are LeadBoxer's."),
    )
    leads_link = forms.ChoiceField(
        label=_("Link leads to"),
        choices=LINKS,
        required=False,
        help_text=_(
            "An organization is found by its domain, then by its exact name; a person by the email address. "
            "Those that are not found are created. A person needs an address."
        ),
    )
    lead_fields = forms.MultipleChoiceField(
        label=_("Fields of a lead"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Missing fields are created in Pipedrive. The Fields page maps more, of organization and person too."
        ),
    )
    activities_enabled = forms.BooleanField(
        label=_("Log activities"),
        required=False,
        help_text=_("Each visit of a lead that is known by email becomes one activity with the pages it saw."),
    )
    activities_dataset = forms.ChoiceField(label=_("Dataset for activities"), required=False)
    activities_segment = forms.ChoiceField(label=_("Segment for activities"), required=False)
    create_deals = forms.BooleanField(
        label=_("Create deals"),
        required=False,
        help_text=_(
            "For people without an open deal. When this is off, an activity is linked to an open deal only if "
            "there is one."
        ),
    )
    pipeline = forms.ChoiceField(label=_("Pipeline for new deals"), required=False)
    type_visit = forms.ChoiceField(label=_("Kind of activity for page views"), required=False)
    type_form = forms.ChoiceField(label=_("Kind of activity for forms"), required=False)
    type_email = forms.ChoiceField(label=_("Kind of activity for emails"), required=False)
    interval = forms.ChoiceField(
        label=_("How often"),
        choices=INTERVALS,
        required=False,
        help_text=_("Only what is new since the last time is read."),
    )
    lookback_days = forms.IntegerField(
        label=_("Days Fetch All looks back"), required=False, min_value=1, max_value=365,
        help_text=_("Where the segment sets no time of its own."),
    )  # fmt: skip
    min_score = forms.IntegerField(
        label=_("Minimum lead score"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("0 to 100. With 0, every lead counts."),
    )
    cap = forms.IntegerField(
        label=_("Most new records per run"), required=False, min_value=0, max_value=10_000,
        help_text=_("For leads and for activities each. Everything above it waits for the next runs. With 0, "
"there is no limit."),
    )  # fmt: skip
    trial = forms.BooleanField(
        label=_("Trial first"),
        required=False,
        help_text=_(
            "Only a few leads are handled, and as deals in a test pipeline. Switch it off when they look right."
        ),
    )
    trial_count = forms.IntegerField(label=_("Leads in the trial"), required=False, min_value=1, max_value=1000)
    trial_pipeline = forms.ChoiceField(label=_("Test pipeline"), required=False)
    asks = {
        "leads_dataset": "datasets", "activities_dataset": "datasets", "leads_segment": "segments",
        "activities_segment": "segments", "lead_fields": "lead_fields", "pipeline": "pipelines",
        "trial_pipeline": "pipelines", "type_visit": "types", "type_form": "types", "type_email": "types",
    }  # fmt: skip
    sections = (
        (_("Leads"), ("leads_enabled", "leads_dataset", "leads_segment", "leads_link", "lead_fields")),
        (_("Activities"), ("activities_enabled", "activities_dataset", "activities_segment", "create_deals", "pipeline",
                        "type_visit", "type_form", "type_email")),
        (_("Avoid noise"), ("min_score", "cap", "trial", "trial_count", "trial_pipeline")),
        (_("Timing"), ("interval", "lookback_days")),
    )  # fmt: skip
    depends: declared.Depends = {
        **dict.fromkeys(("leads_dataset", "leads_segment", "leads_link", "lead_fields"), {"leads_enabled": True}),
        **dict.fromkeys(
            ("activities_dataset", "activities_segment", "create_deals", "type_visit", "type_form", "type_email"),
            {"activities_enabled": True},
        ),
        "pipeline": {"activities_enabled": True, "create_deals": True},
        **dict.fromkeys(("trial_count", "trial_pipeline"), {"trial": True}),
    }

    def clean(self) -> declared.Cleaned:
        """What is left empty has its default; a part that is on needs its dataset and a segment of it."""
        data = super().clean() or {}
        self._fill_in(data)
        for part in PARTS:
            if data.get(f"{part}_enabled"):
                self._check_segment(data, part)
        if data.get("activities_enabled") and data.get("create_deals") and not data.get("pipeline"):
            self._object("pipeline", gettext("In which pipeline? New deals need one."))
        if data.get("trial") and not data.get("trial_pipeline"):
            self._object("trial_pipeline", gettext("In which pipeline? The trial's deals need one."))
        return data

    def _fill_in(self, data: declared.Cleaned) -> None:
        for name, default in DEFAULTS.items():
            if name not in self.errors and data.get(name) in (None, "") and default != "":
                data[name] = default

    def _check_segment(self, data: declared.Cleaned, part: str) -> None:
        dataset, segment = str(data.get(f"{part}_dataset") or ""), str(data.get(f"{part}_segment") or "")
        if not dataset:
            self._object(f"{part}_dataset", gettext("Which dataset?"))
        elif not segment:
            self._object(
                f"{part}_segment", gettext("Which segment? Without one every visitor would end up in Pipedrive.")
            )
        elif not segment.startswith(f"{dataset}:"):
            self._object(f"{part}_segment", gettext("This segment belongs to the other dataset."))

    def _object(self, name: str, words: StrOrPromise) -> None:
        if name not in self.errors:
            self.add_error(name, words)


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    found = []
    if not any(setting(settings, f"{part}_enabled") for part in PARTS):
        found.append(gettext("Neither leads nor activities are switched on: nothing happens."))
    if settings["trial"] and settings["trial_pipeline"] == settings["pipeline"] and settings["pipeline"]:
        found.append(gettext("The test pipeline is the one for real deals."))
    if not settings["cap"] and not settings["min_score"]:
        found.append(gettext("No minimum score and no limit per run: a wide segment would fill Pipedrive."))
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = []
    if settings["leads_enabled"]:
        said.append(str(LINKED.get(str(settings["leads_link"]), LINKED["organization"])))
    else:
        said.append(gettext("No leads are created."))
    if settings["activities_enabled"]:
        said.append(gettext("Visits of people known by email become activities of person, organization and open deal."))
        said.append(
            gettext("People without an open deal get one in the chosen pipeline.")
            if settings["create_deals"]
            else gettext("No deals are created.")
        )
    else:
        said.append(gettext("No activities are logged."))
    when = dict(INTERVALS).get(str(settings["interval"]), INTERVALS[2][1])
    said.append(gettext("New leads and visits are fetched from LeadBoxer: {when}.").format(when=str(when).lower()))
    if settings["trial"]:
        count = settings["trial_count"]
        text = ngettext(
            "Trial: only {count} lead, as a deal in the test pipeline.",
            "Trial: only {count} leads, as deals in the test pipeline.",
            count,
        )
        said.append(text.format(count=count))
    if settings["min_score"]:
        text = gettext("Leads below a score of {score} are left out.")
        said.append(text.format(score=settings["min_score"]))
    if settings["cap"]:
        text = gettext("At most {count} new leads and as many activities per run; the others wait for the next run.")
        said.append(text.format(count=settings["cap"]))
    return said
