"""Convert the environment to a policy file with the same meaning, even for a larger catalog.

A switch that allows a whole section becomes the section; an operation in `ALLOW` stays that operation. A policy file
has no word that denies buildx its own builder, because that stops no other client if containers are unrestricted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, SECTIONS, Access
from dockerproxy.config.configuration import REPLACED
from dockerproxy.config.environment import OTHERS, Configured
from dockerproxy.config.groups import GROUPS, without_underscore
from dockerproxy.config.process import ENGINE_VARIABLES
from dockerproxy.config.switches import SECTION_SWITCHES
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.differences import write_needed
from dockerproxy.policy.model import values_of
from dockerproxy.policy.values import list_names, write_grant, write_value
from dockerproxy.policy.vocabulary import SWITCHED, UNRESTRICTED
from dockerproxy.problems import Problem, UserError
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.learned import INDENT, write_comment, write_place

KEPT: Final = tuple(name for name in OTHERS if name not in {*REPLACED, *ENGINE_VARIABLES, "POLICY_FILE"})
"""Variables that have no equivalent in a policy file."""


_Line = tuple[str, tuple[str, ...]]
"""An item of `allow`, and its exposures."""


def convert(configured: Configured, environment: Mapping[str, str]) -> str:
    """Return a policy file with the meaning of the environment.

    Raises `UserError` if a path has characters that are invalid in a policy file.
    """
    (served,) = configured.settings.sockets
    given = {name for name, value in environment.items() if value}
    lines = [*_introduce(given), ""]
    if given & {*ENGINE_VARIABLES, "DOCKER_HOST"}:
        _check_path(configured.settings.engines[0])
        lines += [f"engine: {write_value(configured.settings.engines[0])}", ""]
    _check_path(served.path)
    lines += ["sockets:", f"  {served.name}:", *write_place(served)]
    lines += _write_allow(tuple(_find_grants(served.policy, configured.switches)))
    denials = served.policy.policy.denials
    denied = [name for name in OPERATIONS if any(name in denial.operations for denial in denials)]
    lines += ["    deny:"] if denied else []
    lines += (f"{INDENT}- {name}" for name in denied)
    return "\n".join(lines) + "\n"


def _introduce(given: set[str]) -> Sequence[str]:
    """Return the introductory comment. It has only names, because the value of a variable could end the comment."""
    replaced = [name for name in REPLACED if name in given]
    kept = [name for name in KEPT if name in given]
    said = "The defaults, because no variable is set."
    if replaced:
        said = (
            f"Replaces {list_names(replaced, 'and')}: unset {'them' if replaced[1:] else 'it'} when you use this file."
        )
    if kept:
        said += f" {list_names(kept, 'and')} {'stay' if kept[1:] else 'stays'} in the environment."
    return write_comment(said, "")


def _check_path(path: str) -> None:
    if not path.isprintable():
        raise UserError(Problem(ascii(path), "has a character that is invalid in a policy file", "choose another path"))


def _find_grants(policy: CompiledPolicy, switches: Mapping[str, bool]) -> Iterator[_Line]:
    """Yield the equivalent lines, without those that a denial would make useless, which would be a mistake."""
    whole = {
        name
        for grant in policy.policy.grants
        if set(grant.conditions) <= {SWITCHED, UNRESTRICTED}
        for name in grant.operations
    }
    opened = {section for switch, section in SECTION_SWITCHES.items() if switches[switch]}
    for section in SECTIONS:
        for access in Access:
            word = f"{without_underscore(section)}:{access}"
            names = [name for name in OPERATIONS if name in GROUPS[word]]
            allowed = [name for name in names if policy.allows(name)]
            switched = section in opened and (access is Access.READ or switches["POST"])
            if allowed and switched and whole.issuperset(names):
                bodies = any(UNRESTRICTED in case.conditions for name in allowed for case in policy.cases[name])
                text = write_grant(word, values_of((UNRESTRICTED,) if bodies else ()))
                yield text, tuple(_find_remarks(policy, allowed, of_group=True))
            else:
                for name in allowed:
                    remarks = tuple(_find_remarks(policy, [name], of_group=False))
                    texts = write_needed(name, (case.conditions for case in policy.cases[name]))
                    yield from ((text, remarks) for text in texts)


def _find_remarks(policy: CompiledPolicy, names: Sequence[str], *, of_group: bool) -> Iterator[str]:
    for exposure in find_exposures(policy):
        exposing = [name for name in exposure.operations if name in names]
        if exposing:
            yield f"a client {exposure.says}" + (f" ({', '.join(exposing)})" if of_group else "")


def _write_allow(lines: Sequence[_Line]) -> Iterator[str]:
    if not lines:
        yield "    allow: []"
        return
    yield "    allow:"
    for text, remarks in lines:
        for remark in remarks:
            yield from write_comment(remark, INDENT)
        yield f"{INDENT}- {text}"
