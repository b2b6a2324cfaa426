"""Starts a node of three workers with ever more threads or file descriptors, until it can be.

Run as `scarce.py threads` or `scarce.py descriptors`: prints an error per try. Limits are the
process's, so it is one of its own.
"""

import ctypes
import resource
import socket
import sys
from pathlib import Path

from spacescore._native import _core

HOST = "127.0.0.9"
STACK = 1 << 30  # of a thread, far more than all else that a node may ask memory for


def start(port: int, limit: int, value: int) -> None:
    """Starts a node and ends it, under a limit."""
    before = resource.getrlimit(limit)
    resource.setrlimit(limit, (value, before[1]))
    try:
        node = _core.Node(host=HOST, port=port, workers=3, max_listeners=10)
    finally:
        resource.setrlimit(limit, before)
    node.close()


def limit_of_threads(more: int) -> tuple[int, int]:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return resource.RLIMIT_AS, pages * resource.getpagesize() + more * STACK + STACK // 2


def limit_of_descriptors(more: int) -> tuple[int, int]:
    return resource.RLIMIT_NOFILE, 3 + more


def widen_stacks() -> None:
    """So that the room for addresses bounds the threads, and nothing else."""
    attributes, libc = (ctypes.c_char * 64)(), ctypes.CDLL(None)
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK))
    libc.pthread_setattr_default_np(attributes)


def held(what: str) -> set[str]:
    return {entry.name for entry in Path(f"/proc/self/{what}").iterdir()}


def main() -> None:
    node = _core.Node(host=HOST, port=0, workers=3, max_listeners=10)  # all is loaded by now
    port = node.port
    node.close()
    del node
    threads = sys.argv[1] == "threads"
    if threads:
        widen_stacks()
    before = held("task"), held("fd")
    for more in range(100):
        try:
            start(port, *(limit_of_threads if threads else limit_of_descriptors)(more))
        except OSError as error:
            print(error)
        else:
            return
        assert (held("task"), held("fd")) == before
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as successor:
            successor.bind((HOST, port))


if __name__ == "__main__":
    main()
