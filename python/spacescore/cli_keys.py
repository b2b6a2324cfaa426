"""The operator's keys on the command line: list, add, retire, and lend one to a backend."""

import base64
from pathlib import Path

import click

from spacescore.cli_serve import fail

__all__ = ["keys"]

_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder with the operator's keys.  [default: as configured]",
)


@click.group()
def keys() -> None:
    """Rotate the keys that tokens are signed with. A running service reads them again."""


@keys.command("list")
@_DATA
def list_keys(data: Path | None) -> None:
    """Show the ids of all keys; the first issues, all are accepted."""
    for number, key in enumerate(_ids(data)):
        click.echo(f"{key}  {'issues' if number == 0 else 'accepted'}")


@keys.command()
@_DATA
def add(data: Path | None) -> None:
    """Draw a new key, which issues from now on; retire the old one when its tokens are over."""
    from spacescore.tokens import TokenKey, new_operator_key

    fresh = new_operator_key()
    _write(data, [fresh, *_keys(data)])
    click.echo(TokenKey.derive(fresh).id)


@keys.command()
@click.argument("key")
@_DATA
def retire(key: str, data: Path | None) -> None:
    """Accept KEY no longer: neither its tokens, nor the operator by it."""
    left = [each for each, name in zip(_keys(data), _ids(data), strict=True) if name != key]
    if len(left) == len(_ids(data)):
        fail(f"There is no key {key}.")
    if not left:
        fail("The last key cannot be retired: add another first.")
    _write(data, left)


@keys.command()
@click.argument("key")
@_DATA
def secret(key: str, data: Path | None) -> None:
    """Print the HS256 secret of KEY, in base64, for a backend that signs tokens itself.

    It signs tokens of any role in any space, but does not tell the operator's key.
    """
    from spacescore.tokens import TokenKey

    for each in map(TokenKey.derive, _keys(data)):
        if each.id == key:
            click.echo(base64.b64encode(each.secret).decode())
            return
    fail(f"There is no key {key}.")


def _keys(data: Path | None) -> list[str]:
    from spacescore.cli import data_dir
    from spacescore.errors import SpacescoreError

    try:
        return list(data_dir(data).operator_keys())
    except SpacescoreError as error:
        fail(str(error))
        raise


def _ids(data: Path | None) -> list[str]:
    from spacescore.tokens import TokenKey

    return [TokenKey.derive(key).id for key in _keys(data)]


def _write(data: Path | None, operator_keys: list[str]) -> None:
    from spacescore.cli import data_dir

    data_dir(data).write_operator_keys(operator_keys)
