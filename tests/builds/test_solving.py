"""What a build says is read against closed tables: what is not in them is refused by name, at each of its doors."""

import json

from builds.foreign import parse
from builds.messages import entry, flag, messages, text
from builds.said import (
    BRIDGE,
    CONTROL,
    FRONTEND,
    OWNER,
    SOLVE,
    STEP,
    attributes_of,
    attrs,
    cache_from,
    cache_to,
    denial,
    export,
    goes_on,
    hear,
    message,
    old_export,
)
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.protobuf import Message, read_message, write_message
from dockerproxy.builds.solving import METHODS, DeniedError, read_call
from dockerproxy.owner_labels import make_built, scope

BOTH = (SOLVE, STEP)
IMPORTS = "cache-imports"

ATTRIBUTES: list[tuple[str, str, str]] = [
    ("build-arg:BUILDKIT_SYNTAX", "evil/frontend", "runs an image as frontend"),
    ("build-arg:BUILDKIT_ATTEST_SBOM", "generator=evil/image", "may run another image"),
    ("build-arg:BUILDKIT_ATTEST_PROVENANCE", "", "may run another image"),
    ("build-arg:BUILDKIT_UNKNOWN", "1", "may run another image"),
    ("cmdline", "evil/frontend", "runs an image"),
    ("source", "evil/frontend", "runs an image as frontend"),
    ("cgroup-parent", "/", "their cgroup"),
    ("contextsubdir", "x", "is not known"),
    ("hostname", "x", "is not known"),
    ("memory", "1", "is not known"),
    ("something", "", "is not known"),
    ("Target", "x", "is not known"),
    ("", "", "is not known"),
    (":", "", "is not known"),
    ("context", "https://example.com/x.git", "must come from the client"),
    ("context", "http://127.0.0.1/x.tar", "must come from the client"),
    ("context", "http://buildkit-session/../x", "must come from the client"),
    ("context", "http://buildkit-session/x#y", "must come from the client"),
    ("context", "http://buildkit-session.evil/x", "must come from the client"),
    ("context", "HTTP://buildkit-session/x", "must come from the client"),
    ("context", "git@example.com:x", "must come from the client"),
    ("context", "input:x", "must come from the client"),
    ("contextkey", "target", "names the attribute with"),
    ("contextkey", "build-arg:x", "names the attribute with"),
    ("contextkey", "context:x", "names the attribute with"),
    ("context:x", "https://example.com/x.git", "must come from the client or be an image"),
    ("context:x", "git://example.com/x", "must come from the client or be an image"),
    ("context:x", "oci-layout://x@sha256:0", "must come from the client or be an image"),
    ("context:x", "input:target", "must come from the client or be an image"),
    ("context:x", "local:a:b", "must come from the client or be an image"),
    ("context:x", "", "must come from the client or be an image"),
    ("attest:sbom", "", "runs an image"),
    ("attest:sbom", "generator=evil/image", "runs an image"),
    ("attest:SBOM", "", "is not known"),
    ("attest:provenance", "mode=max,generator=evil/image", "adds provenance"),
    ("attest:provenance", '"mode=max"', "adds provenance"),
    ("force-network-mode", "host", "puts its steps on another"),
    ("force-network-mode", "NONE", "puts its steps on another"),
    ("image-resolve-mode", "other", "selects when images are pulled"),
    ("ulimit", "rtprio=99", "is not known to be harmless"),
    ("ulimit", "nofile=1,rtprio=99", "is not known to be harmless"),
    ("ulimit", "nofile=1:2:3", "is not known to be harmless"),
    ("ulimit", "", "is not known to be harmless"),
    ("add-hosts", "x=1 y=2", "adds host names"),
    ("shm-size", "-1", "sets the shared memory"),
    ("requestid", "moby.other", "asks about the Dockerfile"),
    ("frontend.caps", "moby.buildkit.frontend.gitquerystring", "lists required frontend features"),
    ("cache-from", "a//b", "is not a valid image name"),
    (IMPORTS, "{}", "is not a list of caches"),
    (IMPORTS, "[", "is not a list of caches"),
    (IMPORTS, "[1]", "is not a list of caches"),
    (IMPORTS, "[null]", "is not a list of caches"),
    (IMPORTS, '[{"type": "registry"}]', "is not a list of caches"),
    (IMPORTS, '[{"Type": "inline", "TYPE": "gha"}]', "is not a list of caches"),
    (IMPORTS, '[{"Type": "inline", "Type": "gha"}]', "is not a list of caches"),
    (IMPORTS, '[{"Type": "inline"}] []', "is not a list of caches"),
    (IMPORTS, '[{"Type": "registry", "Attrs": {"ref": 1}}]', "is not a list of caches"),
    (IMPORTS, '[{"Type": "registry", "Attrs": {"ref": "a", "ref": "b"}}]', "is not a list of caches"),
    (IMPORTS, '[{"Type": "gha", "Attrs": {}}]', 'a cache of the type "gha"'),
    (IMPORTS, '[{"Type": "registry", "Attrs": {"REF": "a"}}]', 'cache attribute "REF" is not known'),
    (IMPORTS, '[{"Type": "registry", "Attrs": {}}]', "is not a valid image name"),
]


@for_each(("name", "value", "says"), ATTRIBUTES)
def test_an_attribute_that_may_do_more_than_a_dockerfile_is_refused_at_both_doors(
    name: str, value: str, says: str
) -> None:
    for path in BOTH:
        assert says in denial(attrs({name: value}, path=path), path)
        assert says in denial(attrs({"target": "x", name: value, "platform": "linux/amd64"}, path=path), path)


FIELDS: list[tuple[str, str, bytes, str]] = [
    ("a definition", SOLVE, text(2, text(1, "llb")), "Build.definition is raw LLB"),
    ("a definition", STEP, text(1, text(1, "llb")), "Step.definition is raw LLB"),
    ("inputs", SOLVE, text(10, entry(1, "a", "")), "Build.inputs is LLB of other builds"),
    ("inputs", STEP, text(13, entry(1, "a", "")), "Step.inputs is LLB of other builds"),
    ("a source policy", SOLVE, text(12, "x"), "Build.policy is a policy that replaces sources"),
    ("source policies", STEP, text(15, "x"), "Step.policies is a policy that replaces sources"),
    ("the session of a policy", SOLVE, text(15, "x"), "Build.policy_session is a session that replaces"),
    ("a session exporter", SOLVE, flag(14, 1), "Build.session_exporter is an exporter that"),
    ("an unknown field", SOLVE, flag(16, 1), "unknown field 16"),
    ("an unknown field", STEP, flag(16, 1), "unknown field 16"),
    ("an old exporter of a step", STEP, text(11, "x"), "Step.exporter_attr is deprecated"),
    ("an old cache", SOLVE, text(8, text(1, "x")), "Cache.export_ref is deprecated"),
    ("an old cache", SOLVE, text(8, text(2, "x")), "Cache.import_refs is deprecated"),
    ("an old cache", SOLVE, text(8, text(3, entry(1, "a", "b"))), "Cache.export_attrs is deprecated"),
    ("an entitlement", SOLVE, text(9, "network.host"), "its steps would have rights on the host"),
    ("two entitlements", SOLVE, text(9, "") + text(9, "security.insecure"), "rights on the host"),
    ("an empty entitlement", SOLVE, text(9, ""), "its steps would have rights on the host"),
    ("the gateway", SOLVE, text(6, "gateway.v0"), 'the frontend "gateway.v0" is not dockerfile.v0'),
    ("the gateway", STEP, text(2, "gateway.v0"), 'the frontend "gateway.v0" is not dockerfile.v0'),
    ("another spelling", STEP, text(2, "Dockerfile.v0"), 'the frontend "Dockerfile.v0" is not'),
    ("an unknown exporter", SOLVE, export("other", {}), 'the exporter "other" is not known'),
    ("an unknown old exporter", SOLVE, old_export("other", {}), 'the exporter "other" is not known'),
    ("a resolver", BRIDGE + "ResolveImageConfig", text(5, "x"), "a store outside the engine"),
    ("a store", BRIDGE + "ResolveImageConfig", text(7, "x"), "a store outside the engine"),
    ("attestations", BRIDGE + "Return", text(1, text(12, entry(1, "a", "x"))), "that a client wrote"),
    ("a definition", BRIDGE + "Warn", text(6, text(3, "x")), "Source.definition is raw LLB"),
]


@for_each(("what", "path", "content", "says"), FIELDS)
def test_a_field_that_no_build_needs_is_refused_with_its_name(what: str, path: str, content: bytes, says: str) -> None:
    assert says in denial(content, path), what


EXPORTS: list[tuple[dict[str, str], str]] = [
    ({"dangling-name-prefix": "x"}, 'dangling-name-prefix" is not known'),
    ({"danging-name-empty-only": "true"}, 'danging-name-empty-only" is not known'),
    ({"registry.insecure": "true"}, 'registry.insecure" is not known'),
    ({"push-by-digest": "true"}, 'push-by-digest" is not known'),
    ({"attestation-inline": "true"}, 'attestation-inline" is not known'),
    ({"Name": "x"}, 'Name" is not known'),
    ({"push": "yes", "name": "x"}, "sends it to a registry"),
    ({"push": "TRUE", "name": "x"}, "sends it to a registry"),
    ({"push": "true"}, "is not a valid image name"),
    ({"push": "", "name": ""}, "is not a valid image name"),
    ({"push": "true", "name": "a,,b"}, "is not a valid image name"),
    ({"push": "true", "name": "*"}, '"*" is not a valid image name'),
    ({"push": "true", "name": "a@sha256:" + "0" * 64}, "is not a valid image name"),
]


@for_each(("values", "says"), EXPORTS)
def test_an_exporter_writes_no_more_than_names_that_are_judged(values: dict[str, str], says: str) -> None:
    for kind in ("moby", "image", "docker", ""):
        assert says in denial(export(kind, values))
        assert says in denial(old_export(kind, values))
        assert says in denial(export("moby", {}) + old_export(kind, values))
        assert says in denial(old_export("moby", {"name": "x"}) + export(kind, values))


@for_each("kind", ["gha", "s3", "azblob", "local", "Registry", ""])
def test_a_cache_is_in_the_image_or_a_registry(kind: str) -> None:
    for content, path in (
        (cache_to(kind, {"ref": "x"}), SOLVE),
        (cache_from(kind, {"ref": "x"}), SOLVE),
        (cache_from(kind, {"ref": "x"}, path=STEP), STEP),
    ):
        assert f'a cache of the type "{kind}" is not in the image' in denial(content, path)


@for_each("name", ["registry.insecure", "src", "dest", "url", "Ref"])
def test_an_attribute_of_a_cache_is_one_of_the_table(name: str) -> None:
    for kind in ("registry", "inline"):
        says = f'the cache attribute "{name}" is not known'
        assert says in denial(cache_to(kind, {"ref": "x", name: "true"}))
        assert says in denial(cache_from(kind, {"ref": "x", name: "true"}))


OTHERS = [
    *(CONTROL + name for name in ("Prune", "DiskUsage", "ListenBuildHistory", "UpdateBuildHistory", "Session")),
    *(BRIDGE + name for name in ("NewContainer", "ReleaseContainer", "ExecProcess", "ResolveSourceMeta")),
    *(BRIDGE + name for name in ("ReadFile", "ReadDir", "StatFile")),  # The engine opens devices that a step made.
    *("/containerd.services.content.v1.Content/Read", "/grpc.health.v1.Health/Check", "", "/", "//"),
    *(SOLVE + "/", "/" + SOLVE, SOLVE.lower(), SOLVE + "?x", SOLVE.replace(".", "%2e"), SOLVE[1:]),
]


@for_each("path", OTHERS)
def test_a_method_that_no_build_needs_is_denied(path: str) -> None:
    assert "is not a call that builds need" in denial(b"", path)


def test_a_build_whose_names_would_not_fit_in_a_request_is_denied() -> None:
    for content in (
        export("moby", {"name": ",".join(f"name-{number}" for number in range(3000))}),
        attrs({"label:x": "y" * 20_000}),
        attrs({"filename": "y" * 20_000}),
        attrs({"cache-from": ",".join(f"image-{number}" for number in range(3000))}),
        attrs({"ulimit": "nofile=1," * 100_000}),
        attrs({"source": "\n" * 100_000}),
        attrs({f"label:{number}": "" for number in range(600)} | {"label:x": "y" * 15_000}),
    ):
        assert denial(content) == "its names, labels and caches are too long"
    assert not denial(attrs({"build-arg:x": "y" * 100_000}))


EVERYTHING = st.sampled_from(sorted(METHODS)).flatmap(lambda path: st.tuples(st.just(path), messages(METHODS[path])))
KNOWN: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("target", "label:a", "build-arg:a", "vcs:a", "local-sessionid:a"), st.text(max_size=5)),
        "build-arg:BUILDKIT_CACHE_MOUNT_NS": st.text(max_size=5),
        "context:a": st.sampled_from(["docker-image://a:b", "local:x"]),
        IMPORTS: st.sampled_from(['[{"Type":"registry","Attrs":{"ref":"a"}}]', "[]", ""]),
    },
)


@given(EVERYTHING)
def test_whatever_goes_on_has_only_fields_of_the_table(made: tuple[str, Message]) -> None:
    path, said = made
    try:
        call = read_call(path, write_message(said, METHODS[path]), OWNER)
    except DeniedError:
        return
    theirs = parse(METHODS[path], call.content)
    before = theirs.SerializeToString(deterministic=True)
    theirs.DiscardUnknownFields()
    assert theirs.SerializeToString(deterministic=True) == before
    for empty in ("definition", "inputs", "policy", "session_exporter", "policy_session", "policies", "attestations"):
        assert empty not in read_message(call.content, METHODS[path])


@given(KNOWN, st.sampled_from(BOTH))
def test_what_goes_on_may_be_said_again_and_asks_for_the_same(values: dict[str, str], path: str) -> None:
    first = hear(attrs(values, path=path), path)
    sent = read_message(first.content, METHODS[path])
    again = attributes_of(sent)
    for fixed in ("cmdline", "label:dockerproxy.build"):
        del again[fixed]
    second = hear(write_message(sent, METHODS[path]), path)
    assert second.requests == first.requests
    assert attributes_of(goes_on(write_message(sent, METHODS[path]), path)).keys() == {
        *again,
        "cmdline",
        "label:dockerproxy.build",
    }


@given(KNOWN, st.sampled_from(BOTH), st.sampled_from([FRONTEND, ""]))
def test_each_build_that_goes_on_has_what_the_proxy_adds(values: dict[str, str], path: str, frontend: str) -> None:
    content = attrs(values, path=path).replace(
        text(6 if path == SOLVE else 2, FRONTEND), text(6 if path == SOLVE else 2, frontend)
    )
    sent = attributes_of(goes_on(content, path))
    mounts = "build-arg:BUILDKIT_CACHE_MOUNT_NS"
    assert (sent["cmdline"], sent["label:dockerproxy.build"]) == ("1", make_built(OWNER))
    assert sent[mounts] == scope(OWNER, mounts, values.get(mounts) or " ")
    assert sent[mounts] != attributes_of(goes_on(content, path, "two"))[mounts]
    kept = {*values} - {mounts, "local-sessionid:a", IMPORTS}
    assert {name: sent[name] for name in kept} == {name: values[name] for name in kept}


def test_json_that_go_reads_without_regard_to_case_is_written_anew() -> None:
    listed = [{"Type": "registry", "Attrs": {"ref": "a"}}]
    written = ' [ {"\\u0054ype" : "registry", "Attrs": {"ref": "\\u0061"}} ]'
    sent = attributes_of(goes_on(attrs({IMPORTS: written})))[IMPORTS]
    assert sent == json.dumps(listed)
    assert attributes_of(goes_on(attrs({IMPORTS: ""})))[IMPORTS] == "[]"


def test_a_result_has_no_steps_of_a_client() -> None:
    made = text(3, text(1, "id") + text(2, "llb"))
    assert goes_on(text(1, made), BRIDGE + "Return") == {"result": {"ref": {"id": "id"}}}
    assert message("Return", result={"ref": {"id": "id"}}) == hear(text(1, made), BRIDGE + "Return").content


def test_a_result_is_one_or_an_error() -> None:
    """Of neither, BuildKit reads what is not there, and dockerd ends."""
    assert "neither a result nor an error" in denial(b"", BRIDGE + "Return")
    for content in (text(1, b""), text(2, b"")):
        assert hear(content, BRIDGE + "Return").content == content


BUILT = {"config": {"Labels": {"dockerproxy.build": make_built(OWNER)}}}
OF_OTHERS = [
    *("{}", "[]", "", "{", '{"config": {"Labels": {"dockerproxy.build": ""}}}'),
    *(json.dumps(BUILT).replace(make_built(OWNER), value) for value in ("true", make_built("two"))),
    json.dumps(BUILT).replace("config", "Config"),
    json.dumps(BUILT)[:-1] + ', "config": {}}',
]


@for_each("name", ["containerimage.config", "containerimage.config/linux/amd64"])
def test_the_settings_of_an_image_have_the_label_by_which_it_is_no_image_of_another(name: str) -> None:
    def result(settings: str) -> bytes:
        return text(1, text(3, text(1, "id")) + entry(10, name, settings))

    for settings in OF_OTHERS:
        assert "lacks this owner's label dockerproxy.build" in denial(result(settings), BRIDGE + "Return"), settings
    assert not denial(result(json.dumps(BUILT)), BRIDGE + "Return")


def test_the_settings_of_images_have_few_values() -> None:
    many = json.dumps({**BUILT, "many": [1] * 900})
    entries = [entry(10, f"containerimage.config/{number}", many) for number in range(6)]
    denials = [denial(text(1, b"".join(entries[:count])), BRIDGE + "Return") for count in (5, 6)]
    assert denials == ["", "the configurations of its images have too many values"]
