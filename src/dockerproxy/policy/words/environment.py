"""`environment`: variables of each container and command that replace the client's.

They can point programs to an HTTP proxy. A program can change its own variables, so `networks` is the barrier. Programs
read some names in upper and some in lower case, so both are set. The client's variables of the same name are removed,
in any case.

Attacks: docs/attacks.md, policy/words/environment.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.claim import Claim, Object, Reading, Substitute
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.words.commands import check_surroundings
from dockerproxy.policy.words.constraint import Condition, Matcher, Texts
from dockerproxy.text import lower
from dockerproxy.wire.document import Json, list_of

_IS_NAME: Final = re.compile("[A-Z_][A-Z0-9_]*").fullmatch


class _Environment(Texts):
    is_learned = False

    def fault(self, item: str) -> str:
        return "" if _IS_NAME(item) else "write the name in upper case, like HTTPS_PROXY; lower case is set too"

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True

    def record(self, _value: Hashable) -> Value | None:
        """Every request meets it."""
        return ()

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Replace the client's variables."""
        granted = dict(condition.value.items) if isinstance(condition.value, Pairs) else {}
        names = set(map(lower, granted))
        kept = [text for text in list_of(claim.options[0][1]) if lower(str(text).partition("=")[0]) not in names]
        both = {each: text for name, text in granted.items() for each in (name, lower(name))}
        return [*kept, *(f"{name}={text}" for name, text in both.items())]


def check_environment(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each variable must have a value.

    For one without, Podman uses that of the engine's environment, and for a trailing star all with that prefix. Docker
    unsets the image's variable. An empty value does the same for most programs, so it is sent instead.
    """
    return _claim(reading, [text if "=" in str(text) else f"{text}=" for text in list_of(value)], path)


def check_environment_of_command(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Variables of a command. They can change what a granted command does."""
    check_surroundings(reading, value, path, parent)
    _claim(reading, list_of(value), path)


def _claim(reading: Reading, texts: list[Json], path: str) -> list[Json]:
    reading.claims.append(Claim("environment", ((True, texts),), path, None, "", target=path))
    return texts


_SUMMARY: Final = "variables that replace the client's, in upper and lower case"
WORDS: Final = (_Environment("environment", _SUMMARY, narrows=True),)
CHECKS: Final = (check_environment, check_environment_of_command)
