"""A project's own defaults: the table ``[tool.setfit_explain]`` of the nearest ``pyproject.toml``.

::

    [tool.setfit_explain]          # for every command that has the option
    baseline = "mask"

    [tool.setfit_explain.explain]  # for one command
    text-column = "message"

What the command line says comes before both.
"""

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from setfit_explain.errors import OptionError

FILE = "pyproject.toml"
_TABLE = "setfit_explain"
_ONLY_BY_HAND = ("help", "text", "to", "trust_pickle")
"""A project that was downloaded must not decide that its models may run code, nor what is overwritten."""


def read_settings(context: typer.Context) -> dict[str, dict[str, Any]]:
    """Return the defaults for each command, by its options' names in Python.

    Parameters
    ----------
    context
        Of the whole command line: it knows the commands and their options.

    Raises
    ------
    OptionError
        The file is not TOML, or names an option that there is not.
    """
    found = _find(Path.cwd())
    if found is None:
        return {}
    place, table = found
    commands: dict[str, Any] = context.command.commands  # type: ignore[attr-defined]  # it is a group
    options = {
        name: {option.name: option for option in command.params if option.param_type_name == "option"}
        for name, command in commands.items()
    }
    general = {name: value for name, value in table.items() if not isinstance(value, dict)}
    known = {name for command in options.values() for name in command}
    defaults: dict[str, dict[str, Any]] = {name: {} for name in options}
    for written, value in general.items():
        name = _checked(written, known, place)
        for command, own in options.items():
            if name in own:
                defaults[command][name] = _value(own[name], value)
    for command, values in table.items():
        if not isinstance(values, dict):
            continue
        if command not in options:
            raise OptionError(_unknown(command, "command", options, place))
        for written, value in values.items():
            name = _checked(written, set(options[command]), place)
            defaults[command][name] = _value(options[command][name], value)
    return defaults


def _find(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the nearest file that has the table, looking upwards, and the table."""
    for place in (parent / FILE for parent in (folder, *folder.parents)):
        if not place.is_file():
            continue
        try:
            table = tomllib.loads(place.read_text("utf-8")).get("tool", {}).get(_TABLE)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise OptionError(f"{str(place)!r} cannot be read as TOML: {error}") from error
        if isinstance(table, dict):
            return place, table
    return None


def _checked(written: str, known: set[str], place: Path) -> str:
    name = written.replace("-", "_")
    if name in _ONLY_BY_HAND:
        raise OptionError(
            f"{written!r} in {str(place)!r} can only be given on the command line. Remove it there."
        )
    if name not in known:
        raise OptionError(_unknown(written, "option", known, place))
    return name


def _unknown(written: str, kind: str, known: Iterable[str], place: Path) -> str:
    accepted = sorted(name.replace("_", "-") for name in set(known) - set(_ONLY_BY_HAND))
    near = get_close_matches(written.replace("_", "-"), accepted, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Accepted: {', '.join(accepted)}."
    return f"{written!r} in [tool.{_TABLE}] of {str(place)!r} is no {kind}.{hint}"


def _value(option: Any, value: Any) -> Any:
    """Return a value as the command line would hold it, so that it is checked in the same way."""
    if isinstance(value, list):
        return [str(member) for member in value]
    if isinstance(value, bool):
        return value
    return [str(value)] if option.multiple else str(value)
