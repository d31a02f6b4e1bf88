"""Which vendor each id of a link belongs to, also where a flow carries something back on the same links."""

from __future__ import annotations

import pytest

from integration.admin.lists.link import sides
from integration.models import Integration, RecordLink


@pytest.mark.parametrize(
    ("recipe", "link_type", "expected"),
    [
        ("pipedrive_brevo", "person", ("Pipedrive person", "Brevo contact")),
        ("pipedrive_brevo", "contact", ("Brevo contact", "Pipedrive person")),
        ("pipedrive_maileon", "person", ("Pipedrive person", "Maileon contact")),
        ("hubspot_maileon", "contact", ("HubSpot contact", "Maileon contact")),
        ("planhat_pipedrive", "company", ("Pipedrive organization", "Planhat company")),
        ("planhat_pipedrive", "new_company", ("Planhat company", "Pipedrive organization")),
        ("planhat_pipedrive", "no such", ("Source", "Target")),
    ],
)
def test_sides(recipe, link_type, expected):
    assert sides(RecordLink(integration=Integration(recipe=recipe), link_type=link_type)) == expected
