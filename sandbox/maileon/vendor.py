"""What the Maileon folder offers to the sandbox."""

from __future__ import annotations

from sandbox.gate import Vendor
from sandbox.http import Record
from sandbox.maileon import control, server, web
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    accounts = [sandbox.maileon.accounts[int(account)]] if account else list(sandbox.maileon.accounts.values())
    for item in accounts:
        if "expire_tokens" in wish:
            item.expired = bool(wish["expire_tokens"])


VENDOR = Vendor("maileon", server.account_of, server.answer, control.ROUTES, switches, web.PAGES)
