"""How many descriptors this process may have: an HTTP connection takes one, a listener none.

The usual 1,024 are what select() can name, which nothing here calls. Up to the hard limit a process
raises it by itself; who runs out of them can accept nobody.
"""

import resource
import sys

__all__ = ["ENOUGH", "allow", "for_connections", "most"]

ENOUGH = 65_536  # for a node: ports of one address come to an end at about as many


def most() -> int:
    """Return what the limit can be raised to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def for_connections() -> int:
    """Return how many of those that are allowed HTTP may have: an eighth is left to all else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 7 * (ENOUGH if soft == resource.RLIM_INFINITY else soft) // 8


def allow(count: int) -> None:
    """Raise the limit to `count`, or as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, most()), hard))
