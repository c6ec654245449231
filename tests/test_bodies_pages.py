"""The pages about bodies say what the tables say: one for each operation that is contained, with every field.

    python tests/test_bodies_pages.py

writes them anew.
"""

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parts import fill_in, write_code, write_table
from test_policies_page import value_of

from dockerproxy.api.bodies.tables import ALWAYS, BODIES, SEALED, Body, Content, Field
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.values import write_grant
from dockerproxy.policy.vocabulary import CHECKS, CONSTRAINTS, find_words, is_of_body

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGES: Final = DOCS / "bodies"
INDEX: Final = DOCS / "bodies.md"
WIDTH: Final = 118

FREE: Final = {
    "any": "anything",
    "part": "see the row of the whole",
    "aside": "anything; it is not forwarded",
    "~": "**denied**, unless empty; it is not forwarded",
    "unset": "**denied**, unless false, 0 or empty",
    "absent": "**denied**, even if empty",
}
PLACES: Final = {"?": " (of the query)", "@": " (of the object, as the engine shows it)", "#": " (of the head)"}
CONTENTS: Final = {
    Content.ARCHIVE: "Of its archive, only types of entries are read.",
    Content.NONE: "Only its parameters are checked.",
    Content.JSON: "Its body is JSON; the proxy holds it until it is complete.",
    Content.MAYBE_JSON: "Its body is JSON or empty; the proxy holds it until it is complete.",
}


def render(body: Body) -> str:
    """Write the page of an operation."""
    operation = OPERATIONS[body.operation]
    known = find_words(operation)
    names = [name for name in body.words if name in known]
    example = {name: value_of(known[name]) for name in names[:2]}
    lines = [
        f"# {operation.name}\n\n",
        fill(f"`{operation.method} {operation.path}`: {operation.says}. {CONTENTS[body.content]}"),
        "\nA contained grant allows what this page lists. [Contained operations](../bodies.md) has the rules.\n",
    ]
    if names:
        words = ((f"`{name}`", known[name].summary) for name in names)
        lines += [write_table("condition | meaning", words), f"Example: `{write_grant(operation.name, example)}`.\n"]
    if body.fields:
        lines += ["\n| field | since | allowed | meaning |\n|---|---|---|---|\n", *map(render_field, body.fields)]
    return "".join(lines)


def fill(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def render_field(field: Field) -> str:
    """Write the row of a field."""
    name, place = field.path, ""
    if name[0] in PLACES:
        name, place = name[1:], PLACES[name[0]]
    return f"| `{name}`{place} | {field.since} | {say_how(field)} | {field.summary.replace('|', chr(92) + '|')} |\n"


def say_how(field: Field) -> str:
    """Say what a field may be: of a check, the first sentence that stands above it."""
    how = field.rule
    if how in FREE:
        return FREE[how]
    if how.startswith(("=", "~")):
        left_out = "; it is not forwarded" if how.startswith("~") else ""
        return ", ".join(f"`{word}`" for word in how[1:].split(",")) + f" or empty{left_out}"
    sentence = " ".join((inspect.getdoc(CHECKS[how.removesuffix(ALWAYS)]) or "").split("\n\n")[0].split()).rstrip(".")
    said = ", ".join(f"`{word}`" for word in field.words if not CONSTRAINTS[word].is_private)
    return f"{sentence[:1].lower()}{sentence[1:]}{f' ({said})' if said else ''}"


def render_list() -> str:
    """Write the list of all pages, and of what cannot be bounded."""
    pages = ", ".join(f"[{name}](bodies/{name}.md)" for name in OPERATIONS if name in BODIES)
    reasons = dict.fromkeys(SEALED[name] for name in OPERATIONS if name in SEALED)
    sealed = ((write_code(name for name in OPERATIONS if SEALED.get(name) == each), each) for each in reasons)
    listed = fill(f"Each page has all fields, and what a contained grant allows of them: {pages}.")
    rows = write_table("operation | because", sealed)
    return f"\n{listed}\nThese cannot be restricted. They are granted `unrestricted` or not at all:\n{rows}"


def render_conditions() -> str:
    """Write what is allowed without each condition on bodies."""
    found: dict[str, list[str]] = {}
    for name, constraint in CONSTRAINTS.items():
        if any(name in find_words(each) and is_of_body(each, name) for each in OPERATIONS.values()):
            allowed = "anything" if constraint.narrows else write_code(constraint.unspoken) or "nothing"
            found.setdefault(allowed, []).append(f"[`{name}`](policies.md#{name})")
    rows = ((allowed, ", ".join(names)) for allowed, names in sorted(found.items(), key=lambda row: -len(row[1])))
    return write_table("allowed without them | conditions", rows)


def render_index() -> str:
    return fill_in(INDEX, {"conditions": render_conditions(), "operations": render_list()})


def find_pages() -> Iterator[tuple[str, str]]:
    for name, body in BODIES.items():
        yield f"{name}.md", render(body)


def test_there_is_a_page_for_each_operation_with_every_field_of_its_table() -> None:
    assert {path.name: path.read_text() for path in PAGES.iterdir()} == dict(find_pages()), (
        "python tests/test_bodies_pages.py"
    )


def test_the_index_says_what_the_tables_say() -> None:
    assert INDEX.read_text() == render_index(), "write it anew: python tests/test_bodies_pages.py"


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for page in PAGES.iterdir():
        page.unlink()
    for file, text in find_pages():
        (PAGES / file).write_text(text)
    INDEX.write_text(render_index())
