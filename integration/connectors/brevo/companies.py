"""Companies of Brevo's Sales CRM. `BrevoClient` is built on it; every call is one of the few per hour."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from config.json_value import JSONValue
from integration.connectors.brevo import bodies
from integration.connectors.brevo.api import OTHER, PAGE_SIZE, Api, checked_object, checked_rows, segment, time_text
from integration.connectors.brevo.records import Company, Page
from integration.connectors.rows import read_each
from integration.errors import ContractError
from integration.http import Effect

# A file must be quotable as one column per attribute; the name is the key of an import.
COMPANIES, DEALS = "companies", "deals"
IMPORT_MAPPING = {"use_company_identifier": True, "update_existing_records": True, "unset_empty_attributes": False}


class Companies(Api):
    """Companies and their links to contacts."""

    def companies_page(
        self, page: int = 1, *, modified_since: datetime | None = None, limit: int = PAGE_SIZE
    ) -> Page[Company]:
        """Return one page, oldest company first; `next_cursor` is the number of the next."""
        params: dict[str, Any] = {"limit": limit, "page": page, "sort": "asc"}
        if modified_since is not None:
            params["modifiedSince"] = time_text(modified_since)
        rows = self.rows(OTHER, "/companies", "items", params)
        read = read_each(rows, bodies.company)
        return Page(read.records, page + 1 if len(rows) == limit else None, read.unreadable)

    def get_company(self, company_id: str) -> Company:
        """Return one company. Raises NotFound."""
        return bodies.company(self.get(OTHER, f"/companies/{segment(company_id)}"))

    def find_companies(self, name: str) -> list[Company]:
        """Return the companies of exactly this name."""
        params = {"filters[attributes.name]": name, "limit": PAGE_SIZE}
        return [bodies.company(row) for row in self.rows(OTHER, "/companies", "items", params)]

    def create_company(self, name: str, attributes: Mapping[str, JSONValue], contact_ids: Sequence[str] = ()) -> str:
        """Create a company and return its id. Nothing is unique there: look first."""
        body: dict[str, JSONValue] = {"name": name, "attributes": dict(attributes)}
        body |= {"linkedContactsIds": [int(number) for number in contact_ids]} if contact_ids else {}
        answer = checked_object(
            self.call(OTHER, "POST", "/companies", effect=Effect.WRITE, accepted=b'{"id": "none"}', json=body).json(),
            "company",
        )
        if not answer.get("id"):
            raise ContractError("Brevo did not say which company it created.")
        return str(answer["id"])

    def update_company(self, company_id: str, name: str, attributes: Mapping[str, JSONValue]) -> None:
        """Change a company; an empty name stays as it is. Raises NotFound.

        Its links stay: naming them here would replace them all (sheet §6).
        """
        body = {"attributes": dict(attributes), **({"name": name} if name else {})}
        place = f"/companies/{segment(company_id)}"
        self.call(OTHER, "PATCH", place, effect=Effect.WRITE, accepted=b"", looks=place, json=body)

    def link_company(self, company_id: str, link: Sequence[str], unlink: Sequence[str] = ()) -> None:
        """Link contacts to a company and let others go. Raises NotFound."""
        body = {"linkContactIds": [int(number) for number in link], "unlinkContactIds": [int(one) for one in unlink]}
        self.call(
            OTHER,
            "PATCH",
            f"/companies/link-unlink/{segment(company_id)}",
            effect=Effect.WRITE,
            accepted=b"",
            json=body,
        )

    def delete_company(self, company_id: str) -> None:
        self.call(OTHER, "DELETE", f"/companies/{segment(company_id)}", effect=Effect.WRITE, accepted=b"")

    def import_companies(self, rows: Sequence[Mapping[str, JSONValue]]) -> str:
        """Hand many companies over as one file, by name; returns the id of the process."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        boundary = uuid.uuid4().hex
        body = bodies.multipart({"mapping": json.dumps(IMPORT_MAPPING)}, {"file": text.getvalue()}, boundary)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.call(OTHER, "POST", "/companies/import", effect=Effect.WRITE, data=body, headers=headers).json()
        found = checked_object(answer, "companies/import").get("processId")
        if not found:
            raise ContractError("Brevo did not say which process does the import.")
        return str(found)

    def list_crm_attributes(self, objects: str) -> list[dict[str, JSONValue]]:
        """Return the attributes of companies or of deals."""
        reply = self.call(OTHER, "GET", f"/crm/attributes/{objects}", effect=Effect.READ)
        return checked_rows(reply.json(), f"crm/attributes/{objects}")

    def create_company_attribute(self, label: str, kind: str, objects: str = COMPANIES) -> None:
        """Create an attribute of companies or of deals. List first: labels are unique."""
        body = {"label": label, "attributeType": kind, "objectType": objects}
        self.call(OTHER, "POST", "/crm/attributes", effect=Effect.WRITE, json=body)
