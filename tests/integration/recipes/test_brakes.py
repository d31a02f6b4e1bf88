"""Whatever takes records away in large numbers is braked, in every recipe that can do so."""

from __future__ import annotations

import pytest

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Write
from integration.engine.safety import limits
from integration.recipes.registry import get_recipe
from tests.support.factories import IntegrationFactory

pytestmark = pytest.mark.django_db
TAKING = [
    ("pipedrive_maileon", "person_to_contact", "unsubscribe"), ("pipedrive_maileon", "person_to_contact", "delete"),
    ("hubspot_maileon", "contact_to_contact", "unsubscribe"), ("hubspot_maileon", "contact_to_contact", "delete"),
    ("pipedrive_brevo", "person_to_contact", "delete"), ("pipedrive_brevo", "person_to_contact", "leave_list"),
]  # fmt: skip


@pytest.mark.parametrize(("recipe", "flow", "action"), TAKING)
def test_a_mass_removal_waits_for_a_person(recipe, flow, action):
    ctx = OpenSession(IntegrationFactory(recipe=recipe), get_recipe(recipe))
    writes = [Write(Item(str(n)), action, {}, None, None) for n in range(11)]

    held = limits.removals_held(ctx, ctx.recipe.flow(flow), writes, seen=11)

    assert {result.reason for result in held.values()} == {"mass_delete"}
    assert len(held) == 11
