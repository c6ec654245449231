"""The rules of this repository that no linter knows."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rows import for_each

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "dockerproxy"
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
TOPS = ("src", "tests", "bench", "conformance")
PYTHON = sorted(path.relative_to(ROOT) for top in TOPS for path in (ROOT / top).rglob("*.py"))

UNTESTED = {
    "errors.py": "a value without behaviour",
    "process_settings.py": "values without behaviour",
    "proxy/ports.py": "names of methods",
}
"""Modules without a test of their own, and why."""

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


class Content(NamedTuple):
    """What the rules look at in a module: its docstring, its functions with their lines, what it calls as written."""

    idea: str
    statements: int
    functions: tuple[tuple[str, int], ...]
    calls: frozenset[str]


@cache
def content_of(path: Path) -> Content:
    module = parse(path)
    functions, calls = [], set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            functions.append((node.name, node.end_lineno - node.lineno))
        elif isinstance(node, ast.Call):
            calls.add(ast.unparse(node.func))
    return Content(ast.get_docstring(module) or "", len(module.body), tuple(functions), frozenset(calls))


def place_of_test(module: Path) -> Path:
    return ROOT / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"


@for_each("module", [path for path in MODULES if path.name != "__init__.py"])
def test_a_module_has_its_test_at_the_same_path(module: Path) -> None:
    assert place_of_test(module).exists() is (str(module) not in UNTESTED)


def test_what_is_excused_from_a_test_exists() -> None:
    assert set(UNTESTED) <= set(map(str, MODULES))


@for_each("path", PYTHON)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MOST_LINES


@for_each("path", PYTHON)
def test_a_function_can_be_seen_at_once(path: Path) -> None:
    for name, lines in content_of(path).functions:
        assert lines < MOST_LINES_OF_A_FUNCTION, name


@for_each("path", PYTHON)
def test_a_module_begins_with_its_idea(path: Path) -> None:
    module = content_of(path)
    assert re.search(r"[.:]$", module.idea.partition("\n\n")[0])
    if path.name == "__init__.py":
        assert module.statements == 1, "an __init__ is one docstring"


@for_each("module", MODULES)
def test_tasks_are_started_by_their_one_owner(module: Path) -> None:
    starts = any(call.endswith("create_task") for call in content_of(Path("src/dockerproxy") / module).calls)
    assert starts is (str(module) == "proxy/scheduling.py")


@cache
def find_tests() -> frozenset[str]:
    return frozenset(name for path in PYTHON if path.parts[0] == "tests" for name, _ in content_of(path).functions)


@cache
def find_attacks() -> dict[str, list[list[str]]]:
    """Return the rows of the page of attacks, by the modules that they are about."""
    parts = re.split(r"^## (.+)$", (ROOT / "docs" / "attacks.md").read_text(), flags=re.MULTILINE)[1:]
    return {
        name: [re.split(r" (?<!\\)\| ", row) for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)[1:]]
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


NAMED = re.compile(r"\(tests?:([^)]*)\)")


@for_each("module", MODULES)
def test_a_test_that_a_docstring_names_exists(module: Path) -> None:
    for named in NAMED.findall((SOURCE / module).read_text()):
        for test in re.findall(r"[\w./]*test_\w+(?:\.py)?", named):
            assert test in find_tests() or any(test.endswith(".py") and path.match(test) for path in PYTHON), test


def name_of(module: Path) -> str:
    return ".".join(("dockerproxy", *module.with_suffix("").parts)).removesuffix(".__init__")


def imports_in(node: ast.AST) -> set[str]:
    """Return what is imported of ours, anywhere in it: at the top, in a function, for types alone."""
    found = set[str]()
    for each in ast.walk(node):
        if isinstance(each, ast.ImportFrom) and each.module is not None:
            found |= {each.module, *(f"{each.module}.{alias.name}" for alias in each.names)}
        elif isinstance(each, ast.Import):
            found |= {alias.name for alias in each.names}
    return found & set(map(name_of, MODULES))


def test_no_module_imports_another_in_a_circle() -> None:
    left = {name_of(module): imports_in(parse(SOURCE / module)) - {name_of(module)} for module in MODULES}
    while free := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in free}
    assert not left, "each of these is in a circle, or imports one that is"


@for_each("module", MODULES)
def test_no_import_of_ours_is_for_types_alone(module: Path) -> None:
    hidden = [
        node
        for node in ast.walk(parse(SOURCE / module))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    assert not [name for node in hidden for name in imports_in(node)]


@for_each("module", MODULES)
def test_a_module_and_the_page_of_attacks_name_each_other(module: Path) -> None:
    name = module.with_suffix("").as_posix()
    says = f"Attacks: docs/attacks.md, {name}." in content_of(SOURCE.relative_to(ROOT) / module).idea
    assert says is (name in find_attacks())


def test_each_attack_names_tests_that_exist() -> None:
    assert set(find_attacks()) <= {module.with_suffix("").as_posix() for module in MODULES}
    for tests in (row[-1] for rows in find_attacks().values() for row in rows):
        for test in re.findall(r"`([^`]+)`", tests):
            assert test in find_tests() or any(test.endswith(".py") and path.match(test) for path in PYTHON), test


READING = {"open", "io.open", "os.open", "os.fdopen"}
ALLOWED_TO_OPEN = {"config/files.py": READING, "api/rows.py": {"open"}}
"""The second opens our own tables, at import."""


@for_each("module", [path for path in MODULES if path.parts[0] not in {"observe", "host"}])
def test_files_that_an_operator_names_are_opened_in_one_place(module: Path) -> None:
    calls = content_of(SOURCE.relative_to(ROOT) / module).calls
    opened = calls & READING | {call for call in calls if call.endswith((".read_text", ".read_bytes"))}
    assert opened <= ALLOWED_TO_OPEN.get(str(module), set())


@for_each("path", [path for path in PYTHON if path.parts[0] == "tests"])
def test_a_test_waits_for_events_and_tries_the_real_thing(path: Path) -> None:
    text = (ROOT / path).read_text()
    calls = content_of(path).calls
    assert "time.sleep" not in calls
    assert not {call for call in calls if "mock" in call.lower()}
    assert not re.search(r"^(?:import|from) (?:unittest|mock)\b|\bmonkeypatch\b", text, re.MULTILINE)
    assert not {call for call in calls if (call.startswith("pytest.") and "skip" in call) or "xfail" in call}


BY_NAME = r"\b(?:timeout|seconds|patience)="
BY_PLACE = r"\b(?:settimeout|asyncio\.timeout|wait|join)\("
DEADLINE = re.compile(rf"^PATIENCE\b.*= \d|(?:{BY_NAME}|{BY_PLACE})(?!10 \* PATIENCE)\d\d", re.MULTILINE)
NO_DEADLINES = ("tests/waiting.py", "tests/workbench/test_rounds.py")
"""The one that is defined, and a product's own number of seconds."""


@for_each("path", [path for path in PYTHON if path.parts[0] == "tests" and str(path) not in NO_DEADLINES])
def test_all_deadlines_of_tests_are_one(path: Path) -> None:
    assert not DEADLINE.findall((ROOT / path).read_text())


def tracked() -> list[Path]:
    """Return the files of the repository, those that are still to be added too."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, capture_output=True, check=False).stdout.decode().split("\0")
    return [path for name in listed if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    place = re.compile(rb"(?<![\w.])/(?:work|home/\w+|root/\.\w+)/|" + re.escape(bytes(ROOT)) + rb"/")
    found = {str(path.relative_to(ROOT)) for path in tracked() if place.search(path.read_bytes())}
    assert not found - {"tests/test_rules.py", "tests/corpus/presets/jenkins.txt"}  # The latter is at home in one.


def test_no_file_is_a_link() -> None:
    """One that leads out of the project names a place of a machine."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--stage"], capture_output=True, check=False).stdout
    assert not [line for line in listed.splitlines() if line.startswith(b"120000 ")]


def test_no_line_is_left_for_later() -> None:
    later = re.compile(rb"\b(?:TO" + rb"DO|FIX" + rb"ME|XX" + rb"X)\b")
    assert not [
        path for path in tracked() if path.suffix in {".py", ".md", ".toml"} and later.search(path.read_bytes())
    ]
