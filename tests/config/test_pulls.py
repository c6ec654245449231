"""Beside `own` a grant of pulls says which images, since clients see all that it matches."""

from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.problems import UserError


@for_each(
    ("allow", "is_told"),
    [
        ("[own, ImageCreate]", True),
        ('["images:write", own]', True),
        ("[own, ImageCreate: {images: [nginx]}]", False),
        ("[own, ImageCreate: {tags: [ci/app]}]", False),
        ("[own, ImageCreate: unrestricted]", False),
        ("[own, preset:ci]", False),
        ("[ImageCreate]", False),
        ("[own, ImageCreate], deny: [ImageCreate]", False),
    ],
)
def test_beside_own_a_grant_says_which_images_are_pulled(allow: str, *, is_told: bool) -> None:
    text = f"sockets: {{ci: {{path: /ci.sock, allow: {allow}}}}}"
    problems: tuple[object, ...] = ()
    try:
        read_policy(text, "p")
    except UserError as error:
        problems = error.problems
    assert any("must say which images may be pulled" in str(each) for each in problems) is is_told
