"""Logging: structured, to standard error, one line an entry; the libraries' own messages in the same form."""

from __future__ import annotations

import logging
import sys

import structlog

from classroom.config import Log


def set_up(settings: Log) -> None:
    """Set logging up for the whole process. `format` auto: for eyes on a terminal, JSON otherwise."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    final: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    # Clients that misbehave or vanish are no news: engine.io reports each of them as an error.
    logging.getLogger("classroom.engineio").setLevel(logging.CRITICAL)
    be_calm()
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def be_calm() -> None:
    """Requests that are no HTTP are answered 400; that strangers send such things is no error to log with a traceback, nor is
    what they would like to speak with us instead worth a line."""
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logger = logging.getLogger("aiohttp.server")
    if _is_ours not in logger.filters:
        logger.addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    from aiohttp.http_exceptions import HttpProcessingError  # loaded by now: it is aiohttp that says something

    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
