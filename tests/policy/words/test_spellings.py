"""Names, paths, signals, amounts and addresses have one form each, and what can never match is told."""

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.policy.words import spellings
from dockerproxy.policy.words.spellings import (
    clean_path,
    fault_of_name,
    fault_of_path,
    is_certainly_not_root,
    is_id_of_swarm,
    merge_ports,
    normalise_signal,
    read_address,
    read_billionths,
    read_count,
    read_human_size,
    read_ports,
    read_size,
    write_size,
)


@pytest.mark.parametrize("item", ["web", "db-*", "a?c", "**", "A_b.c-1", "4f5e" * 16])
def test_what_an_object_can_be_called_has_no_fault(item: str) -> None:
    assert fault_of_name(item) == ""


@for_each("item", ["", "/web", "a b", "web,db", "é", "a/b", "container:web", "web\n"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert fault_of_name(item).startswith("no object can have this name")


@pytest.mark.parametrize(("item", "clean"), [("/data/**", True), ("/", True), ("data", False), ("/a/../b", False)])
def test_a_path_is_absolute_and_clean(item: str, *, clean: bool) -> None:
    assert (fault_of_path(item) == "") is clean


@for_each(
    ("text", "name"),
    [
        *(("HUP", "HUP"), ("SIGHUP", "HUP"), ("sighup", "HUP"), ("1", "HUP"), ("9", "KILL"), ("15", "TERM")),
        *(("09", "KILL"), ("0000000009", "KILL"), ("0000000019", "STOP"), ("00000000190", "00000000190")),
        *(("0", "0"), ("32", "32"), ("31", "SYS"), ("999999999999999999", "999999999999999999"), ("", "")),
        *(("SIGRTMIN+3", "RTMIN+3"), ("-9", "-9"), ("+9", "+9"), ("\u0669", "\u0669"), ("SIGSIGHUP", "SIGHUP")),
    ],
)
def test_a_signal_has_one_name(text: str, name: str) -> None:
    assert normalise_signal(text) == name


@for_each(
    ("text", "path"),
    [
        *(("/data", "/data"), ("/data/", "/data"), ("/data/.", "/data"), ("/", "/"), ("/.", "/"), ("//", "/")),
        *(("/data/a b/é", "/data/a b/é"), ("/..data", "/..data"), ("/data/...", "/data/...")),
        *(("", ""), (".", ""), ("data", ""), ("./data", ""), ("/data/../etc", ""), ("/..", ""), ("/data/..", "")),
        *(
            ("/data/./x", ""),
            ("/./", ""),
            ("/data//x", ""),
            ("///", ""),
            ("/data//", ""),
            ("/data/../", ""),
            ("/a\0", ""),
        ),
    ],
)
def test_a_path_has_one_spelling_but_for_what_copying_puts_at_its_end(text: str, path: str) -> None:
    assert clean_path(text) == path


@given(st.text("/.a", max_size=8))
def test_a_clean_path_stays_as_it_is(text: str) -> None:
    assert clean_path(clean_path(text)) == clean_path(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512B", 512), ("1KiB", 1024), ("512MiB", 2**29), ("2GiB", 2**31), ("1TiB", 2**40)],
)
def test_a_size_is_a_number_of_bytes(text: str, size: int) -> None:
    assert read_size(text) == size


@given(st.integers(1, 10**14))
def test_a_size_is_written_as_one_that_is_read(size: int) -> None:
    assert read_size(write_size(size)) == size
    assert write_size(size * 2**20).endswith(("MiB", "GiB", "TiB"))


@for_each("text", ["", "0", "01", "-1", "1GB", "1 GiB", "1.5GiB", "GiB", "\u0661", "1gib", "1" * 16])
def test_what_is_no_size_is_none(text: str) -> None:
    assert read_size(text) is None


@pytest.mark.parametrize(
    ("text", "billionths"), [("1", 10**9), ("1.5", 1_500_000_000), ("0.000000001", 1), ("0.1", 10**8)]
)
def test_processors_are_counted_in_billionths(text: str, billionths: int) -> None:
    assert read_billionths(text) == billionths


@for_each("text", ["", "0", "0.0", "1.", ".5", "-1", "1e3", "0.0000000001", "1,5", "1000000", "01"])
def test_what_is_no_number_of_processors_is_none(text: str) -> None:
    assert read_billionths(text) is None


def test_a_count_is_a_whole_number_above_zero() -> None:
    assert read_count("512") == 512
    assert [read_count(text) for text in ("", "0", "-1", "1.5", "\u0661", "x", "9" * 10)] == [None] * 7


@pytest.mark.parametrize(
    ("text", "ports"),
    [("80", range(80, 81)), ("0", range(1)), ("080", range(80, 81)), ("0-65535", range(65536))],
)
def test_a_port_or_a_range_is_read(text: str, ports: range) -> None:
    assert read_ports(text) == ports


@for_each("text", ["", "90-80", "65536", "1-65536", "-1", "80-", "80/tcp", " 80", "+80", "80-90-100"])
def test_what_is_no_port_is_none(text: str) -> None:
    assert read_ports(text) is None


PORTS = st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda pair: f"{pair[0]}-{sum(pair)}")


@given(st.lists(PORTS, max_size=6))
def test_merged_ports_are_the_same_ports(texts: list[str]) -> None:
    merged = merge_ports((*texts, "none"))
    assert {port for each in merged for port in each} == {port for text in texts for port in read_ports(text) or ()}
    assert all(one.stop < other.start for one, other in pairwise(merged))


@pytest.mark.parametrize("user", ["1:1", "1000:1000", "01000:01", "2147483647:2147483647"])
def test_numbers_that_are_not_root_s_are_certain(user: str) -> None:
    assert is_certainly_not_root(user)


@for_each(
    "user",
    [
        *(
            "",
            "0",
            "00",
            "1",
            "1000",
            "1000:",
            "0:1000",
            "0:1",
            "1:0",
            "1:00",
            "root",
            "web",
            "1:web",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1:",
            ":1",
            "1:1:1",
        ),
        *("0x1", "2147483648", "4294967296", "\u0661", "1_0", "1.0"),
    ],
)
def test_what_may_be_root_is_not_certain(user: str) -> None:
    assert not is_certainly_not_root(user)


def test_a_text_may_be_an_id_of_a_swarm() -> None:
    assert is_id_of_swarm("kf7gt99mjnffxzgwv17lhx50b")
    for text in (
        "kf7gt99mjnffxzgwv17lhx50",
        "kf7gt99mjnffxzgwv17lhx50bb",
        "kf7gt99mjnffxzgwv17lhx50B",
        "k_7gt99mjnffxzgwv17lhx50b",
    ):
        assert not is_id_of_swarm(text)


@given(st.ip_addresses())
def test_an_address_is_one(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    is_in_guise = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    assert read_address(str(address)) == (None if is_in_guise else address)


@for_each(
    "text",
    ["", "localhost", "127.1", "127.0.0.01", "fe80::1%eth0", "1.2.3.4/8", " 1.2.3.4", "2130706433", "127.0.0.\u0661"],
)
def test_what_go_cannot_read_is_no_address(text: str) -> None:
    assert read_address(text) is None


def test_what_go_and_netavark_read_as_two_addresses_is_none() -> None:
    assert read_address("::ffff:127.0.0.1") is None
    assert read_address("::ffff:7f00:1") is None


def test_a_size_of_a_client_is_cut_off_as_go_does_it() -> None:
    assert read_human_size("1.5k") == 1500
    assert read_human_size("0.5") == read_human_size("0.9B") == read_human_size("0.0000001m") == 0
    assert read_human_size("4611686t") == 4611686 * 10**12
    assert read_human_size("4611687t") is None
    assert read_human_size("1i") is None


def test_no_text_that_is_too_long_for_an_address_is_remembered() -> None:
    spellings._read_address.cache_clear()
    longest = "0000:0000:0000:0000:0000:abcd:192.168.158.190"
    for text in ("1" * 46, "10.0.0.1" + " " * 100_000, longest + "0"):
        assert read_address(text) is None
    assert not spellings._read_address.cache_info().currsize
    assert read_address(longest) is not None
