"""`spacescore serve` and `spacescore check-config`: the settings as options."""

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spacescore.config import Configuration
    from spacescore.service import Service
    from spacescore.settings import Settings

__all__ = ["check_config", "configuration", "fail", "serve"]

BAD_START = 2  # the exit code of everything the operator has to change
CONFIG_HELP = "TOML file.  [default: /etc/spacescore/spacescore.toml, where it exists]"


def fail(message: str) -> Any:
    """Say what is wrong, a line for each mistake, and leave."""
    for line in message.splitlines():
        click.secho(f"spacescore: {line}", err=True, fg="red")
    sys.exit(BAD_START)


def configuration(options: dict[str, Any], file: Path | None = None) -> "Configuration":
    """Return what is set, wherever. Raises StartupError."""
    from spacescore.config import configure

    return configure(options, os.environ, file)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for every setting."""
    from spacescore.config import fields, option_of

    for field in reversed(fields()):
        names = [option_of(field.name), field.name]
        if field.kind == "flag":
            names[0] += f"/--no-{field.name}"
            option = click.option(*names, default=None, help=field.help)
        else:
            option = click.option(
                *names,
                multiple=field.kind == "list",
                metavar=field.metavar,
                hidden=field.name == "operator_key",
                help=field.help,
            )
        command = option(command)
    return command


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help=CONFIG_HELP)
@settings_options
def serve(config: Path | None, **options: Any) -> None:
    """Run the room service until SIGTERM or Ctrl-C.

    Every option may stand in the file (udp_port = 7881) and in the environment
    (SPACESCORE_UDP_PORT=7881) as well; an option goes before both.
    """
    import trio

    from spacescore import descriptors, logs
    from spacescore.errors import SpacescoreError
    from spacescore.service import Service

    try:
        service = Service.open(configuration(options, config).settings)
    except SpacescoreError as error:
        fail(str(error))
    descriptors.allow(descriptors.ENOUGH)
    logs.configure()
    with service:
        click.echo(banner(service))
        trio.run(service.run)


@click.command("check-config")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check_config(file: Path | None) -> None:
    """Show what `serve` would run with, and where each value comes from.

    Exits with 2 when something is wrong: what, where, and what is allowed there.
    """
    from spacescore.errors import SpacescoreError

    try:
        found = configuration({}, file)
        click.echo(effective(found))
        from spacescore.service import check

        check(found.settings)
        click.echo("\n" + remark(found.settings))
    except SpacescoreError as error:
        fail(str(error))


def effective(found: "Configuration") -> str:
    """One line for each setting; what nobody changed is dim."""
    from spacescore.settings import shown

    rows = [
        (name, shown(name, getattr(found.settings, name)), source)
        for name, source in found.sources.items()
    ]
    width = min(max(len(value) for _, value, _ in rows), 40)
    lines = []
    for name, value, source in rows:
        line = f"  {name:18}{value:{width}}  {source}"
        lines.append(click.style(line, dim=True) if source == "default" else line)
    return "\n".join(lines)


def remark(settings: "Settings") -> str:
    """Say how limits count people: what the names of two settings do not."""
    if not settings.trusted_proxies:
        return "Limits count people by the address that is connected: no proxy is believed."
    return (
        f"Limits count people by {settings.proxy_header} when it comes from"
        f" {', '.join(settings.trusted_proxies)},\nelse by the address that is connected:"
        " a proxy that is not named here is one person."
    )


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
    hint = "Open the page, press Speak; whoever opens the same page hears you.\n"
    if not service.url.startswith("https:"):
        hint += "  Browsers give a microphone only to https:// and to http://localhost.\n"
    return (
        f"\n  {title} {version('spacescore')}\n\n"
        + (f"  {hint}\n" if settings.demo else "")
        + "\n".join(lines)
        + "\n"
    )


def _places(service: "Service") -> str:
    shown = [candidate.ip for candidate in service.engine.candidates]
    return ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")


def _operator(settings: "Settings", path: Path) -> str:
    return "the configured key" if settings.operator_key else f"key in {path}"
