"""What a condition demands is read as its word takes it, or every mistake in it is told."""

from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.demands import read_demand
from dockerproxy.config.document import Fields
from dockerproxy.config.reader import Reader
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS, find_words


def read(word: str, text: str) -> tuple[Value | None, list[str]]:
    """Read what stands behind a condition."""
    reader = Reader("p")
    root = reader.compose(f"{word}: {text}")
    assert isinstance(root, Fields)
    value = read_demand(reader, CONSTRAINTS[word], root.pairs[0][1])
    return value, [problem.what for problem in reader.problems]


@for_each(
    ("word", "text", "value"),
    [
        ("follow", "false", False),
        ("user", "not-root", "not-root"),
        ("memory", "2GiB", "2GiB"),
        ("memory", "1073741824", "1073741824"),
        ("cpus", "0.5", "0.5"),
        ("pids", "100", "100"),
        ("containers", "[web, 'db-*', 007, on]", ("web", "db-*", "007", "on")),
        ("binds", "[/srv/**, '/etc/localtime:ro', /x:rw]", ("/srv/**", "/etc/localtime:ro", "/x:rw")),
        ("images", "['registry.local/ci/*', nginx]", ("registry.local/ci/*", "nginx")),
        ("labels", "{owner: ci, a.b/c: '', n: 7}", Pairs((("owner", "ci"), ("a.b/c", ""), ("n", "7")))),
        ("commands", "[[pg_dump, '**'], [ls, -l, '*']]", (("pg_dump", "**"), ("ls", "-l", "*"))),
        ("publish", "{ports: [80, 8000-8999, 0]}", Pairs((("ports", ("80", "8000-8999", "0")),))),
        (
            "publish",
            "{addresses: [127.0.0.1, '::1'], ports: [80]}",
            Pairs((("addresses", ("127.0.0.1", "::1")), ("ports", ("80",)))),
        ),
    ],
)
def test_a_value_is_what_is_written(word: str, text: str, value: Value) -> None:
    assert read(word, text) == (value, [])


@for_each(
    ("word", "text", "problems"),
    [
        ("follow", "no", ["'no' is not true or false"]),
        ("user", "root", ["user must be not-root or client or any, not 'root'"]),
        ("user", "[any]", ["user must be a single value, but is a list"]),
        ("memory", "2GB", ["invalid memory '2GB'"]),
        ("memory", "-1", ["invalid memory '-1'"]),
        ("memory", "[2GiB]", ["memory must be a single value, but is a list"]),
        ("cpus", "0", ["invalid cpus '0'"]),
        ("pids", "1.5", ["invalid pids '1.5'"]),
        ("containers", "[]", ["containers is an empty list, which no request can meet"]),
        (
            "containers",
            "[/a, b, [c]]",
            ["'/a' in containers can never match", "an item of containers must be a single value"],
        ),
        ("containers", "web", ["containers must be a list, but is a single value"]),
        ("binds", "['~/x']", ["'~/x' in binds can never match"]),
        ("labels", "{}", ["labels is empty"]),
        ("labels", "[owner]", ["labels must be a mapping, but is a list"]),
        ("labels", "{owner: , a: b}", ["the value of owner must be a single value, but is empty"]),
        ("labels", "{owner: ci, owner: cd}", ["duplicate key 'owner'"]),
        ("commands", "[]", ["commands is an empty list, which no request can meet"]),
        ("commands", "[sh, [a]]", ["a command must be a list, but is a single value"]),
        ("commands", "[[], [a]]", ["a command is an empty list, which no request can meet"]),
        ("commands", "[['**', a]]", ["** must be the last word"]),
        (
            "commands",
            "[[a, [b], '**', c]]",
            ["** must be the last word", "an item of a command must be a single value"],
        ),
        ("environment", "{https_proxy: x}", ["invalid name 'https_proxy' in environment"]),
        ("environment", "{}", ["environment is empty"]),
        ("devices", "[/dev]", ["'/dev' in devices can never match"]),
        ("gpus", "0", ["invalid gpus '0'"]),
        ("publish", "[80]", ["publish must be a mapping, but is a list"]),
        ("publish", "{}", ["publish is empty"]),
        ("publish", "{port: [80]}", ["unknown key 'port' of publish"]),
        ("publish", "{ports: []}", ["ports is an empty list, which no request can meet"]),
        ("publish", "{ports: [http, 99999]}", ["'http' is not a port", "'99999' is not a port"]),
        ("publish", "{ports: [80], addresses: [localhost]}", ["'localhost' is not an IP address"]),
    ],
)
def test_every_mistake_in_a_value_is_told_and_there_is_none_then(word: str, text: str, problems: list[str]) -> None:
    value, told = read(word, text)
    assert len(told) == len(problems)
    assert all(any(what.startswith(problem) for what in told) for problem in problems)
    assert value is None or "duplicate" in problems[0]


def test_what_is_no_value_at_all_is_told_whatever_it_should_be() -> None:
    for word in CONSTRAINTS:
        for text in ("", "~", "[[[]]]", "{a: {}}"):
            value, problems = read(word, text)
            assert (value, bool(problems)) == (None, True), (word, text)


def test_what_a_list_is_for_decides_whether_to_take_it_out_allows_all() -> None:
    hints = []
    for name, word in (("ContainerLogs", "containers"), ("ContainerCreate", "binds")):
        reader = Reader("p")
        root = reader.compose(f"{word}: []")
        assert isinstance(root, Fields)
        read_demand(reader, find_words(OPERATIONS[name])[word], root.pairs[0][1])
        hints.append(reader.problems[0].hint)
    assert hints == [
        "add an item, or remove the condition to allow all",
        "add an item, or remove the condition",
    ]
