"""How a recipe declares its settings: a form with sections, what depends on what, and pickers fed by the accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext

from integration.engine.flow.session import SyncSession

Offered = Mapping[str, Sequence[tuple[str, str]]]
Cleaned = dict[str, Any]  # what a form took of its fields, by name; a recipe's `Settings` says what is in it
Depends = Mapping[str, Mapping[str, bool | list[str]]]  # field → what others must be for it to count


class SettingsForm(forms.Form):
    """The base of recipes' forms. `asks` names for each picker the recipe's choices it offers.

    What was chosen and is no longer offered stays chosen, marked as such.
    """

    asks: Mapping[str, str] = {}

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether there can be a setting of this name; forms whose fields depend on the account say more."""
        return name in cls.base_fields

    def __init__(self, *args: Any, offered: Offered | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered: Offered = offered or {}
        for name, kind in self.asks.items():
            self.offer(name, self.offered.get(kind, ()))
        self.add_fields()

    def add_fields(self) -> None:
        """Add the fields that depend on the account; most forms have none."""

    def offer(self, name: str, known: Sequence[tuple[str, str]]) -> None:
        """Let a picker offer these, and what is chosen although it is not among them."""
        picker = self.fields[name]
        assert isinstance(picker, forms.ChoiceField)
        chosen = self.initial.get(name) or []
        lost = [key for key in (chosen if isinstance(chosen, list) else [chosen]) if str(key) not in dict(known)]
        empty = [] if isinstance(picker, forms.MultipleChoiceField) or picker.required else [("", gettext("None"))]
        picker.choices = [*empty, *known, *((key, gettext("{key} (no longer there)").format(key=key)) for key in lost)]


def setting(settings: Mapping[str, Any], name: str) -> Any:
    """The setting whose name is made from another word, which no type can check."""
    return settings[name]


def own_fields(ctx: SyncSession, side: str, object_type: str) -> list[tuple[str, str]]:
    """The account's own fields of one object by label, but those we made."""
    ours = set(map(str, ctx.resources.values()))
    offered = [spec for spec in ctx.fields(side, object_type).values() if spec.custom and spec.key not in ours]
    return sorted(((spec.key, spec.label) for spec in offered), key=lambda pair: pair[1].lower())
