"""Names bound what clients do with images, which nobody owns."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import make_built
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.globs import find_stem, fits
from dockerproxy.policy.image_grants import Pattern, find_overlaps
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.references import find_repository, normalise_pattern
from dockerproxy.problems import UserError
from dockerproxy.workbench.trying import Tried, try_request

ID = "1" * 64
IMAGE = f"sha256:{ID}"


def policy_of(*allow: str, deny: str = "") -> CompiledPolicy:
    text = f"sockets: {{ci: {{path: /a.sock, allow: [{', '.join(allow)}], deny: [{deny}]}}}}"
    return read_policy(text, "policy.yaml").sockets[0].policy


def decide_about(policy: CompiledPolicy, line: str) -> Decision:
    """Return the decision, if the engine has the image that is asked for, under no other name."""
    method, target = line.split(" ")
    tried = try_request(policy, method, target)
    assert isinstance(tried, Tried)
    return tried.decision


def passes(policy: CompiledPolicy, line: str, *names: str) -> bytes:
    """Return what goes to the engine of a request about an image of these names."""
    judged = judge(policy, head_of(line=f"{line} HTTP/1.1"))
    if isinstance(judged, NeedsLookup):
        every = line.startswith("DELETE") and ID in line
        judged = judge_object(judged, ResolvedObject(IMAGE, names, every=every, document={"id": IMAGE}))
    assert isinstance(judged, Verdict)
    return judged.to_engine.partition(b"\r\n")[0]


APP, NGINX, THEIRS = (f"docker.io/library/{name}:latest" for name in ("app", "nginx", "theirs"))


@for_each(
    ("allow", "seen"),
    [
        ((), set()),
        (("ContainerCreate",), {APP, NGINX, THEIRS}),
        (("ContainerCreate: unrestricted",), {APP, NGINX, THEIRS}),
        (("ContainerCreate: {images: [nginx]}",), {NGINX}),
        (("ImageCreate: {images: [nginx]}",), {NGINX}),
        (("ImageCreate: {tags: [app]}",), {APP}),
        (("ContainerCreate: {images: [nginx]}", "ImageBuild: {tags: [app]}"), {NGINX, APP}),
        (("ServiceCreate: {images: [nginx]}", "ImageInspect: {images: [app]}"), {APP}),
    ],
)
def test_own_shows_images_that_creates_pulls_and_tags_name(allow: tuple[str, ...], seen: set[str]) -> None:
    policy = policy_of("own", *allow)
    assert {name for name in (APP, NGINX, THEIRS) if passes(policy, "GET /images/x/json", name)} == seen
    if not allow:
        assert not policy.allows("ImageList")


def test_a_denied_create_shows_nothing() -> None:
    policy = policy_of("own", "containers:write", "ImageCreate: {images: [nginx]}", deny="ContainerCreate")
    assert not passes(policy, "GET /images/x/json", APP)
    assert passes(policy, "GET /images/x/json", NGINX)


@pytest.mark.parametrize("create", ["ContainerCreate", 'ContainerCreate: {images: ["**"]}'])
def test_own_shows_no_image_without_a_name(create: str) -> None:
    assert not passes(policy_of("own", create), f"GET /images/{IMAGE}/json")


@pytest.mark.parametrize("verb", ["GET /images/x/get", "POST /images/x/tag?repo=app", "DELETE /images/x"])
def test_own_neither_saves_names_nor_removes_images(verb: str) -> None:
    assert not passes(policy_of("own", "ContainerCreate", "ImageBuild: {tags: [app]}"), verb, APP)
    assert not policy_of("own", "ContainerCreate").allows("ImagePush")


@for_each(
    ("said", "names", "may"),
    [
        ("{tags: [app]}", (APP,), True),
        ("{tags: [app]}", (NGINX,), False),
        ("{tags: [app], images: [nginx]}", (NGINX,), True),
        ("{tags: [app], images: [nginx]}", (APP,), True),
        ("{tags: [app], images: [nginx]}", (THEIRS,), False),
        ("{tags: [app], images: [nginx]}", (), False),
        ('{tags: [app], images: ["**"]}', (), True),
    ],
)
@for_each("beside", [(), ("own", "ContainerCreate")])
def test_an_image_that_gets_a_name_is_within_images_or_tags(
    said: str, names: tuple[str, ...], *, may: bool, beside: tuple[str, ...]
) -> None:
    policy = policy_of(*beside, f"ImageTag: {said}")
    assert bool(passes(policy, f"POST /images/{IMAGE}/tag?repo=app", *names)) is may
    assert not passes(policy, f"POST /images/{IMAGE}/tag?repo=nginx", *names)


@for_each("query", ["", "?force=1", "?force=0&noprune=1", "?Force=1&FORCE=true"])
@for_each("own", [(), ("own", "ContainerCreate")])
def test_a_removal_is_by_names_within_tags_and_forces_nothing(query: str, own: tuple[str, ...]) -> None:
    policy = policy_of(*own, 'ImageDelete: {tags: ["docker.io/library/app*"]}')
    sent = passes(policy, f"DELETE /images/{IMAGE}{query}", APP, "docker.io/library/app-2:1")
    assert sent.startswith(f"DELETE /images/{IMAGE}".encode()) or "Force" in query
    assert b"orce" not in sent.lower()
    assert not passes(policy, f"DELETE /images/{IMAGE}{query}", APP, NGINX)
    assert not passes(policy, f"DELETE /images/{IMAGE}{query}")


@pytest.mark.parametrize("query", ["", "?noprune=0", "?noprune=1", "?NoPrune=false&noprune="])
def test_a_removal_leaves_the_images_that_it_was_built_upon(query: str) -> None:
    sent = passes(policy_of("ImageDelete: {tags: [app]}"), f"DELETE /images/{IMAGE}{query}", APP)
    assert sent.startswith(f"DELETE /images/{IMAGE}?noprune=1 ".encode())


@pytest.mark.parametrize("said", ["{tags: [app]}", "{images: [app]}"])
def test_no_removal_is_of_some_platforms(said: str) -> None:
    """The engine removes their contents from all names of the image."""
    policy = policy_of(f"ImageDelete: {said}")
    for query in ("platforms=%7B%7D", "Platforms=x", "force=1&platforms=x", "platforms=&platforms=x"):
        assert not passes(policy, f"DELETE /v1.50/images/app?{query}", APP), query
    assert passes(policy, "DELETE /v1.50/images/app", APP)
    assert passes(policy_of("ImageDelete"), "DELETE /v1.50/images/app?platforms=x", APP)
    beside = policy_of(f"ImageDelete: {said}", "ImageDelete: {tags: [nginx]}")  # The first has the name already.
    assert ', add "' not in decide_about(beside, "DELETE /v1.50/images/app?platforms=x").message


@pytest.mark.parametrize("beside", [(), ("own",)])
def test_tags_alone_let_no_other_name_be_pulled(beside: tuple[str, ...]) -> None:
    policy = policy_of(*beside, "ImageCreate: {tags: [app]}")
    assert passes(policy, "POST /images/create?fromSrc=-&repo=app")
    assert passes(policy, "POST /images/create?fromImage=app&tag=latest")
    for query in ("fromImage=theirs&tag=latest", "fromImage=theirs", "fromImage=app", "fromImage=ghcr.io/evil/x&tag=1"):
        assert not passes(policy, f"POST /images/create?{query}"), query
    wider = policy_of(*beside, "ImageCreate: {images: [nginx], tags: [app]}")
    assert passes(wider, "POST /images/create?fromImage=nginx&tag=latest")
    assert passes(wider, "POST /images/create?fromSrc=-&repo=app")
    for query in ("fromImage=app&tag=latest", "fromSrc=-&repo=nginx", "fromSrc=-&repo=app&fromImage=", "fromSrc=-"):
        assert not passes(wider, f"POST /images/create?{query}"), query
    pulls = policy_of(*beside, "ImageCreate: {images: [nginx]}")
    assert not passes(pulls, "POST /images/create?fromSrc=-&repo=nginx")


@pytest.mark.parametrize("word", ["ImageBuild", "ImageTag", "ImageTag: {images: [nginx]}"])
def test_whoever_gives_names_says_which(word: str) -> None:
    for beside in ((), ("own",)):
        with pytest.raises(UserError, match="it needs tags"):
            policy_of(*beside, word)
    assert not policy_of("images:write").allows("ImageTag")
    assert policy_of(f"{word.partition(':')[0]}: unrestricted").allows(word.partition(":")[0])


def test_a_removal_beside_own_says_which_names() -> None:
    for removal in ("ImageDelete", "ImageDelete: {images: [app]}", "ImageDelete: {images: [app], force: true}"):
        assert policy_of(removal).allows("ImageDelete")
        with pytest.raises(UserError, match="it needs tags"):
            policy_of("own", removal)


@pytest.mark.parametrize(
    "operation", ["ImageList", "ImageInspect", "ImageTag", "ImageDelete", "ImagePush", "ImageGetAll", "ImageGet"]
)
def test_no_image_is_owned(operation: str) -> None:
    with pytest.raises(UserError, match=r"images have no owner: write (images|tags)"):
        policy_of(f"{operation}: {{own: true}}")


@pytest.mark.parametrize("pattern", ['"**"', '"docker.io/**"', '"ghcr.io/?cme/x"', '"localhost/*:1"', f'"{IMAGE}"'])
def test_a_pattern_of_tags_is_literal_up_to_the_first_character_of_the_path(pattern: str) -> None:
    for word in ("ImageBuild", "ImageTag", "ImageDelete", "ImageCreate"):
        with pytest.raises(UserError, match="in tags"):
            policy_of(f"{word}: {{tags: [{pattern}]}}")


@pytest.mark.parametrize(
    "pattern", ["app", "a/*", '"docker.io/a**"', '"ghcr.io/a*:*"', '"localhost/a?"', '"h:5000/a**"']
)
def test_tags_may_be_patterns_behind_that(pattern: str) -> None:
    assert policy_of(f"ImageBuild: {{tags: [{pattern}]}}").allows("ImageBuild")


def sockets(mine: str, theirs: str, **own_as: str) -> str:
    text = ", ".join(
        f"{name}: {{path: /{name}.sock, own_as: {own_as.get(name, name)}, allow: [ImageBuild: {{tags: ['{tags}']}}]}}"
        for name, tags in (("a", mine), ("b", theirs))
    )
    return f"sockets: {{{text}}}"


@for_each(
    ("mine", "theirs"),
    [
        ("app", "docker.io/library/app:latest"),
        ("app", "index.docker.io/app"),
        ("docker.io/team/*", "docker.io/team/x:1"),
        ("docker.io/team/a*", "docker.io/team/*-app*"),
        ("docker.io/team/a*:1", "docker.io/t*/ab:*"),
        ("ghcr.io/t**", "ghcr.io/team/x"),
        ("ghcr.io/a/?x:1", "ghcr.io/a/x?:1"),
        *((f"ghcr.io/a/x{each}", "ghcr.io/a/x") for each in ("?*", "*y*", "?**", "?y**z*")),
        ("app:1", "app:2"),
        ("localhost:5000/acme/base:a-*", "localhost:5000/acme/base:b-*"),
    ],
)
def test_two_owners_give_no_names_in_one_repository(mine: str, theirs: str) -> None:
    for one, other in ((mine, theirs), (theirs, mine)):
        with pytest.raises(UserError, match="overlap"):
            read_policy(sockets(one, other), "policy.yaml")
        assert read_policy(sockets(one, other, b="a"), "policy.yaml")


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [("a/*", "b/*"), ("docker.io/a/*", "ghcr.io/a/*"), ("docker.io/t/a*", "docker.io/t/a/b*")],
)
def test_names_that_no_pattern_shares_are_no_mistake(mine: str, theirs: str) -> None:
    assert read_policy(sockets(mine, theirs), "policy.yaml")


PIECES = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "?", ":1"]), max_size=5).map("".join)
GLOBS = st.lists(st.builds("ghcr.io/a{}".format, PIECES), min_size=1, max_size=3)
TEXTS = st.lists(st.sampled_from(["a", "b", "/", ":1", ":latest"]), max_size=6).map(
    lambda each: f"ghcr.io/a{''.join(each)}"
)


def pattern_of(item: str, owner: str) -> Pattern:
    glob = find_repository(normalise_pattern(item))
    return Pattern(find_stem(glob), glob, item, owner, owner, gives=True)


@given(GLOBS, GLOBS, TEXTS)
def test_no_name_fits_patterns_of_two_owners_unseen(mine: list[str], theirs: list[str], name: str) -> None:
    """A name has a tag wherever it is compared."""
    patterns = [pattern_of(item, owner) for owner, items in (("a", mine), ("b", theirs)) for item in items]
    given = (("a", mine), ("b", theirs))
    owners = {owner for owner, items in given if any(fits(normalise_pattern(item), name) for item in items)}
    assert len(owners) < 2 or ":" not in name or any(find_overlaps(patterns))


HUB = "docker.io/library"
CI = "preset:ci, ImageBuild: {tags: [job-app]}"


@for_each(
    ("allow", "line", "proposed"),
    [
        (CI, "DELETE /images/job-app", f"ImageDelete: {{tags: [{HUB}/job-app:latest]}}"),
        (
            f"{CI}, ImageDelete: {{tags: [old]}}",
            "DELETE /images/job-app",
            f"ImageDelete: {{tags: [old, {HUB}/job-app:latest]}}",
        ),
        ("ImageDelete: {images: [old]}", "DELETE /images/app", f"ImageDelete: {{images: [old, {HUB}/app:latest]}}"),
        (CI, "POST /images/job/tag?repo=job&tag=2", f"ImageTag: {{images: [{HUB}/job:latest], tags: [{HUB}/job:2]}}"),
        (
            f"{CI}, ImageTag: {{images: [job-app], tags: [job-app]}}",
            "POST /images/job-app/tag?repo=job-app&tag=2",
            f"ImageTag: {{images: [job-app], tags: [job-app, {HUB}/job-app:2]}}",
        ),
        (
            f"{CI}, ImageTag: {{images: [job-app], tags: [job-app]}}",
            "POST /images/old/tag?repo=job-app",
            f"ImageTag: {{images: [job-app, {HUB}/old:latest], tags: [job-app]}}",
        ),
        (
            "preset:ping",
            "POST /build?t=job-app&t=ghcr.io/a/b:1&t=job-app:latest",
            f"ImageBuild: {{tags: [{HUB}/job-app:latest, ghcr.io/a/b:1]}}",
        ),
        (CI, "POST /images/job-app/push?tag=2", f"ImagePush: {{images: [{HUB}/job-app:2]}}"),
        (CI, "POST /images/create?fromSrc=-&repo=got&tag=1", f'ImageCreate: {{images: ["**"], tags: [{HUB}/got:1]}}'),
        ("own, ContainerList", "POST /images/create?fromSrc=-&repo=got", f"ImageCreate: {{tags: [{HUB}/got:latest]}}"),
        ("preset:ping", "POST /images/create?fromSrc=-&repo=got", f"ImageCreate: {{tags: [{HUB}/got:latest]}}"),
        ("own, ContainerList", "POST /images/create?fromImage=a&tag=2", f"ImageCreate: {{images: [{HUB}/a:2]}}"),
        (
            "preset:ping, ImageCreate: {images: [old]}",
            "POST /images/create?fromImage=job-app&tag=2",
            f"ImageCreate: {{images: [old, {HUB}/job-app:2]}}",
        ),
        (
            "preset:authentik",
            "POST /images/create?fromImage=job-app&tag=2",
            f'ImageCreate: {{images: ["ghcr.io/goauthentik/*", {HUB}/job-app:2]}}',
        ),
    ],
)
def test_the_line_proposed_for_an_image_names_it_and_admits_the_request_as_it_is(
    allow: str, line: str, proposed: str
) -> None:
    denied = decide_about(policy_of(allow), line)
    assert not denied.allowed
    assert denied.message.startswith(f"{proposed.partition(':')[0]} denied: ")
    assert f'add "{proposed}" to "allow"' in denied.message
    word = proposed.partition(":")[0]
    left = re.sub(rf", {word}: {{.*}}", "", allow) if "remove its line" in denied.message else allow
    assert decide_about(policy_of(left, proposed), line).allowed


@pytest.mark.parametrize(("name", "told"), [("job-app", True), ("11111111", False)])
def test_of_the_names_of_an_image_only_the_one_that_was_sent_is_proposed(name: str, told: bool) -> None:  # noqa: FBT001 (pytest gives it)
    judged = judge(
        policy_of("preset:ci", "ImageDelete: {tags: [old]}"), head_of(line=f"DELETE /images/{name} HTTP/1.1")
    )
    assert isinstance(judged, NeedsLookup)
    found = ResolvedObject(IMAGE, (f"{HUB}/job-app:latest", f"{HUB}/secret:1"), document={"id": IMAGE})
    judged = judge_object(judged, found)
    assert isinstance(judged, Verdict)
    assert not judged.passes
    assert (f"ImageDelete: {{tags: [old, {HUB}/job-app:latest]}}" in judged.decision.message) is told
    assert "secret" not in judged.decision.message


@for_each(
    ("line", "says"),
    [
        ("DELETE /images/0123456789ab", 'add "ImageDelete: {tags: ["docker.io/library/my-app:*"]}"'),
        ("POST /images/job-app/tag?repo=A", 'add "ImageTag: {tags: ["docker.io/library/my-app:*"]}"'),
        ("POST /build?t=job-app&t=A", 'add "ImageBuild: {tags: ["docker.io/library/my-app:*"]}"'),
        ("POST /images/create?fromSrc=http://x&repo=a", "the engine fetches it from wherever it can reach"),
    ],
)
def test_where_no_name_is_known_the_proposed_line_can_be_read(line: str, says: str) -> None:
    message = decide_about(policy_of("preset:ci"), line).message
    assert says in message
    found = re.search('add "(.*)" to "allow"', message)
    assert found
    policy_of(found[1])


def test_an_import_without_a_name_is_told_to_name_the_image() -> None:
    message = decide_about(policy_of("preset:ci"), "POST /images/create?fromSrc=-").message
    assert message.endswith("must be a name that a rule allows by tags; to allow it, name the image")


def test_a_build_pulls_nothing_in_place_of_what_is_there() -> None:
    policy = policy_of("ImageBuild: {tags: [app]}")
    for query in ("pull=1", "pull=true"):
        judged = judge(policy, head_of("content-length: 9", line=f"POST /build?t=app&{query} HTTP/1.1"))
        assert isinstance(judged, Verdict)
        assert judged.passes
        assert b"pull" not in judged.to_engine


@pytest.mark.parametrize("query", ["platform=linux/arm64", "t=app&platform=linux/amd64"])
def test_a_build_is_for_the_platform_of_the_engine(query: str) -> None:
    """For another one, an engine pulls a name that it has, and gives it to what comes."""
    judged = judge(policy_of("ImageBuild: {tags: [app]}"), head_of(line=f"POST /build?{query} HTTP/1.1"))
    assert isinstance(judged, Verdict)
    assert not judged.passes
    assert "?platform is" in judged.decision.message


@pytest.mark.parametrize(
    ("labels", "sent"),
    [
        ("", {}),
        ("&labels=", {}),
        ("&labels=null", {}),
        ("&labels={}", {}),
        ("&labels=%7B%22a%22%3A%22b%22%7D", {"a": "b"}),
        ("&labels=%7B%22dockerproxy.build%22%3A%22%22%7D", {}),
    ],
)
def test_a_build_of_nothing_is_an_image_of_its_own(labels: str, sent: dict[str, str]) -> None:
    """Else one of only `FROM` would give its names to the image that it is from."""
    text = ", ".join(f"{name}: {{path: /{name}.sock, allow: [ImageBuild: {{tags: [{name}]}}]}}" for name in "ab")
    sockets = read_policy(f"sockets: {{{text}}}", "policy.yaml").sockets
    written = [labels_sent(each.policy, f"POST /build?t={each.name}{labels}") for each in sockets]
    assert written == [{**sent, "dockerproxy.build": make_built(owner)} for owner in "ab"]
    assert written[0] != written[1]


def labels_sent(policy: CompiledPolicy, line: str) -> object:
    judged = judge(policy, head_of(line=f"{line} HTTP/1.1"))
    assert isinstance(judged, Verdict)
    target = judged.to_engine.split(b" ")[1].decode()
    [text] = parse_qs(urlsplit(target).query)["labels"]
    return json.loads(text)
