"""One misspelled client method, setting, reason or remembered key fails the type check, wherever it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REASONS = """
from integration.engine.api import Result, Skip
from integration.errors import RecordError
from integration.models import Outcome
from integration.reasons import Reason
from integration.recipes.newsletter.reasons import NewsletterReason

Skip(Reason.NO_EMAIL)
Result(Outcome.SKIPPED, reason=Reason.NO_EMAIL)
Skip("no_email")  # wrong
Skip(Reason.NO_EMIAL)  # wrong
Skip(NewsletterReason.NEWSLETTER_ON)  # wrong
Result(Outcome.SKIPPED, reason="no_emial")  # wrong
Result("skiped")  # wrong
RecordError("", reason="record_refsed")  # wrong
"""
STATE = """
from integration.models import RecordLink
from integration.recipes.hubspot_maileon.state import HubSpotState
from integration.recipes.leadboxer_pipedrive.state import EnrichContext, LeadState
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.context import ConsentContext, ContactContext
from integration.recipes.planhat_pipedrive.state import DealState, OrganizationContext


def remembered(link: RecordLink) -> None:
    ContactState(no_seen=ContactState.of(link).no_seen)
    ContactState(no_sene=True)  # wrong
    ContactState.of(link).reportd  # wrong
    HubSpotState.of(link).stage_moved  # wrong
    ContactContext.read({}).merged_itno  # wrong
    ConsentContext(unsubscribtion="")  # wrong
    LeadState.of(link).trail  # wrong
    EnrichContext(taget="")  # wrong
    DealState(orgnization="")  # wrong
    OrganizationContext.read({}).with_dael  # wrong
"""
TWO_LETTERS = re.compile(r"(\w)(\w)(\(|'\])")  # the last two of a name: they change places
FLOW = """
from integration.recipes.pipedrive_brevo.imports import ImportCheck
from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact

from integration.engine.api import Flow


class Incomplete(Flow):
    def decid(self) -> None: ...


Incomplete()  # wrong
ImportCheck()
PersonToContact().enabeld  # wrong
"""
# For each recipe: its two clients and its settings, right and wrong.
WORKS = {
    "pipedrive_maileon": ("left.get_persons([])", "right.has_unsubscription_marker('')", "settings['doi_key']"),
    "hubspot_maileon": ("left.get_contacts([], [])", "right.find_contact('')", "settings['on_delete']"),
    "pipedrive_brevo": ("left.get_deals([])", "right.get_contacts([])", "settings['list_churned']"),
    "leadboxer_pipedrive": ("left.list_datasets()", "right.get_lead('')", "settings['lead_fields']"),
    "planhat_pipedrive": ("left.get_organizations([])", "right.get_company('')", "settings['pipelines']"),
}


def snippet() -> str:
    """Right lines and wrong ones; the wrong ones say so."""
    parts = [REASONS, STATE, FLOW]
    for recipe, (left, right, setting) in WORKS.items():
        wrong = [TWO_LETTERS.sub(r"\2\1\3", each, count=1) for each in (left, right, setting)]
        parts.append(
            f"\n\nfrom integration.recipes.{recipe}.session import Session as {recipe.title().replace('_', '')}\n\n\n"
            f"def of_{recipe}(ctx: {recipe.title().replace('_', '')}) -> None:\n"
            + "".join(f"    ctx.{each}\n" for each in (left, right, setting))
            + "".join(f"    ctx.{each}  # wrong\n" for each in wrong)
        )
    return "".join(parts)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_misspelling_fails_the_type_check(tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(snippet())
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(path)]
    cache = {"MYPY_CACHE_DIR": os.environ.get("MYPY_CACHE_DIR", str(ROOT / ".mypy_cache"))}

    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **cache})

    reported = {int(number) for number in re.findall(r"snippet\.py:(\d+): error", found.stdout)}
    wrong = {number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(wrong) == 17 + 3 * len(WORKS)
    assert reported == wrong, found.stdout + found.stderr
