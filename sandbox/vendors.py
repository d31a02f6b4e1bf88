"""The vendors that stand here. A new one is one folder and one line."""

from __future__ import annotations

from sandbox.brevo import vendor as brevo
from sandbox.gate import Vendor
from sandbox.maileon import vendor as maileon
from sandbox.pipedrive import vendor as pipedrive

VENDORS: dict[str, Vendor] = {
    vendor.name: vendor for vendor in (pipedrive.VENDOR, pipedrive.OAUTH, maileon.VENDOR, brevo.VENDOR)
}
