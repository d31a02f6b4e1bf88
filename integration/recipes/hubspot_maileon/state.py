"""What the link of a HubSpot contact remembers beside what all links of the newsletter do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integration.recipes.newsletter.consent import ContactState

MOVE = "stage_move"  # the names of two fields, for taking them away
ENTRY = "timeline_entry"


@dataclass(frozen=True, kw_only=True)
class HubSpotState(ContactState):
    """The state of a contact in step with HubSpot."""

    stage_move: Mapping[str, str] | None = None  # a move between stages that was begun and not yet seen to end
    timeline_entry: Mapping[str, str] | None = None  # an entry that was announced and may have arrived
    stage_repaired_at: str | None = None  # ISO, UTC
    contact_gone: bool | None = None
