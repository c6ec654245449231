"""A command is compared word for word."""

from policy.inspecting import admits
from rows import for_each

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.commands import fits_command

CONSTRAINT = CONSTRAINTS["commands"]


@for_each(
    ("command", "words", "fits"),
    [
        (("ls",), ("ls",), True),
        (("ls",), ("ls", "-l"), False),
        (("ls", "**"), ("ls",), True),
        (("ls", "**"), ("ls", "-l", "/"), True),
        (("ls", "**"), ("rm",), False),
        (("ls", "*"), ("ls", "a/b"), False),
        (("ls", "**", "x"), ("ls", "a/b", "x"), True),
        (("ls", "**", "x"), ("ls", "a", "b", "x"), False),
        (("ls", "[a]"), ("ls", "[a]"), True),
        (("**",), (), True),
        ((), (), True),
        ((), ("ls",), False),
    ],
)
def test_a_command_fits_word_for_word(command: tuple[str, ...], words: tuple[str, ...], *, fits: bool) -> None:
    assert fits_command(command, words) is fits
    assert admits("commands", (command,), words) is fits


def test_only_lists_of_words_are_commands() -> None:
    assert not admits("commands", ("ls",), ("ls",))
    assert not admits("commands", "ls", ("ls",))
    assert not admits("commands", (("ls",),), "ls")
    assert not admits("commands", (("**",),), None)
    assert CONSTRAINT.least(()) is None


@for_each(
    ("inner", "outer", "within"),
    [
        (("ls", "-l"), ("ls", "**"), True),
        (("ls", "**"), ("ls", "**"), True),
        (("ls", "-l", "**"), ("ls", "**"), True),
        (("ls", "**"), ("ls", "*"), False),
        (("ls", "**"), ("ls", "-l", "**"), False),
        (("ls", "a*"), ("ls", "*"), True),
        (("ls", "*"), ("ls", "a*"), False),
        (("ls", "-l"), ("ls",), False),
    ],
)
def test_one_command_is_within_another(inner: tuple[str, ...], outer: tuple[str, ...], *, within: bool) -> None:
    assert CONSTRAINT.within((inner,), (("true",), outer)) is within
