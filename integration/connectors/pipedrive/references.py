"""The names behind Pipedrive's ids: of users, organizations, people, pipelines and stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from integration.connectors.base import References
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Organization, Page, Person

MOST_PAGES = 2  # of a thousand changes; with more, the names are read anew


def names(client: PipedriveClient, kind: str, ids: Sequence[str]) -> Mapping[str, str]:
    """Id → name of those that exist and may be seen; of users, pipelines and stages all of them, in one call."""
    if kind == "user":
        return {row.id: row.name for row in client.get_users()}
    if kind == "organization":
        return {row.id: row.name for row in client.get_organizations(ids)}
    if kind == "person":
        return {row.id: row.name for row in client.get_persons(ids)}
    if kind == "pipeline":
        return {row.id: row.name for row in client.get_pipelines()}
    return {row.id: row.name for row in client.get_stages()} if kind == "stage" else {}


def renamed(client: PipedriveClient, kind: str, since: datetime) -> Mapping[str, str] | None:
    """What may have another name since then. Only organizations and people can be asked for by time."""
    if kind not in ("organization", "person"):
        return {}
    found: dict[str, str] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page: Page[Organization] | Page[Person]
        page = (client.organizations_page if kind == "organization" else client.persons_page)(cursor, since=since)
        found |= {row.id: row.name for row in page.records}
        cursor = page.next_cursor
        if cursor is None:
            return found
    return None


REFERENCES = References(names, renamed)
