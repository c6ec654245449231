"""Read the value of a condition, by its type.

Each reader returns what is valid, and nothing for what is not; that is added to the problems.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dockerproxy.config.document import Fields, Items, Node, Text
from dockerproxy.config.near import show
from dockerproxy.config.reader import Reader
from dockerproxy.policy.amounts import read_address, read_ports
from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.values import Pairs, Takes, Value

_NO_REQUEST: Final = "is an empty list, to which no request can keep"
_ANY_MORE: Final = "**"


def read_demand(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read what a condition demands.

    Args:
        reader: Of the document.
        word: Of the condition.
        node: What stands behind it.

    Returns:
        The value; None if it is broken.
    """
    return _READERS[word.takes](reader, word, node)


def _read_flag(reader: Reader, word: Constraint, node: Node) -> Value | None:
    return reader.flag(node, word.name)


def _read_choice(reader: Reader, word: Constraint, node: Node) -> Value | None:
    choices = " or ".join(word.choices)
    text = reader.text(node, word.name, f"{word.name}: {choices}")
    if text is None:
        return None
    if text.text not in word.choices:
        reader.problem(text.place, f"{word.name} can only be {choices}, and is {show(text.text)}")
        return None
    return text.text


def _read_amount(reader: Reader, word: Constraint, node: Node) -> Value | None:
    text = reader.text(node, word.name)
    if text is None:
        return None
    fault = word.fault(text.text)
    if fault:
        reader.problem(text.place, f"{word.name} cannot be {show(text.text)}", fault)
        return None
    return text.text


def _read_items(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read a list of words."""
    if word.may_be_empty and isinstance(node, Items) and not reader.items(node, word.name):
        return ()
    without = "take the condition out to allow all" if word.narrows else "take the condition out"
    texts = _read_list(reader, node, word.name, f"name something, or {without}")
    fitting = [text for text in texts if text is not None and _can_match(reader, word, text)]
    return _whole(fitting, texts)


def _can_match(reader: Reader, word: Constraint, item: Text) -> bool:
    fault = word.fault(item.text)
    if fault:
        reader.problem(item.place, f"{show(item.text)} in {word.name} can never match", fault)
    return not fault


def _read_texts(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read names with a text each."""
    entries = reader.entries(node, word.name, f"{word.name}: {{NAME: TEXT}}")
    if isinstance(node, Fields) and not entries:
        reader.problem(node.place, f"{word.name} is empty", f"{word.name}: {{NAME: TEXT}}")
    texts = [(key.text, reader.text(value, f"the value of {key.text}")) for key, value in entries]
    read = tuple((name, text.text) for name, text in texts if text is not None)
    return Pairs(read) if read and len(read) == len(texts) else None


def _read_lists(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read lists of words."""
    items = reader.items(node, word.name)
    if isinstance(node, Items) and not items:
        reader.problem(node.place, f"{word.name} {_NO_REQUEST}", "name something, or take the condition out")
    lists = [_read_words(reader, word, item) for item in items]
    read = tuple(words for words in lists if words is not None)
    return read if read and len(read) == len(lists) else None


def _read_words(reader: Reader, word: Constraint, node: Node) -> tuple[str, ...] | None:
    """Read the words of one list."""
    texts = _read_list(reader, node, f"a {word.name.removesuffix('s')}", "write its words")
    *before, _ = texts or [None]
    early = [text for text in before if text is not None and text.text == _ANY_MORE]
    for text in early:
        reader.problem(text.place, f"{_ANY_MORE} stands for any more words, and more follow", "* is any one word")
    return None if early else _whole(texts, texts)


_PUBLISH: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "ports": (read_ports, "a port or a range of ports, like 8000-8999; 0 is any free one"),
    "addresses": (read_address, "an IP address"),
}


def _read_ports(reader: Reader, word: Constraint, node: Node) -> Value | None:
    """Read which ports of the host may be opened, and where."""
    example = f"{word.name}: {{ports: [8000-8999], addresses: [127.0.0.1]}}"
    fields = reader.fields(node, word.name, tuple(_PUBLISH), example, {})
    if isinstance(node, Fields) and not node.pairs:
        reader.problem(node.place, f"{word.name} is empty", example)
    pairs = []
    for name, value in fields.items():
        reads, what = _PUBLISH[name]
        texts = _read_list(reader, value, name, f"name some, or take {name} out to allow all")
        wrong = [text for text in texts if text is not None and not reads(text.text)]
        for text in wrong:
            reader.problem(text.place, f"{show(text.text)} is not {what}")
        read = _whole(texts, texts)
        pairs += [(name, read)] if read and not wrong else []
    return Pairs(tuple(pairs)) if pairs and len(pairs) == len(fields) else None


def _read_list(reader: Reader, node: Node, what: str, hint: str) -> list[Text | None]:
    """Read a list of words, with nothing in place of what is none."""
    items = reader.items(node, what)
    if isinstance(node, Items) and not items:
        reader.problem(node.place, f"{what} {_NO_REQUEST}", hint)
    return [reader.text(item, f"an item of {what}") for item in items]


def _whole(read: Sequence[Text | None], items: Sequence[Text | None]) -> tuple[str, ...] | None:
    """Return the words of a list; None if one is wrong, or there is none."""
    words = tuple(text.text for text in read if text is not None)
    return words if words and len(words) == len(items) else None


_READERS: Final[Mapping[Takes, Callable[[Reader, Constraint, Node], Value | None]]] = {
    Takes.FLAG: _read_flag,
    Takes.CHOICE: _read_choice,
    Takes.AMOUNT: _read_amount,
    Takes.ITEMS: _read_items,
    Takes.TEXTS: _read_texts,
    Takes.LISTS: _read_lists,
    Takes.PORTS: _read_ports,
}
