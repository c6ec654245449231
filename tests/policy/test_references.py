"""References are read as Docker reads them, and patterns cover what they say."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.request import RESERVED
from dockerproxy.policy.globs import fits
from dockerproxy.policy.references import (
    Reference,
    fault_of_pattern,
    normalise_pattern,
    parse_reference,
    with_default_tag,
)
from dockerproxy.policy.values import is_literal

CORPUS = Path(__file__).parent.parent / "corpus" / "references" / "normalised.tsv"
CASES = [line.split("\t") for line in CORPUS.read_text().splitlines() if not line.startswith("#")]
HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"
LONG_DIGESTS = [f"sha384:{HEX[:32] * 3}", f"sha512:{HEX * 2}"]

WORDS = st.from_regex(r"[a-z0-9]{1,3}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,3}){0,2}", fullmatch=True)
DOMAINS = st.sampled_from(["", "docker.io/", "index.docker.io/", "localhost/", "a.example:5000/", "[::1]:80/", "Reg/"])
TAGS = st.from_regex(r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,5})?", fullmatch=True)
DIGESTS = st.sampled_from(["", "", *(f"@{digest}" for digest in [DIGEST, *LONG_DIGESTS])])
VALID = st.builds(
    lambda domain, words, tag, digest: f"{domain}{'/'.join(words)}{tag}{digest}",
    DOMAINS,
    st.lists(WORDS, min_size=1, max_size=3),
    TAGS,
    DIGESTS,
).filter(lambda text: not re.match(r"(?:index\.)?docker\.io/[^/]*\.[^/]*/", text))
PIECES = ["a", "nginx", "docker.io", "localhost", "a.b", "/", ":", "@", ".", "_", "-", "A", "1", "\n", "é", "*", "?"]
HOSTILE = st.lists(st.sampled_from([*PIECES, HEX, DIGEST, "sha256:"]), max_size=8).map("".join) | st.text(max_size=20)


def covers(pattern: str, reference: str) -> bool:
    """Whether a pattern without fault covers what an engine makes of a reference."""
    assert not fault_of_pattern(pattern), fault_of_pattern(pattern)
    parsed = parse_reference(reference)
    assert parsed is not None
    return fits(normalise_pattern(pattern), str(with_default_tag(parsed)))


@for_each(("written", "read", "meant"), CASES)
def test_a_reference_is_read_as_docker_reads_it(written: str, read: str, meant: str) -> None:
    reference = parse_reference(json.loads(written))
    if read == "-":
        assert reference is None
        return
    assert reference is not None
    assert str(with_default_tag(reference)) == meant
    assert str(reference) == (meant if "@" in read else read)


@pytest.mark.parametrize("before", ["", "docker.io/", "index.docker.io/", "docker.io/library/", "ghcr.io/", "x/"])
def test_no_name_looks_like_a_mark_in_any_list(before: str) -> None:
    assert parse_reference(f"{before}{RESERVED}/new/1:me") is None


def familiar(name: str) -> str:
    """Return a name as Docker lists it (distribution/reference, familiarizeName)."""
    path = name.removeprefix("docker.io/")
    rest = path.removeprefix("library/")
    return path if path == name or "/" in rest else rest


PART = st.sampled_from(["docker.io", "index.docker.io", "library", "ghcr.io", "localhost", "a", "b.c", "d"])


@given(st.lists(PART, min_size=1, max_size=4))
@example(["docker.io", "ghcr.io", "a"])
def test_what_docker_lists_is_the_name_that_was_given(parts: list[str]) -> None:
    given = parse_reference("/".join([*parts, "x:1"]))
    event("a name" if given is not None else "no name")
    assert given is None or parse_reference(familiar(str(given))) == given


def test_the_corpus_has_much_of_both_kinds() -> None:
    refused = sum(read == "-" for _, read, _ in CASES)
    assert refused > 150
    assert len(CASES) - refused > 150


@given(VALID | HOSTILE)
def test_a_normalised_reference_is_its_own(text: str) -> None:
    reference = parse_reference(text)
    event(f"is a reference: {reference is not None}")
    if reference is not None:
        assert parse_reference(str(reference)) == reference
        assert not (reference.tag and reference.digest)
        whole = with_default_tag(reference)
        assert whole.tag or whole.digest
        assert with_default_tag(whole) == parse_reference(str(whole)) == whole


@given(VALID | HOSTILE)
def test_a_literal_pattern_has_a_fault_where_there_is_no_such_image(text: str) -> None:
    reference = parse_reference(text)
    if is_literal(text) and not re.match(r"sha\d+:|[0-9a-f]{64}\Z", text):
        assert (fault_of_pattern(text) == "") is (reference is not None)
        if reference is not None:
            assert normalise_pattern(text) == str(with_default_tag(reference))


@given(VALID | HOSTILE)
def test_a_normalised_pattern_is_its_own(text: str) -> None:
    event(f"has a fault: {fault_of_pattern(text) != ''}")
    if not fault_of_pattern(text):
        assert normalise_pattern(normalise_pattern(text)) == normalise_pattern(text)
        assert not fault_of_pattern(normalise_pattern(text))


@given(VALID, st.data())
def test_a_star_for_a_part_of_a_reference_covers_it(text: str, data: st.DataObject) -> None:
    parsed = parse_reference(text)
    assert parsed is not None
    reference = str(with_default_tag(parsed))
    first = reference.index("/", len("docker.io/") if reference.startswith("docker.io/") else 0) + 1
    begin, end = sorted(data.draw(st.tuples(*[st.integers(first, len(reference))] * 2)))
    star = "**" if "/" in reference[begin:end] else "*"
    pattern = reference[:begin] + star + (reference[end:] if not re.search("[:@]", reference[begin:end]) else "")
    assert covers(pattern, text)


@given(VALID, st.data())
def test_a_lookup_mark_for_a_letter_of_a_reference_covers_it(text: str, data: st.DataObject) -> None:
    parsed = parse_reference(text)
    assert parsed is not None
    reference = str(with_default_tag(parsed))
    letters = [match.start() for match in re.finditer("[a-z0-9]", reference) if match.start() > reference.index("/")]
    place = data.draw(st.sampled_from([place for place in letters if reference[place - 4 : place] != "@sha"]))
    assert covers(f"{reference[:place]}?{reference[place + 1 :]}", text)


@for_each(
    ("pattern", "normalised"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:*", "docker.io/library/nginx:*"),
        ("nginx:1.27-*", "docker.io/library/nginx:1.27-*"),
        ("ci/app", "docker.io/ci/app:latest"),
        ("ci/*", "docker.io/ci/*"),
        ("ci/**", "docker.io/ci/**"),
        ("ci/*-runner", "docker.io/ci/*-runner:latest"),
        ("ci/app-?", "docker.io/ci/app-?:latest"),
        ("ci/*/app", "docker.io/ci/*/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/*", "docker.io/library/*"),
        ("docker.io/**", "docker.io/**"),
        ("docker.io/**:latest", "docker.io/**:latest"),
        ("docker.io/nginx**", "docker.io/library/nginx**"),
        ("docker.io/library/*", "docker.io/library/*"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/ci/*", "docker.io/ci/*"),
        ("registry.local/ci/*", "registry.local/ci/*"),
        ("registry.local/app", "registry.local/app:latest"),
        ("localhost:5000/x:*", "localhost:5000/x:*"),
        ("localhost:*/x:1", "localhost:*/x:1"),
        ("*.example.com/ci/*", "*.example.com/ci/*"),
        ("*:5000/x:1", "*:5000/x:1"),
        ("[::1]:5000/x:*", "[::1]:5000/x:*"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1.27@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        ("docker.io/library/*@sha256:*", "docker.io/library/*@sha256:*"),
        ("ci/*:v1@sha256:*", "docker.io/ci/*@sha256:*"),
        ("nginx@*", "docker.io/library/nginx@*"),
        ("nginx@sha256*", "docker.io/library/nginx@sha256*"),
        ("nginx@sha256:0123*", "docker.io/library/nginx@sha256:0123*"),
        ("ci/*:*", "docker.io/ci/*:*"),
        ("ci/*:v1*", "docker.io/ci/*:v1*"),
        ("ci/app:2024*", "docker.io/ci/app:2024*"),
        ("**", "**"),
        (DIGEST, DIGEST),
        (HEX, HEX),
        ("a_b.c/d", "a_b.c/d:latest"),
        (f"ci/{'a' * 252}*", f"docker.io/ci/{'a' * 252}*"),
    ],
)
def test_a_pattern_is_written_out_as_docker_would(pattern: str, normalised: str) -> None:
    assert fault_of_pattern(pattern) == ""
    assert normalise_pattern(pattern) == normalised


@for_each(
    ("pattern", "covered", "others"),
    [
        ("nginx", "nginx index.docker.io/nginx docker.io/library/nginx:latest", "nginx:1 ci/nginx example.com/nginx"),
        ("nginx:*", "nginx nginx:1", f"nginx@{DIGEST} nginx:1@{DIGEST} nginxinc/nginx"),
        ("nginx:1.*", "nginx:1.27", f"nginx nginx:2 nginx:1.27@{DIGEST}"),
        ("docker.io/library/*", f"nginx nginx:1 nginx@{DIGEST} nginx:1@{DIGEST}", "ci/app docker.io/library/a/b"),
        ("docker.io/*", "nginx nginx:1", "ci/app example.com/nginx"),
        ("docker.io/**", f"nginx ci/app:1 a/b/c@{DIGEST}", "docker.io:443/nginx DOCKER.IO/nginx docker.io.example/x"),
        ("ci/*-runner", "ci/go-runner", "ci/go-runner:1 ci/evil:x-runner"),
        (f"nginx:1@{DIGEST}", f"nginx@{DIGEST} nginx:2@{DIGEST}", "nginx:1 nginx"),
        ("*.example.com/ci/*", "a.example.com/ci/app:1", "example.com/ci/app a.example.com:5000/ci/app"),
        ("**", f"nginx localhost:5000/a/b/c@{DIGEST}", ""),
    ],
)
def test_a_pattern_covers_these_and_no_others(pattern: str, covered: str, others: str) -> None:
    for reference in covered.split():
        assert covers(pattern, reference), reference
    for reference in others.split():
        assert not covers(pattern, reference), reference


UPPER = "image names are lower case"
ANYONE = "the registry is missing: ** alone matches any image, docker.io/** any of Docker Hub"
NAME = "the name of an image is made of a-z and 0-9, with . _ __ - or / in between"
DOMAIN = "the part before the first slash is not a registry; write a host or host:port"
TAG = "a tag has 1 to 128 characters of A-Z a-z 0-9 _ . - and does not begin with . or -"
ID = "an image ID is sha256: and all 64 digits"
WRONG_DIGEST = "a digest is sha256: and 64 digits of 0-9 a-f"
LONG = "the name of an image has at most 255 characters"
TWO_REGISTRIES = "Docker Hub has no image whose name begins like a registry: leave out docker.io/"
DIGESTS_TOO = "it would match digests too, which end in any digits: write the name or the tag without *"


@for_each(
    ("pattern", "fault"),
    [
        ("*", ANYONE),
        ("***", ANYONE),
        ("*/*", ANYONE),
        ("*/**", ANYONE),
        ("**/nginx:*", ANYONE),
        ("**.example.com/ci/*", ANYONE),
        ("**:1", ANYONE),
        ("*/foo", "the registry is missing: docker.io/*/foo:latest"),
        ("c?/app:1", "the registry is missing: docker.io/c?/app:1"),
        ("ngin*", "the registry is missing: docker.io/library/ngin*"),
        ("localhos?/x", "the registry is missing: docker.io/localhos?/x:latest"),
        ("Nginx", UPPER),
        ("ci/App*", UPPER),
        ("ci/*V", UPPER),
        ("registry.local/CI/**", UPPER),
        ("", NAME),
        ("nginx ", NAME),
        ("nginx\n", NAME),
        ("ci//app", NAME),
        ("ci/-*", NAME),
        ("ci/a..*", NAME),
        ("registry.local/", NAME),
        ("ci/*é", NAME),
        ("-a.example/x", DOMAIN),
        ("*.example.com:port/x", DOMAIN),
        ("[::1/x", DOMAIN),
        ("https://example.com/ci/*", "a reference begins with the registry, without https://"),
        ("nginx:", TAG),
        ("nginx:-*", TAG),
        ("nginx:a:*", TAG),
        ("nginx:1\n", TAG),
        (f"nginx:{'t' * 129}", TAG),
        (f"nginx:.@{DIGEST}", TAG),
        ("sha256:0123", ID),
        ("sha256:*", ID),
        (f"sha256:{HEX.upper()}", ID),
        *((digest, ID) for digest in LONG_DIGESTS),
        ("nginx@", WRONG_DIGEST),
        ("nginx@sha256", WRONG_DIGEST),
        ("nginx@sha256:", WRONG_DIGEST),
        ("nginx@sha256:0123", WRONG_DIGEST),
        ("nginx@md5:*", WRONG_DIGEST),
        ("nginx@md5*", WRONG_DIGEST),
        ("nginx@sha256:ABC*", WRONG_DIGEST),
        (f"nginx@{DIGEST}*0", WRONG_DIGEST),
        (f"nginx@{DIGEST}\n", WRONG_DIGEST),
        (f"example.com/{'a' * 256}", LONG),
        (f"ci/{'a' * 253}*", LONG),
        ("ci/*:2024*", DIGESTS_TOO),
        ("ci/**:?*", DIGESTS_TOO),
        ("docker.io/library/*:*0", DIGESTS_TOO),
        ("docker.io/ghcr.io/*", TWO_REGISTRIES),
        ("index.docker.io/localhost/app", TWO_REGISTRIES),
    ],
)
def test_a_pattern_that_covers_nothing_or_too_much_has_a_fault(pattern: str, fault: str) -> None:
    assert fault_of_pattern(pattern) == fault


@pytest.mark.parametrize("pattern", ["**/nginx", "**.example.com/x", "*/foo", "**x", "*", "***"])
def test_even_a_pattern_without_a_registry_covers_no_other_than_docker_hub(pattern: str) -> None:
    assert normalise_pattern(pattern).startswith("docker.io/")


@pytest.mark.parametrize("name", ["oci", "dir", "docker-archive", "oci-archive", "docker-daemon", "containers-storage"])
def test_a_transport_is_no_registry(name: str) -> None:
    assert parse_reference(f"{name}:5000/x") is None
    assert parse_reference(f"{name}:5000/x@sha256:{'1' * 64}") is None
    assert str(parse_reference(f"{name}:5000")) == f"docker.io/library/{name}:5000"
    assert fault_of_pattern(f"{name}:5000/**").startswith(f"for Podman, {name}: is not a registry")
    assert parse_reference(f"{name}.local:5000/x") is not None


def test_what_docker_would_not_read_is_no_reference() -> None:
    assert parse_reference(HEX) is None
    assert parse_reference(DIGEST) is None
    assert parse_reference("nginx") == Reference("docker.io/library/nginx")


@for_each("text", ["a", "a-", "a.", "a_", "a/", "a:", "[", ":", "@", "/", "*", "a*", "*/", "a:*", "@*"])
def test_no_text_is_read_slowly(text: str) -> None:
    begin = time.process_time()
    parse_reference(text * 32_768)
    parse_reference("a.b:" + text * 32_768 + "A")
    fault_of_pattern(text * 32_768)
    assert time.process_time() - begin < 1
