"""A list of images is narrowed to what is own by the label that does so for containers."""

import json
from urllib.parse import quote

import pytest
from policy.policies import request_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.image_lists import narrow
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.stamps import OWNER

MINE, OTHER = f"{OWNER}=ci", f"{OWNER}=other"


def decision_of(target: str, allow: str = "own, ImagePullLibpod") -> Decision:
    [socket] = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "policy.yaml").sockets
    decision = decide(socket.policy, request_of("GET", target))
    assert isinstance(decision, Decision)
    return decision


def list_by(filters: object) -> str:
    return f"/images/json?all=1&filters={quote(json.dumps(filters))}"


@pytest.mark.parametrize("labels", [[MINE], {MINE: True}])
def test_the_own_label_is_no_matter_of_the_engine(labels: object) -> None:
    target = list_by({"label": labels, "dangling": ["true"]})
    request, decision = narrow(request_of("GET", target), decision_of(target))
    assert request.query == (("all", "1"), ("filters", '{"dangling":["true"]}'))
    nobodys = ResolvedObject("sha256:1", ("docker.io/library/app:latest",))
    assert [each["own"].matches(nobodys) for each in decision.shows] == [False]
    assert [each["own"].matches(nobodys) for each in decision_of(target).shows] == [True]
    assert decision.images is not None
    assert decision.images.shown(nobodys) == set()


@pytest.mark.parametrize(
    "target",
    [
        "/images/json",
        "/images/json?filters=",
        "/images/json?filters=x",
        *map(
            list_by, ({"label": [OTHER]}, {"label": [MINE, "a"]}, {"label": {MINE: False}}, {"Label": [MINE]}, [MINE])
        ),
        f"{list_by({'label': [MINE]})}&filters={{}}",
        list_by({"label": [MINE]}).replace("images", "containers"),
    ],
)
def test_only_the_own_name_narrows_a_list_of_images(target: str) -> None:
    request, decision = request_of("GET", target), decision_of(target)
    assert narrow(request, decision) == (request, decision)


def test_without_own_the_label_is_the_engines() -> None:
    target = list_by({"label": [MINE]})
    for allow in ("ImageList", "ImageList, own", "ImageList: {images: [app]}"):
        request, decision = request_of("GET", target), decision_of(target, allow)
        assert narrow(request, decision) == (request, decision)
