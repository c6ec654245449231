# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Parameters of what comes with an archive: files for a container, images, the context of a build.

`fields.py` says what a line means, `policy/claims/archives.py` what is looked at in the archive itself. Podman reads
these names in any capitals; here each is known in those that clients write.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields

# fmt: off
# path                                             type     since how              | what it can do
_PUT: Final = read_fields("""
?path                                              string   1.20  any              | is the directory that the files go to; the word `path` is about it
?noOverwriteDirNonDir                              boolean  1.20  any              | leaves a directory that a file would replace, and the other way round
?copyUIDGID                                        boolean  1.39  any              | keeps the numbers of owners
@Mounts                                            list     1.20   writable         | are read-only for the container only while it runs, in Podman
""")

_PUT_LIBPOD: Final = read_fields("""
?path                                              string   3.0.0 any              | is the directory that the files go to; the word `path` is about it
?noOverwriteDirNonDir                              boolean  3.0.0 any              | leaves a directory that a file would replace, and the other way round
?nooverwritedirnondir                              boolean  3.0.0 any              | is the same, as Podman's own client writes it
?copyUIDGID                                        boolean  3.0.0 any              | keeps the numbers of owners
?pause                                             boolean  3.0.0 any              | is said to stop the container meanwhile; Podman does not look at it
?rename                                            string   3.0.0 renames          | gives other names to what is in the archive
@Mounts                                            list     3.0.0  writable         | are read-only for the container only while it runs, in Podman
""")

_LOADED: Final = read_fields("""
manifest.json[]                                    object   1.10  any              | is an image in the archive
manifest.json[].RepoTags[]                         string   1.10  loaded           | is what an image in the archive is called
repositories.*.*                                   string   1.7   loaded           | is what an image in an older archive is called
index.json.manifests[].annotations.*               string   1.44  loaded           | is what an image in an archive of OCI's form is called
""")

_LOAD: Final = read_fields("""
?quiet                                             boolean  1.23  any              | says less meanwhile
?platform                                          string   1.48  any              | chooses an architecture
""")

_BUILD: Final = read_fields("""
#X-Registry-Auth                                   list     1.0   any              | are credentials for a registry, to Podman
#X-Registry-Config                                 list     1.0   any              | are credentials for registries
Dockerfile[]                                       string   1.0   any              | is an instruction of the Dockerfile in the archive
?dockerfile                                        string   1.17  dockerfile       | is the name of the Dockerfile in the archive
?t[]                                               string   1.0   built            | is what the image is called
?remote                                            string   1.1   unset            | the engine fetches the context from wherever it can reach
?version                                           string   1.38  =1               | BuildKit takes from its client what cannot be seen here
?session                                           string   1.31  unset            | the engine takes files, secrets and keys from a session that cannot be seen here
?outputs                                           string   1.40  unset            | BuildKit writes results where this says
?networkmode                                       string   1.25  build_network!   | is the network on which its steps run
?cgroupparent                                      string   1.18  unset            | its steps leave the limits of their control group
?securityopt                                       string   1.25  unset            | it could loosen the confinement of its steps
?isolation                                         string   1.24  =default         | Podman runs steps without confinement by it
?extrahosts                                        string   1.28  any              | gives names to addresses, in its steps
?buildid                                           string   1.38  any              | is what it is called while it runs
?buildargs                                         string   1.21  any              | sets variables of the Dockerfile
?labels                                            string   1.23  image_labels     | puts labels on the image, as a Dockerfile can; upon some of them Podman acts
?cachefrom                                         string   1.25  any              | names images from which unchanged steps are taken
?target                                            string   1.29  any              | is the stage to stop at
?pull                                              string   1.16  any              | asks registries for newer images to start from
?squash                                            boolean  1.25  any              | makes one layer of it
?platform                                          string   1.32  any              | chooses an architecture
?q                                                 boolean  1.0   any              | says less meanwhile
?nocache                                           boolean  1.0   any              | runs every step anew
?rm                                                boolean  1.0   any              | removes containers of steps
?forcerm                                           boolean  1.0   any              | removes containers of steps that failed, too
?memory                                            integer  1.18  any              | bounds the memory of its steps, in bytes
?memswap                                           integer  1.18  any              | bounds their memory and swap together, in bytes
?cpushares                                         integer  1.18  any              | weighs their share of the processors
?cpuperiod                                         integer  1.18  any              | is the length of a period, in microseconds
?cpuquota                                          integer  1.18  any              | bounds their processors within a period, in microseconds
?cpusetcpus                                        string   1.18  any              | chooses processors
?cpusetmems                                        string   1.18  any              | chooses memory nodes
?shmsize                                           integer  1.18  any              | is the size of their shared memory
?ulimits                                           string   1.18  =[],null         | a limit may let a step go before all others on the host
?nohosts                                           boolean  5.3   any              | leaves the file of addresses in its steps as the image has it, in Podman
?retry                                             integer  5.4   any              | says how often an image is pulled again, in Podman
?retry-delay                                       string   5.4   any              | says how soon, in Podman
?save-stages                                       boolean  6.0   any              | keeps its stages as images without a name, in Podman
?stage-labels                                      boolean  6.0   any              | puts labels on them that say which stages they are, in Podman
""")
# fmt: on

ARCHIVES: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "PutContainerArchive": ("tar", _PUT),
    "PutContainerArchiveLibpod": ("tar", _PUT_LIBPOD),
    "ImageLoad": ("tar", (*_LOAD, *_LOADED)),
    "ImageLoadLibpod": ("tar", _LOADED),
    "ImageBuild": ("tar", _BUILD),
}
"""By operation: what its body is, and its fields; of images that are loaded, those of files in the archive."""
