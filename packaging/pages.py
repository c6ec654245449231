"""Write the man page and the shell completions, from the options of the command itself.

    pages.py FOLDER

The folders below FOLDER are those of `/usr/share`.
"""

import sys
from pathlib import Path
from typing import Final

import shtab
from argparse_manpage.manpage import Manpage

from dockerproxy.cli.main import VERBS, make_parser
from dockerproxy.version import VERSION

COMPLETIONS: Final = {
    "bash": "bash-completion/completions/dockerproxy",
    "zsh": "zsh/site-functions/_dockerproxy",
    "fish": "fish/vendor_completions.d/dockerproxy.fish",
}


def main(folder: Path) -> None:
    """Write all these files."""
    for shell, name in COMPLETIONS.items():
        write(folder / name, shtab.complete(make_parser(VERBS), shell))
    write(folder / "man/man1/dockerproxy.1", write_page())


def write_page() -> str:
    """Return the man page; its date is that of SOURCE_DATE_EPOCH."""
    parser = make_parser(VERBS)
    parser.man_short_description = "a filtering proxy for the Docker and Podman socket"  # type: ignore[attr-defined] # as Manpage wants
    return str(Manpage(parser, {"version": VERSION, "manual_title": "User Commands"}))


def write(place: Path, text: str) -> None:
    """Write a file into a folder that may be missing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
