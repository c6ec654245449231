"""Names that programs make up become patterns, and nothing else does."""

import time

from hypothesis import given
from hypothesis import strategies as st
from observe.records import ID
from rows import for_each

from dockerproxy.policy.globs import fits
from dockerproxy.workbench.patterns import find_bind_families, find_families, find_image_families, is_id

DIGEST = "sha256:" + "0" * 60


@for_each(
    ("names", "patterns"),
    [
        # Parts between separators
        ("ci-3f9a2b ci-77c01d ci-00aa11 web", "ci-*"),
        ("web-1 web-2 web-3", "web-*"),
        ("web_1 web_2 web_3", "web_*"),
        ("web-1-run web-2-run web-3-run", "web-*-run"),
        (f"job-{ID[:8]}-{ID[:4]}-4{ID[:3]}-9{ID[:3]}-{ID[:11]}0 job-{ID[:8]}-0000-4000-9000-{ID[:12]} job-1", "job-*"),
        ("web.1.k7x2m9q4w1e8r5t6y3u0i2o4p web.1.a7x2m9q4w1e8r5t6y3u0i2o4p web.1.z1x2m9q4w1e8r5t6y3u0i2o4p", "web.1.*"),
        ("run-1-of-a1b2c3 run-1-of-a1b2c4 run-2-of-a1b2c3", "run-*-of-*"),
        (
            "runner-t1-project-12-0-c0ffee1 runner-t1-project-12-1-c0ffee2 runner-t1-project-12-1-c0ffee3",
            "runner-t1-project-12-*-*",
        ),
        ("ci-3f9a2b ci-77c01d ci-00aa11 job-1 job-2 job-3", "ci-* job-*"),
        # Ends without a separator
        ("job4711 job4712 job9", "job*"),
        ("cache00aa11 cache1234ab cache99881c", "cache*"),
        # Ids
        (ID, "?" * 64),
        # No family
        ("ci-3f9a2b ci-77c01d", ""),
        ("web db cache proxy", ""),
        ("a-1 a-2 a-3", ""),
        ("1 2 3", ""),
        ("db1 db2 db3", ""),
        ("ci-facade ci-decade ci-deface", ""),
        ("3f9a2b77c01d", ""),
        ("k7x2m9q4w1e8r5t6y3u0i2o4p", ""),
        ("zen_bell bold_morse2 sad_yam", ""),
        ("***1 ***2 ***3", ""),
        ("???1 ???2 ???3", ""),
        ("shop_db shop_cache shop_queue", ""),
        ("deadbeefcafe", ""),
        ("ci-3f9a2b cd-77c01d ce-00aa11", ""),
        # Paths
        ("/tmp/3f9a2b /tmp/77c01d /tmp/00aa11", "/tmp/*"),
        ("/data/a /data/b /data/c", ""),
        ("/srv/job-1 /srv/job-2 /srv/job-3", "/srv/job-*"),
        ("/**1 /**2 /**3", ""),
        ("/a1 /a2 /a3", ""),
        ("/etc1 /etc2 /etc3", ""),
        ("/var/lib1 /var/lib2 /var/lib3", ""),
        ("/job-1 /job-2 /job-3", ""),
    ],
)
def test_a_family_is_at_least_three_names_that_differ_in_what_looks_made_up(names: str, patterns: str) -> None:
    assert " ".join(sorted(find_families(names.split()))) == patterns


@for_each(
    ("references", "patterns"),
    [
        (" ".join(f"docker.io/library/alpine:3.{minor}" for minor in range(5)), "docker.io/library/alpine:*"),
        (" ".join(f"reg.example:5000/a/b:{tag}" for tag in range(5)), "reg.example:5000/a/b:*"),
        (" ".join(f"docker.io/library/alpine:3.{minor}" for minor in range(4)), ""),
        (" ".join(f"docker.io/a/b@{DIGEST}{number:04}" for number in range(3)), "docker.io/a/b@*"),
        (" ".join(f"docker.io/a/b@{DIGEST}{number:04}" for number in range(2)), ""),
        ("docker.io/a/ci-3f9a2b:1 docker.io/a/ci-77c01d:1 docker.io/a/ci-00aa11:1", "docker.io/a/ci-*:1"),
        ("docker.io/a/ci-3f9a2b:1 docker.io/a/ci-77c01d:2 docker.io/a/ci-00aa11:1", ""),
        ("docker.io/library/3f9a2b:1 docker.io/library/77c01d:1 docker.io/library/00aa11:1", ""),
        ("docker.io/a1/b:1 docker.io/a2/b:1 docker.io/a3/b:1", ""),
        ("reg1.example/team/b:1 reg2.example/team/b:1 reg3.example/team/b:1", ""),
        ("docker.io/a/b docker.io/a/b docker.io/a/c", ""),
    ],
)
def test_images_are_a_family_by_their_tags_or_by_made_up_names_of_one_registry(references: str, patterns: str) -> None:
    assert " ".join(sorted(find_image_families(references.split()))) == patterns


def test_an_id_has_digits_and_its_length_or_its_algorithm() -> None:
    assert all(map(is_id, (ID, f"sha256:{ID}", ID[:12], "k7x2m9q4w1e8r5t6y3u0i2o4p")))
    assert not any(map(is_id, (ID[:11], f"{ID}0", "deadbeefcafe", "web", "myveryownservicenameishere", "")))


PART = st.sampled_from(
    ["ci", "web", "3f9a2b", "77c01d", "1", "22", "job", "zen_bell", "-", "_", ".", "/", ID[:12], "a"]
)
ANY_NAMES = st.sets(st.lists(PART, min_size=1, max_size=5).map("".join), max_size=20)


@given(ANY_NAMES)
def test_a_pattern_stands_for_its_members_and_each_has_one_pattern(names: set[str]) -> None:
    for families in (find_families(names), find_image_families(names)):
        members = [name for each in families.values() for name in each]
        assert len(members) == len(set(members))
        assert set(members) <= names
        assert all(fits(pattern, name) for pattern, each in families.items() for name in each)


@given(ANY_NAMES)
def test_no_pattern_is_without_a_stem(names: set[str]) -> None:
    for pattern in find_families(names):
        assert pattern == "?" * 64 or ("?" not in pattern and pattern.find("*") >= 3)


HOSTILE = st.text("*?ab1/_-.", min_size=1, max_size=12)
HELD_OUT = (
    "prod_db",
    "prod-db-main",
    "etc",
    "/",
    "/etc",
    "/etc/shadow",
    "/root/.ssh",
    "/var/lib",
    "production-database-main2",
)


@given(ANY_NAMES, st.sets(HOSTILE, max_size=20))
def test_no_pattern_covers_what_nobody_reads_out_of_it(names: set[str], hostile: set[str]) -> None:
    stems = {name[:3] for name in names | hostile}
    for pattern in {*find_families(names | hostile), *find_families(names), *find_image_families(names | hostile)}:
        assert pattern.count("?") in {0, 64}
        assert pattern not in {"*", "**", "*_*", "/*", "/**"}
        assert not [name for name in HELD_OUT if name[:3] not in stems and fits(pattern, name)]


@for_each(
    "pattern",
    [
        *("/run/{}", "/var/run/{}:ro", "/home/{}", "/home/{}/.ssh:ro", "/etc/{}", "/var/lib/{}", "/run/user/{}"),
        *("/root/{}", "/usr/{}", "/run/{}/podman.sock", "/var/lib/docker/volumes/{}/_data", "/proc/{}/root"),
    ],
)
def test_no_pattern_of_what_is_mounted_gives_the_host_away(pattern: str) -> None:
    assert not find_bind_families({pattern.format(number) for number in range(1, 9)})


def test_what_is_mounted_of_a_place_of_its_own_makes_a_family() -> None:
    for pattern in ("/srv/job-{}:ro", "/builds/{}/src", "/opt/runner/work/{}"):
        assert list(find_bind_families({pattern.format(number) for number in (1, 2, 3)})) == [pattern.format("*")]


@for_each("name", ["w{}g", "w-{}G", "/srv/{}g", "w{}"])
@for_each("part", ["1", "a", "a1"])
def test_long_names_take_no_longer_than_their_length(name: str, part: str) -> None:
    names = {name.format(f"{part * 3000}{number}") for number in range(100)}
    begin = time.process_time()
    find_families(names)
    assert time.process_time() - begin < 1
