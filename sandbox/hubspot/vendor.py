"""What the HubSpot folder offers to the sandbox."""

from __future__ import annotations

from sandbox.gate import Vendor
from sandbox.http import Record
from sandbox.hubspot import control, crm_control, oauth, server, web
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    if wish.get("expire_tokens"):
        now = sandbox.clock.seconds()
        for grant in sandbox.hubspot.grants:
            if account in ("", str(grant.portal)):
                grant.access_tokens = dict.fromkeys(grant.access_tokens, now)


VENDOR = Vendor(
    "hubspot", server.account_of, server.answer, [*control.ROUTES, *crm_control.ROUTES], switches, web.PAGES
)
APP_HOST = Vendor("hubspot-app", lambda sandbox, incoming: "", oauth.answer)
