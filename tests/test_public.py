"""The names that embedders import."""

import subprocess
import sys

import pytest

import spacescore


@pytest.mark.parametrize("name", spacescore.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(spacescore, name)
    assert name in dir(spacescore)
    if name != "Event":  # a union
        assert value.__doc__


def test_a_name_that_does_not_exist_says_so():
    with pytest.raises(AttributeError, match="nothing"):
        _ = spacescore.nothing


def test_importing_the_package_loads_nothing_until_it_is_used():
    code = "import sys, spacescore; print(*[m for m in sys.modules if m.startswith('spacescore')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == ["spacescore"], done.stderr
