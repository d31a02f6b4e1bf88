"""Products attached to deals: the list over several deals, and what a person attaches in the vendor's pages."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive.api import DEALS_READ, Call, Endpoint, invalid, ok
from sandbox.pipedrive.listing import MAX_IDS, read_page

SORTS = ("id", "deal_id", "add_time", "update_time", "order_nr")


def list_deal_products(call: Call) -> Response:
    """Products of up to a hundred deals; the cursor is the place in the list."""
    raw = [part for part in call.query.get("deal_ids", "").split(",") if part]
    if not raw or len(raw) > MAX_IDS or not all(part.isdigit() for part in raw):
        invalid("deal_ids", f"Array must contain between 1 and {MAX_IDS} numbers")
    wanted = {int(part) for part in raw}
    rows = [row for row in call.company.deal_products if row["deal_id"] in wanted]
    limit = read_page(_without_cursor(call), SORTS).limit
    cursor = call.query.get("cursor", "0")
    start = int(cursor) if cursor.isdigit() else invalid("cursor", "Invalid cursor")
    following = str(start + limit) if start + limit < len(rows) else None
    return ok(rows[start : start + limit], {"next_cursor": following})


def _without_cursor(call: Call) -> dict[str, str]:
    return {key: value for key, value in call.query.items() if key != "cursor"}


def attach(call: Call) -> Response:
    """Somebody attaches a product: `name` and what else there is to say."""
    wish, now = call.body(), call.sandbox.clock.rfc3339()
    number = call.company.next("deal_product")
    price, quantity = wish.get("item_price", 0), wish.get("quantity", 1)
    row: Record = {
        "id": number, "deal_id": call.number(), "product_id": number, "product_variation_id": None,
        "name": wish["name"], "order_nr": number, "item_price": price, "quantity": quantity, "sum": price * quantity,
        "tax": 0, "comments": "", "currency": wish.get("currency", "EUR"), "discount": 0,
        "discount_type": "percentage", "tax_method": "inclusive", "is_enabled": True, "add_time": now,
        "update_time": now, "billing_frequency": wish.get("billing_frequency", "one-time"),
        "billing_frequency_cycles": None, "billing_start_date": None,
    }  # fmt: skip
    call.company.deal_products.append(row)
    return ok(row)


PRODUCTS_READ = ("products:read", "products:full")
ENDPOINTS = [Endpoint("GET", "v2/deals/products", list_deal_products, 10, (*PRODUCTS_READ, *DEALS_READ))]
