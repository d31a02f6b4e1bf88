"""The standard suite for LeadBoxer, which is only read and calls nobody."""

from __future__ import annotations

from integration.connectors.base import Credentials
from integration.connectors.leadboxer.client import seen_within
from integration.connectors.leadboxer.connector import CONNECTOR
from integration.connectors.leadboxer.records import Dataset
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import Call, Vendor

KEY, SITE, EMPTY = "k" * 40, "51" * 16, frozenset({b"[]"})


class TestLeadBoxer(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials(
            "api_key", f"{url}/leadboxer/v1", {"api_key": KEY, "email": "grace@acme.example"}
        ),
        secret=KEY,
        reads=(
            Call("get_lead", lambda client: client.get_lead(SITE, "1.1")),
            Call("leads_page", lambda client: client.leads_page(SITE, {"criteriaTimeFilter": seen_within(1)}), EMPTY),
            Call("list_segments", lambda client: client.list_segments(Dataset(SITE, "site", "401")), EMPTY),
        ),
        foreign=("https://leadboxer.com.evil.example/v1", "http://api.leadboxer.com"),
    )
