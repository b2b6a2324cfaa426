"""The command line. What a command needs is imported when it runs: `--version` is quick."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from spacescore.cli_doctor import doctor
from spacescore.cli_jitter import jitter
from spacescore.cli_keys import keys
from spacescore.cli_load import load
from spacescore.cli_serve import check_config, configuration, fail, serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("spacescore"), prog_name="spacescore")
def main() -> None:
    """Live audio rooms that hold on launch day."""


@main.command()
@click.argument("space")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as join.js takes it.")
@click.option("--url", help="Ask a running service, e.g. http://127.0.0.1:8080.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Mint with the keys of this folder, without asking anybody.  [default: as configured]",
)
@click.option(
    "--ttl", default=3600, show_default=True, type=click.IntRange(1, 30 * 86_400), help="Seconds."
)
def ticket(space: str, as_json: bool, url: str | None, data: Path | None, ttl: int) -> None:
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
    type=click.Choice(["speaker", "cohost", "host", "listener"]),
)
@click.option("--name", default="Guest", show_default=True, help="As others see it.")
@click.option("--identity", default="", help="Who they are in all of their tokens, for a block.")
@click.option(
    "--first", is_flag=True, help="Through a paced door at once, as speakers: press, say."
)
@click.option("--mute", is_flag=True, help="Take the voice away, whatever the role.")
@click.option("--ttl", default=43_200, show_default=True, type=click.IntRange(1), help="Seconds.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder with the operator's key.  [default: as configured]",
)
@click.option("--operator-key", envvar="SPACESCORE_OPERATOR_KEY", default="", hidden=True)
def token(
    space: str,
    role: str,
    name: str,
    identity: str,
    first: bool,
    mute: bool,
    ttl: int,
    data: Path | None,
    operator_key: str,
) -> None:
    """Issue a token for SPACE."""
    import time

    from spacescore.errors import SpacescoreError
    from spacescore.policy import Grant, Role
    from spacescore.spaces import MAX_NAME_CHARS, check_slug, clean_text
    from spacescore.tokens import KeyRing, draw_peer

    try:
        ring = KeyRing(operator_keys(operator_key, data))
        name = clean_text(name, MAX_NAME_CHARS) or "Guest"
        peer = draw_peer(first=first or Role(role).speaks)
        now = time.time()
        expires = int(now) + ttl
        grant = Grant(
            check_slug(space), Role(role), peer, name, expires, identity, can_publish=not mute
        )
        click.echo(ring.issue(grant, now=now))
    except (SpacescoreError, ValueError) as error:
        fail(str(error))


@main.command("pass")
@click.option("--ttl", default=43_200, show_default=True, type=click.IntRange(1), help="Seconds.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder with the operator's key.  [default: as configured]",
)
@click.option("--operator-key", envvar="SPACESCORE_OPERATOR_KEY", default="", hidden=True)
def operations_pass(ttl: int, data: Path | None, operator_key: str) -> None:
    """Make a link to the operations page: it shows how the node does, and changes nothing."""
    import time

    from spacescore.errors import SpacescoreError
    from spacescore.tokens import KeyRing

    try:
        ring = KeyRing(operator_keys(operator_key, data))
        shown = ring.issue_pass(now=time.time(), ttl=ttl)
        url = data_dir(data).read_node()["url"]
        click.echo(f"{url}/operations#token={shown}")
    except (SpacescoreError, ValueError) as error:
        fail(str(error))


for command in (serve, keys, check_config, doctor, load, jitter):
    main.add_command(command)


def operator_keys(key: str, data: Path | None) -> list[str]:
    """Return the keys that tokens are signed with: as given, or configured. Raises StartupError."""
    if not key and data is None:
        key = configuration({}).settings.operator_key
    return [key] if key else list(data_dir(data).operator_keys())


def data_dir(path: Path | None) -> Any:
    """Open a data folder that is there, by default the configured one. Raises StartupError."""
    from spacescore.datadir import DataDir
    from spacescore.errors import StartupError

    path = path or configuration({}).settings.data
    if not path.is_dir():
        raise StartupError(f"There is no data folder {path}: start a node on it, or say --data.")
    return DataDir(path)


def mint_ticket(path: Path | None, space: str, ttl: int) -> dict[str, Any]:
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
