"""A worker that the kernel kills whenever it is about to write one certain person: `python -m tests.chaos.poisoned`.

POISON is a word of the person's address; each kill leaves a line in the file POISON_LOG.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management import execute_from_command_line


def main() -> None:
    """Start a cluster whose workers die at the poison."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from integration.connectors.maileon.client import MaileonClient

    really = MaileonClient.create_contact

    def create_contact(self: MaileonClient, contact: Any, **how: Any) -> Any:
        if os.environ["POISON"] in contact.email:
            with Path(os.environ["POISON_LOG"]).open("a") as log:
                log.write(f"{os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return really(self, contact, **how)

    MaileonClient.create_contact = create_contact  # type: ignore[method-assign]
    execute_from_command_line([sys.argv[0], "qcluster"])


if __name__ == "__main__":
    main()
