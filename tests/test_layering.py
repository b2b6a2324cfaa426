"""The arrows of the design, read from the includes and imports themselves."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "src" / "fanout"
PACKAGE = ROOT / "python" / "spacescore"

MAY_INCLUDE = {
    "base": set(),
    "wire": {"base"},
    "secure": {"base", "wire"},
    "media": {"base"},
    "audience": {"base", "wire", "secure"},
    "engine": {"base", "wire", "secure", "media", "audience"},
    "io": {"base", "engine", "media"},  # media: the recorder's thread writes Ogg pages
    "load": {"base", "wire", "secure", "media", "io"},  # media: how long an Opus packet lasts
    "batch": {"base", "wire", "media"},
    "bindings": {*("base", "wire", "secure", "media", "audience", "engine", "io", "load", "batch")},
}
SANS_IO = [layer for layer in MAY_INCLUDE if layer not in {"io", "load", "bindings"}]

CLOCKS_THREADS_SOCKETS = re.compile(
    r"<(chrono|ctime|time\.h|sys/time\.h|thread|mutex|condition_variable|pthread\.h|future|"
    r"sys/socket\.h|sys/epoll\.h|netinet/.*|arpa/.*|netdb\.h|poll\.h|unistd\.h)>"
)
PYTHON = re.compile(r"<(Python\.h|pybind11/.*|numpy/.*)>")
CRYPTO = re.compile(r"<(openssl/.*|intel-ipsec-mb\.h)>")
OPUS = re.compile(r"<opus/.*>")


def sources(layer):
    return sorted((CORE / layer).glob("**/*.[ch]pp"))


def includes(path):
    return re.findall(r'^\s*#\s*include\s*([<"][^>"]+[>"])', path.read_text(), re.MULTILINE)


def including(pattern, layers):
    return {
        f"{layer}/{path.name}"
        for layer in layers
        for path in sources(layer)
        if any(pattern.fullmatch(name) for name in includes(path))
    }


def test_every_folder_of_the_core_is_a_layer():
    assert {path.parent.name for path in CORE.glob("*/*.[ch]pp")} <= MAY_INCLUDE.keys()


@pytest.mark.parametrize("layer", MAY_INCLUDE)
def test_a_layer_includes_only_what_lies_below(layer):
    for path in sources(layer):
        ours = [name.strip('"') for name in includes(path) if name.startswith('"')]
        assert all(name.startswith("fanout/") for name in ours), path
        assert {name.split("/")[1] for name in ours} <= MAY_INCLUDE[layer] | {layer}, path


def test_nothing_below_io_knows_clocks_threads_or_sockets():
    assert including(CLOCKS_THREADS_SOCKETS, SANS_IO) == set()


def test_only_the_bindings_know_python():
    assert including(PYTHON, MAY_INCLUDE.keys() - {"bindings"}) == set()


def test_only_the_secure_layer_includes_crypto():
    assert including(CRYPTO, MAY_INCLUDE.keys() - {"secure"}) == set()


def test_opus_is_included_where_it_is_wrapped_and_nowhere_else():
    assert including(OPUS, MAY_INCLUDE) <= {"media/opus.cpp", "media/repacketize.cpp"}


# The Python side: pure rules below, then what wraps the compiled core, then the edge.
WRAPPERS = {
    *("__init__", "_native", "audio", "doctor", "engine", "jitterlab", "load", "offline", "tls"),
}
EDGE = {
    *(
        "__main__",
        "accompany",
        "airing",
        "api",
        "audit",
        "backplane",
        "chronicle",
        "cli",
        "cli_doctor",
        "cli_jitter",
        "cli_keys",
        "cli_load",
        "cli_serve",
        "connections",
        "desk",
        "doors",
        "drain",
        "elsewhere",
        "feed",
        "follow",
        "hooks",
        "http",
        "kept",
        "ledger",
        "logs",
        "metrics",
        "office",
        "openapi",
        "operations",
        "notify",
        "pages",
        "people",
        "problem",
        "reading",
        "replay",
        "service",
        "retention",
        "shelf",
        "stagehand",
        "vitals",
        "watches",
        "webhooks",
        "whip",
    ),
}
LOOPS_AND_SERVERS = {"anycorn", "anyio", "asyncio", "click", "sniffio", "starlette", "trio"}


def modules():
    """Top-level name below spacescore → what its files import, as dotted names."""
    found = {}
    for path in sorted(PACKAGE.glob("**/*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(name, set()).update(imports(path))
    return found


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: say from where, not from ."
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(name, found):
    """What a module imports, and what the modules of ours behind it import."""
    seen, waiting = set(), [name]
    while waiting:
        for target in found[waiting.pop()] - seen:
            seen.add(target)
            part = target.removeprefix("spacescore.").split(".")[0]
            if target.startswith("spacescore.") and part in found:
                waiting.append(part)
    return seen


def test_one_module_imports_the_compiled_ones():
    compiled = {"spacescore._core", "spacescore._batch"}
    assert [name for name, found in modules().items() if found & compiled] == ["_native"]


def test_only_the_edge_knows_an_event_loop_or_a_web_framework():
    for name, found in modules().items():
        if name not in EDGE | WRAPPERS:
            assert {target.split(".")[0] for target in found}.isdisjoint(LOOPS_AND_SERVERS), name


def test_pure_rules_reach_no_compiled_code():
    found = modules()
    for name in found.keys() - EDGE - WRAPPERS:
        assert "spacescore._native" not in reached(name, found), name


def test_nothing_below_the_edge_imports_it():
    found = modules()
    edge = {f"spacescore.{name}" for name in EDGE}
    for name in found.keys() - EDGE - {"__init__"}:  # the facade names what it does not load
        assert reached(name, found).isdisjoint(edge), name


def test_the_map_names_every_module():
    named = set(re.findall(r"`(\w+)`", (PACKAGE / "README.md").read_text()))
    assert {name for name in modules() if not name.startswith("_")} <= named


def test_no_type_of_the_core_is_defined_twice():
    """The compiler need not notice, and the linker takes one destructor for both."""
    defined = re.compile(
        r"^(?:class|struct|enum class|union) (?:alignas\(\w+\) )?(\w+)[^;]*\{$", re.M
    )
    headers = [path for layer in MAY_INCLUDE for path in sources(layer) if path.suffix == ".hpp"]
    names = [name for path in headers for name in defined.findall(path.read_text())]
    assert len(names) > 100
    assert [name for name, times in Counter(names).items() if times > 1] == []
