"""Counts what a piece of code asks of malloc, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

# Counts what the process asks of malloc; the counting itself asks for nothing.
COUNTER = """
#define _GNU_SOURCE
#include <stddef.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static _Thread_local int count;
int allocations(void) { return count; }
void *malloc(size_t size) { ++count; return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { ++count; return __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { ++count; return __libc_realloc(old, size); }
"""


def allocations(script: str, folder: Path) -> int:
    """What `script` prints; it finds the library with `allocations()` at sys.argv[1]."""
    source, library = folder / "counter.c", folder / "counter.so"
    source.write_text(COUNTER)
    subprocess.run(["cc", "-O1", "-fPIC", "-shared", source, "-o", library], check=True)
    run = subprocess.run(
        [sys.executable, "-c", script, library],
        env={**os.environ, "LD_PRELOAD": str(library)},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(run.stdout)
