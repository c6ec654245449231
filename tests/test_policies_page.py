"""The pages of the policy file and of `own` say what the vocabulary and the schema say.

    python tests/test_policies_page.py

writes their tables and conditions anew.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from config.documents import FITTING
from parts import fill_in, write_code, write_operations, write_table

from dockerproxy.api.answers import WORDS as HIDDEN
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.config.schema import make_schema
from dockerproxy.policy.model import CREATED_BY
from dockerproxy.policy.objects import OWN, RUNNING, WORDS
from dockerproxy.policy.values import Pairs, Takes, Value, write_grant
from dockerproxy.policy.vocabulary import CONSTRAINTS, find_words, is_of_body
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.tenancy.quota import BOUNDS
from dockerproxy.tenancy.quota import WORDS as COUNTED

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGE: Final = DOCS / "policies.md"
OWN_PAGE: Final = DOCS / "own.md"
WIDTH: Final = 118

EXPLAINED: Final = {
    "engine": "switches.md#sockets",
    "sockets": "#sockets",
    "permissions": "install.md#who-may-connect-to-the-proxy",
    "own_as": "own.md#who-owns",
    "own_socket": "own.md#a-socket-for-containers",
    "paths": "own.md#directories-by-the-clients-names",
    "sweep": "own.md#remove-what-is-left",
    "mode": "#modes",
    "limits": "switches.md#limits",
    "quota": "own.md#quota",
    "allow": "#grants-and-denials",
    "hide": "#hide-parts-of-answers",
    "ask": "ask.md",
    "learn": "learning.md",
}
"""Where there is more about a word of the file."""


def name_word(word: str) -> str:
    return f"[`{word}`]({EXPLAINED[word]})" if word in EXPLAINED else f"`{word}`"


def render_words(head: str, words: Mapping[str, str]) -> str:
    return write_table(head, ((name_word(word), says) for word, says in words.items()))


def render_keys(of: Any) -> str:
    """Write the keys of an object of the schema."""
    needed = {*of["required"], *of.get("else", {}).get("required", ())}
    rows = []
    for key, said in of["properties"].items():
        default = "required" if key in needed else f"`{said['default']}`" if "default" in said else ""
        rows.append((name_word(key), default, re.sub(r"{.+?}|\[\]", r"`\g<0>`", said["description"])))
    return write_table("key | default | value", rows)


def render_changes() -> str:
    """Write which conditions of a create hold for changes of what it created."""
    rows = []
    for change, create in CREATED_BY.items():
        words = {name: find_words(OPERATIONS[name]) for name in (change, create)}
        bounds = [name for name in words[change] if is_of_body(OPERATIONS[change], name) and name in words[create]]
        rows.append((f"`{change}`", f"`{create}`", "all" if set(bounds) == set(words[create]) else write_code(bounds)))
    return write_table("change | create | conditions of the create that hold", rows)


def render_pages() -> dict[Path, str]:
    """Return the pages as they should be."""
    schema: Any = make_schema()
    socket = schema["$defs"]["socket"]
    offered = (socket["properties"][key]["anyOf"] for key in ("mode", "sweep"))
    modes, sweeps = ({each["const"]: each["description"] for each in words} for words in offered)
    of_policies = {
        "keys": render_keys(schema),
        "keys_of_sockets": render_keys(socket),
        "modes": render_words("mode | a request that is not allowed", modes),
        "hidden": render_words("word | leaves out", HIDDEN),
        "conditions": render_conditions(),
    }
    of_own = {
        "changes": render_changes(),
        "quota": render_words("key | at most", {**COUNTED, **BOUNDS}),
        "sweeps": render_words("`sweep` | removes what is own", sweeps),
    }
    return {PAGE: fill_in(PAGE, of_policies), OWN_PAGE: fill_in(OWN_PAGE, of_own)}


def render_conditions() -> str:
    """Write each condition with the operations that bear it, those on objects first."""
    names = dict.fromkeys((*WORDS.values(), *(name for name, each in CONSTRAINTS.items() if not each.is_private)))
    return "\n" + "".join(f"### {name}\n\n{said}" for name in names if (said := "".join(render_word(name))))


def render_word(name: str) -> Iterator[str]:
    """Write a paragraph for each meaning that a condition has."""
    meanings: dict[str, list[str]] = {}
    for operation in OPERATIONS.values():
        word = find_words(operation).get(name)
        if word is not None:
            meanings.setdefault(word.summary, []).append(operation.name)
    for summary, operations in meanings.items():
        beside = {OWN: True} if name == RUNNING else {}
        example = write_grant(operations[0], {**beside, name: value_of(find_words(OPERATIONS[operations[0]])[name])})
        items = getattr(find_words(OPERATIONS[operations[0]])[name], "words", ())
        yield f"`{example}`:\n{summary}.\n" + (
            f"{textwrap.fill(f'Items: {write_code(items)}.', WIDTH)}\n" if items else ""
        )
        yield f"{textwrap.fill(f'Operations: {write_operations(operations)}.', WIDTH)}\n\n"


EXAMPLES: Final[Mapping[str, Value]] = {
    "add_capabilities": ("NET_BIND_SERVICE",),
    "binds": ("/srv/ci/cache", "/etc/localtime:ro"),
    "commands": (("pg_dump", "**"),),
    "configs": ("ci_*",),
    "containers": ("web", "db-*"),
    "cpus": "1.5",
    "devices": ("/dev/dri/*", "/dev/fuse"),
    "drop_capabilities": ("NET_RAW",),
    "environment": Pairs((("HTTPS_PROXY", "http://egress:3128"),)),
    "gpus": "all",
    "images": ("nginx", "ghcr.io/acme/**"),
    "joins": ("ci-*",),
    "labelled": Pairs((("owner", "ci"),)),
    "labels": Pairs((("owner", "ci"),)),
    "memory": "2GiB",
    "names": ("ci-*",),
    "networks": ("ci_default",),
    "pids": "200",
    "pods": ("ci-*",),
    "publish": Pairs((("ports", ("8000-8999",)), ("addresses", ("127.0.0.1",)))),
    "secrets": ("ci_*",),
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


@pytest.mark.parametrize("page", [PAGE, OWN_PAGE], ids=lambda page: page.name)
def test_the_page_says_what_the_code_says(page: Path) -> None:
    assert page.read_text() == render_pages()[page], "write it anew: python tests/test_policies_page.py"


def test_every_example_of_a_condition_can_be_written() -> None:
    examples = re.findall(r"^`(\w+: .+)`:$", render_conditions(), re.MULTILINE)
    assert len(examples) > 30
    for example in examples:
        read_policy(f"sockets: {{a: {{path: /a.sock, allow: [{{{example}}}]}}}}", "policy.yaml")


def list_used(node: object) -> Iterator[str]:
    """Yield the conditions of all grants in a policy."""
    if isinstance(node, dict):
        for key, value in node.items():
            grants = value if key == "allow" and isinstance(value, list) else ()
            bodies = (body for grant in grants if isinstance(grant, dict) for body in grant.values())
            yield from (str(word) for body in bodies if isinstance(body, dict) for word in body)
            yield from list_used(value)
    elif isinstance(node, list):
        for each in node:
            yield from list_used(each)


def test_every_condition_is_used_by_a_preset_or_a_recipe() -> None:
    used = {each.word for name in PRESETS for grant in find_preset(name).grants for each in grant.conditions}
    pages = (page.read_text() for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md"))
    texts = [text for page in pages for text in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    texts += [path.read_text() for path in (DOCS.parent / "examples").rglob("policy*.yaml")]
    for text in texts:
        used.update(list_used(yaml.safe_load(text)))
    words = {name for name, each in CONSTRAINTS.items() if not each.is_private}
    assert words <= used
    assert len(words) <= 38


if __name__ == "__main__":
    for page, text in render_pages().items():
        page.write_text(text)
