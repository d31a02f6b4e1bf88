"""Lifecycle stages: a list to begin with, custom ones with numeric values, and the rule that nobody moves back."""

from __future__ import annotations

from sandbox.http import Record
from sandbox.hubspot.model import Portal

PROPERTY = "lifecyclestage"
DEFAULT_STAGES = (
    ("subscriber", "Subscriber"), ("lead", "Lead"), ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"), ("opportunity", "Opportunity"), ("customer", "Customer"),
    ("evangelist", "Evangelist"), ("other", "Other"),
)  # fmt: skip
FIRST_CUSTOM = 51439524


def allowed(portal: Portal, present: str | None, wanted: str) -> bool:
    """Whether this write takes effect. A move backwards is answered with success and changes nothing."""
    if not wanted or not present:
        return True
    order: dict[str, int] = {
        option["value"]: option["displayOrder"] for option in portal.properties[PROPERTY]["options"]
    }
    return order.get(wanted, -1) >= order.get(present, -1)


def add_custom(portal: Portal, label: str, position: int) -> Record:
    """Somebody adds a stage of their own: its value is a number as text."""
    options: list[Record] = portal.properties[PROPERTY]["options"]
    numbers = [int(option["value"]) for option in options if option["value"].isdigit()]
    stage: Record = {"label": label, "value": str(max(numbers, default=FIRST_CUSTOM - 1) + 1), "hidden": False}
    options.insert(position, stage)
    for order, option in enumerate(options):
        option["displayOrder"] = order
    return stage


def rename(portal: Portal, value: str, label: str) -> Record:
    """Give a stage another name; its value stays. Raises KeyError."""
    stage = _stage(portal, value)
    stage["label"] = label
    return stage


def remove(portal: Portal, value: str) -> Record:
    """Delete a stage. Contacts that are in it keep its value, which is none of the options any more."""
    stage = _stage(portal, value)
    portal.properties[PROPERTY]["options"].remove(stage)
    return stage


def _stage(portal: Portal, value: str) -> Record:
    options: list[Record] = portal.properties[PROPERTY]["options"]
    found = next((option for option in options if option["value"] == value), None)
    if found is None:
        raise KeyError(value)
    return found
