"""`instructions`: the instructions that a Dockerfile may have, or the changes of an image that is made. Without it any.

So a build can be granted that runs no command: `instructions: [FROM, COPY, LABEL]`. An image that a build starts from
may bring steps of its own, by ONBUILD. They cannot be seen from here: such a build is only as safe as those images.

Attack: an instruction in other capitals, behind a line that goes on, in a here document, with an escape or a character
outside ASCII -> Defence: steps are split as both builders do, and refused where those differ
(test: test_an_instruction_is_seen_however_it_is_written).
Attack: an instruction behind ONBUILD, for builds from this image -> Defence: both must be granted
(test: test_a_trigger_is_two_instructions).
Attack: a Dockerfile under another name that engines look for -> Defence: each is read
(test: test_each_dockerfile_that_engines_look_for_is_read).
"""

import re
from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.text import upper
from dockerproxy.wire.document import Json, list_of

_WORD: Final = "instructions"
_NAMES: Final = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_INSTRUCTION: Final = re.compile(r"[ \t]*([A-Za-z]+)")


def _check_steps(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Must be instructions that are granted."""
    for name in list_of(value):
        reading.claim(_WORD, str(name), path, name, "an instruction that no rule allows")


def _check_changes(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Lines of a Dockerfile, each with an instruction that is granted."""
    lines = [line for change in list_of(value) for line in str(change).split("\n")]
    names = [upper(found[1]) if (found := _INSTRUCTION.match(line)) is not None else line for line in lines if line]
    _check_steps(reading, list(names), path, parent)


class _Instructions(Words):
    is_learned = True


CONSTRAINT = _Instructions(
    _WORD, "which instructions a Dockerfile, or changes of an image, may have, like FROM or COPY", _NAMES
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ImageBuild", "Dockerfile[]"): _check_steps,
    ("ImageCreate", "?changes[]"): _check_changes,
}
