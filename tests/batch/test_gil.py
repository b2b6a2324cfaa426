"""Calls on whole arrays and on sound leave the interpreter to other threads.

Nobody is made to give it up here but by such a call, so a thread that waits for its turn gets it
in one or never. Whether it is quick enough in a particular call is the scheduler's business: the
call is repeated until it was.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import numpy as np
import pytest

from spacescore._native import _batch, _core

PATIENCE_S = 60  # it takes milliseconds
NEVER_S = 1_000


@pytest.fixture(autouse=True)
def _nobody_is_interrupted() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(NEVER_S)
    yield
    sys.setswitchinterval(before)


class Waiting:
    """A thread that wants to run, once it is asked to."""

    def __init__(self) -> None:
        self.ran = False
        self._ready, self._turn = threading.Event(), threading.Lock()
        self._turn.acquire()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        self._ready.set()
        self._turn.acquire()
        self.ran = True

    def ask(self) -> None:
        self._turn.release()

    def join(self) -> None:
        self._thread.join()


def lets_others_run(call: Callable[[], object], calls: int | None = None) -> bool:
    """Whether another thread ran during `call`, repeated until then, or so many times."""
    other, deadline = Waiting(), monotonic() + PATIENCE_S
    other.ask()
    while not other.ran and calls != 0 and monotonic() < deadline:
        call()
        calls = calls and calls - 1
    ran = other.ran
    other.join()
    return ran


def recorded(count: int = 20_000) -> np.ndarray:
    i = np.arange(count)
    trace = np.zeros(count, _batch.PACKET)
    trace["arrival_us"], trace["sequence"], trace["timestamp"] = i * 20_000, i % 2**16, i * 960
    trace["size"], trace["samples"], trace["level"] = 90, 960, 127
    return trace


def test_a_call_that_keeps_the_interpreter_lets_nobody_run():
    assert not lets_others_run(lambda: sum(range(200_000)), calls=20)


def test_a_replay_lets_others_run():
    trace = recorded()
    assert lets_others_run(lambda: _batch.replay(trace))


def test_parsing_a_capture_lets_others_run():
    packet = bytes.fromhex("806f 0001 000003c0 cafe0001") + bytes(80)
    capture = packet * 50_000
    begin = np.arange(50_000) * len(packet)
    offsets = np.ascontiguousarray(np.stack([begin, begin + len(packet)], 1))
    assert lets_others_run(lambda: _batch.parse_rtp(capture, offsets))


def test_opus_and_the_mixer_let_others_run():
    frame = np.random.default_rng(1).uniform(-0.3, 0.3, 960).astype(np.float32)
    encoder, decoder, mixer = _core.OpusEncoder(), _core.OpusDecoder(), _core.Mixer()
    packet = encoder.encode(frame)
    mixer.add(1)
    mixer.set_voice(1, frame)
    assert lets_others_run(lambda: encoder.encode(frame))
    assert lets_others_run(lambda: decoder.decode(packet))
    assert lets_others_run(lambda: mixer.mix([1]))
