"""The settings form of Planhat ↔ Pipedrive: a section per object, named as the product does (seed 004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django import forms

from integration.engine.api import setting
from integration.engine.api import settings as declared
from integration.recipes.planhat_pipedrive import rules

RECEIVE = (("receive", "Receive from Pipedrive"), ("none", "None"))
ALL_WAYS = (("receive", "Receive from Pipedrive"), ("send", "Send to Pipedrive"), ("both", "Both directions"),
            ("none", "None"))  # fmt: skip
CONFLICTS = (("newest", "The newer change"), ("source", "Pipedrive"), ("target", "Planhat"))
MODES = (("won", "Won deals only"), ("all", "All deals, whatever their stage"))
PERIODS = (("month", "A month"), ("year", "A year"))
KINDS = ((rules.SALE, "Sale (non-recurring)"), (rules.LICENSE, "License (recurring)"))
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


def _choice(label: str, choices: Sequence[tuple[str, str]], text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, required=False, help_text=text)


class SettingsForm(declared.SettingsForm):
    """What a tenant decides. Pipelines, date fields and what rules look at are picked from the account."""

    organization_direction = _choice(
        "Organization ↔ Company", ALL_WAYS,
        "Organizations come with a deal. What changes in Planhat is noticed within fifteen minutes, "
        "or at once through an automation.",
    )  # fmt: skip
    conflicts = _choice(
        "When both sides changed the same field, keep", CONFLICTS, "Both values are written down in the activity."
    )
    create_organizations = forms.BooleanField(
        label="Create organizations for new companies",
        required=False,
        help_text="Companies of Planhat that came from nowhere else become organizations in Pipedrive.",
    )
    person_direction = _choice("Person → End User", RECEIVE, "The people of an organization come with its deals.")
    note_direction = _choice("Note → Note", RECEIVE, "Notes on the organization, its deals and its people.")
    deal_direction = _choice(
        "Deal → License or Sale", RECEIVE, "With None, a deal brings the others along and stays behind itself."
    )
    mode = _choice("Which deals", MODES, "A deal also needs an organization and a start date.")
    pipelines = forms.MultipleChoiceField(
        label="Pipelines",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all. What was synced from a pipeline you untick stays and is no longer updated.",
    )
    start_date = _choice("Start date", (), "The deal field that says when the contract starts.")
    start_fallback = forms.BooleanField(
        label="Without a start date, take the day the deal was won",
        required=False,
        help_text="Off: such deals are skipped with the reason “no start date”.",
    )
    end_date = _choice("End date", (), "With one, a License has a fixed period and the deal's value is for all of it.")
    value_period = _choice("Without an end date, a deal's value is for", PERIODS, "A License then has this as its MRR.")
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
            self.fields[what] = _choice(f"Rule {number}: if", ())
            self.offer(what, self.offered.get("rules", ()))
            self.fields[value] = forms.CharField(label=f"Rule {number}: is", required=False, max_length=200)
            self.fields[to] = _choice(f"Rule {number}: the deal becomes a", KINDS)
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
            ("Organizations", ("organization_direction", "conflicts", "create_organizations")),
            ("Persons", ("person_direction",)),
            ("Notes", ("note_direction",)),
            ("Deals", ("deal_direction", "mode", "pipelines", "start_date", "start_fallback", "end_date",
                       "value_period")),
            ("License or Sale? The first rule that fits decides; without one a deal is a License", listed),
        )  # fmt: skip

    def clean(self) -> declared.Cleaned:
        """Defaults for what was not sent; rules close ranks, and a half one is asked about."""
        data = super().clean() or {}
        for name, default in DEFAULTS.items():
            if default and data.get(name) == "":
                data[name] = default
        if not data.get("start_date") and not data.get("start_fallback"):
            self.add_error(
                "start_date", "Pick a field, or let the day the deal was won count. Else no deal has a start."
            )
        for number in self.rule_numbers:
            what, value = data.get(f"rule_{number}_what"), str(data.get(f"rule_{number}_value") or "").strip()
            if bool(what) != bool(value):
                self.add_error(f"rule_{number}_value", "A rule needs both what it looks at and what it should be.")
            elif what == rules.PIPELINE:
                self._check_pipeline(number, value)
        return {**data, **self._closed(data)}

    def _check_pipeline(self, number: int, value: str) -> None:
        known = {word.casefold() for pair in self.offered.get("pipelines", ()) for word in pair}
        if known and value.casefold() not in known:
            self.add_error(f"rule_{number}_value", f"There is no pipeline “{value}”.")

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
            "Persons, notes and deals need their company in Planhat. As organizations are not received, those whose "
            "company does not hold the organization's id fail."
        )
    if set(received.values()) == {"none"}:
        found.append("Everything is set to None: nothing is synced.")
    if settings["mode"] == "all" and not settings["start_date"]:
        found.append("Deals that are not won have no start date unless you pick a field; they are skipped.")
    return found


def summary(settings: Settings) -> list[str]:
    """What these settings make happen, as sentences for people."""
    which = "A deal that is won, or a won deal that changes," if settings["mode"] == "won" else "Any deal that changes"
    chosen = len(settings["pipelines"] or ())
    where = f" in {chosen} of your pipelines" if chosen else " in any pipeline"
    names = {"organization": "its organization", "person": "its people", "note": "its notes"}
    brought = [word for name, word in names.items() if setting(settings, f"{name}_direction") in ("receive", "both")]
    said = [f"{which}{where} goes to Planhat if it has an organization and a start date."]
    if brought:
        said.append(f"With it come {' and '.join(filter(None, (', '.join(brought[:-1]), brought[-1])))}.")
    listed = rules.rules_of(settings)
    if settings["deal_direction"] == "receive":
        more = f"; {len(listed)} rules decide which become Sales" if len(listed) > 1 else ""
        more = "; one rule decides which become Sales" if len(listed) == 1 else more
        said.append(f"It becomes a License{more}.")
    else:
        said.append("The deal itself is not sent.")
    if settings["organization_direction"] in ("send", "both"):
        keeps = dict(CONFLICTS).get(str(settings["conflicts"]), "The newer change").lower()
        both = settings["organization_direction"] == "both"
        said.append("What changes in a company goes back to its organization." + (
            f" When both sides changed the same field, {keeps} is kept." if both else ""))  # fmt: skip
    said.append("An organization, person or note that changes alone waits for its deal, or for “Sync one record”.")
    return said
