"""Makes of a run's JSON the table and the plots that README.md and docs/ show.

    python benches/report.py build/bench.json README.md docs/images

The table goes between the two marker comments of the README, and that of speech through loss
between those of docs/sound.md beside it. A run that lacks benches, say one with `-k`, is printed,
and writes no more than the latter.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from spacescore.jitterlab.plots import GREY
from spacescore.jitterlab.plots import STYLE as LEGIBLE

BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"
Info = dict[str, Any]
Row = tuple[str, str, Callable[[Info], str], Callable[[Info], str]]

OURS, FLOOR = "#3B82F6", "#F59E0B"
STYLE: Any = LEGIBLE | {"figure.figsize": (6.4, 3.2)}


def nanoseconds(key: str, suffix: str = "") -> Callable[[Info], str]:
    def text(info: Info) -> str:
        value = float(info[key])
        short = f"{value:.0f} ns" if value < 1_000 else f"{value / 1_000:.2f} µs"
        return short + suffix

    return text


def nothing(_: Info) -> str:
    return "–"


def fixed(text: str) -> Callable[[Info], str]:
    return lambda info: text.format(**info)


def seal(label: str, case: str) -> Row:
    ours, floor = nanoseconds("ns_per_unit"), nanoseconds("floor_ns_per_unit", " bare call")
    return label, f"bench_seal_per_packet[{case}]", ours, floor


def ring_and_socket(info: Info) -> str:
    ring = nanoseconds("floor_ns_per_unit", " bare ring")
    return f"{ring(info)}; {nanoseconds('socket_ns_per_unit', ' a socket there')(info)}"


def asked(label: str, path: str) -> Row:
    name, ours = f"bench_what_everybody_asks[{path}]", nanoseconds("ns_per_unit")
    rendered = nanoseconds("ns_rendered", " where it is rendered, once a second")
    floor = nanoseconds("floor_ns_per_unit", " bare handler")
    return label, name, lambda info: f"{ours(info)}; {rendered(info)}", floor


def milliseconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} ms"


def heard_after(info: Info) -> str:
    p50, p99 = (milliseconds(info["latency_ms"][of]) for of in ("p50", "p99"))
    return f"{p50}, {p99}; {milliseconds(info['added_ms']['p99'])} behind the first of them"


def at_crowd(key: str, crowd: int) -> Callable[[Info], str]:
    return lambda info: f"{info[key][str(crowd)]:,} at {crowd:,}"


PAIRS = "check and hello"  # of a flood
NEEDS_PRIVILEGE = "bench_send_srtp_through_a_ring[80]"  # a run without it is whole as well

ROWS: list[Row] = [
    seal("a listener's packet sealed: GCM, 80 B, 1,000 keys", "1000-gcm-80"),
    seal("GCM, 240 B, 100,000 keys", "100000-gcm-240"),
    seal("GCM, 240 B, 1,000,000 keys", "1000000-gcm-240"),
    seal("GCM, 480 B, 1,000,000 keys", "1000000-gcm-480"),
    seal("AES-CM + HMAC-SHA1, 80 B, 1,000 keys", "1000-cm-80"),
    seal("AES-CM + HMAC-SHA1, 240 B, 1,000,000 keys", "1000000-cm-240"),
    *(
        (
            f"{size} B for the millionth listener, beside the first of 1,000",
            f"bench_seal_for_the_millionth_listener_as_for_the_first[{size}]",
            nanoseconds("ns_per_unit"),
            nanoseconds("first_ns_per_unit"),
        )
        for size in (80, 240, 480)
    ),
    (
        "one room, 1,000,000 listeners, 60 ms packets, one core",
        "bench_million_listeners_of_one_room[60]",
        fixed("**{realtime_factor} × real time**"),
        nanoseconds("floor_ns_per_unit", " bare call"),
    ),
    (
        "sealed datagram through a real socket, 80 B",
        "bench_send_srtp_through_a_real_socket[80]",
        nanoseconds("ns_per_unit"),
        nanoseconds("floor_ns_per_unit", " bare `sendmmsg`"),
    ),
    (
        "the same around the socket layer, by a ring of frames",
        NEEDS_PRIVILEGE,
        nanoseconds("ns_per_unit"),
        ring_and_socket,
    ),
    *(
        (
            label,
            name,
            fixed("{join_us:.0f} µs; {joins_per_second_and_core:,} a second and core"),
            fixed("{floor_us:.0f} µs bare OpenSSL handshake"),
        )
        for label, name in (
            ("join: check, ticket, DTLS handshake", "bench_join_stun_ticket_and_handshake"),
            ("join through the engine, to the row and the event", "bench_join_through_the_engine"),
        )
    ),
    (
        "a check or report heard, of 1,000,000 listeners",
        "bench_feedback_of_a_million_listeners",
        nanoseconds("ns_per_datagram"),
        nanoseconds("floor_ns_per_datagram", " bare HMACs"),
    ),
    *(
        (
            f"memory per listener, all in, the node's own shared out, at {listeners:,}",
            f"bench_memory_per_listener[{listeners}]",
            fixed("{bytes_per_listener:,} B; {bytes_added_by_a_listener:,} B without the node's"),
            nothing,
        )
        for listeners in (100_000, 1_000_000)
    ),
    (
        "10,000 arrive within 2 s: from each one's own first check to its keys, p50 and p99",
        "bench_storm_of_ten_thousand_joins[at_once]",
        lambda info: " and ".join(f"{info['join_ms'][of] / 1e3:.1f} s" for of in ("p50", "p99")),
        fixed(
            "each {cpu_ms_per_join:.2f} ms of the server; {floor_ms:.2f} ms bare OpenSSL handshake"
        ),
    ),
    (
        "10,000 join as the crowd's own core can: one costs the server, kernel and all",
        "bench_storm_of_ten_thousand_joins[as_it_can]",
        fixed("{cpu_ms_per_join:.2f} ms"),
        fixed("{floor_ms:.2f} ms bare OpenSSL handshake"),
    ),
    *(
        (
            f"a word from speaker to {listeners:,} listeners, {packet_ms} ms packets: p50, p99",
            f"bench_latency_from_speaker_to_listener[{listeners}]",
            heard_after,
            nothing,
        )
        for listeners, packet_ms in ((1_000, 20), (10_000, 60))
    ),
    *(
        (
            label,
            f"bench_flood_of_strangers[{kind}]",
            fixed("{packets_per_cpu_second_flooded:,}"),
            fixed("{packets_per_cpu_second:,} without it"),
        )
        for kind, label in (
            (
                "ticket",
                "media packets a CPU second under a flood, 10,000/s, with everybody's ticket",
            ),
            (PAIRS, "the same, half of it ClientHellos behind forged checks"),
        )
    ),
    (
        "the dearest tick while 100,000 come, go or are told goodbye, everybody served",
        "bench_churn_of_a_hundred_thousand",
        fixed("{worst_tick:.2f} of its 20 ms"),
        nothing,
    ),
    (
        "jitter buffer, push + pop",
        "bench_jitter_push_and_pop_beside_the_bare_work",
        nanoseconds("push_pop_ns"),
        nanoseconds("floor_ns", " its bare bookkeeping"),
    ),
    (
        "mix tick, three loud voices, four encodes",
        "bench_mix_tick_with_three_loud_speakers",
        fixed("{ms:.2f} ms"),
        fixed("{floor_ms:.2f} ms bare libopus"),
    ),
    (
        "whole rooms on a core: SRTP in and out, three loud voices, recorded",
        "bench_twenty_rooms_of_three_loud_speakers",
        fixed("{rooms_per_core:.0f}"),
        fixed("{floor_rooms_per_core:.0f} of bare libopus"),
    ),
    asked("`state.json`, to one more page", "state"),
    asked("everybody's ticket, to one more page", "ticket"),
    (
        "`state.json` by invitation, by token",
        "bench_what_is_ones_own[state]",
        nanoseconds("ns_per_unit"),
        nanoseconds("floor_ns_per_unit", " bare handler and PyJWT"),
    ),
    (
        "a ticket of one's own, by token",
        "bench_what_is_ones_own[ticket]",
        nanoseconds("ns_per_unit"),
        nanoseconds("floor_ns_per_unit", " bare handler, PyJWT and the core's ticket"),
    ),
    (
        "requests a second that reach the service behind a cache, pages waiting",
        "bench_waiting_pages_cost_the_service_nothing",
        at_crowd("reached_the_service_per_second", 100_000),
        at_crowd("reached_the_service_per_second", 1_000),
    ),
    (
        "bytes a second of the feed to three who follow, listeners",
        "bench_the_roster_is_flat",
        at_crowd("feed_bytes_per_second", 100_000),
        at_crowd("feed_bytes_per_second", 1_000),
    ),
]


def read(path: Path) -> tuple[dict[str, Info], str]:
    """What each bench said of itself, and the machine it ran on."""
    run = json.loads(path.read_text())
    cpu = run["machine_info"]["cpu"]
    machine = f"{cpu['brand_raw'].strip()}, {cpu['count']} cores, {run['datetime'][:10]}"
    benches = {
        bench["name"]: bench["extra_info"] | {"ms": bench["stats"]["median"] * 1e3}
        for bench in run["benchmarks"]
    }
    return benches, machine


def table(benches: dict[str, Info]) -> list[str]:
    lines = ["| | measured | floor, same run | ratio | budget |", "|---|---|---|---|---|"]
    for label, name, measured, floor in ROWS:
        if name not in benches:
            continue
        info = benches[name]
        ratio = info.get("growth_ratio", info.get("floor_ratio"))
        shown = "–" if ratio is None else f"{ratio:.2f}"
        lines.append(f"| {label} | {measured(info)} | {floor(info)} | {shown} | {budget(info)} |")
    return lines


def budget(info: Info) -> str:
    if "added_budget_ms" in info:  # a longer packet comes as much later
        return f"{info['added_budget_ms'] + info['packet_ms'] - 20:.0f} ms behind the first"
    if "budget" not in info:
        return "–"
    return f"{info['budget']:,}" + (" B" if "bytes_per_listener" in info else "")


def growth(benches: dict[str, Info]) -> None:
    info = benches["bench_growth_of_the_cost_per_listener"]
    plt.plot(info["listeners"], info["ns_per_listener"], "o-", color=OURS, label="spacescore")
    bare = "bare ipsec-mb call"
    plt.plot(info["listeners"], info["floor_ns_per_listener"], "s--", color=FLOOR, label=bare)
    plt.xscale("log")
    plt.xticks(info["listeners"], [f"{size:,}" for size in info["listeners"]])
    plt.minorticks_off()
    plt.ylim(0, 1.35 * max(info["ns_per_listener"]))
    plt.xlabel("listeners, each with a key of their own")
    plt.ylabel("ns per packet")
    plt.title(f"A listener costs the same, however many there are ({info['payload_bytes']} B)")
    plt.grid(axis="y")
    plt.legend(loc="lower right")


def realtime(benches: dict[str, Info]) -> None:
    tiers = (20, 40, 60, 120)
    factors = [
        benches[f"bench_million_listeners_of_one_room[{ms}]"]["realtime_factor"] for ms in tiers
    ]
    bars = plt.bar(range(len(tiers)), factors, width=0.55, color=OURS)
    plt.bar_label(bars, [f"{factor:.2f} ×" for factor in factors], color=GREY, padding=3)
    plt.axhline(1, color=FLOOR, linestyle="--")
    plt.text(-0.38, 1.04, "one core keeps up", color=FLOOR)
    plt.xticks(range(len(tiers)), [f"{ms} ms" for ms in tiers])
    plt.ylim(0, 1.25 * max(1.0, *factors))
    plt.xlabel("audio in a packet, 32 kbit/s")
    plt.ylabel("real time")
    plt.title("1,000,000 listeners of one room, sealed on one core")


def memory(benches: dict[str, Info]) -> None:
    runs = [benches[f"bench_memory_per_listener[{size}]"] for size in (100_000, 1_000_000)]
    sizes = [run["bytes_per_listener"] for run in runs]
    bars = plt.barh(range(2), sizes, height=0.5, color=OURS)
    plt.bar_label(bars, [f"{size:,} B" for size in sizes], color="white", padding=-60)
    plt.axvline(runs[0]["budget"], color=FLOOR, linestyle="--")
    plt.text(runs[0]["budget"] - 20, 1.42, "budget: 1.5 KiB", color=FLOOR, ha="right")
    plt.yticks(range(2), [f"{run['listeners']:,}\nlisteners" for run in runs])
    plt.ylim(-0.5, 1.65)
    plt.xlabel(
        "resident bytes per listener: row, indices, place in the hall, and a part of the node"
    )
    plt.title("Memory")


def ratios(benches: dict[str, Info]) -> None:
    """Every measured ratio on its way to its budget."""
    shown = []
    for label, name, _, _ in reversed(ROWS):
        info = benches.get(name, {})
        ratio = info.get("growth_ratio", info.get("floor_ratio"))
        if ratio is not None and "budget" in info:
            shown.append((label, ratio / info["budget"]))
    names, parts = zip(*shown, strict=True)
    plt.gcf().set_size_inches(7.6, 0.3 * len(names) + 0.9)
    bars = plt.barh(range(len(names)), [100 * part for part in parts], height=0.6, color=OURS)
    plt.bar_label(bars, [f"{100 * part:.0f} %" for part in parts], color="white", padding=-34)
    plt.axvline(100, color=FLOOR, linestyle="--")
    plt.yticks(range(len(names)), names)
    plt.xlim(0, 105)
    plt.xlabel("of its budget, in %")
    plt.suptitle("What each takes of its budget", x=0.02, ha="left", fontweight="bold")


PLOTS = {"growth": growth, "realtime": realtime, "memory": memory, "budgets": ratios}


def draw(benches: dict[str, Info], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        with plt.rc_context(STYLE):
            plt.figure()
            plot(benches)
            plt.savefig(folder / f"bench_{name}.svg", metadata={"Date": None})
            plt.close()


SOUND = "bench_sound_of_two_speakers_through_five_percent_loss"
RECOVERIES = {
    "plain": "concealment alone",
    "fec": "FEC",
    "red": "RED",
    "red+fec": "RED and FEC",
}


def sound(scores: dict[str, dict[str, float]]) -> list[str]:
    """How speech through loss scores: docs/sound.md."""
    lines = [
        "| | PESQ wideband (1 to 4.64) | log-spectral distance | concealed | lost "
        "| in the jitter buffer |",
        "|---|---|---|---|---|---|",
    ]
    for name, label in RECOVERIES.items():
        of = scores[name]
        pesq = f"{of['pesq']:.2f}" if "pesq" in of else "–"
        lines.append(
            f"| {label} | {pesq} | {of['lsd_db']:.2f} dB | {of['concealed']:.1%} "
            f"| {of['lost']:.1%} | {of['delay_ms']:.0f} ms |"
        )
    return lines


def replace_between(page: Path, lines: list[str]) -> None:
    before, _, rest = page.read_text().partition(BEGIN)
    if rest:
        page.write_text("\n".join([before + BEGIN, *lines, END + rest.partition(END)[2]]))


def main(run: Path, page: Path | None, images: Path) -> None:
    benches, machine = read(run)
    if page is not None and SOUND in benches:
        replace_between(page.parent / "docs" / "sound.md", sound(benches[SOUND]["scores"]))
    lines = table(benches)
    print(*lines, sep="\n")
    missing = [name for _, name, _, _ in ROWS if name not in {*benches, NEEDS_PRIVILEGE}]
    if missing:
        print("\nNothing written, for this run lacks:", *missing, sep="\n  ")
        return
    draw(benches, images)
    if page is None:
        return
    note = f"Taken on: {machine}; the machine is shared, so mind the ratios."
    replace_between(page, [*lines, "", note])


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]), None, Path(sys.argv[2]))
