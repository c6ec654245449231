"""Presets: grants for known programs, each a file in the folder `presets` beside this module."""

import os
from functools import cache
from typing import Final, NamedTuple

from dockerproxy.config.document import read_file
from dockerproxy.config.grants import Shelf, check_lines, join_creates, read_allow
from dockerproxy.config.groups import PRESET, merge_grants
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Grant, Source
from dockerproxy.problems import Problem, UserError

FOLDER: Final = os.path.join(os.path.dirname(__file__), "presets")

MOST_ABOUT: Final = 100
"""Characters of a description, so that it fits on a line."""

_SUFFIX: Final = ".yaml"
_KEYS: Final = ("about", "allow")


class Preset(NamedTuple):
    """Named grants, and a line about the program; includes the presets that it builds on."""

    name: str
    about: str
    grants: tuple[Grant, ...]


def list_presets(folder: str) -> tuple[str, ...]:
    """Return the names of the presets in a folder."""
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX)))


PRESETS: Final = list_presets(FOLDER)
"""Names of the built-in presets."""


@cache
def find_preset(name: str) -> Preset:
    """Return a built-in preset, one of `PRESETS`."""
    return read_preset(name, FOLDER)


def read_preset_text(name: str) -> str:
    """Return the file of a preset, with comments on its sources."""
    return read_file(os.path.join(FOLDER, name + _SUFFIX))


SHELF: Final = Shelf(PRESETS, lambda name: find_preset(name).grants)
"""Presets for policy files."""


def read_preset(name: str, folder: str, above: tuple[str, ...] = ()) -> Preset:
    """Read a preset and those that it builds on. A `UserError` has its mistakes. Those in `above` build on it."""
    reader = Reader(f"presets/{name}{_SUFFIX}")
    path = (*above, name)

    def find(other: str) -> tuple[Grant, ...]:
        if other in path:
            raise UserError(Problem(reader.file, f"builds on itself: {' > '.join((*path, other))}", "remove one"))
        return read_preset(other, folder, path).grants

    root = reader.compose(read_file(os.path.join(folder, name + _SUFFIX)))
    fields = reader.fields(root, "a preset", _KEYS, "about and allow", {}) if root is not None else {}
    about = reader.text(fields["about"], "about") if "about" in fields else None
    lines = read_allow(reader, fields["allow"], Shelf(list_presets(folder), find)) if "allow" in fields else ()
    check_lines(reader, lines, ())
    lines = join_creates(reader, lines)
    if about is not None and len(about.text) > MOST_ABOUT:
        reader.problem(about.place, f"about is longer than {MOST_ABOUT} characters")
    reader.finish()
    if about is None or not lines:
        raise UserError(Problem(reader.file, "missing about or allow"))
    return Preset(
        name, about.text, merge_grants((grant for line in lines for grant in line.grants), Source(PRESET + name))
    )
