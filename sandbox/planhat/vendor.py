"""What the Planhat folder offers to the sandbox."""

from __future__ import annotations

from sandbox.gate import Vendor
from sandbox.http import Record
from sandbox.planhat import control, server, web
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    accounts = [sandbox.planhat.accounts[account]] if account else list(sandbox.planhat.accounts.values())
    for item in accounts:
        if "expire_tokens" in wish:
            item.locked = bool(wish["expire_tokens"])


VENDOR = Vendor("planhat", server.account_of, server.answer, control.ROUTES, switches, web.PAGES)
