"""Products attached to deals, read for several deals at once (official v2 OpenAPI file, GET /deals/products)."""

from __future__ import annotations

from collections.abc import Iterable

from integration.connectors.pipedrive import values
from integration.connectors.pipedrive.api import IDS_PER_CALL, Api

COST = 10


def of_deals(api: Api, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return deal id → product names, in the deal's order; deals without products are missing."""
    wanted = list(dict.fromkeys(str(item) for item in ids))
    found: dict[str, list[str]] = {}
    for start in range(0, len(wanted), IDS_PER_CALL):
        chunk = ",".join(wanted[start : start + IDS_PER_CALL])
        for row in api.all_v2("/api/v2/deals/products", cost=COST, deal_ids=chunk):
            found.setdefault(values.id_of(row, "deal_id"), []).append(values.text(row, "name"))
    return found
