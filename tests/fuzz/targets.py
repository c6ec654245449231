"""What is fuzzed: the table of all targets, each something that reads what others write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from fuzz import (
    answer,
    archive,
    body,
    body_changes,
    head,
    policy_file,
    request_changes,
    seeds,
    words,
)

Change = Callable[[bytes, int, int, Callable[[bytes, int], bytes]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to fuzz.

    Attributes:
        check: Raises AssertionError if an input breaks a promise.
        read: Reads an input once, and nothing besides.
        seeds: Inputs to begin with.
        words: Of the language that it reads.
        longest: Bytes of an input.
        microseconds: That a byte may take, traced and on a busy machine; many times what it does take.
        change: Changes an input so that it stays of its form; None where any bytes will do.
    """

    check: Callable[[bytes], None]
    read: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]
    words: Callable[[], Iterator[str]]
    longest: int
    microseconds: float = 10
    change: Change | None = None


TARGETS: Final = {
    "head": Target(
        check=head.check,
        read=head.read,
        seeds=seeds.of_heads,
        words=words.of_heads,
        longest=2048,
        change=request_changes.change,
    ),
    "answer": Target(
        check=answer.check, read=answer.read, seeds=seeds.of_answers, words=words.of_answers, longest=1024
    ),
    "archive": Target(
        check=archive.check,
        read=archive.read,
        seeds=seeds.of_archives,
        words=words.of_archives,
        longest=8192,
    ),
    "body": Target(
        check=body.check,
        read=body.read,
        seeds=seeds.of_bodies,
        words=words.of_bodies,
        longest=4096,
        change=body_changes.change,
    ),
    "policy": Target(
        check=policy_file.check,
        read=policy_file.read,
        seeds=seeds.of_policies,
        words=words.of_policies,
        longest=2048,
        microseconds=100,
    ),
}
