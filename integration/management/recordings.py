"""Recorded vendor calls as files: what a real account answered, to hold the stand-in against.

The calls were redacted when they were made. A file keeps no id of a tenant and no address of an account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from config.json_value import JSONObject
from integration.models import Connection, VendorCall
from integration.sunset import place_of

PER_PLACE = 5  # of each kind of call and status; more of the same tell nothing new
CUT = re.compile(r"… \(\d+ characters\)\Z")


def export(connection: Connection, folder: Path) -> int:
    """Write the newest calls of a connection into `folder`, some per kind of call and status. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, recording in _recordings(connection):
        text = json.dumps(recording, indent=2, ensure_ascii=False, sort_keys=True)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        count += 1
    return count


def _recordings(connection: Connection) -> Iterator[tuple[str, JSONObject]]:
    seen: dict[str, int] = {}
    root = urlsplit(connection.base_url).path
    rows = VendorCall.objects.filter(connection=connection).exclude(status=0).order_by("-id")
    for row in rows.iterator(chunk_size=200):
        path = row.path.removeprefix(root)
        name = _file_name(row.method, path, row.status)
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= PER_PLACE:
            recording: JSONObject = {
                "vendor": connection.vendor,
                "method": row.method,
                "path": path,
                "status": row.status,
                "request": row.request,
                "response": CUT.sub("", row.response),
                "complete": CUT.search(row.response) is None,
            }
            yield f"{name}__{seen[name]}", recording


def _file_name(method: str, path: str, status: int) -> str:
    place = place_of(method, path).replace("…", "id")
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', place).strip('_')}__{status}"
