"""The page of the policy file says what the vocabulary says.

    python tests/test_policies_page.py

writes its part about conditions anew.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from config.documents import FITTING

from dockerproxy.api.answers import WORDS as HIDDEN
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import KEYS, SOCKET_KEYS, read_policy
from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.model import ASK, Mode
from dockerproxy.policy.objects import WORDS
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.wording import write_grant

PAGE: Final = Path(__file__).parent.parent / "docs" / "policies.md"
CONDITIONS: Final = re.compile(r"(<!-- conditions: .+ -->\n)(.*)(<!-- end of conditions -->\n)", re.DOTALL)
WIDTH: Final = 118


def render_conditions() -> str:
    """Write each condition with the operations that bear it, those on objects first."""
    names = dict.fromkeys((*WORDS.values(), *CONSTRAINTS))
    return "\n" + "".join(f"### {name}\n\n{''.join(render_word(name))}" for name in names)


def render_word(name: str) -> Iterator[str]:
    """Write a paragraph for each meaning that a condition has."""
    meanings: dict[str, list[str]] = {}
    for operation in OPERATIONS.values():
        word = find_words(operation).get(name)
        if word is not None:
            meanings.setdefault(word.summary, []).append(operation.name)
    for summary, operations in meanings.items():
        example = write_grant(operations[0], {name: value_of(find_words(OPERATIONS[operations[0]])[name])})
        yield f"`{example}`:\n{summary}.\n"
        bearing = ", ".join(f"`{operation}`" for operation in operations)
        yield f"{textwrap.fill(f'Operations: {bearing}.', WIDTH)}\n\n"


EXAMPLES: Final[Mapping[str, Value]] = {
    "add_capabilities": ("NET_BIND_SERVICE",),
    "addresses": ("10.9.0.0/16",),
    "binds": ("/srv/ci/cache", "/etc/localtime:ro"),
    "changes": ("memory", "cpus"),
    "commands": (("pg_dump", "**"),),
    "configs": ("ci_*",),
    "containers": ("web", "db-*"),
    "cpus": "1.5",
    "credentials": ("ghcr.io",),
    "drop_capabilities": ("NET_RAW",),
    "extra_hosts": ("db:10.9.0.2",),
    "images": ("nginx", "ghcr.io/acme/**"),
    "instructions": ("FROM", "COPY"),
    "joins": ("ci-*",),
    "labelled": Pairs((("owner", "ci"),)),
    "labels": Pairs((("owner", "ci"),)),
    "memory": "2GiB",
    "names": ("ci-*",),
    "networks": ("ci_default",),
    "options": ("detach", "tty"),
    "pids": "200",
    "pods": ("ci-*",),
    "publish": Pairs((("ports", ("8000-8999",)), ("addresses", ("127.0.0.1",)))),
    "restart": ("on-failure", "unless-stopped"),
    "secrets": ("ci_*",),
    "servers": ("registry.example",),
    "subnets": ("10.9.0.0/16",),
    "tags": ("ghcr.io/acme/*",),
    "volumes": ("ci_*",),
}
"""Of conditions on bodies that are no choice."""


def value_of(word: Constraint) -> Value:
    """Return a value that a condition can have."""
    if word.takes is Takes.FLAG:
        return False
    if word.takes is Takes.YES:
        return True
    if word.takes is Takes.CHOICE:
        return word.choices[0]
    return EXAMPLES.get(word.name) or tuple(map(str, FITTING[word.name][:2]))


def rows_below(heading: str) -> list[str]:
    """Return the first cells of the table below a heading."""
    below = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", below, re.MULTILINE)


def test_the_page_has_every_condition_with_the_operations_that_bear_it() -> None:
    match = CONDITIONS.search(PAGE.read_text())
    assert match is not None
    assert match[2] == render_conditions(), "write it anew: python tests/test_policies_page.py"


def test_every_example_of_a_condition_can_be_written() -> None:
    examples = re.findall(r"^`(\w+: .+)`:$", render_conditions(), re.MULTILINE)
    assert len(examples) > 40
    for example in examples:
        read_policy(f"sockets: {{a: {{path: /a.sock, allow: [{{{example}}}]}}}}", "policy.yaml")


def test_the_page_has_every_key_and_every_mode() -> None:
    assert rows_below("The file") == list(KEYS)
    assert rows_below("Sockets") == list(SOCKET_KEYS)
    assert rows_below("Hide parts of answers") == list(HIDDEN)
    assert all(f"| `{word}` | {says} |\n" in PAGE.read_text() for word, says in HIDDEN.items())
    assert sorted(rows_below("Modes")) == sorted([*Mode, ASK])


if __name__ == "__main__":
    PAGE.write_text(CONDITIONS.sub(lambda match: match[1] + render_conditions() + match[3], PAGE.read_text()))
