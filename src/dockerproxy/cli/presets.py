"""List the presets for known programs, or show one.

  dockerproxy presets                          # list all
  dockerproxy presets show traefik             # print one, with its sources
  dockerproxy presets show traefik --expanded  # print every operation it allows

A policy file includes a preset by name: `allow: [preset:traefik]`.

exit status: 0 success, 2 unknown preset
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
    """Declare the actions; without one, the verb lists all presets."""
    parser.set_defaults(name=None)
    actions = parser.add_subparsers(title="actions", metavar="[show NAME]")
    child = actions.add_parser("show", help="print the file of a preset", description="Print the file of a preset.")
    child.add_argument("name", metavar="NAME", help="a preset that `dockerproxy presets` lists")
    child.add_argument("--expanded", action="store_true", help="print every operation it allows, with its description")


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """List the presets, or print one."""
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
    """Yield a preset with every included preset expanded, and a description of each operation.

    `own` stays one line, because only `own` limits images by name. The operations it grants follow as comments.
    """
    owns = any(grant.conditions == OWN_GRANT.conditions and grant.operations >= SEEN for grant in preset.grants)
    granted = {name: [each.conditions for each in preset.grants if name in each.operations] for name in OPERATIONS}
    lines = [(name, text) for name in OPERATIONS for text in write_needed(name, granted[name])]
    width = max(len(text) for _, text in lines)
    yield f"# {PRESET}{preset.name}: {preset.about}"
    yield "allow:"
    if owns:
        yield f"  - {OWN:<{width}}  # objects that clients create, and images by name: all lines that begin with #"
    for name, text in lines:
        is_own = owns and name in OWN_GRANT.operations and text == f"{name}: {{{OWN}: true}}"
        yield f"  {'#' if is_own else '-'} {text:<{width}}  # {OPERATIONS[name].says}"
