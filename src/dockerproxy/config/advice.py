"""Suggest the intended word for an unknown one in a grant."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, SECTIONS, UNKNOWN
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.groups import GROUPS, PRESET, without_underscore
from dockerproxy.config.near import HINTS, find_near, likeness, show
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SECTION_SWITCHES

_REQUEST: Final = re.compile(r"(?:(GET|HEAD|POST|PUT|DELETE) +)?(/\S*)")
_VARIABLE: Final = re.compile(r"([A-Z][A-Z_]+)(=.*)?")
_EVERYTHING: Final = frozenset({"*", "**", "all", "any", "everything"})
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")
_LISTS: Final = "see docs/operations.md and `dockerproxy presets`"
PROGRAMS: Final = HINTS["programs"]
"""Programs without a preset of their name, each with what to write, or why there is none."""

_MOST: Final = 3
"""Operations in a hint."""


def advise(word: str, presets: tuple[str, ...]) -> tuple[str, str]:
    """Explain an unknown word in a grant, and suggest another."""
    for finds in (_find_everything, _find_requests, _find_variable, _find_several):
        hint = finds(word)
        if hint:
            return f"unknown grant {show(word)}", hint
    if f"{word}:".startswith(PRESET):
        name = word.removeprefix(PRESET) if word.startswith(PRESET) else ""
        near = find_near(name, presets)
        hint = f"did you mean {PRESET}{near}?" if near else "run `dockerproxy presets` to list them"
        return f"unknown preset {show(word)}", PROGRAMS.get(name.casefold(), hint)
    found = next(filter(None, _guess(word, presets)), None)
    what = "grant" if ":" in word else "operation"
    return f"unknown {what} {show(word)}", _ask_for(found) if found else _LISTS


def advise_variable(word: str) -> str:
    """Suggest the intended word for an unknown operation in ALLOW or DENY."""
    first = word.partition(":")[0].casefold()
    switches = [name for name, section in SECTION_SWITCHES.items() if first == without_underscore(section)]
    if switches:
        return f"did you mean the variable {switches[0]}?"
    if f"{first}:" == PRESET:
        return "only a policy file has presets; `dockerproxy presets show NAME --expanded` lists their operations"
    if OPERATIONS.keys() >= set(re.split(r"[\s;|]+", word)):
        return "put commas between them"
    guesses = (_listed(find_near(word, OPERATIONS, 0.8)), _containing(word), _listed(find_near(word, OPERATIONS)))
    found = next(filter(None, guesses), None)
    return _find_requests(word) or (_ask_for(found) if found else "docs/operations.md lists them")


def _find_everything(word: str) -> str:
    """Advise on a word for all operations."""
    if word.lower() in _EVERYTHING:
        return "no word allows everything; name each section, like containers:read"
    return "patterns are unsupported here; name each operation or section" if "*" in word else ""


def _find_requests(word: str) -> str:
    """Find operations for a path, or a method and a path, as in the engine's documentation. `json` is a path."""
    match = _REQUEST.fullmatch(word)
    if match is None:
        return ""
    target = re.sub(r"\{\w+\}|:\w+", "x", match[2])
    found = [canonicalise(method, target) for method in ([match[1]] if match[1] else _METHODS)]
    known = [each.operation for each in found if isinstance(each, CanonicalRequest) and each.operation is not UNKNOWN]
    fewest = min((each.path.count("{") for each in known), default=0)
    names = [each.name for each in known if each.path.count("{") == fewest]
    return f"write {' or '.join(names)}" if names else "no operation has this path; write a name, like ContainerList"


def _find_variable(word: str) -> str:
    """Advise on a switch of the environment."""
    match = _VARIABLE.fullmatch(word)
    if match is None:
        return ""
    name = match[1]
    if name == "POST":
        return "write SECTION:write for each section"
    if name in SECTION_SWITCHES:
        section = without_underscore(SECTION_SWITCHES[name])
        return f"write {' or '.join(_groups_of(section))}"
    names = ACTION_SWITCHES.get(name) or PART_SWITCHES.get(name)
    return f"write {', '.join(names)}" if names else ""


def _find_several(word: str) -> str:
    """Advise on several grants in one item, or on one with its conditions as a single text."""
    if word.partition(": ")[0] in {*OPERATIONS, *GROUPS} and ": " in word:
        return "remove the quotes around it"
    words = re.split(r"[\s,-]+", word.strip(",- "))
    if len(words) > 1 and all(each in OPERATIONS or each in GROUPS or each.startswith(PRESET) for each in words):
        return f"write them as items: [{', '.join(words)}]"
    return ""


def _ask_for(words: Iterable[str]) -> str:
    return f"did you mean {' or '.join(words)}?"


def _guess(word: str, presets: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield possible words, likeliest first."""
    section, colon, access = word.partition(":")
    sections = [*SECTIONS, *map(without_underscore, SECTIONS)]
    if colon or section in sections:
        near = section if section in sections else find_near(section, sections, 0.75)
        yield [f"{near}:{access.lower()}"] if GROUPS.get(f"{near}:{access.lower()}") else _groups_of(near)
    # A section or an operation, whichever is nearer.
    guesses = ((find_near(word, sections, 0.85), _groups_of), (find_near(word, OPERATIONS, 0.8), _listed))
    for near, words_of in sorted(guesses, key=lambda guess: -likeness(word, guess[0])):
        yield words_of(near)
    yield _containing(word)
    yield _groups_of(find_near(section, sections, 0.75))
    named = find_near(word, [*presets, *(PRESET + name for name in presets)], 0.75).removeprefix(PRESET)
    yield _listed(named and PRESET + named)
    yield _listed(find_near(word, OPERATIONS))


def _groups_of(section: str) -> list[str]:
    return [word for word in (f"{section}:read", f"{section}:write") if GROUPS.get(word)]


def _containing(word: str) -> list[str]:
    return [name for name in OPERATIONS if word.isalpha() and word.casefold() in name.casefold()][:_MOST]


def _listed(word: str) -> list[str]:
    return [word] if word else []
