"""Bodies as Go's own decoder read them, and a generator of bodies that two decoders might read in two ways.

`go_decoder` beside this is a program of a page that decodes into a few types of the shape of Docker's. What it said of
a few hundred documents is kept in `tests/corpus/json`, so that no Go is needed to run the tests. To make that anew, and
to compare a million more, from `tests`:

    python -m wire.decoding keep
    python -m wire.decoding compare 1000000
"""

import base64
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from policy.inspecting import inspect
from policy.policies import request_for

from dockerproxy.api.bodies.tables import Body, read_fields
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Known
from dockerproxy.wire.document import Json, read_json, write_json

HERE = Path(__file__).parent
KEPT = HERE.parent / "corpus" / "json" / "decoded.jsonl"

_FIELDS = read_fields("""
Hostname                                       string  1 any | x
User                                           string  1 any | x
Tty                                            boolean 1 any | x
Image                                          string  1 any | x
Env[]                                          string  1 any | x
Cmd                                            words   1 any | x
Entrypoint                                     words   1 any | x
ExposedPorts.*                                 empty   1 any | x
Labels.*                                       string  1 any | x
Healthcheck.Test[]                             string  1 any | x
Healthcheck.Interval                           integer 1 any | x
Healthcheck.Retries                            integer 1 any | x
StopTimeout                                    integer 1 any | x
HostConfig.Binds[]                             string  1 any | x
HostConfig.NetworkMode                         string  1 any | x
HostConfig.PortBindings.*[].HostIp             string  1 any | x
HostConfig.PortBindings.*[].HostPort           string  1 any | x
HostConfig.RestartPolicy.Name                  string  1 any | x
HostConfig.RestartPolicy.MaximumRetryCount     integer 1 any | x
HostConfig.CapAdd                              words   1 any | x
HostConfig.Privileged                          boolean 1 any | x
HostConfig.Mounts[].Type                       string  1 any | x
HostConfig.Mounts[].Source                     string  1 any | x
HostConfig.Mounts[].Target                     string  1 any | x
HostConfig.Mounts[].ReadOnly                   boolean 1 any | x
HostConfig.Mounts[].VolumeOptions.NoCopy       boolean 1 any | x
HostConfig.Mounts[].VolumeOptions.Labels.*     string  1 any | x
HostConfig.Mounts[].VolumeOptions.DriverConfig.Name string 1 any | x
HostConfig.Mounts[].VolumeOptions.DriverConfig.Options.* string 1 any | x
HostConfig.MaskedPaths[]                       string  1 any | x
HostConfig.Memory                              integer 1 any | x
HostConfig.NanoCpus                            integer 1 any | x
HostConfig.PidsLimit                           integer 1 any | x
NetworkingConfig.EndpointsConfig.*.Aliases[]   string  1 any | x
NetworkingConfig.EndpointsConfig.*.NetworkID   string  1 any | x
""")
"""What the Go program has, with nothing forbidden: here it counts only what is read."""

BODY = Body("ContainerCreate", "json", lambda: _FIELDS)
_REQUEST = request_for(OPERATIONS["ContainerCreate"])


def understand(content: bytes) -> Json | Refusal:
    """Read a body as the proxy does; return what would go on."""
    document = read_json(content)
    if isinstance(document, Refusal):
        return document
    seen = inspect(BODY, {}, _REQUEST, Known(body=(document,)))
    return Refusal(403, str(seen.faults[0])) if seen.faults else seen.content


def find_leaves(value: Json, path: str = "") -> dict[str, Json]:
    """Return all that a document says: words, numbers and flags that are not zero, and the keys of maps."""
    if isinstance(value, dict):
        keys: dict[str, Json] = {f"{path}.{key}": "{}" for key in value if path.endswith(".ExposedPorts")}
        return keys | {k: leaf for key, item in value.items() for k, leaf in find_leaves(item, f"{path}.{key}").items()}
    if isinstance(value, list):
        found: dict[str, Json] = {path: len(value)} if value else {}
        return found | {
            k: leaf for n, item in enumerate(value) for k, leaf in find_leaves(item, f"{path}[{n}]").items()
        }
    return {path: value} if value else {}


def read_kept() -> Iterator[tuple[bytes, dict[str, Json] | None]]:
    """Return the documents that are kept, with what Go found each to say; None if that was an error."""
    for line in KEPT.read_text(encoding="utf-8").splitlines():
        kept = json.loads(line)
        content = kept["text"].encode() if "text" in kept else base64.b64decode(kept["bytes"])
        yield content, kept.get("go")


_KEYS = sorted({name for field in _FIELDS for name in field.path.replace("[]", "").split(".") if name != "*"})
_WORDS = ("", "a", "host", "/:/x", "\u00e9", "\U0001f600", "a b", "null", "ALL")
_NUMBERS = (
    *("0", "1", "-1", "-0", "1.0", "1e3", "8388608.0", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775808", "01", "+1", ".5", "1.", "1e400", "0.1", "1" * 30, "NaN", "Infinity", "-", "0x1"),
)
_GOOD_NUMBERS = ("0", "1", "-1", "-0", "17", "9223372036854775807")
_STRINGS = ('"\\u0061"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00a"', '"a\tb"', '"a\\tb"', '"\\x"', '"\\u00"', "'a'")
_AROUND = (" ", "\t", "\n", "\r", "\x0b", "\x0c", "\u00a0", "\ufeff", "}", "]", "{}", "x", "\x00", ",", "/**/", " 1")
_BYTES = (
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x00",
    b'"',
    b"\\",
    b"{",
    b"}",
    b",",
    b":",
    b"\x7f",
)


class Writer:
    """Writes documents that might be read in two ways."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (for tests)

    def write(self) -> bytes:
        """Write one."""
        pick = self._random
        text = self._write(self._shape(0), 0)
        if pick.random() < 0.1:
            text = pick.choice(_AROUND) + text if pick.random() < 0.5 else text + pick.choice(_AROUND)
        content = text.encode()
        if pick.random() < 0.1:
            at = pick.randrange(len(content) + 1)
            content = content[:at] + pick.choice(_BYTES) + content[at + pick.randrange(2) :]
        return content

    def _shape(self, depth: int) -> str:
        return (
            "object" if depth == 0 and self._random.random() < 0.98 else self._random.choice(("object", "list", "leaf"))
        )

    def _write(self, shape: str, depth: int) -> str:
        return self._object("", depth) if shape == "object" else self._value("", depth)

    def _object(self, of: str, depth: int) -> str:
        pick = self._random
        names = [pick.choice(_BELOW.get(of, _KEYS)) for _ in range(pick.randrange(5))]
        if names and pick.random() < 0.3:
            names.append(pick.choice(names))
        return "{" + ",".join(f"{self._key(name)}:{self._value(name, depth + 1)}" for name in names) + "}"

    def _key(self, name: str) -> str:
        pick, way = self._random, self._random.random()
        if way < 0.1:
            name = pick.choice((name.lower(), name.upper(), name.swapcase()))
        elif way < 0.15:
            name = name.replace("s", "\u017f").replace("k", "\u212a").replace("S", "\u017f").replace("K", "\u212a")
        elif way < 0.17:
            name = pick.choice(
                (f"{name} ", "Unknown", "", name.replace("i", "\u0131"), f"{name}\x00", "\uff28ostConfig")
            )
        text = json.dumps(name, ensure_ascii=pick.random() < 0.3)
        return (
            f'"\\u{ord(name[0]):04x}{text[2:]}'
            if pick.random() < 0.03 and name[:1].isalpha() and ord(name[0]) < 128
            else text
        )

    def _value(self, name: str, depth: int) -> str:  # noqa: PLR0911 (a case for each type)
        pick, way = self._random, self._random.random()
        if depth > 7 or way < 0.04:
            return pick.choice(("null", *_STRINGS, *_NUMBERS, "{}", "[]", "true", "[null]"))
        if way < 0.1:
            return "null"
        kind = _TYPES.get(name, "string")
        if kind == "object":
            return self._object(name, depth)
        if kind == "map":
            keys = [pick.choice(("a", "A", "80/tcp", "\u017f", "s")) for _ in range(pick.randrange(3))]
            return "{" + ",".join(f"{json.dumps(key)}:{self._value(f'{name}.*', depth + 1)}" for key in keys) + "}"
        if kind == "list":
            return f"[{','.join(self._value(f'{name}[]', depth + 1) for _ in range(pick.randrange(3)))}]"
        if kind == "words" and way < 0.8:
            return json.dumps([pick.choice(_WORDS) for _ in range(pick.randrange(3))], ensure_ascii=way < 0.5)
        if kind == "empty":
            return "{}" if way < 0.95 else '{"a":1}'
        if kind == "boolean":
            return pick.choice(("true", "false"))
        if kind == "integer":
            return pick.choice(_GOOD_NUMBERS if way < 0.9 else _NUMBERS)
        return json.dumps(pick.choice(_WORDS), ensure_ascii=way < 0.5)


def _know() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what stands below each name, and what each name is."""
    below: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    for field in _FIELDS:
        of, node = "", BODY.root
        for part in field.path.replace("[]", ".[]").split("."):
            below.setdefault(of, [])
            if part in {"*", "[]"}:
                of, node = f"{of}{'.*' if part == '*' else '[]'}", node.item or node
            else:
                below[of] += [part] if part not in below[of] else []
                of, node = part, node.spelled[part]
            types[of] = node.type.value
    return below, types


_BELOW, _TYPES = _know()


def ask_go(contents: list[bytes]) -> list[Json]:
    """Return what Go makes of documents; None where it answers with an error."""
    lines = "".join(f'"{base64.b64encode(content).decode()}"\n' for content in contents)
    answered = subprocess.run([_PROGRAM], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line).get("go") for line in answered.splitlines()]


_PROGRAM = str(Path(tempfile.gettempdir()) / "dockerproxy-go-decoder")


def disagree(understood: Json, go: Json, go_of_ours: Json) -> bool:
    """Whether Go reads something else than was understood, in what came or in what goes on."""
    return go is None or go != go_of_ours or find_leaves(go) != find_leaves(understood)


def compare(count: int, seed: int = 0) -> tuple[int, list[bytes]]:
    """Compare documents; return how many were accepted, and those that are read in two ways."""
    writer, accepted, bad = Writer(seed), 0, list[bytes]()
    for start in range(0, count, 10_000):
        contents = [writer.write() for _ in range(min(10_000, count - start))]
        read = [(each, ours) for each in contents if not isinstance(ours := understand(each), Refusal)]
        accepted += len(read)
        theirs, back = ask_go([each for each, _ in read]), ask_go([write_json(ours) for _, ours in read])
        bad += [
            each for (each, ours), go, of_ours in zip(read, theirs, back, strict=True) if disagree(ours, go, of_ours)
        ]
    return accepted, bad


CHOSEN = (
    b'{"image":"a","hostconfig":{"privileged":true}}',
    b'{"IMAGE":"a","HOSTCONFIG":{"PRIVILEGED":true}}',
    '{"Ho\u017ftConfig":{"Bind\u017f":["/:/x"],"Mas\u212aedPaths":[]}}'.encode(),
    b'{"Ho\\u017ftConfig":{"Bind\\u017f":["/:/x"],"Mas\\u212aedPaths":[]}}',
    '{"HostConf\u0130g":{"Privileged":true},"HostConf\u0131g":{},"HostConfig ":{}}'.encode(),
    b'{"\\u0048ostConfig":{"\\u0042inds":["/:/x"]}}',
    b'{"Image":"a","Image":"b"}',
    b'{"Image":"a","image":null}',
    b'{"HostConfig":{"Privileged":true},"HostConfig":{"Memory":1}}',
    b'{"HostConfig":{"Privileged":true},"hostConfig":{}}',
    b'{"HostConfig":{"Privileged":true},"HostConfig":null}',
    b'{"HostConfig":null,"HostConfig":{"Privileged":true}}',
    b'{"HostConfig":{"Binds":["/:/x"],"Binds":[]}}',
    b'{"HostConfig":{"Binds":["/:/x"],"binds":null}}',
    b'{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/"}],"Mounts":[{"Target":"/x"}]}}',
    b'{"HostConfig":{"Mounts":[{"Source":"/"}],"mounts":[null]}}',
    b'{"HostConfig":{"Mounts":[{"Source":"a"},{"Source":"b"}],"mounts":[{}],"MOUNTS":[{},{}]}}',
    b'{"HostConfig":{"Mounts":[{"Source":"a"},{"Source":"b"}],"mounts":[],"MOUNTS":[{},{}]}}',
    b'{"Labels":{"a":"1"},"labels":{"b":"2","A":"3"}}',
    b'{"Labels":{"a":"1","a":"2"}}',
    b'{"Labels":{"a":null},"ExposedPorts":{"80/tcp":null,"81/tcp":{"a":1}}}',
    b'{"Cmd":"a","Entrypoint":["b"],"HostConfig":{"CapAdd":"ALL"}}',
    b'{"Cmd":"","Entrypoint":[]}',
    b'{"Cmd":[null],"Env":[null,"a"]}',
    b'{"HostConfig":{"RestartPolicy":null,"PortBindings":{"80/tcp":null,"81/tcp":[],"82/tcp":[null]}}}',
    b'{"NetworkingConfig":{"EndpointsConfig":{"a":null,"b":{}}}}',
    b'{"Tty":"true"}',
    b'{"Tty":1}',
    b'{"HostConfig":{"Memory":8388608.0}}',
    b'{"HostConfig":{"Memory":8e6}}',
    b'{"HostConfig":{"Memory":-0}}',
    b'{"HostConfig":{"Memory":9223372036854775808}}',
    b'{"Unknown":' + b"1" * 5000 + b"}",
    b'{"Config":{"Image":"a"},"HostConfig":{"Resources":{"Memory":1},"resources":{"Memory":1}}}',
    b' \t\r\n{"Image":"a"} \r\n',
    b'{"Image":"a"}{}',
    b'{"Image":"a"}x',
    b'{"Image":"a"}\x00',
    b'{"Image":"a"}}',
    b'{"Image":"a"}]{"HostConfig":{"Privileged":true}}',
    b'\xef\xbb\xbf{"Image":"a"}',
    b'\xc2\xa0{"Image":"a"}',
    b'\x0c{"Image":"a"}',
    b'{"Image":"a",}',
    b'{"Image":"a"/**/}',
    b"{'Image':'a'}",
    b'{"HostConfig":{"Memory":NaN}}',
    b'{"HostConfig":{"Memory":01}}',
    b'{"HostConfig":{"Memory":1.}}',
    '{"Image":"a"}'.encode("utf-16"),
    b'{"Image":"a\x01b"}',
    b'{"Image":"a\x7fb"}',
    b'{"Image":"a\xffb"}',
    b'{"Image":"a\xed\xa0\x80b"}',
    b'{"Image":"a\\ud800b"}',
    b'{"Image":"\\ud83d\\ude00"}',
    b'{"Image":"\\ude00\\ud83d"}',
    b'{"Im\xffage":"a"}',
    b"null",
    b"[]",
    b'"a"',
    b"",
    b"{",
    b'{"Unknown":' + b"[" * 60 + b"]" * 60 + b"}",
)
"""The rows of what Go's decoder does, and what it refuses."""


def keep(count: int = 400) -> None:
    """Keep what Go says of the chosen documents and of as many written ones, half of which are accepted."""
    writer, contents = Writer(4), dict.fromkeys(CHOSEN)
    halves = {True: count // 2, False: count // 2}
    while any(halves.values()):
        content = writer.write()
        accepted = not isinstance(understand(content), Refusal)
        if content not in contents and halves[accepted] and len(content) < 300:
            halves[accepted] -= 1
            contents[content] = None
    lines = []
    for content, go in zip(contents, ask_go(list(contents)), strict=True):
        kept: dict[str, Json] = {"go": find_leaves(go)} if go is not None else {}
        try:
            lines.append({"text": content.decode(), **kept})
        except UnicodeDecodeError:
            lines.append({"bytes": base64.b64encode(content).decode(), **kept})
    KEPT.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def main(words: list[str]) -> None:
    """Do what the words say."""
    subprocess.run(["go", "build", "-o", _PROGRAM, "."], cwd=HERE / "go_decoder", check=True)
    if words[0] == "keep":
        keep()
        return
    accepted, bad = compare(int(words[1]), int(words[2]) if words[2:] else 0)
    sys.stdout.write(f"{words[1]} documents, {accepted} accepted, {len(bad)} of them read in two ways\n")
    sys.stdout.writelines(f"{content!r}\n" for content in bad[:20])


if __name__ == "__main__":
    main(sys.argv[1:])
