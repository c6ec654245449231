"""Credentials are the client's own, and where they are sent is looked at."""

from policy.words.looking import faults, look

from dockerproxy.wire.document import Json


def test_what_docker_login_sends_passes_whole() -> None:
    body: Json = {
        "username": "a",
        "password": "b",
        "email": "",
        "auth": "",
        "identitytoken": "",
        "registrytoken": "",
        "serveraddress": "https://index.docker.io/v1/",
    }
    seen = look("SystemAuth", content=body)
    assert (seen.faults, seen.content) == ((), body)


def test_a_server_in_other_capitals_is_the_server() -> None:
    assert len(faults("SystemAuth", "", {"ServerAddress": "evil.example"})) == 1
    assert len(faults("SystemAuth", "", {"serveraddress": "docker.io", "ServerAddress": "evil.example"})) == 1


def test_a_swarm_is_unlocked_by_its_key_and_nothing_else() -> None:
    assert faults("SwarmUnlock", "", {"UnlockKey": "SWMKEY-1-x"}) == []
    assert len(faults("SwarmUnlock", "", {"UnlockKey": "SWMKEY-1-x", "ForceNewCluster": True})) == 1
