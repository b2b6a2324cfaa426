"""Run the comparison: `make bench-peers`, or `python -m peers` with benches on PYTHONPATH."""

import json
import os
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from peers.figures import Peer, Round
from peers.ground import LOOPBACK, Ground, NoWireError, wire
from peers.measure import Case, measure_joining, measure_listening
from peers.servers import Aiortc, Janus, Spacescore
from peers.table import Target, as_json, markdown, table

FEW, MANY, HALL = 50, 250, 2_000  # Janus takes most of a core for 250
AIORTC_SIZES = 8, 32
JANUS, LOOPS = "Janus", "Janus, event loops"  # a thread for each listener, or one for each core
OURS, OURS_60 = "spacescore, 20 ms", "spacescore, 60 ms"
RING, RING_60 = "spacescore, ring, 20 ms", "spacescore, ring, 60 ms"
BEGIN, END = "<!-- make bench-peers writes from here -->", "<!-- to here -->"


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=6.0, show_default=True, help="To listen, each time.")
@click.option("--aiortc-python", type=Path, default=Path("build/peers-venv/bin/python"))
@click.option("--loopback", is_flag=True, help="No wire between servers and audience.")
@click.option("--only", default="", help="Cases whose name has this in it.")
@click.option("--json", "json_file", type=Path, default=Path("build/peers.json"))
@click.option("--page", type=Path, help="Whose tables to rewrite, as docs/peers.md.")
def main(
    rounds: int,
    seconds: float,
    aiortc_python: Path,
    loopback: bool,
    only: str,
    json_file: Path,
    page: Path | None,
) -> None:
    """Measure spacescore beside Janus and aiortc."""
    versions = {
        "spacescore": version("spacescore"),
        "Janus": Janus.version(),
        "aiortc": Aiortc.version(aiortc_python),
    }
    for name, number in versions.items():
        if not number:
            click.secho(f"Skipped {name}: it is not installed here.", err=True, fg="yellow")
    with ExitStack() as stack:
        ground = LOOPBACK if loopback else _wire(stack)
        known = [case for case in _cases(ground, versions, aiortc_python) if only in case.name]
        peers = _measure(known, rounds, seconds)
    machine = f"{_cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()}"
    names = {peer.name for peer in peers}
    theirs = [peer for peer in peers if peer.name in (JANUS, LOOPS)]
    targets = [target for target in _targets() if target.ours in names]
    setting = f"{machine} · {ground.name} · {_list(versions)} · {rounds} rounds of {seconds:g} s"
    click.echo(f"\n{setting}")
    click.echo(table(peers, theirs, targets))
    found = as_json(peers, theirs, targets)
    json_file.parent.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine, "ground": ground.name, "versions": versions}
    json_file.write_text(json.dumps({**about, **found}, indent=2) + "\n")
    if page is not None:
        _rewrite(page, markdown(peers, theirs, targets, setting))


def _wire(stack: ExitStack) -> Ground:
    try:
        return stack.enter_context(wire())
    except NoWireError as error:
        click.secho(f"No wire, so on loopback: {error}.", err=True, fg="yellow")
        return LOOPBACK


def _cases(ground: Ground, versions: dict[str, str], aiortc_python: Path) -> list[Case]:
    sizes, cases = (FEW, MANY), []
    ways = {OURS: (20, False), OURS_60: (60, False), RING: (20, True), RING_60: (60, True)}
    for name, (packet_ms, ring) in ways.items():
        if ring and os.geteuid() != 0:
            continue
        start = partial(Spacescore, ground=ground, packet_time=packet_ms, ring=ring)
        cases.append(Case(name, start, sizes, 100, packet_ms))
        cases.append(Case(hall(name), start, (MANY, HALL), 500, packet_ms))
    if versions["Janus"]:
        janus = partial(Janus, ground=ground)
        cases.append(Case(JANUS, janus, sizes, 40))
        cases.append(Case(LOOPS, partial(janus, event_loops=True), sizes, 40))
    if versions["aiortc"]:
        aiortc = partial(Aiortc, ground=ground, python=aiortc_python)
        cases.append(Case("aiortc", aiortc, AIORTC_SIZES, 5))
    return cases


def hall(name: str) -> str:
    """Return what a case is called with a larger audience than Janus can take here."""
    return f"{name}, hall"


def _targets() -> list[Target]:
    return [
        *_audio_targets(20, 15, OURS),
        *_audio_targets(20, 15, RING),
        *_audio_targets(60, 45, OURS_60),
        *_audio_targets(60, 45, RING_60),
        Target(f"CPU a join, {MANY} within a second", 20, OURS, lambda r: r.per_join),
    ]


def _audio_targets(packet_ms: int, times: float, ours: str) -> list[Target]:
    way = ", ring" if "ring" in ours else ""
    return [
        Target(
            f"CPU a listener, {MANY}, {packet_ms} ms{way}", times, ours, lambda r: r.per_listener
        ),
        Target(
            f"CPU of one more listener, {packet_ms} ms{way}",
            times,
            ours,
            lambda r: r.per_further_listener,
        ),
        Target(
            f"CPU of one more, in a hall, {packet_ms} ms{way}",
            times,
            hall(ours),
            lambda r: r.per_further_listener,
        ),
    ]


def _measure(cases: Sequence[Case], rounds: int, seconds: float) -> list[Peer]:
    """Take turns; who begins changes."""
    found: dict[str, list[Round]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in [*cases[number % len(cases) :], *cases[: number % len(cases)]]:
            click.echo(f"round {number + 1} of {rounds}: {case.name}", err=True)
            few, many = (measure_listening(case, size, seconds) for size in case.sizes)
            joining = measure_joining(case, case.sizes[1])
            found[case.name].append(Round(few, many, joining))
    return [Peer(name, turns) for name, turns in found.items()]


def _rewrite(page: Path, tables: str) -> None:
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}")


def _list(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {found}" for name, found in versions.items() if found)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
