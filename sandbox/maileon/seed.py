"""The default newsletter account."""

from __future__ import annotations

from sandbox.maileon.model import World

API_KEY = "5a4db0x0-5010-4acm-8e00-newsletter501"
SECOND_MAILING = "vip"


def seed(world: World) -> None:
    account = world.add("ACME Newsletter", API_KEY)
    account.default_doi_mailing = "welcome"
