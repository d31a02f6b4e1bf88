"""The process logs: one line each, with the tenant, integration, job and event a worker is busy with.

`structlog.contextvars.bound_contextvars` names them where work begins; every line written meanwhile carries them, also
those of libraries.
"""

from __future__ import annotations

import structlog
from structlog.typing import Processor

BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
]


def formatter() -> structlog.stdlib.ProcessorFormatter:
    """For the standard library's handlers: time (UTC), level, message, logger, then what the line is about."""
    plain: Processor = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, pad_level=False,
        exception_formatter=structlog.dev.plain_traceback,  # the rich one shows local variables, secrets among them
    )  # fmt: skip
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=BEFORE, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, plain]
    )
