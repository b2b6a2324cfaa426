"""What do a push and a pop of the jitter buffer cost, beside the bare work and beside speexdsp?"""

import ctypes
import subprocess
import sysconfig
from pathlib import Path
from time import thread_time
from typing import Any

import numpy as np
import pytest

from spacescore._native import _batch

PACKETS = 50_000
ROUNDS = 60
BARE_BUDGET = (
    3.5  # of a model that only unwraps, copies and keeps one set of books; 2.7 to 3.2 is usual
)
SPEEX_BUDGET = 0.25  # of libspeexdsp's jitter buffer: four times faster
BUDGET_NS = 60  # a figure, not a gate: machines differ


class Trace(ctypes.Structure):
    """The struct of jitter_rivals.c; keeps its columns alive."""

    _fields_ = (
        ("packets", ctypes.c_size_t),
        ("ticks", ctypes.c_size_t),
        ("arrival_us", ctypes.c_void_p),
        ("sequence", ctypes.c_void_p),
        ("size", ctypes.c_void_p),
        ("timestamp", ctypes.c_void_p),
        ("what", ctypes.c_void_p),
        ("played", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("heard", ctypes.c_void_p),
    )


def recorded() -> Any:
    """Speech over a wireless link: 30 ms of jitter with some reorder, 1 % lost."""
    rng = np.random.default_rng(1)
    sent = np.flatnonzero(rng.random(PACKETS) >= 0.01)
    arrival = (sent * 20_000 + rng.uniform(0, 30_000, sent.size)).astype(np.int64)
    order = np.argsort(arrival, kind="stable")
    trace = np.zeros(sent.size, _batch.PACKET)
    trace["arrival_us"] = arrival[order]
    trace["sequence"] = sent[order] % 2**16
    trace["timestamp"] = sent[order] * 960 % 2**32
    trace["size"] = rng.integers(60, 120, sent.size)
    trace["samples"], trace["level"] = 960, 127
    return trace


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("rivals") / "rivals.so"
    source = Path(__file__).with_name("jitter_rivals.c")
    compiler = str(sysconfig.get_config_var("CC") or "cc").split()[0]
    flags = ["-std=gnu11", "-O3", "-fPIC", "-shared"]
    subprocess.run([compiler, *flags, source, "-o", library, "-ldl"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.bare_replay.restype = loaded.speex_replay.restype = ctypes.c_size_t
    return loaded


def run(benchmark: Any, rival: Any) -> tuple[float, float]:
    """Ours and the rival by turns, in CPU time; median seconds per packet and median ratio."""
    trace = recorded()
    count = len(trace)
    ticks = int(trace["arrival_us"][-1] - trace["arrival_us"][0]) // 20_000 + 2
    names = ("arrival_us", "sequence", "size", "timestamp")
    inputs = [np.ascontiguousarray(trace[name]) for name in names]
    ours: list[float] = []
    theirs: list[float] = []
    stats: dict[str, float] = {}

    def rival_replay() -> None:
        start = thread_time()
        outputs = [np.empty(ticks, kind) for kind in (np.uint8, np.int64, np.int32)]
        outputs.append(np.empty(count, np.int64))
        view = Trace(count, ticks, *(column.ctypes.data for column in (*inputs, *outputs)))
        played = rival(ctypes.byref(view))
        theirs.append(thread_time() - start)
        assert played >= 0.9 * count

    def replay() -> None:
        start = thread_time()
        stats.update(_batch.replay(trace, ticks=ticks).stats)
        ours.append(thread_time() - start)

    benchmark.pedantic(replay, setup=rival_replay, rounds=ROUNDS)
    assert stats["packets_received"] == count
    assert stats["jitter_buffer_emitted_count"] >= 0.995 * count * 960
    assert stats["concealed_samples"] <= (stats["packets_lost"] + 0.01 * count) * 960
    return float(np.median(ours)) / count, float(np.median(np.array(ours) / theirs))


def record(benchmark: Any, seconds: float, ratio: float, budget: float) -> None:
    benchmark.extra_info |= {
        "floor_ratio": round(ratio, 3),
        "budget": budget,
        "push_pop_ns": round(seconds * 1e9, 1),
        "floor_ns": round(seconds / ratio * 1e9, 1),
        "budget_ns": BUDGET_NS,
    }


@pytest.mark.benchmark(group="jitter")
def bench_jitter_push_and_pop_beside_the_bare_work(benchmark: Any, rivals: ctypes.CDLL) -> None:
    seconds, ratio = run(benchmark, rivals.bare_replay)
    record(benchmark, seconds, ratio, BARE_BUDGET)
    assert ratio <= BARE_BUDGET


@pytest.mark.benchmark(group="jitter")
def bench_jitter_push_and_pop_beside_speexdsp(benchmark: Any, rivals: ctypes.CDLL) -> None:
    try:
        ctypes.CDLL("libspeexdsp.so.1")
    except OSError:
        pytest.skip("libspeexdsp.so.1 is not here (Debian: libspeexdsp1)")
    seconds, ratio = run(benchmark, rivals.speex_replay)
    record(benchmark, seconds, ratio, SPEEX_BUDGET)
    assert ratio <= SPEEX_BUDGET
