"""What a grant gives away is seen in what it says, and nothing is seen that is not there."""

import pytest
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.compile import Case
from dockerproxy.policy.model import Decision, Source
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.dangers import (
    adds,
    is_any,
    is_contained,
    is_contained_without,
    lacks,
    owns_host,
    reads_every_secret,
    reads_keys,
    replaces_images,
    writes_below,
    writes_host,
)

HOME = "/home/ann"
WHOLE = Case((), Decision(allowed=True, sources=(Source("here"),)))


def contained(*conditions: Condition, **values: Value) -> Case:
    """Return a case of which all is looked at."""
    every = (*conditions, *(Condition(CONSTRAINTS[word], value) for word, value in values.items()))
    return Case(every, Decision(allowed=True, sources=(Source("here"),)), BODIES["ContainerCreate"])


def whole(*conditions: Condition) -> Case:
    return Case(conditions, Decision(allowed=True, sources=(Source("here"),)))


def pulls(*items: str) -> Condition:
    return Condition(CONSTRAINTS["images"], items)


def test_of_what_is_not_looked_at_nothing_is_found_that_conditions_would_say() -> None:
    of_bounds = (owns_host, writes_host, reads_every_secret, adds("SYS_TIME"), is_contained)
    assert not any(danger(WHOLE) for danger in of_bounds)
    assert not is_contained_without("memory")(WHOLE)
    assert is_any(WHOLE)


@pytest.mark.parametrize("danger", [owns_host, writes_host, reads_every_secret])
def test_a_grant_without_conditions_widens_nothing(danger: object) -> None:
    assert callable(danger)
    assert not danger(contained())


def test_a_condition_is_missing_unless_all_that_are_asked_for_are_there() -> None:
    assert lacks("memory", "pids")(contained(memory="1GiB"))
    assert not lacks("memory", "pids")(contained(memory="1GiB", pids="9", user="any"))
    assert lacks("containers")(WHOLE)
    assert not lacks("containers")(whole(Condition(CONSTRAINTS["containers"], ("web",))))
    assert is_contained_without("memory", "pids")(contained(memory="1GiB"))
    assert not is_contained_without("memory")(contained(memory="1GiB"))


def test_a_path_that_can_only_be_read_gives_no_more_than_sockets_away() -> None:
    assert owns_host(contained(binds=("/etc/cron.d",)))
    assert not owns_host(contained(binds=("/etc/cron.d:ro", "/srv")))
    assert owns_host(contained(binds=("/run/docker.sock:ro",)))
    assert writes_below(contained(binds=("/srv", "/srv/**")))
    assert not writes_below(contained(binds=("/srv/**:ro", "/srv/x", "/srv/*")))
    assert writes_host(contained(binds=("/srv:ro", "/srv/x")))


@for_each(
    "path",
    [
        *(
            "/run/dbus/system_bus_socket",
            "/var/run/dbus",
            "/run/systemd/private",
            "/run/crio/*",
            "/var/run/user/7/docker.s*",
        ),
        *("/var/run/podman/**", "/run/user/1001", "/run/user/*/podman", "/var/*"),
    ],
)
def test_whoever_speaks_to_an_engine_or_to_systemd_owns_the_host(path: str) -> None:
    assert owns_host(contained(binds=(f"{path}:ro",)))


@pytest.mark.parametrize("path", [HOME, f"{HOME}/.ssh/id_rsa", "/home/a*/.ssh", "/etc/shadow?", "/etc/ssl/*"])
def test_keys_are_seen_in_the_directory_of_anybody(path: str) -> None:
    assert reads_keys(contained(binds=(f"{path}:ro",)))
    assert not reads_keys(contained(binds=(f"{HOME}/src:ro", "/run/user/1000/x:ro", "/etc/hosts:ro")))
    assert not owns_host(contained(binds=("/run/user/1000/x:ro", "/run/lock:ro", f"{path}:ro")))


def test_a_capability_is_known_in_any_spelling() -> None:
    assert owns_host(contained(add_capabilities=("cap_sys_admin",)))
    assert adds("SYS_TIME", "SYSLOG")(contained(add_capabilities=("CHOWN", "CAP_SYSLOG")))
    assert not adds("SYS_TIME")(contained(add_capabilities=("ALL", "CHOWN")))


@pytest.mark.parametrize(
    ("value", "every"),
    [("*", True), ("**", True), ("?*", True), ("ci_*", False), ("*_key", False), ("?", False), ("any-name", False)],
)
def test_a_pattern_is_every_secret_if_it_means_nothing_by_itself(value: str, *, every: bool) -> None:
    assert reads_every_secret(contained(secrets=("ci_db", value))) is every


@for_each(
    ("item", "wide"),
    [
        ("**", True),
        ("docker.io/**", True),
        ("docker.io/library/*", True),
        ("docker.io/library/*:latest", True),
        ("registry.local/*", True),
        ("registry.local:5000/**:*", True),
        ("localhost/**", True),
        ("registry.local/*/*:latest", True),
        ("registry.local/ci/*", False),
        ("registry.local/ci-*", False),
        ("registry.local/**:ci-*", False),
        ("ci/**", False),
        ("nginx:*", False),
        ("nginx", False),
        ("sha256:" + "a" * 64, False),
    ],
)
def test_a_name_of_any_image_is_one_that_others_trust(item: str, *, wide: bool) -> None:
    assert replaces_images(contained(tags=("nginx", item))) is wide
    assert replaces_images(contained(images=(item,))) is wide
    assert replaces_images(whole(Condition(CONSTRAINTS["images"], (item,)))) is wide


def test_images_are_replaced_only_by_what_is_given_a_name_here() -> None:
    assert replaces_images(WHOLE)
    assert not replaces_images(contained())
    pulled = Case((pulls("**"),), Decision(allowed=True, sources=(Source("here"),)), BODIES["ImageCreate"])
    assert not replaces_images(pulled)
    assert replaces_images(contained(pulls("**"), tags=("**",)))
    assert not replaces_images(contained(images=("**",), tags=("registry.local/ci/*",)))
    assert not replaces_images(contained(tags=Pairs((("a", "**"),))))
