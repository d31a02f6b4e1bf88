"""The default account: two datasets, each with segments, and no lead yet."""

from __future__ import annotations

from sandbox.leadboxer.model import Segment, World

API_KEY = "1eadb0c5" * 5
LOGIN = "grace@acme.example"
SITE, SHOP = "5173" * 8, "5409" * 8
SEGMENTS: dict[str, dict[str, object]] = {
    "Target Audience": {},
    "Top leads": {"leadscoreFilter": 60},
    "Known persons": {"fieldFilter": "hasanyvalue|email"},
    "Germany": {"textFilter": "organizationCountry|is|Germany"},
}


def seed(world: World) -> None:
    account = world.add("ACME Leads", API_KEY, LOGIN)
    for name, dataset_id in (("acme.example", SITE), ("shop.acme.example", SHOP)):
        dataset = world.add_dataset(account, name, dataset_id)
        for title, criteria in SEGMENTS.items():
            number = account.next("segment", 900)
            dataset.segments[number] = Segment(number, title, "ACCOUNT", dict(criteria))
