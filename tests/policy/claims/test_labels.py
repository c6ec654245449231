"""No image brings a label or an annotation upon which an engine acts, however it is spelled and wherever it stands."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy.claims.looking import faults
from policy.claims.sending import BUILD, LOAD, archive_for, passed_on, refusal_of
from policy.claims.transcripts import look_at
from wire.tars import archive_of, find_corpus, item

from dockerproxy.policy.claims.labels import MOST_BYTES, SAYS, LabelScan, acts, find_in_instruction
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

UNIT = "PODMAN_SYSTEMD_UNIT"
ACTED_UPON = [
    UNIT,
    "io.containers.autoupdate",
    "io.containers.autoupdate.authfile",
    "io.podman.annotations.seccomp",
    "org.systemd.property.DeviceAllow",
    "run.oci.seccomp_bpf_data",
]
ORDINARY = ["a", "org.opencontainers.image.source", "io.containers.capabilities", "io.buildah.version", "RUN", "größe"]


def test_what_engines_act_upon_is_known() -> None:
    assert all(map(acts, ACTED_UPON))
    assert not any(map(acts, ORDINARY))


def config(name: str) -> Json:
    return {"architecture": "amd64", "config": {"Labels": {"a": "b", name: "x"}}}


def manifest(name: str) -> Json:
    return {"schemaVersion": 2, "config": {"digest": "sha256:0"}, "annotations": {name: "x"}}


FORMS: list[Callable[[Json], str]] = [
    json.dumps,
    lambda value: json.dumps(value, indent="\t"),
    lambda value: " \r\n" + json.dumps(value),
]


@pytest.mark.parametrize("file", ["blobs/sha256/0", "0.json", "x/json", "any/layer.tar", "index.json"])
@pytest.mark.parametrize("document", [config, manifest])
def test_no_file_of_an_archive_brings_them(file: str, document: Callable[[str], Json]) -> None:
    for name in ACTED_UPON:
        for form in FORMS:
            refusal = refusal_of(LOAD, archive_of(item(file, form(document(name)).encode())))
            assert f'the entry "{file}" has the key ' in refusal
            assert SAYS in refusal
    for name in ORDINARY:
        assert passed_on(LOAD, archive_of(item(file, json.dumps(document(name)).encode()))).entries


@pytest.mark.parametrize("size", [2**20, 2**23])
def test_no_size_and_no_beginning_of_blanks_hides_them(size: int) -> None:
    for content in ({"a": size * "x", "b": config(UNIT)}, {"a": config(UNIT), "b": size * "x"}):
        archive = archive_for(LOAD)
        archive.feed(archive_of(item("x", size * b"\n" + json.dumps(content).encode())))
        assert UNIT in archive.fault


@given(st.sampled_from(ACTED_UPON), st.integers(0, 40), st.booleans())
def test_a_key_is_not_hidden_by_escapes(name: str, at: int, upper: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    at %= len(name)
    escaped = f"{ord(name[at]):04x}"
    spelled = f"{name[:at]}\\u{escaped.upper() if upper else escaped}{name[at + 1 :]}"
    content = f'{{"config":{{"Labels":{{"a":"b","{spelled}":"x"}}}}}}'
    assert json.loads(content)["config"]["Labels"][name] == "x"
    assert LabelScan().find(content.encode())


@given(st.sampled_from(ACTED_UPON), st.lists(st.integers(1, 30), max_size=30))
def test_pieces_make_no_difference(name: str, cuts: list[int]) -> None:
    content = json.dumps(config(name)).encode()
    scan, found, at = LabelScan(), b"", 0
    for size in (*cuts, len(content)):
        found = found or scan.find(memoryview(content)[at : at + size])
        at += size
    assert acts(found.decode())


@pytest.mark.parametrize(
    "content",
    [
        b"a layer with PODMAN_SYSTEMD_UNIT in it",
        b'{"config":{"Labels":{"io.dockerproxy.owner":"a","io.dockerproxy.nonce":"1","io.dockerproxy.grants":"2"}}}',
        b'\0{"PODMAN_SYSTEMD_UNIT":1}',
        rb'{"history":[{"created_by":"RUN echo \"PODMAN_SYSTEMD_UNIT\" run.oci.handler"}]}',
        rb'{"a": "x\u003cy", "created_by": "set -e \u0026\u0026 true", "b":"\u0041"}',
        b'{"Env":["A=PODMAN_SYSTEMD_UNIT"]}',
        b"",
    ],
)
def test_what_only_speaks_of_them_passes(content: bytes) -> None:
    assert passed_on(LOAD, archive_of(item("x", content))).entries[0][1] == content


@pytest.mark.parametrize("name", ["v1Compatibility", "V1COMPATIBILITY"])
def test_no_json_in_a_string_of_json_is_loaded(name: str) -> None:
    content = {"schemaVersion": 1, "history": [{name: json.dumps(config("a"))}]}
    assert "v1compat" in refusal_of(LOAD, archive_of(item("x", json.dumps(content).encode()))).lower()


@pytest.mark.parametrize("name", ["OnBuild", "onbuild", "ONBUILD"])
@pytest.mark.parametrize("form", FORMS)
def test_no_image_is_loaded_that_adds_steps_to_builds(name: str, form: Callable[[Json], str]) -> None:
    for steps in (["x"], ["RUN --network=host id"], ["", "x"], "x"):
        content: Json = {"config": {name: steps}}  # type: ignore[dict-item] # a list of texts is one of Json
        assert f'has the key "{name}"' in refusal_of(LOAD, archive_of(item("x", form(content).encode())))
    for spaced in (f'{{"{name}":  ["x"]}}', f'{{"{name}"\n:[ ]}}', f'{{"{name}" :["x"]}}', f'{{"{name}":\t[\n"x"]}}'):
        assert f'has the key "{name}"' in refusal_of(LOAD, archive_of(item("x", spaced.encode())))
    for none in ("null", "[]"):
        content = {"config": {name: json.loads(none), "a": "OnBuild"}}
        assert passed_on(LOAD, archive_of(item("x", form(content).encode()))).entries


@pytest.mark.parametrize("name", ["urls", "URLS", "url\u017f", "url\\u017F"])
def test_no_layer_is_fetched_from_elsewhere(name: str) -> None:
    for addresses in ('["http://127.0.0.1/"]', '["", "http://127.0.0.1/"]', '"x", "a": []'):
        content = f'{{"layers": [{{"digest": "sha256:0", "{name}": {addresses}}}]}}'.encode()
        assert "has the key" in refusal_of(LOAD, archive_of(item("x", content)))
    for none in ("null", "[]"):
        content = f'{{"layers": [{{"{name}": {none}, "url": "x", "urls2": "urls"}}]}}'.encode()
        assert passed_on(LOAD, archive_of(item("x", content))).entries


@pytest.mark.parametrize("saved", [path for path in find_corpus() if "save" in path.name], ids=lambda path: path.name)
def test_what_engines_save_brings_none(saved: Path) -> None:
    assert passed_on(LOAD, saved.read_bytes(), tags=("**",)).entries


def split(rest: str) -> Iterator[str]:
    """Split what follows a LABEL into words as builders do (parseWords): quotes stay, an escape takes what follows."""
    word, mark, at = "", "", 0
    while at < len(rest):
        here = rest[at]
        if not mark and here.isspace():
            if word:
                yield word
            word, at = "", at + 1
            continue
        if here == "\\" and mark != "'":
            word += rest[at : at + 2] if at + 1 < len(rest) else ""
            at += 2
            continue
        if here == mark:
            mark = ""
        elif not mark and here in "\"'":
            mark = here
        word += here
        at += 1
    if word:
        yield word


def keys_of(rest: str) -> Iterator[str]:
    """Yield what labels may be called where each variable may hold what is feared (parseNameVal, ProcessWord)."""
    words = list(split(rest))
    if words and "=" not in words[0]:
        words = re.split(r"[\t\v\f\r ]+", rest, maxsplit=1)[:1]
    for word in words:
        key = word.partition("=")[0]
        for value in ("", UNIT, "PODMAN_SYSTEMD", "run."):
            expanded = re.sub(r"\$\{?\w*(:?[-+][^}]*)?\}?", lambda _, value=value: value, key)  # type: ignore[misc]
            yield re.sub(r"[\"'\\]", "", expanded)


PARTS = st.sampled_from(
    [
        *(
            "PODMAN_SYSTEMD",
            "_UNIT",
            UNIT,
            "$X",
            "${X}",
            "${X:-run.}",
            "oci.x",
            "=",
            "=",
            "v",
            " ",
            " ",
            "\t",
            '"',
            "'",
        ),
        *("\\", "\u00a0", "é", "a=b", "run.", "\\ ", '\\"'),
    ]
)


@given(st.lists(PARTS, max_size=10).map("".join))
@example(f"a=b {UNIT}=x")
@example('"PODMAN"_SYST\\EMD_UNIT=x')
@example("a=b\u00a0$X=c")
@example("é${X} c")
def test_no_variable_names_a_label(rest: str) -> None:
    if not find_in_instruction(rest):
        assert not any(map(acts, keys_of(rest.lstrip())))


@pytest.mark.parametrize(
    "rest",
    [
        "version=$VERSION",
        'org.opencontainers.image.version="${VERSION}" description="costs $5, a=b $X"',
        r'a="say \"$X\" to \$Y" b=$Z',
        "description of $X = it",
        "maintainer somebody <a@b.c>",
        "größe=1",
        "'a b'='$X'",
    ],
)
def test_a_value_may_be_a_variable(rest: str) -> None:
    assert find_in_instruction(rest) == ""


@pytest.mark.parametrize("line", [f"LABEL {UNIT}=x", f"label a=b \\\n # x\n {UNIT}=x", f"ONBUILD LABEL '{UNIT}' x"])
def test_no_dockerfile_has_them(line: str) -> None:
    assert f"has a LABEL with {UNIT}" in refusal_of(BUILD, archive_of(item("Dockerfile", f"FROM x\n{line}\n".encode())))


def test_no_dockerfile_has_a_variable_for_the_name_of_a_label() -> None:
    content = b"FROM x\nARG N=PODMAN_SYSTEMD\nLABEL ${N}_UNIT=x\n"
    assert "whose name may come from a variable" in refusal_of(BUILD, archive_of(item("Dockerfile", content)))
    assert passed_on(BUILD, archive_of(item("Dockerfile", b"FROM x\nARG V=1\nLABEL version=$V\n"))).entries


@pytest.mark.parametrize("change", [f"LABEL {UNIT}=x", f"label={UNIT}=x", f'LABEL\u00a0"{UNIT}" x', "LABEL $X=y"])
def test_no_import_has_them(change: str) -> None:
    assert faults("ImageCreate", f"?fromSrc=-&repo=ci/x&changes={quote(change)}", tags=("**",))


@pytest.mark.parametrize(
    "labels", [{UNIT: "x"}, {f"{UNIT}=y": "x"}, [f"{UNIT}=x"], {"$A": "x"}, {"a": {}, "run.oci.x": 1}, "x", [1], 7]
)
def test_no_parameter_of_a_build_has_them(labels: Json) -> None:
    assert len(faults("ImageBuild", f"?labels={quote(json.dumps(labels))}")) == 1


@pytest.mark.parametrize("labels", ["", "null", "{}", "[]", '{"a": "$b"}', '["a=b"]'])
def test_a_build_may_have_labels(labels: str) -> None:
    assert faults("ImageBuild", f"?labels={quote(labels)}") == []


def test_labels_that_have_no_reading_are_none() -> None:
    assert len(faults("ImageBuild", "?labels={")) == 1


@given(
    st.dictionaries(st.sampled_from(["owner", "owner=", "owner=x", "a", "=", "a=owner"]), st.sampled_from(["", "ci"]))
)
def test_no_engine_takes_another_label_for_that_of_the_grant(labels: dict[str, str]) -> None:
    seen = look_at("ContainerCreate", {"Labels": dict(labels)}, {"labels": Pairs((("owner", "ci"),))})
    if seen.faults:
        return
    assert isinstance(seen.content, dict)
    sent = seen.content["Labels"]
    assert isinstance(sent, dict)
    assert sent == {**labels, "owner": "ci"}
    of_podman = [tuple(f"{name}={value}".split("=", 1)) for name, value in sent.items()]
    assert {value for name, value in of_podman if name == "owner"} == {"ci"}


@pytest.mark.parametrize("bounds", [{}, {"labels": Pairs((("owner", "ci"),))}])
def test_no_label_is_one_upon_which_an_engine_acts(bounds: dict[str, Value]) -> None:
    for name in ("PODMAN_SYSTEMD_UNIT", "PODMAN_SYSTEMD_UNIT=ssh.service", "io.containers.autoupdate.authfile"):
        labels: Json = {name: "x", "app": "PODMAN_SYSTEMD_UNIT"}
        (fault,) = look_at("ContainerCreate", {"Labels": labels}, bounds).faults
        assert fault.says == "not allowed: an engine, its runtime or this proxy acts on it"


def place(path: str, value: Json) -> Json:
    """A body that has a value at a path, in which `[]` is a list of one."""
    first, _, rest = path.partition(".")
    below = place(rest, value) if rest else value
    return {first.removesuffix("[]"): [below] if first.endswith("[]") else below}


WITH_LABELS = [
    (name, each.path.removesuffix(".*"))
    for name, body in sorted(BODIES.items())
    for each in body.fields
    if each.rule.removesuffix("!") in {"labels", "podman_labels", "volume_labels"}
]


@pytest.mark.parametrize(("operation", "path"), WITH_LABELS)
@pytest.mark.parametrize("sign", ["x", "\N{EURO SIGN}"])
def test_labels_of_one_object_are_bounded(operation: str, path: str, sign: str) -> None:
    fits = (MOST_BYTES - 2) // len(sign.encode())
    for size, is_too_much in ((fits, False), (fits + 2, True)):
        found = look_at(operation, place(path, {"a": sign * (size // 2), "b": sign * (size - size // 2)})).faults
        says = [str(each) for each in found if "KiB" in str(each)]
        assert bool(says) is is_too_much
        assert all(each.endswith(" has more than 64 KiB of keys and values") for each in says)


def test_what_carries_labels_is_known() -> None:
    assert {operation for operation, _ in WITH_LABELS} >= {
        *("ContainerCreate", "NetworkCreate", "VolumeCreate", "ServiceCreate", "ServiceUpdate"),
        *("SecretCreate", "ConfigCreate"),
    }


@pytest.mark.parametrize("labels", [{"a": "x" * MOST_BYTES}, {"x" * MOST_BYTES: "a"}, ["x" * MOST_BYTES]])
def test_labels_of_a_build_are_bounded(labels: Json) -> None:
    (fault,) = faults("ImageBuild", f"?labels={quote(json.dumps(labels))}")
    assert "has more than 64 KiB" in str(fault)
