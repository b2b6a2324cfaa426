"""Logs: one readable line each in a terminal, one JSON object each elsewhere; to stderr.

Whoever reads them may go away, a full disk or a dead pipe: the node goes on without.
"""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog

__all__ = ["configure", "words_of"]


class _Forgiving:
    """A stream that swallows what its end no longer takes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(stream: TextIO = sys.stderr) -> None:
    """Send structlog's and the standard library's records the same way."""
    terminal = stream.isatty()
    stream = cast("TextIO", _Forgiving(stream))
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
    ]
    # A prettier trace would show the values of variables, tokens among them.
    plain = structlog.dev.plain_traceback
    tail: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=plain)]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *tail],
        logger_factory=structlog.PrintLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def words_of(value: object) -> str:
    """Return what a line says of a value of this type: HandRaised -> hand raised."""
    name = type(value).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
