"""List the policies for known programs, or show one.

  dockerproxy presets                            # all of them, a line each
  dockerproxy presets show traefik               # the file of one, with where its need was read
  dockerproxy presets show traefik --expanded    # the operations it allows, those of what it builds on too

A policy file takes one by its name: `allow: [preset:traefik]`.

exit status: 0 done, 2 no such preset
"""

import argparse
from collections.abc import Iterator, Mapping

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.terminal import Style, paint, say, show_policy
from dockerproxy.config.advice import PROGRAMS
from dockerproxy.config.groups import PRESET
from dockerproxy.config.near import hint_at, show
from dockerproxy.config.presets import PRESETS, Preset, find_preset, read_preset_text
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.differences import write_needed
from dockerproxy.policy.image_grants import SEEN
from dockerproxy.policy.objects import OWN
from dockerproxy.problems import Problem, UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do; nothing is to list."""
    parser.set_defaults(name=None)
    actions = parser.add_subparsers(title="actions", metavar="[show NAME]")
    child = actions.add_parser("show", help="print the file of a preset", description="Print the file of a preset.")
    child.add_argument("name", metavar="NAME", help="one of those that `dockerproxy presets` lists")
    child.add_argument("--expanded", action="store_true", help="print each operation that it allows, with what that is")


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """List, or print one."""
    if options.name is None:
        width = max(map(len, PRESETS))
        for name in PRESETS:
            say(f"{paint(name, Style.STRONG)}{'':<{width - len(name)}}  {find_preset(name).about}")
        return 0
    name = options.name.removeprefix(PRESET)
    if name not in PRESETS:
        hint = PROGRAMS.get(name.casefold()) or hint_at(name, PRESETS, "`dockerproxy presets` lists them")
        raise UserError(Problem("presets show", f"{show(name)} is not a preset", hint))
    if options.expanded:
        show_policy("\n".join(_expand(find_preset(name))))
    else:
        show_policy(read_preset_text(name))
    return 0


def _expand(preset: Preset) -> Iterator[str]:
    """Write a preset as one that builds on no other, with what each line reveals or changes.

    `own` shows images by their names, which no other line says: what it grants stands in comments.
    """
    owns = any(grant.conditions == OWN_GRANT.conditions and grant.operations >= SEEN for grant in preset.grants)
    granted = {name: [each.conditions for each in preset.grants if name in each.operations] for name in OPERATIONS}
    lines = [(name, text) for name in OPERATIONS for text in write_needed(name, granted[name])]
    width = max(len(text) for _, text in lines)
    yield f"# {PRESET}{preset.name}: {preset.about}"
    yield "allow:"
    if owns:
        yield f"  - {OWN:<{width}}  # what clients create, and images by their names: all lines that begin with #"
    for name, text in lines:
        is_own = owns and name in OWN_GRANT.operations and text == f"{name}: {{{OWN}: true}}"
        yield f"  {'#' if is_own else '-'} {text:<{width}}  # {OPERATIONS[name].says}"
