"""What a build promises to those who install it, or try to."""

import shutil
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import spacescore
from spacescore._native import _batch, _core

pytestmark = pytest.mark.tree

CORE = Path(__file__).resolve().parent.parent / "src" / "fanout"
LIBRARIES = {
    "ssl": "libssl-dev",
    "crypto": "libssl-dev",
    "opus": "libopus-dev",
    "IPSec_MB": "libipsec-mb-dev",
}
PROJECT = f"""
cmake_minimum_required(VERSION 3.25)
project(probe LANGUAGES NONE)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
set(SPACESCORE_IPSEC_MB ON)
include({CORE / "libraries.cmake"})
"""


@pytest.mark.parametrize("missing", LIBRARIES)
def test_cmake_names_the_debian_package_of_a_missing_library(missing, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(PROJECT)
    present = [
        f"-D{name}_{part}=/usr"
        for name in LIBRARIES
        if name != missing
        for part in ("INCLUDE", "LIBRARY")
    ]
    configure = subprocess.run(
        ["cmake", "-S", tmp_path, "-B", tmp_path / "build", *present],
        capture_output=True,
        text=True,
        check=False,
    )
    assert configure.returncode != 0
    assert f"apt-get install {LIBRARIES[missing]}" in configure.stderr


@pytest.mark.parametrize("module", [_core, _batch], ids=lambda module: module.__name__)
def test_a_compiled_module_exports_its_entry_point_and_nothing_else(module):
    symbols = subprocess.run(
        [shutil.which("nm"), "--dynamic", "--defined-only", "--format=posix", module.__file__],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    entry = f"PyInit_{module.__name__.rpartition('.')[2]}"
    assert [line.split()[0] for line in symbols if line] == [entry]


def test_the_package_is_marked_as_typed():
    assert files(spacescore).joinpath("py.typed").is_file()


def test_what_a_set_up_compiles_with_is_what_an_isolated_build_would_fetch():
    """So the wheel may be packed from what the set-up has compiled."""
    project = tomllib.loads((CORE.parent.parent / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    assert set(groups["build"]) == {*project["build-system"]["requires"], "ninja"}
