"""Runs a load test: asks at the door, and lets the swarms go."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacescore._native import _core
from spacescore.descriptors import allow, most
from spacescore.load.doors import Entrance, Stage, open_door
from spacescore.load.local import cpu_seconds, pid_of_port
from spacescore.load.plan import LoadPlan, start_times
from spacescore.load.report import LoadReport, audio_of, joins_of
from spacescore.load.requests import LoadError, Refused
from spacescore.load.silence import SoundClock
from spacescore.load.speech import packets_of, tone
from spacescore.load.tally import (
    Mark,
    columns_of,
    cost_of,
    generator_of,
    mark,
    merged,
    silences_of,
    speakers_of,
    totals_of,
)

__all__ = ["Progress", "run"]

LOOK_SECONDS = 0.2
HEAD_START_US = 50_000  # between the decision to start and the first who does,
PREPARATION_US = 20  # and for each who is to be described before that
GOODBYE_SECONDS = 0.3
KEEP_ALIVE_SECONDS = 20.0
SPARE_DESCRIPTORS = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running test is."""

    phase: str  # "speakers", "joining", "listening", "leaving"
    seconds: float  # since this phase began
    listeners: int  # planned
    joining: int
    joined: int
    failed: int
    joins_per_second: float  # of late
    audible: int
    received: int
    lost: int  # and skipped


def run(
    plan: LoadPlan,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> LoadReport:
    """Do what the plan says and report; blocks. `stop`, when set, ends it early.

    Raises LoadError when it cannot begin.
    """
    if plan.server_pid is not None and cpu_seconds(plan.server_pid) is None:
        raise LoadError(f"There is no process {plan.server_pid}.")
    playlist = _playlist(plan) if plan.speakers else None
    door = open_door(plan)
    stage = Stage(plan) if plan.speakers else None
    if door.asks or not door.local:
        _require_descriptors(plan)
    test = _Test(plan, door, on_progress or (lambda _: None), stop)
    try:
        if stage:
            test.speak(stage, playlist)
        test.join()
        test.listen()
        return test.report()
    finally:
        test.close()


class _Test:
    def __init__(
        self,
        plan: LoadPlan,
        door: Entrance,
        on_progress: Callable[[Progress], None],
        stop: threading.Event | None,
    ) -> None:
        self.plan, self.door = plan, door
        self._tell = on_progress
        self._stop = stop or threading.Event()
        self._leaving = threading.Event()
        people = -(-plan.listeners // plan.threads) + plan.speakers
        try:
            self.swarms = [
                _core.Swarm(
                    members=people,
                    join_timeout_us=round(plan.join_timeout * 1e6),
                    punctual=plan.punctual,
                    **({"most_joining": people} if plan.punctual else {}),
                )
                for _ in range(plan.threads)
            ]
        except OSError as error:
            raise LoadError(f"No socket: {error}.") from error
        self.refused: list[str] = []  # by cause
        self.refused_speakers: list[str] = []
        self._request_lags: list[int] = []
        self._pool: ThreadPoolExecutor | None = None
        self._asking: list[Future[None]] = []
        self._marks: list[Mark] = []
        self._pid = plan.server_pid
        if self._pid is None and door.local:
            self._pid = pid_of_port(*door.port)
        self._phase, self._since = "", time.monotonic()
        self._recent: list[tuple[float, int]] = []
        self._kept_alive = time.monotonic()
        self._speakers_in = 0
        self._sound = SoundClock()

    # The phases.

    def speak(self, stage: Stage, playlist: Any) -> None:
        """Bring the speakers in, before anybody listens."""
        self._enter("speakers")
        swarm = self.swarms[0]
        with closing(stage):
            self._publish(stage, swarm, playlist)
        self._wait(lambda fates: fates["waiting"] + fates["joining"] == 0)
        self._speakers_in = totals_of(self.swarms)["fates"]["joined"]

    def _publish(self, stage: Stage, swarm: Any, playlist: Any) -> None:
        for number in range(self.plan.speakers):
            if self._stop.is_set():
                return
            ssrc = secrets.randbelow(2**32 - 1) + 1
            with _counted(self.refused_speakers):
                known = stage.join(swarm.fingerprint, ssrc, f"Load {number + 1}")
                swarm.add([_core.Member(**known, start_us=_now_us(), playlist=playlist)])

    def join(self) -> None:
        """Let the listeners come, each at its time, until all are in or have failed."""
        self._enter("joining")
        self._mark()
        times = start_times(self.plan.ramp, self.plan.listeners, self.plan.seed)
        begin = _now_us() + HEAD_START_US + PREPARATION_US * len(times)
        starts = [begin + round(second * 1e6) for second in times]
        if self.door.asks:
            self._ask_for(starts)
        else:
            self._add_all(starts)
        self._wait(self._everybody_settled)

    def listen(self) -> None:
        """Listen for as long as was wanted."""
        self._enter("listening")
        self._mark()
        until = time.monotonic() + self.plan.duration
        others = self._speakers_in if self.plan.listeners else 0
        anybody = totals_of(self.swarms)["fates"]["joined"] > others
        while anybody and (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            self._look()
            self._stop.wait(min(left, LOOK_SECONDS))
        self._mark()

    def report(self) -> LoadReport:
        """Say what there was; then everybody leaves."""
        rows, heard, said = columns_of(self.swarms)
        end = _now_us()
        delay = merged(self.swarms, "delays")
        generator = generator_of(self.swarms, self._marks, self._request_lags)
        self._enter("leaving")
        self._look()
        for swarm in self.swarms:
            swarm.leave()
        time.sleep(GOODBYE_SECONDS)
        listeners = {name: column[~rows["speaker"]] for name, column in rows.items()}
        return LoadReport(
            plan=self.plan,
            joins=joins_of(listeners, _core.FATES, self.refused, self.plan.listeners),
            audio=audio_of(listeners, delay, silences_of(listeners, self._sound, end)),
            speakers=speakers_of(self.plan, rows, self.refused_speakers, end),
            server=cost_of(self._pid, self._marks, int((listeners["connected_us"] >= 0).sum())),
            generator=generator,
            listened_seconds=self._marks[-1].at - self._marks[1].at,
            listeners=listeners,
            heard=heard,
            said=said,
        )

    def close(self) -> None:
        """End threads, sockets and sessions, however far the test came."""
        self._leaving.set()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        for swarm in self.swarms:
            swarm.close()
        self.door.close()

    # Joining.

    def _add_all(self, starts: list[int]) -> None:
        for number, swarm in enumerate(self.swarms):
            mine = starts[number :: len(self.swarms)]
            members = [_core.Member(**self.door.join(b""), start_us=start) for start in mine]
            try:
                swarm.add(members)
            except OSError as error:
                raise LoadError(f"No path to the server: {error}.") from error

    def _ask_for(self, starts: list[int]) -> None:
        turns = iter(enumerate(starts))
        lock = threading.Lock()
        threads = max(1, min(self.plan.concurrency, len(starts)))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="load")
        self._asking = [self._pool.submit(self._ask, turns, lock) for _ in range(threads)]

    def _ask(self, turns: Iterator[tuple[int, int]], lock: threading.Lock) -> None:
        """One thread's share: whoever is next, when the time has come."""
        while not self._leaving.is_set():
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            number, start = turn
            if self._leaving.wait(max(0.0, (start - _now_us()) / 1e6)):
                return
            self._ask_once(self.swarms[number % len(self.swarms)], start)

    def _ask_once(self, swarm: Any, start: int) -> None:
        asked = _now_us()
        self._request_lags.append(asked - start)
        with _counted(self.refused):
            known = self.door.join(swarm.fingerprint)
            swarm.add([_core.Member(**known, start_us=_now_us(), asked_us=asked)])

    def _everybody_settled(self, fates: dict[str, int]) -> bool:
        asking = self.door.asks and not all(task.done() for task in self._asking)
        return not asking and fates["waiting"] + fates["joining"] == 0

    # Looking.

    def _enter(self, phase: str) -> None:
        self._phase, self._since, self._recent = phase, time.monotonic(), []

    def _wait(self, settled: Callable[[dict[str, int]], bool]) -> None:
        """Bounded, for every join is."""
        while not self._stop.is_set():
            if settled(self._look()["fates"]):
                return
            self._stop.wait(LOOK_SECONDS / 4)

    def _look(self) -> dict[str, Any]:
        totals, now = totals_of(self.swarms), time.monotonic()
        self._sound.note(_now_us(), totals["sent"] + totals["received"])
        fates = totals["fates"]
        joined = fates["joined"] + fates["lost"] + fates["sent_away"] - self._speakers_in
        self._recent = [(at, n) for at, n in self._recent if now - at < 1.0] + [(now, joined)]
        span = now - self._recent[0][0]
        settled = fates["waiting"] + fates["joining"]
        everybody = sum(fates.values()) - self._speakers_in
        self._tell(
            Progress(
                phase=self._phase,
                seconds=now - self._since,
                listeners=self.plan.listeners,
                joining=fates["joining"],
                joined=joined,
                failed=everybody - settled - joined + len(self.refused),
                joins_per_second=(joined - self._recent[0][1]) / span if span else 0.0,
                audible=min(totals["audible"], joined),  # speakers hear each other
                received=totals["received"],
                lost=totals["lost"] + totals["skipped"],
            )
        )
        if now - self._kept_alive > KEEP_ALIVE_SECONDS:
            self._kept_alive = now
            self.door.keep_alive()
        return totals

    def _mark(self) -> None:
        self._marks.append(mark(self.swarms, self._pid))


@contextmanager
def _counted(causes: list[str]) -> Iterator[None]:
    """What goes wrong with one, whatever it is, is a cause to count and ends nothing."""
    try:
        yield
    except Refused as refused:
        causes.append(str(refused))
    except OSError as error:
        causes.append(f"no path: {error.strerror or error}")
    except Exception as error:  # of a server that answers as no other does
        causes.append(f"unusable answer ({type(error).__name__})")


def _playlist(plan: LoadPlan) -> Any:
    speech = tone() if plan.speech is None else plan.speech
    packets = packets_of(speech) if isinstance(speech, Path) else list(speech)
    try:
        return _core.Playlist(packets)
    except ValueError as error:
        raise LoadError(f"The speech cannot be said: {error}.") from error


def _require_descriptors(plan: LoadPlan) -> None:
    """Everybody may need a socket. Raises LoadError."""
    needed = plan.listeners + plan.speakers + plan.concurrency + SPARE_DESCRIPTORS
    if most() < needed:
        raise LoadError(
            f"{plan.listeners:,} listeners with a socket each need {needed:,} file "
            f"descriptors, and this process may have {most():,}: raise the limit (ulimit -n)."
        )
    allow(needed)


def _now_us() -> int:
    return time.monotonic_ns() // 1_000
