"""The guides name schedules, settings and fields as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.engine.diagnose.examine import CHECKS
from integration.engine.diagnose.faults import FAULTS
from integration.engine.insight.metrics import Figures
from integration.models import AlertKind
from integration.recipes.hubspot_maileon.properties import DEFINITIONS
from integration.recipes.newsletter.settings import PERMISSIONS
from integration.recipes.pipedrive_maileon.event_types import ATTRIBUTES
from integration.recipes.registry import RECIPES, get_recipe
from integration.tasks import SCHEDULES

DOCS = Path(__file__).parents[2] / "docs"
OPERATOR = (DOCS / "operator-guide.md").read_text()
TENANT = (DOCS / "tenant-guide.md").read_text()
# Recipe → its tenant guide.
GUIDES = {
    "pipedrive_maileon": TENANT,
    "hubspot_maileon": (DOCS / "tenant-guide-hubspot.md").read_text(),
    "pipedrive_brevo": (DOCS / "tenant-guide-pipedrive-brevo.md").read_text(),
    "leadboxer_pipedrive": (DOCS / "tenant-guide-leadboxer-pipedrive.md").read_text(),
    "planhat_pipedrive": (DOCS / "tenant-guide-planhat.md").read_text(),
}
UNITS = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 24 * 60, "days": 24 * 60, "week": 7 * 24 * 60}


def rows(text, heading):
    """The rows of the table below a heading, each as a list of cells."""
    part = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_schedule_is_listed_with_its_interval():
    listed = {}
    for cells in rows(OPERATOR, "Schedules")[1:]:
        number, _, unit = cells[1].rpartition(" ")
        listed[cells[0].strip("`")] = int(number or 1) * UNITS[unit]

    assert listed == {schedule: minutes for schedule, (_, minutes) in SCHEDULES.items()}


def test_every_recipe_has_a_guide():
    assert set(GUIDES) == set(RECIPES)


@pytest.mark.parametrize("key", RECIPES)
def test_every_setting_is_explained_under_its_label(key):
    explained = [cells[0] for cells in rows(GUIDES[key], "What each setting does")[1:]]
    labels = [str(field.label) for field in get_recipe(key).settings_form.base_fields.values()]

    assert sorted(explained) == sorted(labels)


def test_permissions_are_called_as_in_the_form():
    words = set(re.findall(r"Double Opt-in Plus|Double Opt-in|Single Opt-in|None", TENANT))

    assert words == {label for _, label in PERMISSIONS}


@pytest.mark.parametrize("key", RECIPES)
def test_every_mapped_field_is_listed(key):
    listed = {cells[0] for cells in rows(GUIDES[key], "Which data is sent")[1:]}
    mapped = {row.target for flow in get_recipe(key).flows for row in flow.mapping or ()}

    assert mapped <= listed


@pytest.mark.parametrize(("field", "kind"), ATTRIBUTES.items())
def test_every_field_of_a_contact_event_is_listed_with_its_type(field, kind):
    assert [field, kind] in [cells[:2] for cells in rows(TENANT, "Deals as contact events")]


def test_every_check_and_every_fault_of_the_diagnosis_is_listed():
    tables = rows(OPERATOR, "Diagnose and repair")
    checks = [check.label.partition(" of {")[0].partition(" at {")[0].partition(" from {")[0] for check in CHECKS]
    listed = [cells[0] for cells in tables if not cells[0].startswith("`")]
    codes = [code for cells in tables for code in re.findall(r"`([a-z_]+)`", cells[0])]

    assert [label for label in listed if label not in ("check", "code")] == checks
    assert codes == list(FAULTS)


def test_every_kind_of_alert_is_listed():
    listed = [cells[0] for cells in rows(OPERATOR, "Alerts")[1:]]

    assert listed == [str(label) for label in AlertKind.labels]


@pytest.mark.django_db
def test_every_metric_is_listed():
    listed = {
        name for cells in rows(OPERATOR, "Health and metrics") for name in re.findall(r"`(lockstep_\w+)`", cells[0])
    }
    families = {family.name for family in Figures((), ()).collect()}

    assert listed - {"lockstep_sweep_age_seconds"} == families - {"lockstep_sweep_age_seconds"}


def test_every_property_in_hubspot_is_explained_with_its_options():
    listed = {cells[0]: cells[1] for cells in rows(GUIDES["hubspot_maileon"], "The properties in HubSpot")[1:]}

    assert set(listed) == {row["label"] for row in DEFINITIONS.values()}
    for row in DEFINITIONS.values():
        assert all(option["label"] in listed[row["label"]] for option in row.get("options", ()))
