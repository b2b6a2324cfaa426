"""Real-time priority for the threads whose punctuality is measured.

What media threads are late by, on a machine that others use as well, is the scheduler's doing
until they are given the CPU when they want it. That takes CAP_SYS_NICE, and a second core for
everybody else. What only then can be asked, only then is a gate.
"""

import os
from pathlib import Path

PRIORITY = 10  # of SCHED_FIFO, in 1 to 99: above whatever has none


def threads_of(pid: int) -> set[int]:
    return {int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()}


def prefer(threads: set[int]) -> bool:
    """Give them the CPU before all others; whether that is allowed and of any use."""
    if (os.cpu_count() or 1) < 2:
        return False
    try:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        return False
    return True
