"""Logs are for people; what they tell of goes on without them."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from spacescore import logs


class Broken:
    """A pipe whose reader is gone."""

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.fixture
def as_before() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.mark.usefixtures("as_before")
def test_a_log_that_nobody_reads_any_more_stops_nobody(capsys):
    logs.configure(Broken())
    structlog.get_logger("spacescore").info("speaker joined", space="demo")
    logging.getLogger("anycorn.error").warning("a warning")
    assert capsys.readouterr().err == ""
