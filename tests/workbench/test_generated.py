"""Parts that programs generate become question marks, and nothing else does."""

import re
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.policy.globs import fits
from dockerproxy.policy.words.commands import fits_command
from dockerproxy.workbench.generated import can_be_listed, mask, mask_command, mask_image, takes_star

ID = "3f9a2b77c01d" * 5 + "4e5f"
WORDS = st.text(alphabet="ab/-. ;*?0$", min_size=1, max_size=6)


@for_each(
    ("name", "pattern"),
    [
        ("job-3f9a2b77-c01d-4aa1-8b8c-7d0000aaff11", "job-????????-????-????-????-????????????"),
        ("job_3F9A2B77-C01D-4AA1-8B8C-7D0000AAFF11.log", "job_????????-????-????-????-????????????.log"),
        ("testcontainers-ryuk-3f9a2b77c01d", "testcontainers-ryuk-????????????"),
        ("3f9a2b77c01d_case-web-1", "????????????_case-web-1"),
        ("1f7eba7c3a41", "?" * 12),
        (ID, "?" * 64),
        ("web.1.k7x2m9q4w1e8r5t6y3u0i2o4p", f"web.1.{'?' * 25}"),
        ("/tmp/tmpab_c9d0e/x", "/tmp/tmp????????/x"),
        ("/sandbox/410041faa9974fffaac5dde775ffdf90.py", f"/sandbox/{'?' * 32}.py"),
    ],
)
def test_a_generated_part_keeps_its_length(name: str, pattern: str) -> None:
    assert mask(name) == pattern
    assert fits(pattern, name)


@for_each(
    "name",
    [
        *("web", "prod_db", "clever_jemison", "job-3f9a2b", "case-web-1", "tmpdatabase", "facadedecade", "a1b2c3d4e5f"),
        *("3f9a2b77c01dx", "x3f9a2b77c01d", "job-3f9a2b77c01d*", "/tmpab_c9d0e"),
    ],
)
def test_names_that_somebody_may_have_chosen_stay(name: str) -> None:
    assert mask(name) == name


@given(st.uuids())
def test_the_name_of_tomorrow_fits_and_other_names_do_not(made: UUID) -> None:
    pattern = mask(f"/sandbox/{uuid4()}.py")
    assert fits(pattern, f"/sandbox/{made}.py")
    for other in ("/sandbox/../x", "/sandbox/../x.py", "/sandbox/x.py", f"/sandbox/{made}/x.py", f"/etc/{made}.py"):
        assert not fits(pattern, other)


def test_registry_tag_and_digest_of_an_image_stay() -> None:
    for host, path, rest in (
        ("docker.io/library/", f"sandbox-{'?' * 12}", ":3f9a2b77c01d"),
        ("3f9a2b77c01d.example:5000/", "app", f"@sha256:{ID}"),
        ("ghcr.io/acme/", f"ci-{'?' * 12}", ":latest"),
    ):
        assert mask_image(host + path.replace("?" * 12, "77c01d3f9a2b") + rest) == host + path + rest


# Commands


@for_each(
    ("command", "pattern"),
    [
        (("python", f"/sandbox/{uuid4()}.py"), ("python", "/sandbox/*.py")),
        ((f"/sandbox/{uuid4()}/run", "now"), ("/sandbox/????????-????-????-????-????????????/run", "now")),
        (("/bin/3f9a2b77c01d", "3f9a2b77c01d-x"), ("/bin/3f9a2b77c01d", "????????????-x")),
        (("rm", "3f9a2b77c01d"), ("rm", "?" * 12)),
        (("sh", "-c", "cat /tmp/3f9a2b77c01d.sh"), ("sh", "-c", f"cat /tmp/{'?' * 12}.sh")),
        (("sh", "-c", "/tmp/3f9a2b77c01d.sh"), ("sh", "-c", f"/tmp/{'?' * 12}.sh")),
        (("ls", "/a*", "what?"), ("ls", "/a?", "what?")),
        (("ls", "/a"), ("ls", "/a")),
    ],
)
def test_a_command_becomes_a_pattern_that_it_fits(command: tuple[str, ...], pattern: tuple[str, ...]) -> None:
    assert mask_command(command) == pattern
    assert fits_command(pattern, command)


@given(st.lists(WORDS | st.uuids().map(str) | st.uuids().map("/x/{}.py".format), min_size=1, max_size=4).map(tuple))
def test_no_star_stands_for_a_program_or_where_a_shell_may_read_it(command: tuple[str, ...]) -> None:
    pattern = mask_command(command)
    assert fits_command(pattern, command)
    for place, word in enumerate(pattern):
        assert "**" not in word
        assert "*" not in word or takes_star(command, place)
        assert "*" in word or len(word) == len(command[place])
    assert "*" not in pattern[0]


def test_a_script_is_never_widened_by_a_star() -> None:
    for before in ("sh -c", "bash -lic", "busybox sh -c"):
        *words, script = mask_command((*before.split(), f"echo {uuid4()}; true"))
        assert re.fullmatch(r"echo [?-]{36}; true", script), words


@for_each(
    ("command", "is_listed"),
    [
        (("ls", "/a/*"), True),
        (("sh", "-c", "ls *.txt *.md; true?"), True),
        (("ls", "*"), False),
        (("ls", "?"), False),
        (("ls", "/**"), False),
        (("sh", "-c", "???"), False),
        (("sh", "-c", "a?b?c?d?"), False),
        (("/bin/*", "x"), False),
    ],
)
def test_commands_of_signs_are_not_learned(command: tuple[str, ...], is_listed: bool) -> None:  # noqa: FBT001 (a column)
    assert can_be_listed(command) is is_listed
