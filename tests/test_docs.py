"""The documentation says what the program does.

A `console` block is run and its output compared, `...` standing for what varies. A `sh` block needs what a test does
not have, like an engine; only its syntax is checked. The tutorial needs an engine: tests/e2e/test_tutorial.py runs it.

    python tests/test_docs.py

writes the blocks of `GENERATED`.
"""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml
from cli.programs import CODE
from folders import short_folder
from parts import fill_in, write_code, write_table
from rows import for_each
from test_presets import find_socket_lines
from wire.test_answer import STATUSES

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.cli.at_most import NOT_PROVEN
from dockerproxy.cli.main import BUG, USAGE, VERBS
from dockerproxy.config.environment import KNOWN, read_environment
from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.config.process import GRACE
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SWITCHES
from dockerproxy.config.values import LIMITS
from dockerproxy.errors import Refusal
from dockerproxy.policy.judge import OLD_READINGS, find_media_types, judge
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.process_settings import LogFormat, LogPolls, Sandbox
from dockerproxy.settings import DEFAULTS, Level
from dockerproxy.wire.answer import add_decision

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *DOCS.glob("*.md"), ROOT / "examples" / "README.md")
)
TUTORIAL: Final = "docs/tutorial.md"
LISTS: Final = frozenset({"docs/attacks.md", "docs/operations.md"})
"""Pages to look things up in: what the modules need not say, and the catalog."""

MOST_WORDS: Final = 12_600
"""How much there is to read, outside of what is generated, examples of code, and the list of changes."""

WIDTH: Final = 118

MISTAKES: Final = frozenset({"CONTAINER=1", "DELETE=1"})
"""Settings that pages show as mistakes."""

OF_CLIENTS: Final = frozenset(
    {"BUILDX_BUILDER", "DOCKER_BUILDKIT", *(line.partition("=")[0] for line in find_socket_lines())}
)
"""Variables of others that pages show."""

OTHER_NAMES: Final = frozenset({HEALTH.name, "DeviceCgroupRules", "NoCopy", "SecurityLabelDisable"})
"""Names on pages for operators that look like operations."""

DOCKER_COMMANDS: Final = {"docker restart web": ("POST", "/v1.45/containers/web/restart")}
"""Commands of Docker's own client that are not run: the request that each makes, with CONTAINERS=1."""

NAMED_PATH: Final = re.compile(
    r"(tests|bench|cli|proxy|host|config|observe|workbench|policy|plans|response_filters|tenancy|api|wire)/[a-z0-9_/.{},*]+"
)
"""Paths on pages, which begin in the repository or in the package."""

ELSEWHERE: Final = {
    "presets": "presets.md",
    "suggest": "learning.md#from-logs",
    "ask": "ask.md",
    "report": "report.md",
    "schema": "policies.md#in-an-editor",
    "top": "top.md",
    "healthcheck": "install.md#health-check",
    "run": "run.md",
    "sweep": "own.md#remove-what-is-left",
    "demo": "../README.md#quick-start",
}
"""Verbs that another page describes."""

TAKEN: Final = {"-": "nothing", "json": "JSON", "tar": "an archive", "raw": "other bytes", "any": "a tunnel's input"}
"""What the catalog says of bodies."""

QUOTED: Final = re.compile(
    r'(?<=method )".*"|(?<=line )".*"|(?<=header )".*"$|(?<=content-type )"[^"]+"'
    r"|(?<=body of )a [^;]+|(?<=encoding: ).+",
    re.DOTALL,
)
"""Parts of messages that vary."""

HOSTILE: Final = ("x", "/a#b", "/%zz", "/%20", "/v01/x", "/a//b", "/a/.", "/containers/a%2Fb/json", "/version?a;b")
"""Targets that are refused, each for another reason."""


def read(page: str) -> str:
    return (ROOT / page).read_text()


def find_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL)


def list_blocks(language: str) -> list[tuple[str, str]]:
    return [(page, block) for page in PAGES for block in find_blocks(page, language)]


def read_tables(page: str) -> list[list[str]]:
    """Return the rows of all tables of a page, those of their heads too."""
    rows = [line for line in read(page).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def find_spans(text: str) -> list[str]:
    """Return the inline code of a text, without its blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def find_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def judge_line(method: str, target: str, **environment: str) -> Judged | Refusal:
    policy = read_environment(environment).settings.sockets[0].policy
    return judge(policy, f"{method} {target} HTTP/1.1\r\nHost: docs\r\n\r\n".encode())


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short path, in which an engine's socket accepts connections."""
    with (
        short_folder() as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine,
    ):
        for name in ("run", "proxied"):
            (directory / name).mkdir()
        engine.bind(f"{directory}/run/docker.sock")
        engine.listen()
        yield directory


def run(command: str, place: Path) -> str:
    """Run a command of a page; return what it prints, with the paths that a page would show."""
    if command in DOCKER_COMMANDS:
        judged = judge_line(*DOCKER_COMMANDS[command], CONTAINERS="1")
        assert isinstance(judged, Verdict)
        return f"Error response from daemon: {add_decision(judged.decision.message, '4KD7Q-2F')}"
    lasts = command.endswith("demo")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        **CODE,
        "DOCKER_SOCKET_PATH": f"{place}/{'nowhere' if lasts else 'run/docker.sock'}",
    }
    if "--policy" not in command:
        environment["PROXIED_SOCKET_PATH"] = f"{place}/proxied/docker.sock"
    with subprocess.Popen(
        ["sh", "-c", f"exec env {command}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if lasts else subprocess.STDOUT,
        env=environment,
    ) as process:
        assert process.stdout is not None
        printed = b""
        while select.select([process.stdout], [], [], 30)[0] and (piece := os.read(process.stdout.fileno(), 65536)):
            printed += piece
            if lasts and b"curl " in printed:
                process.send_signal(signal.SIGINT)
                lasts = False
        process.kill()
    shown = printed.decode().replace(f"{place}/proxied", "/proxied").replace(f"{place}/run", "/var/run")
    return shown.replace(f"uid {os.geteuid()}, gid {os.getegid()}", "uid 0, gid 0")


@pytest.mark.parametrize(("page", "block"), [block for block in list_blocks("console") if block[0] != TUTORIAL])
def test_a_console_block_shows_what_the_program_prints(page: str, block: str, place: Path) -> None:
    assert block.startswith("$ "), page
    for command, _, expected in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]):
        pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
        printed = run(command, place)
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{page}: {command} prints\n{printed}"


@for_each(("page", "block"), list_blocks("sh"))
def test_a_shell_block_can_be_read_by_a_shell(page: str, block: str) -> None:
    read = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True, check=False)
    assert not read.returncode, f"{page}: {read.stderr}"


@pytest.mark.parametrize(("page", "block"), list_blocks("yaml"))
def test_a_block_configures_the_proxy_without_a_mistake(page: str, block: str, tmp_path: Path) -> None:
    document = yaml.safe_load(block)
    if "services" in document:
        services = document["services"]
        settings = {name: str(value) for name, value in services.get("dockerproxy", {}).get("environment", {}).items()}
        settings.pop("POLICY_FILE", None)  # A path in the container.
        assert not read_environment(settings).warnings, page
        return
    # A policy file, or what stands below one of its sockets, or in `allow` there.
    if isinstance(document, list):
        document = {"allow": document}
    if "sockets" not in document:
        document = {"sockets": {"example": {"path": "/proxied/example.sock", "allow": [], **document}}}
    (tmp_path / "policy.yaml").write_text(block if "sockets:" in block else yaml.safe_dump(document))
    assert read_policy_file(str(tmp_path / "policy.yaml")).sockets, page


@for_each("page", PAGES)
def test_every_setting_that_a_page_names_is_one(page: str) -> None:
    for span in find_spans(read(page)):
        if re.fullmatch(r"[A-Z_]+=\S+( [A-Z_]+=\S+)*", span) and span not in MISTAKES and "…" not in span:
            settings = dict(word.split("=", 1) for word in span.split())
            elsewhere = {"PROXIED_SOCKET_PATH": "/elsewhere"} if "DOCKER_HOST" in settings else {}  # A client's.
            assert read_environment(settings | elsewhere).settings.sockets, span
            assert settings.keys() <= {*KNOWN, *OF_CLIENTS}, span


@for_each("page", [page for page in PAGES if page.startswith(("docs/", "README"))])
def test_every_operation_that_a_page_names_exists(page: str) -> None:
    names = {span for span in find_spans(read(page)) if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)+", span)}
    assert names - OTHER_NAMES <= OPERATIONS.keys()


@for_each("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    here = ROOT / page
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            there = (here.parent / path).resolve() if path else here
            assert there.exists(), f"{page}: {link}"
            assert not anchor or anchor in find_anchors(there), f"{page}: {link}"


@for_each("page", PAGES)
def test_every_module_and_test_that_a_page_names_exists(page: str) -> None:
    for span in find_spans(read(page)):
        if NAMED_PATH.fullmatch(span):
            pattern = re.sub(r"{.+}", "*", span)
            places = (ROOT, ROOT / "src" / "dockerproxy")
            assert any((*place.glob(pattern), *place.glob(f"{pattern}.py")) for place in places), f"{page}: {span}"


def test_the_index_has_every_page() -> None:
    linked = re.findall(r"^\|.+\| \[.+\]\((.+)\) \|$", read("docs/README.md"), re.MULTILINE)
    assert sorted([*linked, "README.md"]) == sorted(path.name for path in DOCS.glob("*.md"))


def test_every_variable_is_described_once_with_its_default() -> None:
    found = [(re.match(r"\[?`([A-Z_]+)`", row[0]), row) for row in read_tables("docs/switches.md")]
    described = [(match[1], row) for match, row in found if match]
    assert sorted(name for name, _ in described) == sorted(KNOWN)
    rows = dict(described)
    served = read_environment({}).settings.sockets[0]
    defaults = {switch: str(int(default)) for switch, default in SWITCHES.items()} | {
        "PROXIED_SOCKET_PATH": f"`{served.path}`",
        "PROXIED_SOCKET_MODE": f"`{served.permissions:04o}`",
        "LOG_LEVEL": f"`{Level.INFO}`",
        "LOG_FORMAT": f"`{LogFormat.TEXT}`",
        "LOG_POLLS": f"`{LogPolls.EACH}`",
        "SHUTDOWN_GRACE": f"{GRACE:g}",
        "SANDBOX": f"`{Sandbox.BEST_EFFORT}`",
        **{limit.variable: limit.write(DEFAULTS).removesuffix("s") for limit in LIMITS},
    }
    assert {name: rows[name][1] for name in defaults} == defaults


@for_each(("switch", "opens"), [*ACTION_SWITCHES.items(), *PART_SWITCHES.items()])
def test_a_switch_of_single_operations_is_described_with_all_of_them(switch: str, opens: tuple[str, ...]) -> None:
    (row,) = (row for row in read_tables("docs/switches.md") if row[0] == f"`{switch}`")
    assert {span for span in find_spans(row[2]) if span in OPERATIONS} == set(opens)


def render_verbs() -> str:
    return write_table(
        "verb | does", ((f"[{verb}]({ELSEWHERE.get(verb, f'#{verb}')})", says) for verb, says in VERBS.items())
    )


def test_every_verb_and_exit_status_is_described() -> None:
    headings = re.findall(r"^## (.+)$", read("docs/verbs.md"), re.MULTILINE)
    assert headings == [verb for verb in VERBS if verb not in ELSEWHERE]
    statuses = [0, 1, USAGE, NOT_PROVEN, BUG]
    described = [row[0] for row in read_tables("docs/verbs.md") if row[0].isdigit()]
    assert described == list(map(str, statuses))


def test_every_status_of_our_own_is_described() -> None:
    described = re.findall(r"^## (\d+): ", read("docs/refusals.md"), re.MULTILINE)
    assert {int(status) for status in described} == {*STATUSES} - {200}


def list_reasons() -> list[str]:
    """Return reasons to refuse: those that the corpus expects, and those of hostile targets."""
    expected = sorted((ROOT / "tests" / "corpus" / "wire" / "invalid").glob("*.expect"))
    reasons = {path.read_text().partition(" ")[2].strip() for path in expected}
    for target in HOSTILE:
        refusal = judge_line("GET", target)
        assert isinstance(refusal, Refusal), target
        reasons.add(refusal.reason)
    return sorted(reasons)


def render_reasons() -> str:
    """Write the messages of malformed requests, with an ellipsis for what they quote."""
    messages = {QUOTED.sub("…", reason) for reason in list_reasons()}
    return "\n" + "".join(f"- `{message}`\n" for message in sorted(messages, key=str.lower)) + "\n"


def render_media_types() -> str:
    """Write which media types a body may have, by what the operation takes."""
    longest = sorted(OPERATIONS.values(), key=lambda operation: -len(find_media_types(operation)))
    known = {operation.body: find_media_types(operation) for operation in longest}  # Without multipart/form-data.
    takers: dict[str, list[str]] = {}
    for body, taken in TAKEN.items():
        takers.setdefault(write_code(sorted(known[body])), []).append(taken)
    return write_table("the operation takes | types", ((", ".join(takers[types]), types) for types in takers))


def render_old_versions() -> str:
    """Write what engines do under old versions, operations of which the same is said together."""
    said: dict[tuple[str, str, str], list[str]] = {}
    for operation, below, kind, says in OLD_READINGS:
        said.setdefault((below, kind, says), []).append(operation)
    lines = (
        f"- {write_code(operations)}{'' if below == 'any' else f' below {below}'}: {says}"
        f"{'; **always refused**' if kind == 'body' else ''}."
        for (below, kind, says), operations in said.items()
    )
    return "\n" + "".join(f"{textwrap.fill(line, WIDTH, subsequent_indent='  ')}\n" for line in lines) + "\n"


GENERATED: Final = {
    "docs/http.md": {"media_types": render_media_types, "old_versions": render_old_versions},
    "docs/refusals.md": {"reasons": render_reasons},
    "docs/verbs.md": {"verbs": render_verbs},
}
"""Pages with blocks that are written from the code."""


def render_page(page: str) -> str:
    """Return a page with its blocks as they should be."""
    return fill_in(ROOT / page, {name: render() for name, render in GENERATED[page].items()})


@pytest.mark.parametrize("page", GENERATED)
def test_the_blocks_of_a_page_are_those_of_the_code(page: str) -> None:
    assert read(page) == render_page(page), "write it anew: python tests/test_docs.py"


def count_words(page: str) -> int:
    """Count the words of a page that a person wrote and a person reads."""
    if page in LISTS:
        return 0
    written = re.sub(r"<!-- (\w+): written by .*?<!-- end of \1 -->", "", read(page), flags=re.DOTALL)
    said = re.sub(r"^```.*?^```$", "", written, flags=re.MULTILINE | re.DOTALL).split()
    return sum(any(map(str.isalnum, word)) for word in said)  # The lines of a table are none.


def test_all_of_it_can_be_read_in_an_afternoon() -> None:
    words = {page: count_words(page) for page in PAGES if page not in {"CHANGELOG.md", "examples/README.md"}}
    longest = ", ".join(f"{page} {words[page]}" for page in sorted(words, key=lambda page: -words[page])[:8])
    assert sum(words.values()) <= MOST_WORDS, f"{sum(words.values())} words; the longest pages: {longest}"


if __name__ == "__main__":
    for name in GENERATED:
        (ROOT / name).write_text(render_page(name))
