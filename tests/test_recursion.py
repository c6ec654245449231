"""Nothing that a client sizes is walked by recursion: Python's own limit would end the work in an odd place.

Each function that calls itself, directly or by others of its module, is in a table here with what bounds its depth.
Modules do not call each other in a ring: imports go down only. Python's json goes down by recursion, in C, and says so
with a RecursionError; each module that reads JSON has what bounds it there, or catches that.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from rows import for_each
from test_rules import MODULES, SOURCE

from dockerproxy.api.bodies.tables import BODIES, Node
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import Kind, Lookup
from dockerproxy.wire.document import MOST_LEVELS, read_json

BOUNDED = {
    "policy/reader.py _Reader": "a table of fields, not the body: what is deeper than it is no field",
    "response_filters/json_filter.py Walk": "levels, which are counted as those of a body are",
    "api/answers.py": "tables of fields within each other, which are ours",
    "builds/protobuf.py": "a table of messages within each other, which is ours",
    "builds/protobuf.py _Reader": "the same",
    "policy/values.py": "a value of a condition holds texts and lists of texts",
    "owner_labels.py": "the places of labels in tables, which are ours",
    "api/bodies/tables.py": "a table of fields, when it is read",
    "config/options.py": "an option, of which the loader has bounded the levels",
    "config/presets.py": "presets that build on each other, which are ours; a ring of them is refused",
    "workbench/reading.py": "a line: each level of a string in a string doubles its escapes",
    "workbench/other_logs.py": "the same",
    "proxy/exchange.py Exchange": "the phases of one request: its head, its body, its verdict",
    "proxy/scheduling.py Turns": "nothing: the event loop calls it again in another turn",
}
"""Where functions call themselves, and what bounds how deep."""

JSON = {
    "builds/solving.py": "writes texts",
    "wire/document.py": "catches it, and bounds the levels",
    "response_filters/hiding.py": "writes a text",
    "plans/spelling.py": "reads what the JSON filter, which catches it, has read before",
    "policy/words/fixed.py": "reads and writes what read_json has bounded",
    "plans/creating.py": "reads what write_json wrote, and writes a name",
    "policy/subtrees.py": "reads what write_json wrote, and lists that the cutter, which catches it, has read before",
    "workbench/reading.py": "catches it",
    "workbench/live.py": "catches it",
    "workbench/needs.py": "writes what it made",
    "workbench/rounds.py": "catches it",
    "cli/schema.py": "reads and writes schemas, which are ours",
    "config/schema.py": "reads what is ours",
    "cli/standin.py": "writes what it made",
    "cli/decision.py": "writes what reading has read",
    "cli/ask.py": "writes what questions has read",
    "cli/questions.py": "catches it",
    "cli/verify.py": "writes what it made",
    "workbench/verifying.py": "catches it",
    "cli/reports.py": "writes what it made",
    "cli/explain.py": "reads what read_json has bounded",
    "tenancy/prunes.py": "writes names and numbers",
    "tenancy/neighbours.py": "writes names",
    "tenancy/own.py": "reads what write_json wrote, and writes a name and labels",
    "policy/list_filters.py": "writes values that read_json has bounded, and a label",
    "wire/answer.py": "catches it",
    "wire/head.py": "writes a text",
}
"""Modules that read or write JSON, and what becomes of too many levels."""


def scopes_of(module: Path) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield the bodies of a module and of its classes, each with its name."""
    tree = ast.parse((SOURCE / module).read_text(encoding="utf-8"))
    yield str(module), tree.body
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield f"{module} {node.name}", node.body


def called_in(function: ast.AST, *, of_class: bool) -> set[str]:
    """Return the functions of its own scope that a function mentions, and others."""
    nodes = list(ast.walk(function))
    if not of_class:
        return {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in attributes if ast.unparse(node.value) in {"self", "cls"}}


def calls_itself(name: str, body: list[ast.stmt]) -> bool:
    """Whether a function of a scope comes back to itself by others of that scope."""
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    calls = {
        each: called_in(ast.Module(node.body, []), of_class=" " in name) & functions.keys()
        for each, node in functions.items()
    }
    for _ in functions:
        calls = {each: below.union(*(calls[other] for other in below)) for each, below in calls.items()}
    return any(each in below for each, below in calls.items())


def test_what_calls_itself_is_bounded_by_something_of_ours() -> None:
    assert {name for module in MODULES for name, body in scopes_of(module) if calls_itself(name, body)} == set(BOUNDED)


def test_what_reads_json_bounds_its_levels_or_catches_too_many() -> None:
    uses = {"json.loads", "json.dumps", "json.JSONDecoder", "json.load", "json.dump"}
    found = {
        str(module)
        for module in MODULES
        for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in uses
    }
    assert found == set(JSON)


@for_each("levels", [MOST_LEVELS + 1, 900, 20_000, 1_000_000])
@for_each(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_of_any_depth_is_read_or_refused(levels: int, opening: str, closing: str) -> None:
    content = f'{opening * levels}"\\ud83d\\ude00"{closing * levels}'.encode()
    assert isinstance(read_json(content), Refusal)
    assert isinstance(read_json(opening.encode() * levels), Refusal)
    lookup = Lookup(Kind.CONTAINER, "x", "/containers/x/json", OPERATIONS["ContainerInspect"])
    assert read_object(lookup, content, "") is None


def test_a_table_of_fields_is_less_deep_than_a_body_may_be() -> None:
    level, deep = [body.root for body in BODIES.values()], 0
    while level:
        below: list[Node] = [each for node in level for each in (*node.spelled.values(), *filter(None, [node.item]))]
        level, deep = below, deep + 1
        assert deep < MOST_LEVELS
