"""What the Brevo folder offers to the sandbox."""

from __future__ import annotations

from sandbox.brevo import control, crm_control, server, web
from sandbox.gate import Vendor
from sandbox.http import Record
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    accounts = [sandbox.brevo.accounts[account]] if account else list(sandbox.brevo.accounts.values())
    for item in accounts:
        if "expire_tokens" in wish:
            item.locked = bool(wish["expire_tokens"])


VENDOR = Vendor("brevo", server.account_of, server.answer, [*control.ROUTES, *crm_control.ROUTES], switches, web.PAGES)
