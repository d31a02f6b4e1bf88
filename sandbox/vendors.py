"""The vendors that stand here. A new one is one folder and one line."""

from __future__ import annotations

from sandbox.brevo import vendor as brevo
from sandbox.gate import Vendor
from sandbox.hubspot import vendor as hubspot
from sandbox.leadboxer import vendor as leadboxer
from sandbox.maileon import vendor as maileon
from sandbox.pipedrive import vendor as pipedrive
from sandbox.planhat import vendor as planhat

_ALL = (
    pipedrive.VENDOR, pipedrive.OAUTH, hubspot.VENDOR, hubspot.APP_HOST, maileon.VENDOR, brevo.VENDOR,
    leadboxer.VENDOR, planhat.VENDOR,
)  # fmt: skip
VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in _ALL}
