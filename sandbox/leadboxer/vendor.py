"""What the LeadBoxer folder offers to the sandbox."""

from __future__ import annotations

from sandbox.gate import Vendor
from sandbox.http import Record
from sandbox.leadboxer import control, server, web
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    accounts = [sandbox.leadboxer.accounts[account]] if account else list(sandbox.leadboxer.accounts.values())
    for item in accounts:
        if "expire_tokens" in wish:
            item.locked = bool(wish["expire_tokens"])


VENDOR = Vendor("leadboxer", server.account_of, server.answer, control.ROUTES, switches, web.PAGES)
