"""LeadBoxer's nouns and verbs: datasets, segments, leads, sessions, events. Reads only; it is never written to.

Version 1 of the API (sheet §3). The paths of sessions, events and segments are those of the vendor's reference pages
getsessions, getevents and getsegments. Each endpoint answers ten calls a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from config.json_value import JSONValue
from integration.connectors.base import Account
from integration.connectors.leadboxer import records
from integration.connectors.leadboxer.api import Api, rows_of
from integration.connectors.leadboxer.records import Dataset, Event, Lead, Page, Segment, Session
from integration.connectors.rows import read_each
from integration.errors import ContractError, RecordError, TenantActionError
from integration.reasons import Reason

PAGE_SIZE = 40  # below the default of 50, so that a page is never cut to a size we do not know
SESSIONS = EVENTS = 500  # more than anybody has; which end of the list a smaller limit cuts off is not documented
DATASETS = ("/user-datasets", "/users/datasets")  # the vendor's example, and an older text
TOKEN_KEYS = ("nextToken", "next_token")
SAMPLED = 5  # datasets looked at for properties of the customer's own; an agency may have very many
ZONE = "UTC"  # of day limits; the vendor's default is its own


class LeadBoxerClient(Api):
    """One account's LeadBoxer, seen with the rights of the user who logs in with `email`."""

    def get_account(self) -> Account:
        """Prove the key and name the account behind it."""
        datasets = self.list_datasets()
        if not datasets:
            raise TenantActionError(f"LeadBoxer shows no dataset to {self.email}.", reason=Reason.PERMISSION_MISSING)
        first = datasets[0]
        names = ", ".join(row.name for row in datasets[:3])
        return Account(first.account_id or self.email.lower(), first.account_name or names, {"user": self.email})

    def list_datasets(self) -> list[Dataset]:
        """The datasets this user may see."""
        if not self.email:
            raise TenantActionError("LeadBoxer wants to know who asks: enter the e-mail address of your login.",
                                    reason=Reason.CREDENTIALS_REFUSED)  # fmt: skip
        answer = self.get_either("datasets", DATASETS, email=self.email)
        return [records.parse_dataset(row) for row in rows_of(answer, "datasets")]

    def list_segments(self, dataset: Dataset) -> list[Segment]:
        """The saved segments of one dataset, the user's own and those of the account."""
        if not dataset.account_id:
            raise ContractError("LeadBoxer did not tell the account of a dataset.", detail=dataset.id)
        answer = self.get("segments", "/segments", email=self.email, accountId=dataset.account_id, datasetId=dataset.id)
        return [records.parse_segment(row) for row in rows_of(answer, "segments")]

    def leads_page(
        self, dataset_id: str, criteria: Mapping[str, str], token: str | None = None, limit: int = PAGE_SIZE
    ) -> Page:
        """One page of leads, the one seen last first. `criteria` are parameters as a Segment has them, with a time.

        Raises ContractError where the page is full, tells no token, and there is more.
        """
        answer = self._list_leads(dataset_id, criteria, token, limit)
        rows = rows_of(answer, "leads")
        read = read_each(rows, records.parse_lead, key="use_id")
        following = next_token(answer, full=len(rows) >= limit) if rows else ""
        if not following and len(rows) >= limit:
            self._prove_the_end(dataset_id, criteria, token, limit)
        return Page(read.records, following or None, read.unreadable)

    def _list_leads(self, dataset_id: str, criteria: Mapping[str, str], token: str | None, limit: int) -> JSONValue:
        return self.get(
            "leads", "/leads", **{"search": "*", "timeField": "eventEsTimestamp", **criteria},
            site=dataset_id, limit=limit, sortBy="lastEvent|desc", timeZone=ZONE, nextToken=token,
        )  # fmt: skip

    def _prove_the_end(self, dataset_id: str, criteria: Mapping[str, str], token: str | None, limit: int) -> None:
        """A full page without a token is the end only if one row more cannot be had (sheet, corrections)."""
        again = self._list_leads(dataset_id, criteria, token, limit + 1)
        if len(rows_of(again, "leads")) > limit:
            raise ContractError("LeadBoxer did not tell how to read on in a list of leads.", detail=_names(again))

    def get_lead(self, dataset_id: str, lead_id: str) -> Lead:
        """One lead. Raises NotFound."""
        answer = self.get("lead", f"/leads/{_segment(lead_id)}", site=dataset_id, email=self.email)
        row = answer.get("data", answer) if isinstance(answer, dict) else answer
        if not isinstance(row, dict):
            raise ContractError("LeadBoxer sent a lead in an unknown form.", detail=lead_id)
        return records.parse_lead(row)

    def get_sessions(self, dataset_id: str, lead_id: str) -> list[Session]:
        """The visits of a lead."""
        answer = self.get("sessions", "/leads/sessions", leadId=lead_id, limit=SESSIONS, site=dataset_id)
        return [records.parse_session(row) for row in rows_of(answer, "sessions")]

    def get_events(self, dataset_id: str, session_id: str) -> list[Event]:
        """What happened in a visit, in order. Raises NotFound."""
        answer = self.get("events", "/leads/events", sessionId=session_id, limit=EVENTS, site=dataset_id)
        events = [records.parse_event(row) for row in rows_of(answer, "events")]
        return sorted(events, key=lambda event: event.at)

    def sample_keys(self) -> dict[str, JSONValue]:
        """Key → value as the newest leads of the first datasets have them: so the customer's own properties show."""
        found: dict[str, JSONValue] = {}
        for dataset in self.list_datasets()[:SAMPLED]:
            criteria = {"criteriaTimeFilter": seen_within(30)}
            for lead in self.leads_page(dataset.id, criteria).leads:
                found = {**lead.values, **found}
        return found


def next_token(answer: JSONValue, *, full: bool) -> str:
    """The token of the next page, "" without one.

    The name of its key is not documented: beside the rows of a full page, any single text is it.
    """
    if not isinstance(answer, dict):
        return ""
    if named := next((str(answer[name]) for name in TOKEN_KEYS if answer.get(name)), ""):
        return named
    texts = [value for value in answer.values() if isinstance(value, str) and value]
    return texts[0] if full and len(texts) == 1 else ""


def _names(answer: JSONValue) -> str:
    return f"keys: {sorted(answer)[:20]}" if isinstance(answer, dict) else "a bare list"


def seen_within(days: int) -> str:
    """The criterion "seen today or in the `days` before" (sheet §3: days only, nothing finer)."""
    return f"eventEsTimestamp|lessthan|{max(days, 0)}"


def _segment(value: str) -> str:
    """Quote one path segment. Ids come from outside: none may lead to another path."""
    if value in ("", ".", ".."):
        raise RecordError("This is not a lead's id.", detail=repr(value))
    return quote(value, safe="")
