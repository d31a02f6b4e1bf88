"""Hold the sandbox against recordings of real accounts: `python -m tests.recordings var/recordings`.

Ends with 1 where the sandbox answers otherwise. `manage.py record` makes the recordings.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

import requests

from sandbox.brevo.seed import API_KEY as BREVO_KEY
from sandbox.hubspot.seed import CLIENT_ID, PORTAL_ID
from sandbox.leadboxer.seed import API_KEY as LEADBOXER_KEY
from sandbox.maileon.seed import API_KEY as MAILEON_KEY
from sandbox.pipedrive.seed import ACME_API_TOKEN
from sandbox.planhat.seed import TOKEN as PLANHAT_TOKEN
from sandbox.thread import SandboxThread
from tests.support.recordings import Ask, differences, recordings_in


def asking(sandbox: SandboxThread, vendor: str) -> Ask:
    """What asks the sandbox's account of a vendor."""
    root, headers = _account(sandbox, vendor)
    session = requests.Session()
    session.trust_env = False
    session.headers.update(headers)

    def ask(method: str, path: str, media_type: str) -> requests.Response:
        return session.request(method, f"{sandbox.url}{root}{path}", headers={"Accept": media_type}, timeout=30)

    return ask


def _account(sandbox: SandboxThread, vendor: str) -> tuple[str, dict[str, str]]:
    if vendor == "hubspot":
        token = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID})["access_token"]
        return "/hubspot", {"authorization": f"Bearer {token}"}
    key = base64.b64encode(MAILEON_KEY.encode()).decode()
    accounts = {
        "pipedrive": ("/pipedrive/acme", {"x-api-token": ACME_API_TOKEN}),
        "maileon": ("/maileon/1.0", {"authorization": f"Basic {key}"}),
        "brevo": ("/brevo/v3", {"api-key": BREVO_KEY}),
        "planhat": ("/planhat", {"authorization": f"Bearer {PLANHAT_TOKEN}"}),
        "leadboxer": ("/leadboxer/v1", {"x-api-key": LEADBOXER_KEY}),
    }
    return accounts[vendor]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recordings", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with one folder per vendor")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"there is no folder {folder}: make recordings with `manage.py record` first")
    found = 0
    with SandboxThread() as sandbox:
        for vendor in sorted(path for path in folder.iterdir() if path.is_dir()):
            recordings = recordings_in(vendor)
            wrong, unasked = differences(recordings, asking(sandbox, vendor.name))
            asked = len(recordings) - len(unasked)
            lines = [f"{vendor.name}: {asked} of {len(recordings)} calls asked again, {len(wrong)} differences"]
            lines += [f"  DIFFERS  {line}" for line in wrong] + [f"  -        {line}" for line in unasked]
            sys.stdout.write("\n".join(lines) + "\n")
            found += len(wrong)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
