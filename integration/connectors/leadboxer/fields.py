"""LeadBoxer's keys of a lead as `FieldSpec`s, with the names its glossary gives them. All of them are read only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from integration.connectors.base import FieldSpec
from integration.errors import RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.leadboxer.client import LeadBoxerClient

# The vendor's key → label and type (sheet §4 and the vendor's glossary).
KNOWN: dict[str, tuple[str, str]] = {
    "email": ("E-mail address", "email"), "firstName": ("First name", "text"), "lastName": ("Last name", "text"),
    "fullName": ("Full name", "text"), "title": ("Job title", "text"), "leadTag": ("Lead tag", "text"),
    "accountTag": ("Account tag", "text"), "leadscore": ("Lead score", "number"),
    "leadcard_url": ("Lead card", "text"),
    "organizationName": ("Organization", "text"), "organizationDomain": ("Organization domain", "text"),
    "organizationPhone": ("Organization phone", "phone"), "organizationCity": ("Organization city", "text"),
    "organizationCountry": ("Organization country", "text"),
    "organizationCountryCode": ("Organization country code", "text"),
    "organizationStreetName": ("Organization street", "text"),
    "organizationStreetNumber": ("Organization street number", "text"),
    "organizationPostalCode": ("Organization postal code", "text"), "organizationState": ("Organization state", "text"),
    "organizationEmployeeCountEstimate": ("Employees (estimate)", "number"),
    "organizationEmployeeCountRangeName": ("Employees (range)", "text"),
    "organizationIndustryName": ("Industry", "text"), "organizationIndustryGroup": ("Industry group", "text"),
    "organizationIndustryCode": ("Industry code", "text"), "organizationNaicsCode": ("NAICS code", "text"),
    "organizationLinkedInUrl": ("Organization on LinkedIn", "text"), "organizationLogoUrl": ("Logo", "text"),
    "organizationSalesVolumeCategoryName": ("Sales volume", "text"),
    "organizationTechnology": ("Technology", "text"), "organizationNationalId": ("National id", "text"),
    "last_most_likely_company": ("Most likely company (guess)", "text"),
    "total_number_visits": ("Visits", "number"), "total_pages_viewed": ("Pages viewed", "number"),
    "last_visit_duration": ("Length of the last visit in seconds", "number"),
    "total_session_duration": ("Length of all visits in seconds", "number"),
    "lastEvent": ("Last seen", "datetime"), "first_session_unix_timestamp": ("First seen", "datetime"),
    "last_channel": ("Channel (last)", "text"), "last_referrer": ("Referrer (last)", "text"),
    "original_referrer": ("Referrer (first)", "text"), "last_original_url": ("Last page", "text"),
    "entry_root_url": ("Landing page", "text"),
    "last_country_name": ("Visitor's country", "text"), "last_city": ("Visitor's city", "text"),
    "last_ip_usageType": ("Kind of network", "text"),
}  # fmt: skip
# Plumbing of the vendor's, nothing for a CRM.
HIDDEN = frozenset(
    "use_id site event_id session_id last_session_id previous_session_id esScore prettyLastEvent machine_id ttl "
    "documentExpiryDate eventEsTimestamp eventUnixTimestamp last_user_agent".split()
)
WORDS = re.compile(r"[_\s]+|(?<=[a-z])(?=[A-Z])")


def list_fields(client: LeadBoxerClient, object_type: str) -> Sequence[FieldSpec]:
    """The known keys, and those that the newest leads have beside them: properties the customer named itself."""
    if object_type == "visit":
        return [FieldSpec("lastEvent", KNOWN["lastEvent"][0], "datetime", writable=False)]
    if object_type != "lead":
        raise KeyError(object_type)
    known = [FieldSpec(key, label, kind, writable=False) for key, (label, kind) in KNOWN.items()]
    own = sorted(key for key in client.sample_keys() if key not in KNOWN and key not in HIDDEN and "." not in key)
    return [*known, *(FieldSpec(key, _label(key), "text", custom=True, writable=False) for key in own)]


def create_field(client: LeadBoxerClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """LeadBoxer makes a property when an event brings one; there is no call for it."""
    raise RecordError("Nothing is created in LeadBoxer: it is only read.", reason=Reason.FIELD_UNKNOWN)


def _label(key: str) -> str:
    text = " ".join(word for word in WORDS.split(key) if word)
    return text[:1].upper() + text[1:]
