"""Decision IDs for the tests: what an answer says besides its ID."""

import json
import re

_DECIDED = re.compile(r" \(decision ([0-9A-Z]{5}-[0-9A-Z]{2,})\)\Z")


def split_decision(message: str) -> tuple[str, str]:
    """Return a message without the ID at its end, and the ID; empty if it has none."""
    found = _DECIDED.search(message)
    return (message[: found.start()], found[1]) if found else (message, "")


def read_message(content: bytes) -> str:
    """Return the message of an answer of ours; of a denial without its ID, which must be the one that stands beside."""
    said = json.loads(content)
    message, decision = split_decision(said.pop("message"))
    assert decision in ("", said["decision"]), (decision, said)
    return message
