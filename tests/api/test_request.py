"""A target has one canonical spelling, which is judged and forwarded, or it is refused."""

import urllib.parse

import pytest
from api.paths import EVERY, METHODS, path_of, version_of
from api.targets import TARGETS, near_targets, spelled
from hypothesis import event, given, reject
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, UNKNOWN, Operation
from dockerproxy.api.request import MAX_PARAMETERS, MOST_OF_PATH, CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal


def accepted(method: str, target: str) -> CanonicalRequest:
    request = canonicalise(method, target)
    assert isinstance(request, CanonicalRequest), request
    return request


def assume_accepted(method: str, target: str) -> CanonicalRequest:
    request = canonicalise(method, target)
    event(getattr(request, "reason", "accepted"))
    if isinstance(request, Refusal):
        reject()
    return request


def decode(text: str) -> bytes:
    """Decode percent escapes once, as Go's net/url and everybody else does."""
    return urllib.parse.unquote_to_bytes(text.encode(errors="surrogateescape"))


@given(st.sampled_from(METHODS), TARGETS)
def test_any_target_is_a_canonical_request_or_a_refusal_and_nothing_is_raised(method: str, target: str) -> None:
    request = canonicalise(method, target)
    assert isinstance(request, CanonicalRequest | Refusal)
    if isinstance(request, Refusal):
        assert request.status in {400, 431}
        assert request.reason.isascii()
    else:
        assert request.target.isascii()
        assert request.target.isprintable()


@given(st.sampled_from(METHODS), near_targets())
def test_a_canonical_target_is_a_fixed_point(method: str, target: str) -> None:
    request = assume_accepted(method, target)
    again = accepted(method, request.target)
    assert again == request
    assert again.target == request.target


@given(st.sampled_from(METHODS), near_targets())
def test_a_path_that_is_accepted_has_no_escape_and_no_empty_or_dot_segment(method: str, target: str) -> None:
    request = assume_accepted(method, target)
    path, _, query = request.target.partition("?")
    assert "/" not in query
    assert not set(path) & set('%\\#?;" ') - {";"}
    assert not {"", ".", ".."} & set(path.split("/")[1:])
    assert path == (f"/{request.version}" if request.version else "") + request.path


@given(st.sampled_from(METHODS), near_targets())
def test_what_an_engine_decodes_is_what_was_judged(method: str, target: str) -> None:
    request = assume_accepted(method, target)
    judged = f"/{request.version}{request.path}" if request.version else request.path
    # From what the client sent, from what is forwarded, and by an engine that matches the path before it decodes it.
    for sent in (target, request.target):
        decoded = decode(sent.partition("?")[0])
        # moby serves the list of networks under two paths, by one function.
        assert (decoded.removesuffix(b"/") if request.path == "/networks" else decoded) == judged.encode()
    assert request.target.partition("?")[0] == judged


@given(st.sampled_from(METHODS), near_targets())
def test_another_reader_of_queries_finds_the_same_parameters(method: str, target: str) -> None:
    request = assume_accepted(method, target)
    for sent in (target, request.target):
        query = sent.partition("?")[2].encode(errors="surrogateescape").decode("latin-1")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, encoding="latin-1", separator="&")
        found = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        # `parse_qsl` leaves out the pair of nothing and nothing; to Go it is a parameter without a name.
        expected = [tuple(part.encode(errors="surrogateescape") for part in pair) for pair in request.query]
        assert [pair for pair in found if any(pair)] == [pair for pair in expected if any(pair)]


@given(spelled())
def test_however_a_known_path_is_spelled_it_is_refused_or_means_the_same(
    spelling: tuple[Operation, str, str],
) -> None:
    operation, plain, other = spelling
    canonical = accepted(operation.method, plain)
    assert canonical.operation is operation
    request = canonicalise(operation.method, other)
    event(getattr(request, "reason", "accepted"))
    assert isinstance(request, Refusal) or request == canonical


@for_each("operation", EVERY, ids=lambda operation: operation.name)
def test_every_operation_is_reached_with_and_without_a_version_and_the_prefix_is_kept(operation: Operation) -> None:
    for prefix in ("", version_of(operation), "/v1.40"):
        old = prefix == "/v1.40" and operation.path.startswith("/libpod/manifests/")
        request = accepted(operation.method, prefix + path_of(operation))
        assert request.operation is (UNKNOWN if old else operation)
        assert request.target == prefix + path_of(operation)
        assert (request.version, request.path) == (prefix[1:], path_of(operation))


@for_each(
    ("target", "canonical"),
    [
        ("/_ping", "/_ping"),
        ("/%5fping", "/_ping"),
        ("/%63%6F%6E%74ainers/json", "/containers/json"),
        ("/v1.45/containers/json", "/v1.45/containers/json"),
        ("/%761.45/containers/json", "/v1.45/containers/json"),
        ("/v1%2E45/containers/json", "/v1.45/containers/json"),
        ("/v1/libpod/_ping", "/v1/libpod/_ping"),
        ("/v1.45.0/libpod/_ping", "/v1.45.0/libpod/_ping"),
        ("/v1.9999/_ping", "/v1.9999/_ping"),
        ("/networks/", "/networks"),
        ("/v1.45/networks/?filters=", "/v1.45/networks?filters="),
        ("/%6eetworks/", "/networks"),
        ("/images/a%2Fb/json", "/images/a/b/json"),
        ("/images/a%2fb%2Fc/json", "/images/a/b/c/json"),
        ("/images/localhost%3A5000/a:1/json", "/images/localhost:5000/a:1/json"),
        ("/images/a@sha256%3Aabc/json", "/images/a@sha256:abc/json"),
        ("/plugins/a%2Fb/json", "/plugins/a/b/json"),
        ("/distribution/a%2Fb/json", "/distribution/a/b/json"),
        ("/libpod/images/a%2Fb/exists", "/libpod/images/a/b/exists"),
        ("/unknown", "/unknown"),
        ("/containers/a/b/json", "/containers/a/b/json"),
        ("/_ping?", "/_ping"),
        ("/_ping?&&", "/_ping"),
        ("/_ping?a", "/_ping?a="),
        ("/_ping?=", "/_ping?="),
        ("/_ping?a=b=c", "/_ping?a=b%3Dc"),
        ("/_ping?a=1&a=2&b=", "/_ping?a=1&a=2&b="),
        ("/_ping?a+b=c+d", "/_ping?a%20b=c%20d"),
        ("/_ping?a=%2B", "/_ping?a=%2B"),
        ("/_ping?a=%26b%3D1", "/_ping?a=%26b%3D1"),
        ("/_ping?a=%3b", "/_ping?a=%3B"),
        ("/_ping?x=/a:b@c,d", "/_ping?x=%2Fa:b@c,d"),
        ("/_ping?x=../..", "/_ping?x=..%2F.."),
        ("/build?t=/libpod/local", "/build?t=%2Flibpod%2Flocal"),
        ("/v1.45/containers/libpod/json", "/v1.45/containers/libpod/json"),
        ("/containers/libpod-1/json", "/containers/libpod-1/json"),
        ("/_ping?x=a?b", "/_ping?x=a%3Fb"),
        ("/_ping?x=%C3%A9", "/_ping?x=%C3%A9"),
        ("/_ping?x=\u00e9", "/_ping?x=%C3%A9"),
        ("/_ping?x=%FF", "/_ping?x=%FF"),
        ("/_ping?x=\udcff", "/_ping?x=%FF"),
        ("/_ping?x=\udcc3%A9", "/_ping?x=%C3%A9"),
        ("/_ping?x=%0a%00", "/_ping?x=%0A%00"),
        ("/_ping?x=%2525", "/_ping?x=%2525"),
    ],
)
def test_what_has_one_reading_is_written_in_one_spelling(target: str, canonical: str) -> None:
    assert accepted("GET", target).target == canonical


def test_a_longer_path_than_any_name_is_refused() -> None:
    longest = f"/containers/{'a' * (MOST_OF_PATH - len('/containers//json'))}/json"
    assert accepted("GET", longest).path == longest
    refused = canonicalise("GET", longest.replace("a", "aa", 1))
    assert isinstance(refused, Refusal)
    assert refused.reason == "unsupported path of more than 2048 characters"


DOT = "ambiguous path: a dot segment"
EMPTY = "ambiguous path: an empty segment"
FORM = "malformed request target; it must be an absolute path"
LETTER = "unsupported character in the path"
ESCAPE = 'malformed request target: "%" without two hexadecimal digits'
LIBPOD = "ambiguous path: Podman reads it as its own API; add a version, like /v1.41"
SLASH = "ambiguous path: an encoded slash outside of the name of an image or plugin"
VERSION = "unsupported version prefix; write it like /v1.45, or before /libpod like /v5.4.2"


@for_each(
    ("target", "reason"),
    [
        ("", FORM),
        ("*", FORM),
        ("_ping", FORM),
        ("%2F_ping", FORM),
        ("http://docker/_ping", FORM),
        ("HTTPS://docker/_ping", FORM),
        ("docker:2375", FORM),
        ("?x", FORM),
        ("/_ping#x", 'malformed request target: write "#" as %23'),
        ("/_ping?x#y", 'malformed request target: write "#" as %23'),
        ("/containers/a#b/json", 'malformed request target: write "#" as %23'),
        ("/%zz", ESCAPE),
        ("/%", ESCAPE),
        ("/%2", ESCAPE),
        ("/_ping?x=%zz", ESCAPE),
        ("/_ping?%", ESCAPE),
        ("/containers/%25zz/json", LETTER),
        ("/containers/%255f/json", LETTER),
        ("/containers/%00/json", LETTER),
        ("/containers/%01/json", LETTER),
        ("/containers/%0A/json", LETTER),
        ("/containers/%0d%0aHost:x/json", LETTER),
        ("/containers/%20/json", LETTER),
        ("/containers/%7F/json", LETTER),
        ("/containers/%80/json", LETTER),
        ("/containers/%C3%A9/json", LETTER),
        ("/containers/\u00e9/json", LETTER),
        ("/containers/\udcff/json", LETTER),
        ("/containers/a%5Cb/json", LETTER),
        ("/containers/a\\b/json", LETTER),
        ("/containers/a%3Fb/json", LETTER),
        ("/containers/a%23b/json", LETTER),
        ("/containers/a|b/json", LETTER),
        ("/containers/{id}/json", LETTER),
        ("//_ping", EMPTY),
        ("/", EMPTY),
        ("/containers//json", EMPTY),
        ("/containers/json/", EMPTY),
        ("/volumes/", EMPTY),
        ("/v1.45/", EMPTY),
        ("/v1.45//_ping", EMPTY),
        ("/%2F_ping", EMPTY),
        ("/images/a%2F%2Fb/json", EMPTY),
        ("/images/a%2F/json", EMPTY),
        ("/./_ping", DOT),
        ("/containers/../secrets", DOT),
        ("/containers/%2e%2E/secrets", DOT),
        ("/containers/.%2e/secrets", DOT),
        ("/containers/..", DOT),
        ("/images/../containers/json", DOT),
        ("/images/a%2F..%2F..%2Fcontainers/json", DOT),
        ("/images/a/../b/json", DOT),
        ("/../v1.45/_ping", DOT),
        ("/v1.45/../_ping", DOT),
        ("/networks%2F", EMPTY),
        ("/containers%2Fjson", SLASH),
        ("/containers/a%2Fb/json", SLASH),
        ("/containers/a%2Fjson", SLASH),
        ("/v1.45%2F_ping", SLASH),
        ("/secrets/a%2Fb", SLASH),
        ("/images%2Fa/json", SLASH),
        ("/images/a%2Fjson", SLASH),
        ("/images/a/b%2Fjson", SLASH),
        ("/unknown%2Fpath", SLASH),
        ("/v1.45/v1.45/_ping", VERSION),
        ("/v1.45/v1/_ping", VERSION),
        ("/v01.45/_ping", VERSION),
        ("/v1.045/_ping", VERSION),
        ("/v1./_ping", VERSION),
        ("/v1..45/_ping", VERSION),
        ("/v./_ping", VERSION),
        ("/v../_ping", VERSION),
        ("/v1.45.0.0/_ping", VERSION),
        ("/v1.45-rc1/_ping", VERSION),
        ("/v1.45x/_ping", VERSION),
        ("/v10000/_ping", VERSION),
        ("/v10000/libpod/_ping", VERSION),
        ("/v5.4.2.1/libpod/_ping", VERSION),
        ("/v5.4.2-dev/libpod/_ping", VERSION),
        *(
            (f"/{version}/services/create", VERSION)
            for version in ("v1", "v1.40.0", "v1.39.9", "v1.43.0", "v2.0", "v0.99")
        ),
        *((f"/{version}/_ping", VERSION) for version in ("v4.0.0", "v1.10000", "v1.4\udcff")),
        ("/v1.-1/_ping", VERSION),
        ("/containers/libpod/json", LIBPOD),
        ("/images/libpod/app/json", LIBPOD),
        ("/images/libpod%2Fapp/json", LIBPOD),
        ("/images/%6cibpod/json?x=y", LIBPOD),
        ("/secrets/libpod", LIBPOD),
        ("/libpod/libpod", LIBPOD),
        ("/_ping?a=1;b=2", "ambiguous query: engines disagree about semicolons; write %3B"),
    ],
)
def test_what_has_no_single_reading_is_refused_with_the_reason(target: str, reason: str) -> None:
    assert canonicalise("GET", target) == Refusal(400, reason)


@pytest.mark.parametrize("kind", ["containers", "volumes", "networks", "pods"])
def test_of_podman_s_own_api_no_other_object_than_an_image_has_a_name_with_a_slash(kind: str) -> None:
    """Its client asks for a container before an image."""
    assert canonicalise("GET", f"/v5.0.0/libpod/{kind}/docker.io%2Flibrary%2Fbusybox/json") == Refusal(404, SLASH)


STORE = "containers-storage:[vfs@/srv/a+/srv/b]c"
ESCAPED = r'{"before":["\u0063ontainers-storage\u003a\u005bvfs@/srv/a+/srv/b]c"]}'
DEVICE = r'{"since":["tarball\u003a/dev/watchdog"]}'


@for_each(
    "target",
    [
        *(f"/images/json?filters={urllib.parse.quote(text)}" for text in (f'{{"a":["{STORE}"]}}', ESCAPED, DEVICE)),
        f"/v5.4.2/libpod/images/export?references=a&references={urllib.parse.quote(STORE)}",
        f"/images/get?names=a,{urllib.parse.quote(STORE)}",
        f"/v5.4.2/libpod/images/a/changes?parent={urllib.parse.quote(STORE)}",
        *(f"{path}/tarball:/dev/watchdog/json" for path in ("/images", "/v5.4.2/libpod/images", "/libpod/manifests")),
        "/images/tarball:dev/watchdog/json",
        "/images/tarball%3A%2Fdev%2Fwatchdog/json",
        "/images/get?names=tarball:-",
    ],
)
def test_no_request_that_reads_has_podman_touch_files_of_the_host(target: str) -> None:
    reason = 'unsupported name: with "tarball:" or "containers-storage:[", Podman accesses files of the host'
    assert canonicalise("GET", target) == Refusal(400, reason)


@pytest.mark.parametrize("slash", ["/", r"\/", r"\u002f", r"\u002F"])
def test_no_request_has_a_name_of_ours_however_json_spells_it(slash: str) -> None:
    text = urllib.parse.quote(f'{{"reference":["dockerproxy.local{slash}key:a"]}}')
    refused = canonicalise("GET", f"/images/json?filters={text}")
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith('reserved name: "dockerproxy.local/"')


@pytest.mark.parametrize(
    "target",
    [
        "/images/docker.io/library/tarball:1/json",
        "/images/containers-storage:a/json",
        "/images/json?filters=" + urllib.parse.quote('{"reference":["docker.io/library/tarball:1"]}'),
    ],
)
def test_an_image_may_be_called_like_a_transport(target: str) -> None:
    accepted("GET", target)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/networks//"),
        ("GET", "/networks/a/"),
        ("GET", "/libpod/networks/"),
        ("GET", "/volumes/"),
        ("POST", "/networks/"),
        ("DELETE", "/networks/"),
        ("HEAD", "/networks/"),
    ],
)
def test_no_path_but_the_list_of_networks_has_a_slash_at_its_end(method: str, target: str) -> None:
    assert canonicalise(method, target) == Refusal(400, "ambiguous path: an empty segment")


@pytest.mark.parametrize("target", ["/Containers/json", "/_PING", "/V1.45/_ping", "/containers/json."])
def test_what_is_spelled_in_another_case_or_nearly_right_is_unknown(target: str) -> None:
    assert accepted("GET", target).operation is UNKNOWN


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_podmans_manifests_mean_something_else_under_versions_that_begin_like_old_ones(method: str) -> None:
    for version in ("", "/v4", "/v4.0.0", "/v5.4.2", "/v40", "/v99.0", "/v4321.0.0"):
        assert accepted(method, f"{version}/libpod/manifests/list").operation is not UNKNOWN
    for version in ("/v3", "/v3.4.4", "/v1.45", "/v0", "/v10", "/v12.3.0", "/v20.1", "/v39", "/v100.0.0", "/v3999"):
        for path in ("list", "list/push", "list/add"):
            assert accepted(method, f"{version}/libpod/manifests/{path}").operation is UNKNOWN


def test_an_exact_number_of_parameters_is_the_bound() -> None:
    most = "&".join(f"a{number}=1" for number in range(MAX_PARAMETERS))
    assert len(accepted("GET", f"/_ping?{most}").query) == MAX_PARAMETERS
    assert canonicalise("GET", f"/_ping?{most}&b=1") == Refusal(
        431, f"the request has more than {MAX_PARAMETERS} query parameters"
    )


def test_every_value_of_a_parameter_is_looked_at_however_its_name_is_capitalised() -> None:
    request = accepted("GET", "/images/search?term=a&x=b&TERM=c&%74erm=d&ter%C5%BF=e&%E2%84%AA=f")
    assert request.values("term") == ("a", "c", "d")
    assert request.values("ters") == ("e",)
    assert request.values("k") == ("f",)
    assert request.values("nothing") == ()


def test_a_request_is_written_with_its_version_and_query() -> None:
    request = CanonicalRequest(
        method="GET", version="v1.45", path="/_ping", query=(("a b", "c&d"),), operation=OPERATIONS["SystemPing"]
    )
    assert request.target == "/v1.45/_ping?a%20b=c%26d"
    assert request._replace(version="", query=()).target == "/_ping"
