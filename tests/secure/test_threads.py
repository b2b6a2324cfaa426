"""Objects of `secure` end on other threads than those that used them."""

import os
import subprocess
import sys

# A thread that made keys with a context ends after the context is gone. Freed memory is filled
# with junk, so that whoever looks into it falls.
ENDS_LATE = """
import os
import threading
from spacescore._native import _core

contexts = [_core.DtlsContext(_core.Certificate.generate()) for _ in range(3)]
used, gone = threading.Event(), threading.Event()


def use():
    for context in contexts:
        session = _core.DtlsSession(context, role="client")
        assert session.poll_transmit()
    del session, context
    used.set()
    gone.wait()


def threads():
    return len(os.listdir("/proc/self/task"))


others = threads()
thread = threading.Thread(target=use)
thread.start()
used.wait()
contexts.clear()
gone.set()
while threads() > others:  # join() waits for Python's part of it only
    pass
"""


def test_a_thread_may_outlive_the_context_it_used():
    done = subprocess.run(
        [sys.executable, "-c", ENDS_LATE],
        env=os.environ | {"MALLOC_PERTURB_": "165"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
