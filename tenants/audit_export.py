"""The audit as lines that anybody can check: each is signed (Ed25519) and names the signature of the one before it.

A line that was changed, left out, added or moved is noticed, and so is an end that was cut off: the last line says how
many there are. The key is made from LOCKSTEP_HASH_KEY; of it, a reader needs the public half alone, which
`manage.py check_audit` prints for the installation it runs on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Iterator, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from config.json_value import JSONObject, JSONValue
from tenants.audit import AuditEntry

PURPOSE = b"lockstep audit export 1"


class Forged(Exception):
    """The lines are not what was exported; the text says which one and why."""


def _key() -> Ed25519PrivateKey:
    material = HKDF(hashes.SHA256(), 32, None, PURPOSE).derive(settings.LOCKSTEP_HASH_KEY.encode())
    return Ed25519PrivateKey.from_private_bytes(material)


def public_key() -> str:
    """The key by which exports of this installation are checked, in base64."""
    return base64.b64encode(_key().public_key().public_bytes_raw()).decode()


def lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Yield the signed lines, and one more that says how many there were."""
    key, before, count = _key(), "", 0
    for entry in entries:
        before = yield from _signed(key, before, _told(entry))
        count += 1
    yield from _signed(key, before, {"end": count})


def check(text: Iterable[str], key: str) -> int:
    """Return how many entries the lines hold. Raises Forged."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
    before, count, ended = "", 0, False
    for number, line in enumerate(text, 1):
        row = _read(line, number)
        signature = str(row.pop("signature", ""))
        if ended or row.get("after") != before:
            raise Forged(f"Line {number} does not follow the one before it.")
        try:
            public.verify(base64.b64decode(signature), _canonical(row))
        except (InvalidSignature, ValueError):
            raise Forged(f"Line {number} is not as it was signed.") from None
        before, ended = signature, "end" in row
        if ended and row["end"] != count:
            raise Forged(f"The last line tells of {row['end']} entries, and there are {count}.")
        count += not ended
    if not ended:
        raise Forged("The end is missing.")
    return count


def _signed(key: Ed25519PrivateKey, before: str, content: Mapping[str, JSONValue]) -> Generator[str, None, str]:
    row = {**content, "after": before}
    signature = base64.b64encode(key.sign(_canonical(row))).decode()
    yield json.dumps({**row, "signature": signature}, ensure_ascii=False) + "\n"
    return signature


def _told(entry: AuditEntry) -> JSONObject:
    return {
        "number": entry.pk, "at": entry.at.isoformat(), "user": entry.user_number, "who": entry.who,
        "from": entry.address, "tenant": str(entry.tenant_number or ""), "kind": entry.model, "row": entry.row,
        "row_name": entry.row_name, "what": entry.what, "changes": entry.changes,
    }  # fmt: skip


def _canonical(row: Mapping[str, JSONValue]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _read(line: str, number: int) -> dict[str, JSONValue]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Forged(f"Line {number} is no JSON object.")
    return row
