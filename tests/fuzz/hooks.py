"""What Atheris is told of patterns and of the beginnings of texts, so that it makes inputs that match them.

Two things of it are mended: it passes no position on to a pattern, and it takes each text that is compared with the
beginning of another for a pattern, which many are not.
"""

import contextlib
import io
import re
from collections.abc import Callable
from typing import Any, AnyStr

import atheris
from atheris import function_hooks


def enable_hooks() -> None:
    """Trace patterns and beginnings from here on, in what is imported after this."""
    generate = function_hooks.gen_match  # type: ignore[attr-defined] # the stubs have only what is documented
    function_hooks.gen_match = lambda pattern: _generate(generate, pattern)  # type: ignore[attr-defined] # likewise
    for name in ("search", "match", "fullmatch", "finditer", "findall"):
        setattr(function_hooks.AtherisPatternProxy, name, _trace(name))  # type: ignore[attr-defined] # likewise
    function_hooks.enabled_hooks.add("RegEx")
    function_hooks.enabled_hooks.add("str")


def _generate(generate: Callable[[AnyStr], AnyStr], pattern: AnyStr) -> AnyStr:
    """Return a text that a pattern matches, as far as that is known; without its remarks about what is not."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            return generate(pattern)
        except (re.error, TypeError):  # Of some patterns for bytes it makes text.
            return pattern


def _trace(name: str) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any) -> Any:
        atheris._trace_regex_match(self.generated, self.re_obj)  # type: ignore[attr-defined] # the stubs lack it
        return getattr(self.re_obj, name)(*arguments)

    return call
