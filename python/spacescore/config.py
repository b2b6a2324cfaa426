"""Where settings come from: an option goes before the environment, that before the file, that
before the default. Every mistake in all of them is told at once, with its place and what is
allowed there.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import inspect

from spacescore.errors import StartupError
from spacescore.settings import SECRETS, Settings

__all__ = ["DEFAULT_FILE", "Configuration", "Field", "configure", "fields", "option_of"]

DEFAULT_FILE = Path("/etc/spacescore/spacescore.toml")
ENVIRONMENT = "SPACESCORE_"
NAMES_THE_FILE = "SPACESCORE_CONFIG"
_FIELDS: Mapping[str, inspect.Field] = {
    field.name: field
    for field in inspect.type_info(Settings).fields  # type: ignore[attr-defined]
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in effect, and where each was found."""

    settings: Settings
    sources: Mapping[str, str]  # by name; "default" where nobody said anything


@dataclass(frozen=True, slots=True)
class Field:
    """A setting, as its option is described."""

    name: str
    kind: Literal["flag", "list", "value"]
    metavar: str
    help: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was found."""

    value: object
    source: str
    is_text: bool  # text from a shell; a file has types


def configure(
    options: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> Configuration:
    """Merge all that was said. Raises StartupError with a line for every mistake.

    options: by name, None or () where not given. file: None stands for the usual one, where
    it exists.
    """
    problems: list[str] = []
    file = _file(environment, file)
    layers = [
        _from_options(options),
        _from_environment(environment, problems),
        {} if file is None else _from_file(file, problems),
    ]
    given: dict[str, Given] = {}
    for layer in reversed(layers):
        given |= layer
    values: dict[str, Any] = {}
    for layer in layers:  # what is overridden has to be right as well
        for name, found in layer.items():
            try:
                value = _convert(name, found)
            except ValueError as error:
                problems.append(str(error))
            else:
                if given[name] is found:
                    values[name] = value
    if problems:
        raise StartupError("\n".join(problems))
    sources = {name: given[name].source if name in given else "default" for name in _FIELDS}
    return Configuration(Settings(**values), sources)


def fields() -> list[Field]:
    """Return every setting, in order."""
    return [_describe(field) for field in _FIELDS.values()]


def option_of(name: str) -> str:
    """Return a setting's option; of a list it is given once for each."""
    return "--" + {"ice_servers": "ice_server"}.get(name, name).replace("_", "-")


def _describe(field: inspect.Field) -> Field:
    kind, schema = _plain(field.type), field.type.extra_json_schema or {}  # type: ignore[attr-defined]
    text = schema["description"]
    if field.default not in (None, "", (), False):
        text += f"  [default: {field.default}]"
    match kind:
        case inspect.BoolType():
            return Field(field.name, "flag", "", text)
        case inspect.VarTupleType():
            return Field(field.name, "list", "TEXT", text)
        case inspect.LiteralType():
            return Field(field.name, "value", "|".join(_choices(kind)), text)
    metavar = {inspect.IntType: "N", inspect.FloatType: "N", inspect.CustomType: "PATH"}
    return Field(field.name, "value", metavar.get(type(kind), "TEXT"), text)


def _choices(kind: inspect.LiteralType) -> list[str]:
    """Return words first, then numbers as they grow."""
    numbers = sorted(value for value in kind.values if isinstance(value, int))
    return [*sorted(value for value in kind.values if isinstance(value, str)), *map(str, numbers)]


def _file(environment: Mapping[str, str], file: Path | None) -> Path | None:
    named = environment.get(NAMES_THE_FILE)
    if file is None and named:
        return Path(named)
    return DEFAULT_FILE if file is None and DEFAULT_FILE.exists() else file


def _from_options(options: Mapping[str, Any]) -> dict[str, Given]:
    return {
        name: Given(value, option_of(name), is_text=True)
        for name, value in options.items()
        if value not in (None, ())
    }


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT) or variable == NAMES_THE_FILE:
            continue
        name = variable.removeprefix(ENVIRONMENT).lower()
        if name in _FIELDS:
            is_list = isinstance(_plain(_FIELDS[name].type), inspect.VarTupleType)
            found[name] = Given(text.split() if is_list else text, variable, is_text=True)
        else:
            problems.append(f"{variable}: there is no such setting{_nearest(name, ENVIRONMENT)}")
    return found


def _from_file(path: Path, problems: list[str]) -> dict[str, Given]:
    try:
        text = path.read_text()
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path}: this is no TOML: {error}.")
        return {}
    except (OSError, UnicodeError) as error:
        problems.append(f"{path} cannot be read: {error}.")
        return {}
    lines = dict(_lines(text))
    found = {}
    for name, value in table.items():
        place = f"{path}:{lines[name]}"
        if name in _FIELDS:
            found[name] = Given(value, place, is_text=False)
        else:
            problems.append(f"{place}: {name}: there is no such setting{_nearest(name)}")
    return found


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield in which line each top-level key is complete: the first that lets TOML know it."""
    lines = text.splitlines()
    known: set[str] = set()
    for number in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:  # in the midst of a list, say
            continue
        yield from ((name, number) for name in table.keys() - known)
        known |= table.keys()


def _convert(name: str, given: Given) -> object:
    """Return the value in the setting's type. Raises ValueError with a whole sentence."""
    wanted = Settings.__annotations__[name]
    try:
        return msgspec.convert(given.value, wanted, strict=not given.is_text, dec_hook=_path)
    except msgspec.ValidationError:
        place = given.source if given.is_text else f"{given.source}: {name}"
        found = "" if name in SECRETS else f", not {given.value!r}"
        raise ValueError(f"{place}: this has to be {_words(_FIELDS[name].type)}{found}.") from None


def _path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError


def _nearest(name: str, prefix: str = "") -> str:
    near = difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.6)
    if not near:
        return f". There are {', '.join(_FIELDS)}."
    return f": did you mean {prefix}{near[0].upper() if prefix else near[0]}?"


def _plain(kind: inspect.Type) -> inspect.Type:
    """Strip a description, and the None of a setting that may be left out."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        (only,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
        return only
    return kind


def _words(kind: inspect.Type) -> str:
    match _plain(kind):
        case inspect.IntType(ge=low, le=None):
            return f"a whole number from {low} up"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=None):
            return f"a number from {low or 0:g} up"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low:g} to {high:g}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType() as literal:
            return "one of " + ", ".join(_choices(literal))
        case inspect.VarTupleType():
            return "a list of texts"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path"
    return "a text"
