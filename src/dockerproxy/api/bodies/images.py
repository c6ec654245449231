# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Parameters and bodies about images: making one of a container, naming, pulling, sending one.

`fields.py` says what a line means.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.containers import CONFIG
from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.repeats import with_repeats

# fmt: off
# path                                             type     since how              | what it can do
_COMMIT: Final = read_fields("""
?container                                         string   1.0   container!       | is the container whose files the image gets
?repo                                              string   1.0   given            | is what the image is called
?tag                                               string   1.0   any              | belongs to its name
?comment                                           string   1.0   any              | is kept in the image
?author                                            string   1.0   any              | is kept in the image
?pause                                             boolean  1.3   any              | stops the container meanwhile
?changes[]                                         string   1.19  instructions     | are lines of a Dockerfile
?squash                                            boolean  4.1   any              | makes one layer of all, in Podman
""")

_TAG: Final = read_fields("""
?repo                                              string   1.0   tagged           | is what the image is called
?tag                                               string   1.0   any              | belongs to its name
?force                                             boolean  1.0   any              | is what older clients say when the name may be another image's
""")

_PUSH: Final = read_fields("""
#X-Registry-Auth                                   list     1.0   any              | are credentials for the registry
#X-Registry-Config                                 list     1.0   any              | are credentials for registries, to Podman
?tag                                               string   1.0   pushed!          | belongs to the name of what is sent, which chooses the registry
?platform                                          string   1.46  any              | chooses an architecture
?all                                               boolean  4.0   any              | sends all images of a list, in Podman
?compress                                          boolean  4.0   any              | makes it smaller, in Podman
?compressionFormat                                 string   4.4   any              | says how it is made smaller, in Podman
?compressionLevel                                  integer  4.6   any              | says how much smaller it is made, in Podman
?forceCompressionFormat                            boolean  4.7   any              | sends again what is there in another form, in Podman
?format                                            string   4.0   any              | says how the image is written down, in Podman
?destination                                       string   4.0   absent           | Podman sends the image there, and not where its name says
?tlsVerify                                         boolean  4.0   =true,1          | the registry need not prove who it is
""")

_CREATE: Final = read_fields("""
#X-Registry-Auth                                   list     1.0   any              | are credentials for the registry
#X-Registry-Config                                 list     1.0   any              | are credentials for registries, to Podman
?fromImage                                         string   1.0   pulled           | is the image that is pulled
?tag                                               string   1.0   any              | belongs to the name of the image
?platform                                          string   1.32  any              | chooses an architecture
?fromSrc                                           string   1.0   source!          | is what is imported: an address that the engine asks, or `-` for the body
?repo                                              string   1.0   given            | is what an imported image is called
?message                                           string   1.39  any              | is kept in an imported image
?changes[]                                         string   1.40  instructions     | are lines of a Dockerfile
?retry                                             integer  5.0   any              | says how often it is pulled again, in Podman
?retryDelay                                        string   5.0   any              | says how soon, in Podman
?authconfig                                        string   1.0   ~                | is where dockerode has no credentials; no engine looks there
""")
# fmt: on

COMMITTED: Final = within("", CONFIG, User="any", Image="any", Labels="image_labels")
"""What a commit says of the image in its body; Podman takes it in its own API, too (from 4.9 on)."""

IMAGES: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "ImageCommit": (
        "json, or nothing",
        with_repeats((*_COMMIT, *COMMITTED)),
    ),
    "ImageTag": ("none", _TAG),
    "ImagePush": ("none", _PUSH),
    "ImageCreate": ("none", _CREATE),
}
"""By operation: what its body is, and its fields. What an image says of users is no one's word but its own: it is judged
where a container is made of it."""
