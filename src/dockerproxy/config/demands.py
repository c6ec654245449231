"""Read the value of a condition by its form.

Each reader returns the value, or None if it is invalid, and adds the problems.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.config.document import Fields, Items, Node, Text
from dockerproxy.config.near import show
from dockerproxy.config.reader import Reader
from dockerproxy.config.values import Fault
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.policy.words.images import TOO_WIDE
from dockerproxy.policy.words.spellings import read_address, read_ports

_ANY_MORE: Final = "**"


def read_demand(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read the value of a condition; None if it is invalid."""
    return _READERS[word.takes](reader, word, node)


def _read_yes(reader: Reader, word: Constraint, node: Node) -> Value | None:
    flag = reader.flag(node, word.name)
    if flag is False:
        reader.problem(node.place, f"{word.name} can only be true", "remove it")
    return flag or None


def _read_choice(reader: Reader, word: Constraint, node: Node) -> Value | None:
    choices = " or ".join(word.choices)

    def read(text: str) -> str | Fault:
        return text if text in word.choices else Fault(f"{word.name} must be {choices}, not {show(text)}")

    return reader.value(node, word.name, read, f"{word.name}: {choices}")


def _read_amount(reader: Reader, word: Constraint, node: Node) -> Value | None:
    def read(text: str) -> str | Fault:
        fault = word.fault(text)
        return Fault(f"invalid {word.name} {show(text)}", fault) if fault else text

    return reader.value(node, word.name, read)


def _read_items(reader: Reader, word: Constraint, node: Node) -> Value | None:
    def check(item: str) -> Fault | None:
        fault = word.fault(item)
        what = "reaches names of others" if fault == TOO_WIDE else "can never match"
        return Fault(f"{show(item)} in {word.name} {what}", fault) if fault else None

    without = "remove the condition to allow all" if word.narrows else "remove the condition"
    return reader.words(node, word.name, f"add an item, or {without}", check)


def _read_texts(reader: Reader, word: Constraint, node: Node) -> Value | None:
    entries = reader.entries(node, word.name, f"{word.name}: {{NAME: TEXT}}")
    if isinstance(node, Fields) and not entries:
        reader.problem(node.place, f"{word.name} is empty", f"{word.name}: {{NAME: TEXT}}")
    texts = [(key.text, reader.text(value, f"the value of {key.text}")) for key, value in entries]
    for key, _ in entries:
        if fault := word.fault(key.text):
            reader.problem(key.place, f"invalid name {show(key.text)} in {word.name}", fault)
            return None
    read = tuple((name, text.text) for name, text in texts if text is not None)
    return Pairs(read) if read and len(read) == len(texts) else None


def _read_labels(reader: Reader, word: Constraint, node: Node) -> Value | None:
    example = f"{word.name}: {{LABEL: TEXT}} or {word.name}: {{LABEL: [TEXT, TEXT]}}"
    entries = reader.entries(node, word.name, example)
    if isinstance(node, Fields) and not entries:
        reader.problem(node.place, f"{word.name} is empty", example)
    pairs = []
    for key, value in entries:
        what = f"the value of {key.text}"
        if isinstance(value, Items):
            texts: str | tuple[str, ...] | None = reader.words(value, what, "add a text", lambda _: None)
        else:
            text = reader.text(value, what, example)
            texts = text.text if text is not None else None
        pairs += [(key.text, texts)] if texts is not None else []
    return Pairs(tuple(pairs)) if pairs and len(pairs) == len(entries) else None


def _read_lists(reader: Reader, word: Constraint, node: Node) -> Value | None:
    items = reader.items(node, word.name)
    if isinstance(node, Items) and not items:
        what = f"{word.name} is an empty list, which no request can meet"
        reader.problem(node.place, what, "add an item, or remove the condition")
    lists = [_read_words(reader, word, item) for item in items]
    read = tuple(words for words in lists if words is not None)
    return read if read and len(read) == len(lists) else None


def _read_words(reader: Reader, word: Constraint, node: Node) -> tuple[str, ...] | None:
    early = node.nodes[:-1] if isinstance(node, Items) else ()
    early = tuple(each for each in early if isinstance(each, Text) and each.text == _ANY_MORE)
    for text in early:
        reader.problem(text.place, f"{_ANY_MORE} must be the last word", "* matches one word")
    words = reader.words(node, f"a {word.name.removesuffix('s')}", "write its words", lambda _: None)
    return None if early else words


_PUBLISH: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "ports": (read_ports, "a port or a range of ports, like 8000-8999; 0 is any free one"),
    "addresses": (read_address, "an IP address"),
}


def _read_ports(reader: Reader, word: Constraint, node: Node) -> Value | None:
    example = f"{word.name}: {{ports: [8000-8999], addresses: [127.0.0.1]}}"
    fields = reader.fields(node, word.name, tuple(_PUBLISH), example)
    if isinstance(node, Fields) and not node.pairs:
        reader.problem(node.place, f"{word.name} is empty", example)
    pairs = []
    for name, value in fields.items():
        reads, what = _PUBLISH[name]

        def check(text: str, reads: Callable[[str], object] = reads, what: str = what) -> Fault | None:
            return None if reads(text) else Fault(f"{show(text)} is not {what}")

        read = reader.words(value, name, f"add an item, or remove {name} to allow all", check)
        pairs += [(name, read)] if read else []
    return Pairs(tuple(pairs)) if pairs and len(pairs) == len(fields) else None


_READERS: Final[Mapping[Takes, Callable[[Reader, Constraint, Node], Value | None]]] = {
    Takes.FLAG: lambda reader, word, node: reader.flag(node, word.name),
    Takes.YES: _read_yes,
    Takes.CHOICE: _read_choice,
    Takes.AMOUNT: _read_amount,
    Takes.ITEMS: _read_items,
    Takes.TEXTS: _read_texts,
    Takes.LABELS: _read_labels,
    Takes.LISTS: _read_lists,
    Takes.PORTS: _read_ports,
}
