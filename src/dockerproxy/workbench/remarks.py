"""Comments that explain what a list stands for, or why it is missing."""

from collections.abc import Iterable, Mapping
from typing import Final

from dockerproxy.advice.needs import Item
from dockerproxy.policy.values import write_value
from dockerproxy.workbench.generated import is_script
from dockerproxy.workbench.patterns import is_id

_EXAMPLES: Final = 5
_SHOWN: Final = 80
"""Items, and characters of each, that a comment shows."""


def share(count: int, total: int) -> str:
    """Return the share of requests as text."""
    return "every request" if count == total else f"{count} of {total} requests"


def explain(word: str, pattern: str, members: tuple[str, ...]) -> str:
    """Return a comment about the names that a pattern stands for."""
    if not members:
        return f"{word}: {write_value(pattern)} was learned before a restart"
    if is_id(members[0]):
        return f"{word}: {len(pattern)} question marks stand for names that look like ids, like {members[0]}"
    return f"{word}: {write_value(_clip(pattern))} stands for names like {' and '.join(map(_clip, members))}"


def is_explanation(remark: str) -> bool:
    """Whether a remark explains a pattern, which a file does once."""
    return " stands for names like " in remark or " question marks stand for names " in remark


def explain_commands(commands: Mapping[Item, tuple[Item, ...]]) -> Iterable[str]:
    """Yield comments about the wildcards in commands."""
    if not commands:
        return
    _, (example, *_) = min(commands.items(), key=str)
    yield f"commands: * and ? stand for parts that programs generate, as in {_clip(write_value(example))}"
    scripts = (words for words in commands if isinstance(words, tuple))
    if any("??" in word and is_script(words, place) for words in scripts for place, word in enumerate(words)):
        yield "commands: a shell reads what ? stands for, so such a script may run anything in the container"


def describe_items(items: tuple[Item, ...]) -> str:
    """Return some items, for readers who want to list them."""
    if not items:
        return ""
    more = f" and {len(items) - _EXAMPLES} more" if len(items) > _EXAMPLES else ""
    shown = (_clip(item if isinstance(item, str) else write_value(item)) for item in items[:_EXAMPLES])
    return f"; seen were {', '.join(shown)}{more}"


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
