"""The command line. What a command needs is imported when it runs: `--version` is quick."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spacescore.cli_load import load

if TYPE_CHECKING:
    from spacescore.service import Service, Settings

__all__ = ["main"]

DATA = "spacescore-data"
BAD_START = 2  # the exit code of everything the operator has to change


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("spacescore"), prog_name="spacescore")
def main() -> None:
    """Live audio rooms that hold on launch day."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address for HTTP.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--udp-host", default=None, help="Address for media.  [default: all of them]")
@click.option("--udp-port", default=7881, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--announce", multiple=True, metavar="IP", help="Public address, behind NAT. Repeatable."
)
@click.option("--public-url", default="", metavar="URL", help="How people reach this, by a proxy.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="PEM; with --tls-key.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM.")
@click.option(
    "--ice-server",
    multiple=True,
    metavar="URL[,USER,SECRET]",
    help="STUN or TURN server to tell WHIP and WHEP clients of. Repeatable.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Media threads.  [default: one for each core]"
)
@click.option(
    "--packet-time",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "20", "40", "60", "120"]),
    help="Milliseconds of sound per packet; auto: 20, and more while media runs late.",
)
@click.option(
    "--packet-interface",
    default="",
    metavar="NAME",
    help="Send by an AF_PACKET ring to those behind this interface; needs CAP_NET_RAW.",
)
@click.option("--max-listeners", default=100_000, show_default=True, type=click.IntRange(1))
@click.option(
    "--data",
    default=DATA,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for keys and recordings.",
)
@click.option("--demo", is_flag=True, help="Open a space where everybody may speak.")
@click.option(
    "--operator-key", envvar="SPACESCORE_OPERATOR_KEY", default="", show_envvar=True, hidden=True
)
def serve(ice_server: tuple[str, ...], **options: Any) -> None:
    """Run the room service until SIGTERM or Ctrl-C."""
    import trio

    from spacescore import logs
    from spacescore.desk import IceServer
    from spacescore.errors import SpacescoreError
    from spacescore.service import Service, Settings

    try:
        servers = tuple(IceServer(*text.split(",", 2)) for text in ice_server)
        service = Service.open(Settings(ice_servers=servers, **options))
    except SpacescoreError as error:
        fail(str(error))
    logs.configure()
    with service:
        click.echo(banner(service))
        trio.run(service.run)


@main.command()
@click.argument("space")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as join.js takes it.")
@click.option("--url", help="Ask a running service, e.g. http://127.0.0.1:8080.")
@click.option(
    "--data",
    default=DATA,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Mint with the keys of this folder, without asking anybody.",
)
@click.option(
    "--ttl", default=3600, show_default=True, type=click.IntRange(1, 30 * 86_400), help="Seconds."
)
def ticket(space: str, as_json: bool, url: str | None, data: Path, ttl: int) -> None:
    """Make the ticket with which any page may listen to SPACE."""
    from spacescore.errors import SpacescoreError

    try:
        found = fetch_ticket(url, space) if url else mint_ticket(data, space, ttl)
    except SpacescoreError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name:12} {value if isinstance(value, str) else json.dumps(value)}")


@main.command()
@click.argument("space")
@click.option(
    "--role",
    default="speaker",
    show_default=True,
    type=click.Choice(["speaker", "host", "listener"]),
)
@click.option("--name", default="Guest", show_default=True, help="As others see it.")
@click.option("--ttl", default=43_200, show_default=True, type=click.IntRange(1), help="Seconds.")
@click.option(
    "--data",
    default=DATA,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder with the operator's key.",
)
@click.option("--operator-key", envvar="SPACESCORE_OPERATOR_KEY", default="", hidden=True)
def token(space: str, role: str, name: str, ttl: int, data: Path, operator_key: str) -> None:
    """Issue a token for SPACE."""
    import secrets
    import time

    from spacescore.errors import SpacescoreError
    from spacescore.policy import Grant, Role
    from spacescore.spaces import MAX_NAME_CHARS, check_slug, clean_text
    from spacescore.tokens import KeyRing

    try:
        keys = KeyRing([operator_key] if operator_key else data_dir(data).operator_keys())
        name = clean_text(name, MAX_NAME_CHARS) or "Guest"
        peer = secrets.randbelow(2**32 - 1) + 1
        now = time.time()
        grant = Grant(check_slug(space), Role(role), peer, name, int(now) + ttl)
        click.echo(keys.issue(grant, now=now))
    except (SpacescoreError, ValueError) as error:
        fail(str(error))


main.add_command(load)


def fail(message: str) -> Any:
    """Say what is wrong in one line and leave."""
    click.secho(f"spacescore: {message}", err=True, fg="red")
    sys.exit(BAD_START)


def data_dir(path: Path) -> Any:
    """Open a data folder that is there. Raises StartupError."""
    from spacescore.datadir import DataDir
    from spacescore.errors import StartupError

    if not path.is_dir():
        raise StartupError(f"There is no data folder {path}: start a node on it, or say --data.")
    return DataDir(path)


def mint_ticket(path: Path, space: str, ttl: int) -> dict[str, Any]:
    """Mint a public ticket from a node's folder; the space may open later."""
    import time

    from spacescore.offline import mint_offline

    data = data_dir(path)
    return dict(mint_offline(data, space, int(time.time()) + ttl).to_dict())


def fetch_ticket(url: str, space: str) -> dict[str, Any]:
    """Ask a running service for a space's ticket. Raises StartupError."""
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    from spacescore.errors import StartupError
    from spacescore.spaces import check_slug

    address = f"{url.rstrip('/')}/api/spaces/{check_slug(space)}/ticket"
    if not address.startswith(("http://", "https://")):
        raise StartupError(f"{url} is no http or https URL.")
    try:
        with urlopen(address, timeout=10) as response:  # noqa: S310  (checked above)
            return dict(json.load(response))
    except HTTPError as error:
        raise StartupError(f"{url} says: {_detail(error.read()) or error.reason}") from error
    except (URLError, OSError, ValueError, TypeError) as error:
        raise StartupError(f"{url} cannot be asked: {error}.") from error


def _detail(body: bytes) -> str:
    """Return what a problem says; nothing where it is none, a proxy's error page say."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return ""


def banner(service: "Service") -> str:
    """What somebody sees who has started the service: where it is, and how to stop it."""
    settings, engine = service.settings, service.engine
    rows = [("page", f"{service.url}/s/demo") if settings.demo else ("home", service.url)]
    rows += [("media", f"UDP port {engine.port} at {_places(service)}")]
    assert engine.data is not None  # noqa: S101  (the settings name a folder)
    recordings = [space.recording for space in engine.spaces if space.recording]
    from_then = f"{recordings[0]}, from the first word on" if recordings else ""
    rows += [("recording", from_then or f"{engine.data.recordings}/")]
    rows += [("operator", _operator(settings, engine.data.operator_key_path))]
    rows += [("stop", "Ctrl-C")]
    lines = [f"  {click.style(f'{name:10}', dim=True)}{value}" for name, value in rows]
    lines[0] = f"  {click.style(f'{rows[0][0]:10}', dim=True)}" + click.style(
        rows[0][1], bold=True, fg="cyan"
    )
    title = click.style("spacescore", bold=True)
    hint = "Open the page, press Speak; whoever opens the same page hears you.\n\n"
    return (
        f"\n  {title} {version('spacescore')}\n\n"
        + (f"  {hint}" if settings.demo else "")
        + "\n".join(lines)
        + "\n"
    )


def _places(service: "Service") -> str:
    shown = [candidate.ip for candidate in service.engine.candidates]
    return ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")


def _operator(settings: "Settings", path: Path) -> str:
    return "key from SPACESCORE_OPERATOR_KEY" if settings.operator_key else f"key in {path}"
