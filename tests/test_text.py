"""Text is folded, trimmed and split as Go does it."""

import ast
import re
import string
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.text import base_name, decimal, escape, fold, lower, number, shorten_ids, trim, unquote, upper

GO_FOLDS_TO_ASCII = {"\u017f": "s", "\u212a": "k"}
"""All of Unicode outside ASCII whose orbit in Go's unicode.SimpleFold has a letter of ASCII."""


@given(st.text())
def test_only_letters_of_ascii_change_their_case(text: str) -> None:
    for changed, letters in ((lower(text), string.ascii_uppercase), (upper(text), string.ascii_lowercase)):
        assert len(changed) == len(text)
        assert all(new == old or old in letters for new, old in zip(changed, text, strict=True))


def test_every_letter_of_ascii_changes_its_case() -> None:
    assert lower(string.ascii_uppercase) == string.ascii_lowercase
    assert upper(string.ascii_lowercase.encode()) == string.ascii_uppercase.encode()


def test_fold_is_as_go_folds() -> None:
    for code in range(0x110000):
        letter = chr(code)
        expected = GO_FOLDS_TO_ASCII.get(letter, lower(letter))
        assert fold(letter) == expected


@given(st.text(alphabet="a/."))
def test_a_base_name_is_what_go_calls_it(path: str) -> None:
    kept = [part for part in path.split("/") if part]
    assert base_name(path) == (kept[-1] if kept else "/" if path else ".")


@for_each("text", ["", "-1", "+1", "1_0", " 1", "\u0661", "\u00b2", "1\n", "1" * 19])
def test_only_digits_of_ascii_are_a_number(text: str) -> None:
    assert number(text) is None


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_number_is_read(value: int) -> None:
    assert number(str(value)) == value


@for_each("text", ["", ".5", "1.", "-1", "1e3", "1_0", " 1", "nan", "inf", "\u0661", "1.\uff10", "1\n"])
def test_only_digits_of_ascii_are_a_decimal_number(text: str) -> None:
    assert decimal(text) is None


def test_a_decimal_number_is_read() -> None:
    assert (decimal("0"), decimal("10"), decimal("0.5")) == (0.0, 10.0, 0.5)


def test_only_what_is_named_is_trimmed() -> None:
    assert trim("\u00a0 a\u2028 ", " ") == "\u00a0 a\u2028"
    assert trim(b" \ta\x0b ", b" \t") == b"a\x0b"


@given(st.binary())
def test_what_is_escaped_is_decoded(data: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in data)
    assert unquote(escaped).encode(errors="surrogateescape") == data


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_escaped_is_printable_ascii(text: str) -> None:
    assert escape(text).isascii()
    assert escape(text).isprintable()


def test_a_whole_id_is_cut_and_nothing_that_only_looks_like_one() -> None:
    whole = "0123456789ab" + "c" * 52
    assert shorten_ids(f"No such container: {whole}") == "No such container: 0123456789ab"
    assert shorten_ids(f"sha256:{whole} and {whole}") == "sha256:0123456789ab and 0123456789ab"
    for other in (whole[:-1], f"{whole}0", f"x{whole}", f"app@sha256:{whole}", f"{whole}Z", whole.upper(), "web"):
        assert shorten_ids(other) == other


CORE = Path(__file__).parent.parent / "src" / "dockerproxy"
MODULES = sorted(
    path.relative_to(CORE).as_posix()
    for top in ("api", "wire", "policy", "plans", "proxy")
    for path in (CORE / top).rglob("*.py")
)

FOLDING = {"lower", "upper", "casefold", "capitalize", "title", "swapcase"}
READING = {"isdigit", "isdecimal", "isnumeric", "isspace", "isalpha", "isalnum", "isidentifier", "splitlines"}
WITHOUT_A_SEPARATOR = {"split", "rsplit", "strip", "lstrip", "rstrip"}
UNQUOTING = {"unquote", "unquote_plus", "unquote_to_bytes", "parse_qs", "parse_qsl", "urlparse", "urlsplit"}
PATTERNS = {"compile", "match", "fullmatch", "search", "split", "sub", "subn", "findall", "finditer"}

OTHER_THAN_ASCII = re.compile(r"(?<!\\)(?:\\\\)*\\[wWsSdDbB]|\(\?[aLmsux]*i")
"""What a pattern for text finds by Unicode's rules, unless it is told to know ASCII only."""

EXCUSED = {
    "api/rows.py": {"split": "our own tables, as they are read at import"},
    "policy/words/limits.py": {"split": "our own list of words"},
    "policy/words/parameters.py": {"split": "our own table, as it is read at import", "lower": "the same"},
    "policy/words/names.py": {"capitalize": "a word of ours"},
    "policy/list_filters.py": {"capitalize": "a word of ours"},
    "policy/decide.py": {"int": "the number of an item, in a path that a check wrote", "re.compile": "the same"},
    "proxy/usage.py": {"int": "the time, which is a number already"},
    "wire/archive.py": {"int": "digits of ASCII, which the pattern before found in bytes"},
    "wire/chunked.py": {"int": "hexadecimal digits of ASCII, which the pattern before found in bytes"},
    "wire/document.py": {"int": "digits that Python's reader of JSON found, ASCII only", "float": "the same"},
}
"""What is no text of a client's, or has no other than ASCII in it."""


def find_unicode(node: ast.Call) -> str | None:
    """Return what a call does by Python's rules about text, if it does; else None."""
    function = node.func
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    if not isinstance(function, ast.Attribute):
        return name if name in {"int", "float"} else None
    if isinstance(function.value, ast.Name) and function.value.id == "re":
        if name not in PATTERNS:
            return None
        text = "".join(
            part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        flags = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
        unicode = OTHER_THAN_ASCII.search(text) is not None or {"IGNORECASE", "I"} & flags
        return f"re.{name}" if unicode and not {"ASCII", "A"} & flags else None
    if name in FOLDING | READING | UNQUOTING or (name in WITHOUT_A_SEPARATOR and not node.args and not node.keywords):
        return name
    return None


@for_each("module", MODULES)
def test_the_core_handles_text_of_a_client_by_this_module_only(module: str) -> None:
    nodes = list(ast.walk(ast.parse((CORE / module).read_text())))
    found = {done for node in nodes if isinstance(node, ast.Call) and (done := find_unicode(node)) is not None}
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "urllib.parse"]
    found |= {alias.name for node in imports for alias in node.names} & UNQUOTING
    assert found == set(EXCUSED.get(module, {})), "call dockerproxy.text, or say here why this is not a client's text"


def test_what_is_excused_exists_and_says_why() -> None:
    assert EXCUSED.keys() <= set(MODULES)
    assert all(reason for reasons in EXCUSED.values() for reason in reasons.values())


@for_each(
    "source",
    [
        *("a.lower()", "a.upper()", "a.casefold()", "a.split()", "a.strip()", "a.isdigit()", "a.splitlines()"),
        *("int(a)", "float(a)", "parse.unquote(a)", "urllib.parse.unquote_to_bytes(a)"),
        *(r"re.compile('\\w+')", r"re.search(r'a\s', b)", r"re.compile(rf'{a}\b')", "re.compile('a', re.IGNORECASE)"),
        *("re.compile('(?i)a')", r"re.compile(r'\\\d')"),
    ],
)
def test_the_rule_finds_what_it_forbids(source: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert find_unicode(call) is not None


@for_each(
    "source",
    [
        *("lower(a)", "a.split(',')", "a.strip(' ')", "a.split(sep='/')", "number(a)", "a.partition('=')"),
        *(
            r"re.compile('[0-9]+')",
            r"re.compile(r'\w', re.ASCII)",
            r"re.compile(rb'\s')",
            r"re.compile(r'\\w')",
            "re.escape(a)",
        ),
    ],
)
def test_the_rule_lets_be_what_go_does_too(source: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert find_unicode(call) is None
