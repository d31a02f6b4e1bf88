"""The settings form of Planhat ↔ Pipedrive: a section per object, named as the product does (seed 004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.api import setting
from integration.engine.api import settings as declared
from integration.recipes.planhat_pipedrive import rules

RECEIVE = (("receive", _("Receive from Pipedrive")), ("none", _("None")))
ALL_WAYS = (("receive", _("Receive from Pipedrive")), ("send", _("Send to Pipedrive")), ("both", _("Both directions")),
            ("none", _("None")))  # fmt: skip
CONFLICTS = (("newest", _("The newer change")), ("source", "Pipedrive"), ("target", "Planhat"))
KEPT = {
    "newest": _("When both sides changed the same field, the newer change is kept."),
    "source": _("When both sides changed the same field, the value of Pipedrive is kept."),
    "target": _("When both sides changed the same field, the value of Planhat is kept."),
}
MODES = (("won", _("Won deals only")), ("all", _("All deals, whatever their stage")))
PERIODS = (("month", _("A month")), ("year", _("A year")))
KINDS = ((rules.SALE, _("Sale (non-recurring)")), (rules.LICENSE, _("License (recurring)")))
BLANK_RULES = 3  # empty rows at the end of the list


class Settings(TypedDict):
    """What the form stores. The numbered rules are read by name: see `rules.rules_of`."""

    organization_direction: str
    conflicts: str
    create_organizations: bool
    person_direction: str
    note_direction: str
    deal_direction: str
    mode: str
    pipelines: list[str]
    start_date: str
    start_fallback: bool
    end_date: str
    value_period: str


DEFAULTS: Settings = {
    "organization_direction": "receive",
    "conflicts": "newest",
    "create_organizations": False,
    "person_direction": "receive",
    "note_direction": "receive",
    "deal_direction": "receive",
    "mode": "won",
    "pipelines": [],
    "start_date": "",
    "start_fallback": True,
    "end_date": "",
    "value_period": "month",
}


def _choice(
    label: StrOrPromise, choices: Sequence[tuple[str, StrOrPromise]], text: StrOrPromise = ""
) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, required=False, help_text=text)


class SettingsForm(declared.SettingsForm):
    """What a tenant decides. Pipelines, date fields and what rules look at are picked from the account."""

    organization_direction = _choice(
        _("Organization ↔ Company"), ALL_WAYS,
        _("Organizations come with a deal. What changes in Planhat is noticed within fifteen minutes, "
        "or at once through an automation."),
    )  # fmt: skip
    conflicts = _choice(
        _("When both sides changed the same field, keep"), CONFLICTS, _("Both values are written down in the activity.")
    )
    create_organizations = forms.BooleanField(
        label=_("Create organizations for new companies"),
        required=False,
        help_text=_("Companies of Planhat that came from nowhere else become organizations in Pipedrive."),
    )
    person_direction = _choice(_("Person → End User"), RECEIVE, _("The people of an organization come with its deals."))
    note_direction = _choice(_("Note → Note"), RECEIVE, _("Notes on the organization, its deals and its people."))
    deal_direction = _choice(
        _("Deal → License or Sale"), RECEIVE, _("With None, a deal brings the others along and is not synced itself.")
    )
    mode = _choice(_("Which deals"), MODES, _("A deal also needs an organization and a start date."))
    pipelines = forms.MultipleChoiceField(
        label=_("Pipelines"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Leave all unticked to include every pipeline. What was synced from a pipeline you untick stays and "
            "is no longer updated."
        ),
    )
    start_date = _choice(_("Start date"), (), _("The deal field that says when the contract starts."))
    start_fallback = forms.BooleanField(
        label=_("Without a start date, take the day the deal was won"),
        required=False,
        help_text=_("When this is off, such deals are skipped with the reason “no start date”."),
    )
    end_date = _choice(
        _("End date"), (), _("With one, a License has a fixed period and the deal's value is for all of it.")
    )
    value_period = _choice(
        _("Without an end date, a deal's value is for"), PERIODS, _("A License then has this as its MRR.")
    )
    asks = {"pipelines": "pipelines", "start_date": "dates", "end_date": "dates"}
    depends: declared.Depends = {
        "conflicts": {"organization_direction": ["both"]},
        "create_organizations": {"organization_direction": ["send", "both"]},
        **{name: {"deal_direction": ["receive"]} for name in ("end_date", "value_period")},
    }

    def add_fields(self) -> None:
        """Three fields for each rule."""
        self.rule_numbers = self._numbers()
        for number in self.rule_numbers:
            what, value, to = (f"rule_{number}_{part}" for part in ("what", "value", "to"))
            self.fields[what] = _choice(gettext("Rule {number}: if").format(number=number), ())
            self.offer(what, self.offered.get("rules", ()))
            self.fields[value] = forms.CharField(
                label=gettext("Rule {number}: is").format(number=number), required=False, max_length=200
            )
            self.fields[to] = _choice(gettext("Rule {number}: the deal becomes a").format(number=number), KINDS)
            self.depends = {**self.depends, value: {what: self._asked(what)}, to: {what: self._asked(what)}}

    @classmethod
    def accepts(cls, name: str) -> bool:
        """The list of rules grows."""
        found = rules.NAME.fullmatch(name)
        return super().accepts(name) or bool(found and 1 <= int(found.group(1)) <= rules.MOST)

    def _numbers(self) -> range:
        """One row for each rule there is, and some empty ones."""
        known = [int(found.group(1)) for key in (*self.initial, *self.data) if (found := rules.NAME.fullmatch(key))]
        filled = len(rules.rules_of(self.initial))
        return range(1, min(max([filled + BLANK_RULES, *known]), rules.MOST) + 1)

    def _asked(self, what: str) -> list[str]:
        """What the picker of a rule offers: also what was chosen and is no longer there."""
        offered = [key for key, _ in self.offered.get("rules", ())]
        return list(dict.fromkeys(filter(None, [*offered, str(self.initial.get(what) or "")])))

    @property
    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """A section per object; the list of rules has its own."""
        listed = tuple(f"rule_{number}_{part}" for number in self.rule_numbers for part in ("what", "value", "to"))
        return (
            (gettext("Organizations"), ("organization_direction", "conflicts", "create_organizations")),
            (gettext("Persons"), ("person_direction",)),
            (gettext("Notes"), ("note_direction",)),
            (gettext("Deals"), ("deal_direction", "mode", "pipelines", "start_date", "start_fallback", "end_date",
                       "value_period")),
            (gettext("License or Sale? The first rule that fits decides; without one a deal is a License"), listed),
        )  # fmt: skip

    def clean(self) -> declared.Cleaned:
        """Defaults for what was not sent; rules close ranks, and a half one is asked about."""
        data = super().clean() or {}
        for name, default in DEFAULTS.items():
            if default and data.get(name) == "":
                data[name] = default
        if not data.get("start_date") and not data.get("start_fallback"):
            self.add_error(
                "start_date",
                gettext("Pick a field, or take the day the deal was won. Otherwise no deal has a start date."),
            )
        for number in self.rule_numbers:
            what, value = data.get(f"rule_{number}_what"), str(data.get(f"rule_{number}_value") or "").strip()
            if bool(what) != bool(value):
                self.add_error(f"rule_{number}_value", gettext("A rule needs both a field and a value."))
            elif what == rules.PIPELINE:
                self._check_pipeline(number, value)
        return {**data, **self._closed(data)}

    def _check_pipeline(self, number: int, value: str) -> None:
        known = {word.casefold() for pair in self.offered.get("pipelines", ()) for word in pair}
        if known and value.casefold() not in known:
            self.add_error(f"rule_{number}_value", gettext("There is no pipeline “{value}”.").format(value=value))

    def _closed(self, data: declared.Cleaned) -> declared.Cleaned:
        """The rules in their order without gaps; rows that are left over are empty."""
        found = rules.rules_of(data)
        blank = rules.Rule("", "", rules.SALE)
        closed: declared.Cleaned = {}
        for number in self.rule_numbers:
            rule = found[number - 1] if number <= len(found) else blank
            closed |= {f"rule_{number}_{part}": getattr(rule, part) for part in ("what", "value", "to")}
        return closed


def warnings(settings: Settings) -> list[str]:
    """What to warn about although it can be saved."""
    found = []
    received = {name: setting(settings, f"{name}_direction") for name in ("organization", "person", "note", "deal")}
    if received["organization"] in ("send", "none") and "receive" in list(received.values())[1:]:
        found.append(
            gettext(
                "Persons, notes and deals need their company in Planhat. As organizations are not received, those"
                " whose company does not hold the organization's id fail."
            )
        )
    if set(received.values()) == {"none"}:
        found.append(gettext("Everything is set to None: nothing is synced."))
    if settings["mode"] == "all" and not settings["start_date"]:
        found.append(gettext("Deals that are not won have no start date unless you pick a field; they are skipped."))
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    said = [_which(settings)]
    names = {"organization": _("its organization"), "person": _("its people"), "note": _("its notes")}
    brought = [word for name, word in names.items() if setting(settings, f"{name}_direction") in ("receive", "both")]
    if brought:
        said.append(gettext("It brings along: {names}.").format(names=", ".join(map(str, brought))))
    listed = rules.rules_of(settings)
    if settings["deal_direction"] != "receive":
        said.append(gettext("The deal itself is not sent."))
    elif listed:
        text = ngettext(
            "It becomes a License; {count} rule decides which deals become Sales.",
            "It becomes a License; {count} rules decide which deals become Sales.",
            len(listed),
        )
        said.append(text.format(count=len(listed)))
    else:
        said.append(gettext("It becomes a License."))
    if settings["organization_direction"] in ("send", "both"):
        said.append(gettext("What changes in a company goes back to its organization."))
    if settings["organization_direction"] == "both":
        said.append(str(KEPT.get(settings["conflicts"], KEPT["newest"])))
    said.append(
        gettext("An organization, person or note that changes alone waits for its deal, or for “Sync one record”.")
    )
    return said


def _which(settings: Settings) -> str:
    """Say which deals are synced."""
    chosen = len(settings["pipelines"] or ())
    if settings["mode"] == "won" and chosen:
        text = ngettext(
            "A deal that is won, or a won deal that changes, in {count} of your pipelines goes to Planhat if it has an "
            "organization and a start date.",
            "A deal that is won, or a won deal that changes, in {count} of your pipelines goes to Planhat if it has an "
            "organization and a start date.",
            chosen,
        )
    elif settings["mode"] == "won":
        text = gettext(
            "A deal that is won, or a won deal that changes, in any pipeline goes to Planhat if it has an organization "
            "and a start date."
        )
    elif chosen:
        text = ngettext(
            "Any deal that changes in {count} of your pipelines goes to Planhat if it has an organization and a start "
            "date.",
            "Any deal that changes in {count} of your pipelines goes to Planhat if it has an organization and a start "
            "date.",
            chosen,
        )
    else:
        text = gettext(
            "Any deal that changes in any pipeline goes to Planhat if it has an organization and a start date."
        )
    return text.format(count=chosen)
