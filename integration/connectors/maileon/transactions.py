"""Contact events ("transactions"): their types (XML) and sending them (JSON). Called through `MaileonClient`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from config.json_value import JSONValue
from integration.connectors.maileon import xml
from integration.connectors.maileon.api import JSON, Api, segment
from integration.connectors.maileon.fields import fit
from integration.connectors.maileon.records import Attribute, Transaction, TransactionResult, TransactionType
from integration.errors import ContractError, NotFound
from integration.http import Effect

MAX_BYTES = 9_000_000  # of one request (maileon sheet §5.2)
# Events never generate ids for us and never fail as a whole because of one unknown contact.
SEND_PARAMS = [("ignore_invalid_transactions", "true"), ("generate_transaction_id", "false")]


def get_type(api: Api, name: str) -> TransactionType | None:
    """Return a type by name, or None."""
    try:
        reply = api.call("GET", f"/transactions/types/{segment(name)}", effect=Effect.READ)
    except NotFound:
        return None
    return xml.read_transaction_type(xml.parse(reply.content))


def list_types(api: Api) -> list[TransactionType]:
    """Return all types."""
    return [xml.read_transaction_type(node) for rows in api.pages("/transactions/types") for node in rows]


def create_type(api: Api, name: str, attributes: Sequence[Attribute], description: str, days: int | None) -> str:
    """Create a type and return its id."""
    body = xml.transaction_type_document(name, attributes, description, days)
    return xml.root_id(
        api.call("POST", "/transactions/types", effect=Effect.WRITE, accepted=b"<id>0</id>", body=body).content
    )


def send(api: Api, items: Sequence[Transaction]) -> list[TransactionResult]:
    """Send events in as few calls as the size limit allows; one result per item, in order."""
    results: list[TransactionResult] = []
    for batch in _batches([_encoded(item) for item in items]):
        if batch is None:
            results.append(TransactionResult(False, f"This event is larger than {MAX_BYTES} bytes."))
            continue
        body = b"[" + b",".join(batch) + b"]"
        accepted = json.dumps({"reports": [{"queued": True}] * len(batch)}).encode()
        reply = api.call(
            "POST", "/transactions", effect=Effect.WRITE, accepted=accepted, params=SEND_PARAMS, body=body,
            content_type=JSON, accept=JSON,
        )  # fmt: skip
        results += _results(reply.json(), len(batch))
    return results


def get_one(api: Api, type_name: str, transaction_id: str) -> Mapping[str, JSONValue] | None:
    """Return an event by the `transaction_id` we gave it, or None."""
    path = f"/transactions/{segment(type_name)}/transaction_id/{segment(transaction_id)}"
    try:
        reply = api.call("GET", path, effect=Effect.READ, accept=JSON)
    except NotFound:
        return None
    found = reply.json() if reply.content.strip() else None
    if isinstance(found, list):
        found = found[0] if found else None
    if found is not None and not isinstance(found, dict):
        raise ContractError("Maileon sent a contact event in an unknown form.", detail=type(found).__name__)
    return found


def _encoded(item: Transaction) -> bytes:
    known = (("id", item.contact_id), ("email", item.email), ("external_id", item.external_id))
    identity = {key: value for key, value in known if value}
    content = {key: fit(value, "attribute") for key, value in item.content.items() if value is not None}
    row: dict[str, JSONValue] = {"typeName": item.type_name, "content": content}
    if item.import_permission is None:
        row["contact"] = identity
    else:
        row["import"] = {"contact": {**identity, "permission": item.import_permission}}
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _batches(rows: Sequence[bytes]) -> Iterator[list[bytes] | None]:
    """Group rows into bodies below the limit; None stands for a row that is too large by itself."""
    batch: list[bytes] = []
    size = 2
    for row in rows:
        if len(row) + 2 > MAX_BYTES or size + len(row) + 1 > MAX_BYTES:
            if batch:
                yield batch
            batch, size = [], 2
        if len(row) + 2 > MAX_BYTES:
            yield None
            continue
        batch.append(row)
        size += len(row) + 1
    if batch:
        yield batch


def _results(body: JSONValue, expected: int) -> list[TransactionResult]:
    reports = body.get("reports") if isinstance(body, dict) else None
    if not isinstance(reports, list) or len(reports) != expected or not all(isinstance(row, dict) for row in reports):
        raise ContractError("Maileon's report on contact events has an unknown form.", detail=str(type(reports)))
    return [_result(row) for row in reports]


def _result(row: Mapping[str, JSONValue]) -> TransactionResult:
    contact = row.get("contact") or {}
    return TransactionResult(
        queued=row.get("queued") is True,
        message=str(row.get("message") or ""),
        transaction_id=str(row.get("transaction_id") or ""),
        contact_id=str(contact.get("id") or "") if isinstance(contact, dict) else "",
    )
