"""How many vendor calls much work costs, and that Brevo's three budgets are kept."""

from __future__ import annotations

from collections import Counter


def test_five_thousand_persons_cost_ten_reads_and_few_writes(brevo_world, sandbox):
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    brevo_world.seed_people(4996)  # with the four that are there already

    from integration.engine import runs
    from tests.support import hub

    runs.start(brevo_world.integration, "fetch_all", "person_to_contact")
    hub.drain()

    assert len(brevo_world.contacts()) == 5000
    kinds = Counter(brevo_world.calls("pipedrive"))
    assert kinds["GET /pipedrive/acme/api/v2/persons"] <= 10 + 1  # and one for the bound of the progress bar
    brevo = Counter(row["path"] + " " + row["method"] for row in brevo_world.seen)
    imports = brevo["/brevo/v3/contacts/import POST"]
    polls = sum(count for key, count in brevo.items() if key.startswith("/brevo/v3/processes/"))
    reads_and_writes = sum(brevo.values()) - polls
    assert imports == 2
    assert reads_and_writes <= 5 + imports  # beside the imports: who left which list, and a sample read back each
    assert polls <= 4
