"""The index that finds a peer by address or session, against Python's own."""

import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

# The low byte is where a key would like to lie, and all that the index keeps of it: these crowd
# together, at both ends and between, and are told apart by their rows alone.
keys = st.builds(
    lambda home, number: number << 8 | home,
    st.sampled_from([0, 1, 128, 254, 255]),
    st.integers(0, 9),
)
steps = st.lists(st.tuples(st.sampled_from(["set", "erase", "find"]), keys), max_size=120)


@given(st.integers(1, 40), steps)
def test_it_does_what_a_dict_does_until_it_is_full(capacity, steps):
    ours, model = _core.FlatIndex(capacity), {}
    for number, (what, key) in enumerate(steps, start=1):
        if what == "set":
            fits = key in model or len(model) < capacity
            assert ours.set(key, number) == fits
            if fits:
                model[key] = number
        elif what == "erase":
            assert ours.erase(key) == (model.pop(key, None) is not None)
        assert len(ours) == len(model)
        assert ours.find(key) == model.get(key)
    assert all(ours.find(key) == value for key, value in model.items())


def test_a_run_that_goes_round_the_end_closes_its_gaps():
    crowd = [number << 8 | 255 for number in range(20)]
    for gone in crowd:
        ours = _core.FlatIndex(20)
        for key in crowd:
            assert ours.set(key, key + 1)
        assert ours.erase(gone)
        assert [key for key in crowd if ours.find(key) is None] == [gone]
        assert ours.set(gone, 7)
        assert len(ours) == 20


def test_years_of_churn_leave_no_trace():
    rng = random.Random(1)
    ours, inside = _core.FlatIndex(200), list(range(200))
    for key in inside:
        ours.set(key, 1)
    for key in range(200, 20_000):
        gone = inside.pop(rng.randrange(200))
        assert ours.erase(gone)
        assert ours.set(key, 1)
        inside.append(key)
    assert all(ours.find(key) for key in inside)
    assert not any(ours.find(key) for key in set(range(20_000)) - set(inside))


# A process of its own, where nobody else's memory comes and goes, and where the kernel gives 4 KiB
# at a touch, not 2 MiB where it has them to spare.
TOUCH = """
import ctypes
from pathlib import Path
from spacescore._native import _core

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
before = resident()
index = _core.FlatIndex(4_000_000)
for key in range(100):
    index.set(key, 1)
assert index.find(99) == 1
print(resident() - before)
"""


@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="shadows take memory too")
def test_an_index_made_for_millions_takes_the_memory_of_those_inside():
    touched = subprocess.run([sys.executable, "-c", TOUCH], check=True, capture_output=True)
    assert int(touched.stdout) < 4 << 20


def test_an_index_beyond_all_measure_is_refused():
    with pytest.raises(ValueError, match="slots"):
        _core.FlatIndex(1 << 40)
