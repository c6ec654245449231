"""Add grants to the text of a policy file, and keep every other character, comments included.

Attacks: docs/attacks.md, workbench/edits.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import yaml

from dockerproxy.config.document import LOADER, Fields, Node
from dockerproxy.config.grants import Line, read_allow, read_deny
from dockerproxy.config.presets import SHELF
from dockerproxy.config.reader import Reader
from dockerproxy.policy.values import Value, write_grant
from dockerproxy.workbench.learned import write_item

Item = tuple[str, Mapping[str, Value]]
"""A grant or denial to be written: its word, and its conditions."""


@dataclass(slots=True)
class _Span:
    """A node of the document, with the beginning and end of its text.

    It is shared if it is an alias or has an anchor, so that its text also counts elsewhere.
    """

    start: int
    end: int
    place: tuple[int, int]
    children: list["_Span"] = field(default_factory=list)
    text: str = ""
    is_list: bool = False
    is_flow: bool = False
    is_shared: bool = False

    def value(self, key: str) -> "_Span | None":
        """Return the value of a key; None if this is not a mapping, or lacks the key."""
        pairs = zip(self.children[::2], self.children[1::2], strict=False)
        return None if self.is_list else next((value for name, value in pairs if name.text == key), None)


def read_lines(text: str, file: str, key: str = "allow") -> Mapping[str, tuple[Line, ...]]:
    """Return the lines of `allow` or `deny` in a valid policy file, by socket."""
    reader = Reader(file)
    root = reader.compose(text)
    sockets = dict(_fields(root)).get("sockets")
    found = {name: dict(_fields(node)).get(key) for name, node in _fields(sockets)}
    read = read_allow if key == "allow" else read_deny
    return {name: read(reader, node, SHELF) if node is not None else () for name, node in found.items()}


def _fields(node: Node | None) -> Iterator[tuple[str, Node]]:
    yield from ((key.text, value) for key, value in node.pairs) if isinstance(node, Fields) else ()


def add_items(text: str, socket: str, key: str, items: Sequence[Item]) -> str | None:
    """Append items to `allow` or `deny` of a socket; return None if the text of the list is shared."""
    sockets = _compose(text).value("sockets")
    node = sockets.value(socket) if sockets is not None else None
    if node is None or node.is_shared or node.is_flow:
        return None
    found, indent = node.value(key), " " * (node.place[1] - 1)
    if found is None:
        return _insert(text, node.end, items, f"{indent}  ", (f"{indent}{key}:",))
    if found.is_shared or (not found.children and not found.is_flow):
        return None  # An explicit value, like null.
    if found.is_flow and found.children:
        at = found.children[-1].end
        return text[:at] + "".join(f", {write_grant(*item)}" for item in items) + text[at:]
    if found.is_flow:
        head = text[: found.start].rstrip(" ")
        return _insert(head + text[found.end :], len(head), items, f"{indent}  ")
    first = found.children[0]
    lead = text[text.rfind("\n", 0, first.start) + 1 : first.start]
    return _insert(text, found.end, items, lead[: lead.index("-")]) if lead.strip(" ") == "-" else None


def write_patch(before: str, after: str, path: str) -> list[str]:
    """Return the unified diff of a file at a path, which `git apply` and `patch -p1` take, without line ends."""
    path += "\t" * (" " in path)  # Ends the name; otherwise GNU patch reads a timestamp after a space.
    return list(difflib.unified_diff(_split(before), _split(after), f"a/{path}", f"b/{path}", lineterm=""))


def _split(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines


def _insert(text: str, at: int, items: Sequence[Item], indent: str, first: Sequence[str] = ()) -> str:
    end = text.find("\n", at) + 1 or len(text)
    lines = [*first, *(line for item in items for line in write_item(*item, indent))]
    ending = "\r\n" if "\r\n" in text else "\n"
    before = text[:end] if text[:end].endswith("\n") else text[:end] + ending
    return before + "".join(f"{line}{ending}" for line in lines) + text[end:]


def _compose(text: str) -> _Span:
    parents = [_Span(0, len(text), (1, 1))]
    for event in yaml.parse(text, Loader=LOADER):
        start, end = cast("yaml.Mark", event.start_mark), cast("yaml.Mark", event.end_mark)  # Each event has them.
        if isinstance(event, yaml.CollectionEndEvent):
            closed = parents.pop()
            # For YAML, a block ends where the next one begins, after comments.
            last = closed.children[-1].end if closed.children else closed.end
            closed.end = end.index if closed.is_flow else last
        elif isinstance(event, yaml.NodeEvent):
            node = _Span(start.index, end.index, (start.line + 1, start.column + 1))
            node.text = event.value if isinstance(event, yaml.ScalarEvent) else ""
            node.is_list = isinstance(event, yaml.SequenceStartEvent)
            node.is_flow = isinstance(event, yaml.CollectionStartEvent) and bool(event.flow_style)
            node.is_shared = event.anchor is not None
            parents[-1].children.append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                parents.append(node)
    return parents[0].children[0]
