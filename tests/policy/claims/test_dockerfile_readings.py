"""In a Dockerfile that is let through, the parsers of engines read nothing that was not looked at.

What Podman's builder (imagebuilder) and BuildKit read is kept in `tests/corpus/dockerfiles`; `renew.py` there asks them
again.
"""

from policy.claims.dockerfile_readings import find_differences, read_kept

from dockerproxy.policy.claims.dockerfiles import find_reach


def test_engines_read_nothing_that_was_not_looked_at() -> None:
    passed = 0
    for content, given, told in read_kept():
        if not find_reach(content, given):
            passed += 1
            assert list(find_differences(content, given, told)) == []
    assert passed > 250


def test_what_is_kept_has_what_is_feared() -> None:
    found = str([told for _, _, told in read_kept()])
    assert all(word in found for word in ("'host'", "'dir:", "type=cache"))
