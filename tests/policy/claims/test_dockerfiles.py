"""A step of a Dockerfile reaches no further than its build, however it is spelled; ordinary ones pass."""

import pytest

from dockerproxy.policy.claims.dockerfiles import find_reach

ORDINARY = [
    b"",
    b"FROM busybox\nRUN ls --network=host\nCMD [x, --network=host]\n# RUN --network=host\n",
    b"\xef\xbb\xbfFROM scratch AS x\r\nCOPY a /b\r\n",
    b"ARG VERSION=1.2 OTHER\nFROM node:${VERSION} AS Build\nFROM node:$VERSION\nFROM $OTHER\nCOPY --from=Build /a /b",
    b"ARG REGISTRY=docker.io\nARG BASE=${REGISTRY}/library/node:20\nFROM ${BASE}\nFROM $REGISTRY/x",
    b'ARG "BASE"=debian:12\nFROM x:$BASE',
    b"FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nFROM build-${TARGETARCH}\nFROM build-${TARGETARCH}${X#-}",
    b"ARG A=x\nFROM ${A:-node}:1\nFROM ${A:+node}\nFROM ${A-node}\nFROM python-${A",
    b"FROM docker:27-dind\nFROM localhost:5000/a/b:c\nFROM a@sha256:0123\nFROM a:1@sha256:0123\nFROM dir/x\nFROM oci",
    b"COPY --chown=$U:$G --chmod=755 --link --from=0 a b\nADD --checksum=sha256:0 --keep-git-dir=true https://x /y",
    b"ADD https://x/y.tgz#v1.2 z ${DIR}/\nADD a.git a-$V.tgz /z\nADD x#y /z\nRUN <<EOF\n#:\nEOF\n",
    b'ADD ["https://x/a b", "/c d"]\n',
    b"RUN --mount=type=bind,source=a,target=/b,from=build,rw --mount=type=tmpfs,target=/t,tmpfs-size=1 x",
    b"RUN --mount=type=tmpfs,target=/t,size=1 make",
    b"RUN --network=default \\\n  # comment\n\n  --mount=target=/b ls\nONBUILD RUN --network=none ls",
    b"RUN apk \\\n  add --no-cache x \\\n  && git \\\nadd --all\n",
    b'RUN <<EOF\nfrom .x import y\nEOF\nRUN <<-"A" <<\'B_2\'\nA\nB_2\nRUN cat <<<"$x" && c << x',
    b"RUN echo \xc3\xa0 \xff",
    "# é\nFROM x\nLABEL author='José' \\\n  stadt=Köln\nENV X=é\nCMD [\"écho\"]\nARG NAME=José\nFROM x:$NAME".encode(),
    "FROM x\nRUN echo é --network=host\nRUN écho\nCOPY --chown=1 文档 /ü/\nADD ü.txt /\nMAINTAINER é".encode(),
    "FROM x\nRUN cat <<EOF >/motd\n— Willkommen —\né\nEOF\nRUN <<EOF\n# é\necho 文\nEOF\n".encode(),
    b"RUN echo $((1<<2)) $((1 << 2)) && x=$((x<<8|y)) && cat <<<x && cat <<<'x y' && cat 3<<EOF\nEOF\n",
    b"FROM $A$A$A/x\nARG VERSION=${VERSION:-1}\nFROM x$VERSION",
    b"LABEL a=b\nHEALTHCHECK --interval=5s CMD ls\nENV X=dir:/etc",
]


@pytest.mark.parametrize("content", ORDINARY)
def test_an_ordinary_dockerfile_reaches_nothing(content: bytes) -> None:
    assert find_reach(content, {}) == ""


@pytest.mark.parametrize(
    "step",
    [
        b"RUN --network=host x",
        b"  run --mount=type=tmpfs,target=/t --network=host x",
        b"RUN --NETWORK=host x",
        b"ONBUILD RUN --network=host x",
        b"onbuild\tonbuild copy --from=dir:/x y z",
        b'RUN --net"work"=host x',
        b"RUN --net\\work=host x",
        b"RUN --net\\\n # comment\n\nwork=host x",
        b"RU\\\nN --network=host",
        b"RUN \\ \t\n  --network=host x",
        b"RUN \\\r\n --network=host x",
        b"\xef\xbb\xbfRUN --network=host x",
        b"RUN \xa0--network=host x",
        b"RUN --network=none\xa0--network=host x",
        b"RUN --${N}=host x",
        b"RUN --net${X}work=host x",
        b"RUN --network=$N x",
        b"RUN --$N x",
        b"RUN -- x",
        b"RUN --network x",
        b"RUN --network=container:x x",
        b"RUN --security=insecure x",
        b"ARG --x=y A=b",
        b"COPY --exclude=tarball:/x--from a b",
        b"COPY --chown=tarball:/x${X:+--from} a b",
        b"RUN --device=/dev/sda x",
        b"FROM --network=host x",
        b"ADD --from=x y z",
        b"COPY --${F}=dir:/x y z",
    ],
)
def test_a_flag_that_could_reach_the_host_is_seen_however_it_is_spelled(step: bytes) -> None:
    assert find_reach(b"FROM x\n" + step if not step.startswith(b"\xef") else step, {}).startswith("has a step with ")


@pytest.mark.parametrize(
    ("mount", "says"),
    [
        (b"type=cache,target=/x", "other builds share a cache"),
        (b"type=bind,target=/x,type=cache", "other builds share a cache"),
        (b"type=ssh", "only bind and tmpfs"),
        (b"type=secret,id=x", "only bind and tmpfs"),
        (b"type=secret", "only bind and tmpfs"),
        (b"type=$T,target=/x", "a mount cannot contain variables"),
        (b"target=$X", "a mount cannot contain variables"),
        (b"type=bind,from=dir:/etc,target=/x", "may be read from the host"),
        (b"type=bind,from=docker://evil/x,target=/x", "may be read from the host"),
        (b"type=bind,bind-propagation=shared", "a mount can only have"),
        (b"", "a mount can only have"),
        (b'"type=cache"', "not one of --mount"),
    ],
)
def test_a_step_mounts_only_its_context_other_stages_and_memory(mount: bytes, says: str) -> None:
    assert says in find_reach(b"FROM x\nRUN --mount=" + mount + b" ls", {})


TRANSPORTS = [
    "atomic",
    "containers-storage",
    "dir",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("rest", ["/etc", "etc", "8080/x", "//x", "[x]y", ""])
def test_no_image_is_read_from_the_host(transport: str, rest: str) -> None:
    name = f"{transport}:{rest}".encode()
    for step in (b"FROM %s", b"FROM --platform=x %s AS y", b"COPY --from=%s a b", b"RUN --mount=from=%s,target=/x ls"):
        assert find_reach(step % name, {})
    assert find_reach(b"FROM $X", {"X": name.decode()})
    assert find_reach(b"ARG X=%s\nFROM ${X}" % name, {})
    assert find_reach(b"ARG X=1\nFROM ${X:-%s}" % name, {})


@pytest.mark.parametrize(
    "content",
    [
        b"FROM new-transport:/etc",
        b"FROM docker://evil/x",
        b'FROM "dir":/etc',
        b"FROM di\\r:/etc",
        b"FROM \xc2\xa0dir:/etc",
        b'ARG A=di\nFROM $A"r":/etc',
        b"ARG A=i\nFROM d${A}r:/etc",
        b"ARG A=di\nARG B=$A'r':/etc\nFROM $B",
        b"FROM $A\nARG A=dir:/etc",
        b'ARG "A=dir:/etc"\nFROM $A',
        b"ARG B=A\nARG $B=dir:/etc\nFROM $A",
        b"ARG A=d\\ir:/etc\nFROM $A",
        b"ARG A='\nFROM $A",
        b"ARG A=$B B=$A$A B=dir:/etc\nFROM $A",
        b'FROM ${A:+"}"}dir:/etc',
        b"FROM ${A:+'}'}dir:/etc",
        b"FROM ${A:+\\}}dir:/etc",
        b"FROM ${}dir:/etc",
        "ARG é=tarball\nFROM $é:/any.tar".encode(),
        "ARG B=x\u3000A=tarball:/any.tar\nFROM $A".encode(),
        "ARG B=x\u2028A=tarball:/any.tar\nFROM $A".encode(),
        b"ARG B=x\xa0A=tarball:/any.tar\nFROM $A",
        b"FROM ${A${B}}",
        b"FROM ${A#x}:/etc",
        b"FROM $TARGETOS:/etc",
        b"FROM ${BUILDPLATFORM}",
        b"FROM ${A:+di}r:/etc",
        b"COPY --from=$A a b",
        b"".join(b"ARG A=%d\n" % number for number in range(20)) + b"ARG A=dir:x\nFROM $A",
        b"".join(b"ARG a%d=$a%d\n" % (number, number + 1) for number in range(100)) + b"ARG a100=dir:/\nFROM $a0",
    ],
)
def test_no_image_is_read_from_the_host_by_a_variable_or_in_another_spelling(content: bytes) -> None:
    assert find_reach(content, {})


@pytest.mark.parametrize(
    "content",
    [
        b"ARG X=07\nFROM $X",
        b"ARG X=sha256\nARG Y=:0\nFROM $X${Y}7",
        b"FROM ${X:-7}",
        b"ARG X=f\nFROM e$X AS x",
        b"COPY --from=0$X a b",
        b"RUN --mount=from=cafe,type=bind,target=/x true\nARG X=$Y\nARG Y=ca\nFROM $X",
    ],
)
def test_no_variable_makes_the_first_digits_of_an_id(content: bytes) -> None:
    assert find_reach(content, {})
    assert find_reach(content.replace(b"$", b"x$"), {}) == ""


def test_no_trigger_names_an_image_by_the_first_digits_of_its_id() -> None:
    for held in ("--from=07", "--from=sha256:ca --chown=0", "--chown=0 --from=f"):
        assert "any image" in find_reach(f"ONBUILD COPY {held} a b".encode(), {})
        assert find_reach(f"COPY {held} a b".encode(), {}) == ""
    assert "any image" in find_reach(b"ONBUILD RUN --mount=from=0,target=/x a", {})
    assert find_reach(b"ONBUILD COPY --from=base --chown=07 a b\nONBUILD COPY --from=0123456789ab a b", {}) == ""


def test_a_variable_may_hold_an_id_and_a_tag() -> None:
    for held in ("0123456789ab", "sha256:" + "07" * 32, "07" * 32, "node:20", "a.io/07"):
        assert find_reach(b"ARG X=x\nFROM $X", {"X": held}) == ""
    assert find_reach(b"ARG X=20\nFROM cafe:$X\nFROM ${R}/cafe", {}) == ""


def test_of_variables_that_are_not_clear_none_begins_the_name_of_an_image() -> None:
    assert "a variable comes before" in find_reach(b"FROM $A/x", None)
    assert find_reach(b"FROM x/$A:$B", None) == ""
    assert find_reach(b"ARG A=x\nFROM $A\nFROM $A", {"A": "docker.io/x"}) == ""


@pytest.mark.parametrize(
    "step",
    [
        "RUN --mount=type=tmpfs,target=/éx --network=host true",
        "RUN --mount=type=bind,target=/mé,from=tarball:/any.tar true",
        "RUN --mount=target=/é,type=cache,id=shared true",
        "RUN --network=noneé --network=host true",
        "COPY --chown=éx --from=tarball:/any.tar a b",
        "ADD --chown=é a b",
        "FROM --platform=éx tarball:/any.tar",
        "FROM é",
        "FROM \u3000dir:/etc",
        "FROM x\u00a0AS y",
        "ONBUILD RUN --mount=target=/é --network=host true",
    ],
)
def test_a_flag_or_an_image_outside_ascii_is_refused(step: str) -> None:
    assert find_reach(step.encode(), {}).startswith("has ")


BEGINNINGS = b"".join(b"ARG x=%s\n" % b"containers-storag"[:length] for length in range(2, 16))


@pytest.mark.parametrize(
    "content",
    [
        b"".join(b"ARG a%d=$a%d\n" % (number, number + 1) for number in range(5000)) + b"FROM $a0",
        b"".join(b"ARG a%d=$a%d$a%d\n" % (number, number + 1, number + 1) for number in range(99)) + b"FROM $a0",
        BEGINNINGS + b"".join(b"FROM " + b"$x" * number + b"\n" for number in range(254)),
        b"RUN --network=none \\\n" * 16_000,
        b"ARG" + (b" A" * 20_000 + b"\\\n") * 25,
        b"FROM " + (b"$A" * 20_000 + b"\\\n") * 25,
        b"FROM " + (b"''$A" * 10_000 + b"\\\n") * 25,
        b"RUN" + (b" --network=none" * 2_000 + b"\\\n") * 30,
        b"\n" * 2**20,
        b"RUN x\n" * 2**17,
        b"RUN x" + (b" <<E" * 10_000 + b"\\\n") * 20,
        b"ARG A=" + (b"'\"\"'" * 10_000 + b"\\\n") * 20,
        b"ADD" + (b" A" * 20_000 + b"\\\n") * 25,
    ],
)
def test_the_work_is_bounded_whatever_the_file_holds(content: bytes) -> None:
    assert "lines, flags and variables" in find_reach(content, {"A": "o"})


@pytest.mark.parametrize(
    "step",
    [
        b"ADD https://x/y.git#main:../../etc /z",
        b"ADD a https://x/y.git#:link b /z",
        b'ADD --link https://x/y.git"#"m\\:a /z',
        b"ADD https://x/y.git#$REF /z",
        b"ADD https://x/${V}.tgz /z",
        b"ADD $A /z",
        b"ADD http$A /z",
        b'ADD "ht"tp${A:-s} /z',
        "ADD https://x/$A \u3000".encode(),
        b'ADD https://x/$A ""',
        b'ADD ["https://x/y.git#a:b", "/z"]',
        b'ADD ["https://x/y.git\\u0023a:b", "/z"]',
        b'ADD ["$A",""]',
        b"add \\\n # x\n https://x/$A \\\n /z",
        b"ONBUILD ADD https://x/y.git#a:b /z",
        b"ADD https://x/y.git /z",
        b'ADD --link a http://x/y?.g""it b /z',
        b'ADD ["https://x/y,z.git", "/z"]',
        b'ADD ["https://x/y z$A", "/z"]',
    ],
)
def test_no_repository_is_added(step: bytes) -> None:
    assert "for which Podman may read files of the host" in find_reach(b"FROM x\n" + step, {})


def test_what_is_refused_is_shown_in_one_short_line() -> None:
    says = find_reach(b"FROM dir:/" + b"x" * 1000, {})
    assert len(says) < 250
    assert find_reach(b"RUN <<\xff\n", {}).isascii()
