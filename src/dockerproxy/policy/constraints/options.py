"""`options`: the options with which a command may run in a container. Without it, all but `privileged`.

Attack: a command that another client prepared with an option is started -> Defence: what the engine says of it is
judged when it starts (test: test_a_prepared_command_is_judged_when_it_starts).
Attack: a command runs on after its client has gone, by the option of either of two requests -> Defence: both are judged
(test: test_only_granted_options_run_a_command).
Attack: keys for leaving that a program of the client's cannot tell from input -> they are the client's own: `detach`
covers them.
"""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.wire.document import Json

_WORD: Final = "options"
_PRIVILEGED: Final = "privileged"
_OTHERS: Final = ("detach", "stdin", "tty")


class _Options(Words):
    may_be_empty = True
    unspoken = _OTHERS

    def by_default(self, value: Hashable) -> bool:
        """Whether it is not privileged."""
        return value in _OTHERS


def _check_of(option: str) -> Check:
    """Return what claims an option."""
    says = f"an option that no rule allows{', with all capabilities' if option == _PRIVILEGED else ''}"

    def check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
        """Must be an option that is granted, if it is set."""
        if value:
            reading.claim(_WORD, option, path, value, says)

    return check


CONSTRAINT = _Options(
    _WORD,
    "which options a command may run with: detach, privileged, stdin, tty; [] is none",
    (*_OTHERS, _PRIVILEGED),
    narrows=False,
)

_PREPARED: Final = "ContainerExec"
_STARTED: Final = "ExecStart"

READS: Final[dict[tuple[str, str], Check]] = {
    (_PREPARED, "AttachStdin"): _check_of("stdin"),
    (_PREPARED, "Tty"): _check_of("tty"),
    (_PREPARED, "Detach"): _check_of("detach"),
    (_PREPARED, "DetachKeys"): _check_of("detach"),
    (_PREPARED, "Privileged"): _check_of(_PRIVILEGED),
    (_STARTED, "Detach"): _check_of("detach"),
    (_STARTED, "Tty"): _check_of("tty"),
    (_STARTED, "@ProcessConfig.privileged"): _check_of(_PRIVILEGED),
}
