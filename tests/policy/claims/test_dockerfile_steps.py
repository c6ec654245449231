"""A Dockerfile is split into steps where builders split it, or refused."""

import pytest

from dockerproxy.policy.claims.dockerfile_steps import Budget, Step, UnclearError, read_steps
from dockerproxy.policy.claims.dockerfiles import find_reach

GO_SPACES = (
    "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""All that Go's unicode.IsSpace knows outside ASCII."""


def steps_of(content: str | bytes) -> list[Step]:
    return list(read_steps(content.encode() if isinstance(content, str) else content, Budget()))


def is_refused(content: str | bytes) -> bool:
    try:
        steps_of(content)
    except UnclearError:
        return True
    return False


def test_steps_are_what_a_builder_would_do() -> None:
    content = (
        "\ufeffARG A=b\r\n  onBuild\tRun --network=none  \\ \n # é \\\n\n --mount=x \\\r\n ls --x é\nLABEL é=é\nFROM é"
    )
    assert steps_of(content) == [
        Step("ARG", (), "A=b"),
        Step("RUN", ("--network=none", "--mount=x"), "ls --x é", is_trigger=True),
        Step("LABEL", (), "é=é"),
        Step("FROM", (), "é"),
    ]


@pytest.mark.parametrize("space", GO_SPACES)
def test_no_line_begins_with_a_space_outside_ascii(space: str) -> None:
    for line in (
        f"{space}RUN x",
        f"\t{space}# x \\\nRUN x",
        f"RUN x \\\n{space}\nRUN y",
        f"RUN x \\\n {space}# y\nRUN z",
    ):
        assert is_refused(line), ascii(line)
    assert (space == "\x85") == is_refused(f"RUN x{space}y {space}z\nLABEL x=y{space}\n# {space}")


@pytest.mark.parametrize("space", [*GO_SPACES, "\x85", "\x80", "\u0661", "\ufeff", "\x1f", "\0"])
def test_the_name_of_an_instruction_is_ascii(space: str) -> None:
    for name in ("RUN", "from", "Copy", "ADD", "ARG", "ONBUILD", "ONBUILD RUN"):
        for place in range(len(name) + 1):
            spelled = name[:place] + space + name[place:]
            for whole in (spelled.encode(), spelled.encode("latin-1") if ord(space) < 256 else b"R\xa0UN"):
                assert is_refused(b"FROM x\n" + whole + b" --network=host x"), whole
    assert is_refused("ONBU\u0130LD RUN x")


@pytest.mark.parametrize("byte", [bytes((code,)) for code in (*range(0x80, 0x100), 0x0B, 0x0C, 0x1C, 0x1F, 0x7F, 0)])
def test_a_flag_behind_a_character_outside_ascii_is_refused(byte: bytes) -> None:
    for line in (b"RUN %s--network=host x", b"RUN --network=none%s --x", b"RUN --network=none %s--x", b"ADD \t%s a b"):
        assert is_refused(line % byte)


@pytest.mark.parametrize(
    "rest",
    [
        *("ONBUILD RUN x", "--x RUN y", "-- RUN y", "\t-x", "", "FROM x", "MAINTAINER x", "R`", "UN --network=host x"),
        *("# x", "# escape\\\n=`", "#\\\n escape=`", "\u00a0--x RUN y", '"RUN" x', "RUN`x", "RU\u212a x"),
    ],
)
def test_a_trigger_is_an_instruction(rest: str) -> None:
    assert is_refused(f"ONBUILD {rest}")


def test_a_trigger_may_be_any_instruction() -> None:
    assert steps_of("ONBUILD ENV x=y\nonbuild\thealthcheck NONE\nONBUILD \\\n # c\n RUN x") == [
        Step("ENV", is_trigger=True),
        Step("HEALTHCHECK", is_trigger=True),
        Step("RUN", (), "x", is_trigger=True),
    ]


def test_no_line_is_longer_than_builders_read() -> None:
    for end in ("\n", "\r\n", ""):
        longest = "x" * (2**16 - 2 - len(end.replace("\n", "")))
        assert not is_refused(f"FROM $A\\\n{longest}{end}")
        assert is_refused(f"FROM $A\\\nx{longest}{end}")
    assert not is_refused(f"RUN true \\\n{longest[2:]} \\\n{longest}")


@pytest.mark.parametrize("word", ["<<E.1", "<<eof", "3<<'e'", '<<-"Ee"', "<<EOF", "a <<A <<b", "<<--", "<<."])
def test_no_here_document_is_copied(word: str) -> None:
    for name in ("COPY", "add --link", "ONBUILD COPY", "COPY \\\n a"):
        assert is_refused(f"{name} {word} /x")
        assert not is_refused(f"{name} << <<<x /x")
    assert not is_refused(f"RUN cat {word}")


def test_what_begins_a_free_text_may_be_a_letter_of_any_script() -> None:
    for line in ("RUN écho", "COPY --link 文档 /x", "ADD ü /"):
        assert len(steps_of(line)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"# escape=`\nRUN `\n --network=host",
        b"ONBUILD # Escape = `\n",
        b"RUN ls \\\\\nRUN --network=host ls",
        b"RUN ls \\\r\r\nRUN --network=host ls",
        b"RUN ls \\\x0b\nRUN --network=host ls",
        b"RUN\x00ls",
        b"RUN ls\rRUN --network=host ls",
        b"LABEL x=\xc2\x85\n",
        b"# ESCAPE\t=\t`\n",
        b"RUN <<'E\\'\nE\\\nRUN --network=host ls",
        b'RUN <<E"\\"\nE\\\nRUN --network=host ls',
        b'RUN <<""\nls \\\n\nRUN --network=host ls',
        b"RUN <<#\nls \\\n#\nRUN --network=host ls",
        b"RUN <\\\n<#\nls \\\n#\nRUN --network=host ls",
        b"RUN true # ${A:- <\\<E\\\\\\\\ y}\nE\\\nRUN --network=host ls",
    ],
)
def test_a_dockerfile_of_which_lines_could_be_joined_in_two_ways_is_refused(content: bytes) -> None:
    assert is_refused(content)


def test_what_a_here_document_hides_from_others_is_read_too() -> None:
    assert "--network=host" in find_reach(b"RUN <<EOF\nls \\\nEOF\nRUN --network=host ls", {})
    assert "--network=host" in find_reach(b"RUN <<EOF\nRUN --network=host ls\nEOF", {})


@pytest.mark.parametrize(
    "word",
    ["<<E)", "<<'E F'", '<<""', "<<E'F'", "1<<#", "<'<'E", "<\\<E", '"1"<<E', "<<é", "<<E\u00a0", "\u00a0<<E", "é<<E"],
)
def test_a_here_document_has_a_plain_name(word: str) -> None:
    for name in ("RUN cat", "COPY", "ONBUILD ADD --link"):
        assert is_refused(f"{name} {word} /x")
    assert not is_refused(f"CMD {word} /x\ncout {word}")


@pytest.mark.parametrize(
    "word",
    [
        "<<E",
        "<<-E",
        "3<<'E.1'",
        '<<-"E"',
        "<<",
        "<<<x",
        "<<<'x y'",
        "$((1<<2))",
        "x<<y",
        "$((x<<'2'))",
        'std::cout<<"x"',
    ],
)
def test_a_shift_and_a_here_string_are_no_here_documents(word: str) -> None:
    assert not is_refused(f"RUN {word} && x")
    assert is_refused(f"COPY {word} /x") == (word[:3] in {"<<E", "<<-", "3<<"})
