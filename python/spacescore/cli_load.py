"""`spacescore load`: the load generator on the command line."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spacescore.load import LoadPlan, Progress

__all__ = ["load"]

BAD_START, FAILED = 2, 1

EXAMPLES = """
\b
Examples:
  spacescore load http://127.0.0.1:8080/s/demo -n 1000 --speakers 1
  spacescore load http://127.0.0.1:8080/s/demo -n 5000 --ramp storm --over 2
  spacescore ticket demo --json | spacescore load --ticket - -n 100
  spacescore load https://example.org/whep/live --door whep -n 50
  spacescore load http://127.0.0.1:8088/janus --door janus --mountpoint 1
"""


@click.command(epilog=EXAMPLES)
@click.argument("url", default="")
@click.option("-n", "--listeners", default=100, show_default=True, type=click.IntRange(0))
@click.option("--speakers", default=0, show_default=True, type=click.IntRange(0))
@click.option(
    "--speech",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What speakers play, over and over: a file that FFmpeg reads, ten minutes of it at most.  "
    "[default: a tone]",
)
@click.option(
    "--door",
    default="ticket",
    show_default=True,
    type=click.Choice(["ticket", "whep", "janus"]),
    help="How listeners come in: one ticket for all, or a request each.",
)
@click.option(
    "--ticket", type=click.File(), help="What `spacescore ticket --json` printed; - reads it."
)
@click.option("--mountpoint", type=int, help="Of Janus's streaming plugin.")
@click.option(
    "--ramp",
    "profile",
    default="linear",
    show_default=True,
    type=click.Choice(["linear", "storm", "step"]),
    help="How they arrive: evenly, at random moments, or in groups.",
)
@click.option("--over", "seconds", default=2.0, show_default=True, help="Seconds the ramp takes.")
@click.option("--steps", default=4, show_default=True, help="Groups of a step ramp.")
@click.option(
    "--duration", default=10.0, show_default=True, help="Seconds to listen once all are in."
)
@click.option("--join-timeout", default=10.0, show_default=True, help="Seconds a join may take.")
@click.option(
    "--max-loss", default=0.0, show_default=True, help="Percent of the audio that may be lost."
)
@click.option("--token", default="", help="Of the speakers.  [default: the open stage]")
@click.option("--whip", default="", metavar="URL", help="Where speakers publish, if elsewhere.")
@click.option(
    "--punctual", is_flag=True, help="Come when due, even while the generator itself is behind."
)
@click.option("--concurrency", default=32, show_default=True, help="HTTP requests at once.")
@click.option("--threads", default=1, show_default=True, help="Each with sockets of its own.")
@click.option("--seed", default=1, show_default=True, help="Of a storm's arrivals.")
@click.option(
    "--server-pid",
    type=int,
    help="Whose CPU time to tell.  [default: whoever has the port, when local; maybe a proxy]",
)
@click.option("--insecure", is_flag=True, help="Take whatever certificate an https server shows.")
@click.option(
    "--json",
    "json_file",
    type=click.File("w", lazy=False),  # before anything starts
    help="Write the report as JSON; - is stdout.",
)
def load(url: str, ticket: Any, json_file: Any, **options: Any) -> None:
    """Let virtual listeners join a space at URL, count what each hears, and report.

    They are real as far as the server can tell: STUN, DTLS, SRTP, receiver reports. On one
    machine every listener has a loopback address of its own. Exits with 0 when everybody
    joined, stayed, heard something to the end and lost no more than allowed, with 2 when
    the test cannot begin, and with 1 otherwise.
    """
    from spacescore.errors import SpacescoreError
    from spacescore.load import run, summary

    try:
        plan = _plan(url, ticket, options)
        with _interruptible() as stop, _live() as show:
            report = run(plan, on_progress=show, stop=stop)
    except SpacescoreError as error:
        click.secho(f"spacescore: {error}", err=True, fg="red")
        sys.exit(BAD_START)
    to_stdout = json_file is not None and json_file.name in ("-", "<stdout>")
    shown = sys.stderr if to_stdout else sys.stdout
    click.echo(summary(report, color=shown.isatty()), err=to_stdout, nl=False)
    if json_file is not None:
        json_file.write(json.dumps(report.to_dict(), indent=2) + "\n")
    sys.exit(0 if report.ok else FAILED)


def _plan(url: str, ticket: Any, options: dict[str, Any]) -> "LoadPlan":
    from spacescore.load import Door, LoadError, LoadPlan, Profile, Ramp

    if not url and ticket is None:
        raise LoadError("Say where to: a URL, or --ticket FILE.")
    ramp = Ramp(Profile(options.pop("profile")), options.pop("seconds"), options.pop("steps"))
    found = None if ticket is None else _read_ticket(ticket)
    return LoadPlan(
        target=url, ticket=found, ramp=ramp, **options | {"door": Door(options["door"])}
    )


def _read_ticket(file: Any) -> Any:
    from spacescore.load import LoadError

    try:
        return json.load(file)
    except ValueError:
        raise LoadError(f"{file.name} is no JSON: see spacescore ticket --json.") from None


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C ends the test early; what was measured so far is reported."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _live() -> Iterator[Any]:
    """One line that changes, where somebody looks on."""
    from spacescore.load import progress_line

    if not sys.stderr.isatty():
        yield lambda progress: None
        return

    def show(progress: "Progress") -> None:
        click.echo(f"\r\x1b[2K  {progress_line(progress)}", err=True, nl=False)

    try:
        yield show
    finally:
        click.echo("\r\x1b[2K", err=True, nl=False)
