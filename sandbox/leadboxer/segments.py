"""The datasets a user may see, and the saved segments of a dataset with their criteria."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record
from sandbox.leadboxer.api import Call, Endpoint
from sandbox.leadboxer.filters import PARAMETERS
from sandbox.leadboxer.model import Segment


def list_datasets(call: Call) -> Response:
    """At one of two paths: the vendor's texts name both, the stand-in knows one."""
    path = "user-datasets" if "leadboxer.datasets_path" in call.sandbox.thrown else "users/datasets"
    if call.incoming.segments[1:] != tuple(path.split("/")):
        call.error(404, "Not Found", "No such path")
    call.user()
    return call.rows([
        {"datasetId": row.id, "humanName": row.name, "accountId": call.account.id,
         "accountName": call.account.name, "timezone": "Europe/Amsterdam"} for row in call.account.datasets.values()
    ])  # fmt: skip


def list_segments(call: Call) -> Response:
    call.user()
    if call.need("accountId") != call.account.id:
        call.foreign("No access to this account")
    dataset = call.dataset("datasetId")
    return call.rows([
        {"segmentId": row.id, "name": row.name, "type": row.type, "accountId": call.account.id,
         "datasetId": dataset.id, "search": "*", **_criteria(call, row)}
        for row in dataset.segments.values()
    ])  # fmt: skip


def _criteria(call: Call, row: Segment) -> Record:
    """Segments are kept under the names of the older API."""
    if "leadboxer.criteria_keys" in call.sandbox.thrown:
        return row.criteria
    return {PARAMETERS.get(key, key): value for key, value in row.criteria.items()}


ENDPOINTS = [
    Endpoint("GET", "users/datasets", list_datasets),
    Endpoint("GET", "user-datasets", list_datasets),
    Endpoint("GET", "segments", list_segments),
]
