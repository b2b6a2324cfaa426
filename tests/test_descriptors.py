import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from served import Served
from spacescore.descriptors import ENOUGH, for_connections

ALLOW = """
import resource, sys
from spacescore.descriptors import allow
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
allow(int(sys.argv[1]))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@contextmanager
def soft_limit(descriptors: int) -> Iterator[int]:
    """Of this process and whom it starts; gives the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("wanted", "soft"), [(50, 100), (150, 150), (200, 200), (1_000, 200)])
def test_the_limit_is_raised_as_far_as_it_goes_and_never_lowered(wanted, soft):
    command = [sys.executable, "-c", ALLOW, str(wanted)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.split() == [str(soft), "200"]


def test_an_eighth_is_kept_from_http():
    with soft_limit(800):
        assert for_connections() == 700


def test_a_node_started_from_a_shell_may_have_more_connections_than_a_shell_allows(tmp_path):
    with soft_limit(512) as hard:
        served = Served(tmp_path / "data")
    try:
        assert resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE)[0] == min(hard, ENOUGH)
    finally:
        served.end()
