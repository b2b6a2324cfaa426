"""Logs are for people; what they tell of goes on without them."""

import io
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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_trace_shows_no_values(stream):
    out = stream()
    logs.configure(out)
    token = "c2VjcmV0"
    try:
        raise RuntimeError(f"{len(token)} characters")
    except RuntimeError:
        structlog.get_logger("spacescore").exception("handler failed")
        logging.getLogger("anycorn.error").exception("a connection failed")
    assert out.getvalue().count("8 characters") == 2
    assert "test_a_trace_shows_no_values" in out.getvalue()
    assert "c2VjcmV0" not in out.getvalue().replace('"c2VjcmV0"', "")
