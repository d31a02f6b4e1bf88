"""The datasets a user may see, and the saved segments of a dataset with their criteria."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import reply
from sandbox.leadboxer.api import Call, Endpoint, error


def list_datasets(call: Call) -> Response:
    call.user()
    rows = call.account.datasets.values()
    return reply(
        {"data": [{"datasetId": row.id, "humanName": row.name, "accountId": call.account.id,
                   "accountName": call.account.name, "timezone": "Europe/Amsterdam"} for row in rows]}
    )  # fmt: skip


def list_segments(call: Call) -> Response:
    call.user()
    if call.need("accountId") != call.account.id:
        error(403, "Forbidden", "No access to this account")
    dataset = call.dataset("datasetId")
    return reply(
        {"data": [
            {"segmentId": row.id, "name": row.name, "type": row.type, "accountId": call.account.id,
             "datasetId": dataset.id, "search": "*", **row.criteria}
            for row in dataset.segments.values()
        ]}
    )  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "users/datasets", list_datasets),
    Endpoint("GET", "segments", list_segments),
]
