# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""What else Podman's own API makes and changes, besides containers. `fields.py` says what a line means.

Podman takes names of parameters in any capitals, and its own client writes some otherwise than its documentation says;
both spellings are here. Of a body that is marked `none` nothing is read: it is a secret, or an archive.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.containers import CONTAINERS
from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.images import COMMITTED
from dockerproxy.api.bodies.libpod_containers import (
    LIMITS,
    MOUNTS,
    NAMESPACES,
    NETWORK,
    RLIMITS,
    THROTTLED,
    USERS,
)

# fmt: off
# path                                             type     since how              | what it can do
_POD: Final = read_fields("""
name                                               string   2.0   names!            | is what it is called
hostname                                           string   2.0   any               | names the host inside its containers
exit_policy                                        string   4.2   any               | says whether it ends with its containers
labels.*                                           string   2.0   labels!           | puts labels on it, which other programs may act on
no_infra                                           boolean  2.0   any               | has no container of its own that holds its namespaces
infra_conmon_pid_file                              string   2.0   unset             | Podman writes a file of the host
infra_command[]                                    string   2.0   program           | is what runs in the container that holds its namespaces
infra_image                                        string   2.0   podman_images     | chooses which code runs there
infra_name                                         string   4.0   names             | is what that container is called
shared_namespaces[]                                string   2.0   any               | says what its containers share
restart_policy                                     string   4.6   any               | says when it is started again
restart_tries                                      integer  4.6   any               | says how often
share_parent                                       boolean  4.0   any               | has its containers in its own control group
pod_create_command[]                               string   2.0   aside             | is what is shown as the command that made it, of which others may make a unit of the host
pod_devices[]                                      string   4.0   unset             | it reaches devices of the host
sysctl.*                                           string   4.0   unset             | it sets parameters of the kernel
no_manage_resolv_conf                              boolean  2.0   any               | leaves to its containers how they ask for names
no_manage_hostname                                 boolean  5.3   any               | leaves to its containers what they are called
no_manage_hosts                                    boolean  2.0   any               | leaves to its containers which addresses they know
hostsFile                                          string   5.3   =none,image       | it reads a file of the host
cgroup_parent                                      string   2.0   unset             | it leaves the limits of its control group
cpu_period                                         integer  4.0   any               | is what Podman shows, and does not act on
cpu_quota                                          integer  4.0   any               | is what Podman shows, and does not act on
security_opt[]                                     string   4.0   security_options! | turns confinement off
serviceContainerID                                 string   4.0   unset             | it ends with another container
""")

_EXEC_START: Final = read_fields("""
Detach                                             boolean  2.0   any               | does not wait for the command
Tty                                                boolean  2.0   any               | has a terminal
h                                                  integer  4.0   any               | is the size of its terminal
w                                                  integer  4.0   any               | is the size of its terminal
@ProcessConfig.privileged                          boolean  2.0   unset             | the command has all capabilities, and can reach the host
@ProcessConfig.user                                string   2.0   user!             | runs it as that user and group of the container
@ProcessConfig                                     object   2.0   prepared!         | is what runs
""")

_UPDATE: Final = read_fields("""
?restartPolicy                                     string   5.1   any               | says when it is started again
?restartRetries                                    integer  5.1   any               | says how often
health_log_destination                             string   5.4   =local,events_logger | Podman writes into a directory of the host
health_max_log_size                                integer  5.4   any               | is how much is kept of a check
health_max_log_count                               integer  5.4   any               | is how much is kept of the checks
health_on_failure                                  string   5.4   any               | says what becomes of it when it is unhealthy
no_healthcheck                                     boolean  5.4   any               | ends the checks
health_cmd                                         string   5.4   any               | is a command that is run again and again in the container
health_interval                                    string   5.4   any               | is the time between two checks
health_retries                                     integer  5.4   any               | failures after which it is unhealthy
health_timeout                                     string   5.4   any               | is the time for one check
health_start_period                                string   5.4   any               | is the time in which failures do not count
health_startup_cmd                                 string   5.4   any               | is a command that is run again and again in the container
health_startup_interval                            string   5.4   any               | is the time between checks in that time
health_startup_retries                             integer  5.4   any               | failures after which it is started again
health_startup_timeout                             string   5.4   any               | is the time for one check
health_startup_success                             integer  5.4   any               | successes after which it has started
Env[]                                              string   5.5   environment       | sets environment variables
UnsetEnv[]                                         string   5.5   any               | leaves out environment variables
""")

_DEVICES: Final = read_fields("""
BlkIOWeightDevice[].Path                           string   5.4   part              | names a device of the host
BlkIOWeightDevice[].Weight                         integer  5.4   part              | weighs its share of that device
BlkIOWeightDevice[]                                object   5.4   unset             | it names devices of the host
DeviceReadBPs[].Path                               string   5.4   part              | names a device of the host
DeviceReadBPs[].Rate                               integer  5.4   part              | bounds reading from that device
DeviceReadBPs[]                                    object   5.4   unset             | it names devices of the host
DeviceWriteBPs[].Path                              string   5.4   part              | names a device of the host
DeviceWriteBPs[].Rate                              integer  5.4   part              | bounds writing to that device
DeviceWriteBPs[]                                   object   5.4   unset             | it names devices of the host
DeviceReadIOPs[].Path                              string   5.4   part              | names a device of the host
DeviceReadIOPs[].Rate                              integer  5.4   part              | bounds reading from that device
DeviceReadIOPs[]                                   object   5.4   unset             | it names devices of the host
DeviceWriteIOPs[].Path                             string   5.4   part              | names a device of the host
DeviceWriteIOPs[].Rate                             integer  5.4   part              | bounds writing to that device
DeviceWriteIOPs[]                                  object   5.4   unset             | it names devices of the host
""")

_RENAME: Final = read_fields("""
?name                                              string   3.0   names!            | is what it is called then
""")

_CHECKPOINT: Final = read_fields("""
?keep                                              boolean  2.0   any               | leaves files of the checkpoint behind
?leaveRunning                                      boolean  2.0   any               | lets the container go on
?leaverunning                                      boolean  2.0   any               | lets the container go on
?tcpEstablished                                    boolean  2.0   any               | saves connections, too
?tcpestablished                                    boolean  2.0   any               | saves connections, too
?export                                            boolean  2.0   unset             | it hands out the memory of the container, with all that is secret there
?ignoreRootFS                                      boolean  2.0   any               | leaves out its files
?ignorerootfs                                      boolean  2.0   any               | leaves out its files
?ignoreVolumes                                     boolean  3.0   any               | leaves out its volumes
?ignorevolumes                                     boolean  3.0   any               | leaves out its volumes
?printStats                                        boolean  4.0   any               | says how long it took
?printstats                                        boolean  4.0   any               | says how long it took
?preCheckpoint                                     boolean  4.0   any               | saves the memory only
?precheckpoint                                     boolean  4.0   any               | saves the memory only
?withPrevious                                      boolean  4.0   any               | goes on from a checkpoint that was made so
?withprevious                                      boolean  4.0   any               | goes on from a checkpoint that was made so
?fileLocks                                         boolean  4.0   any               | saves locks, too
?filelocks                                         boolean  4.0   any               | saves locks, too
?createImage                                       string   4.3   unset             | an image of its memory is made, under a name that others may trust
?createimage                                       string   4.3   unset             | an image of its memory is made, under a name that others may trust
""")

_RESTORE: Final = read_fields("""
?keep                                              boolean  2.0   any               | leaves files of the checkpoint behind
?tcpEstablished                                    boolean  2.0   any               | restores connections, too
?tcpestablished                                    boolean  2.0   any               | restores connections, too
?tcpClose                                          boolean  5.7   any               | closes connections
?tcpclose                                          boolean  5.7   any               | closes connections
?import                                            boolean  2.0   unset             | the archive in the body says what the container is like
?name                                              string   2.0   unset             | it is another container, which is called so
?ignoreRootFS                                      boolean  2.0   any               | leaves out its files
?ignorerootfs                                      boolean  2.0   any               | leaves out its files
?ignoreVolumes                                     boolean  3.0   any               | leaves out its volumes
?ignorevolumes                                     boolean  3.0   any               | leaves out its volumes
?ignoreStaticIP                                    boolean  2.0   any               | gets another address
?ignorestaticip                                    boolean  2.0   any               | gets another address
?ignoreStaticMAC                                   boolean  2.0   any               | gets another address
?ignorestaticmac                                   boolean  2.0   any               | gets another address
?printStats                                        boolean  4.0   any               | says how long it took
?printstats                                        boolean  4.0   any               | says how long it took
?fileLocks                                         boolean  4.0   any               | restores locks, too
?filelocks                                         boolean  4.0   any               | restores locks, too
?publishPorts                                      string   4.0   unset             | it opens other ports of the host
?publishports                                      string   4.0   unset             | it opens other ports of the host
?pod                                               string   4.0   unset             | it joins a pod
""")

_VOLUME: Final = read_fields("""
Name                                               string   2.0   names!            | is what it is called
Driver                                             string   2.0   =local            | a volume plugin, or an image, may be anything
Label.*                                            string   2.0   any               | puts labels on it, as Podman's own client says it
Labels.*                                           string   2.0   podman_labels!    | puts labels on it, which other programs may act on
Options.*                                          string   2.0   unset             | a volume with options may be any directory of the host
IgnoreIfExists                                     boolean  4.9   any               | takes the one that is there already
UID                                                integer  5.6   any               | is who owns it
GID                                                integer  5.6   any               | is which group owns it
""")

_NETWORK_CREATE: Final = read_fields("""
?ignoreIfExists                                    boolean  4.9   any               | takes the one that is there already
name                                               string   4.0   names!            | is what it is called
id                                                 string   4.0   unset             | it may be looked up in place of another
driver                                             string   4.0   =bridge           | other drivers put containers on the host's own network, or are plugins
network_interface                                  string   4.0   unset             | it takes over an interface of the host
created                                            string   4.0   any               | is what Podman says of a network
subnets[].subnet                                   string   4.0   part              | is where its addresses are
subnets[].gateway                                  string   4.0   part              | is the address of the host in it
subnets[].lease_range.start_ip                     string   4.0   part              | is the first address that containers get
subnets[].lease_range.end_ip                       string   4.0   part              | is the last address that containers get
subnets[]                                          object   4.0   podman_subnets    | draws what the host sends to those addresses into the network
routes[].destination                               string   4.5   part              | is where packets go
routes[].gateway                                   string   4.5   part              | is by whom they go
routes[].metric                                    integer  4.5   part              | says which way is the better one
routes[].route_type                                string   6.0   part              | says whether packets go on there, or nowhere
routes[]                                           object   4.5   unset             | it leads packets of its containers elsewhere
ipv6_enabled                                       boolean  4.0   any               | gives containers addresses of IPv6
internal                                           boolean  4.0   any               | leads nowhere outside
dns_enabled                                        boolean  4.0   any               | lets containers know each other by name
network_dns_servers[]                              string   4.3   unset             | Podman asks them for names in the host's own network
labels.*                                           string   4.0   labels!           | puts labels on it, which other programs may act on
options.*                                          string   4.0   podman_options    | it may take over an interface of the host, or open the network to others
ipam_options.*                                     string   4.0   unset             | addresses may come from the host's own network
""")

_CONNECT: Final = read_fields("""
container                                          string   2.0   container!        | is the container that joins the network
static_ips[]                                       string   4.0   any               | are addresses in the network
aliases[]                                          string   4.0   any               | are names in the network
static_mac                                         string   4.0   unset             | it passes for another host on the link
interface_name                                     string   4.0   any               | is what the container calls it
options.*                                          string   5.0   unset             | it names the interface on the host, or sets parameters of the kernel
@Name                                              string   2.0   connected!        | is the network that is joined
""")

_DISCONNECT: Final = read_fields("""
Container                                          string   2.0   container!        | is the container that leaves the network
Force                                              boolean  2.0   any               | takes it out though it does not run
""")

_SECRET: Final = read_fields("""
?name                                              string   3.1   names!            | is what it is called
?driver                                            string   3.1   =file             | the shell driver runs commands on the host
?driveropts                                        string   3.1   ={}               | it says in which directory of the host secrets are kept, or which commands run
?labels                                            string   4.4   any               | puts labels on it
?replace                                           boolean  4.4   unset             | it takes the place of another
?ignore                                            boolean  5.6   any               | takes the one that is there already
""")

_TAG: Final = read_fields("""
?repo                                              string   2.0   podman_tagged!    | is what the image is called
?tag                                               string   2.0   any               | belongs to its name
""")

_COMMIT: Final = read_fields("""
?container                                         string   2.0   container!        | is the container whose files the image gets
?repo                                              string   2.0   podman_given      | is what the image is called
?tag                                               string   2.0   any               | belongs to its name
?author                                            string   2.0   any               | is kept in the image
?comment                                           string   2.0   any               | is kept in the image
?changes[]                                         string   2.0   instructions      | are lines of a Dockerfile
?format                                            string   2.0   any               | says how the image is written down
?pause                                             boolean  2.0   any               | stops the container meanwhile
?squash                                            boolean  3.0   any               | makes one layer of all
?stream                                            boolean  4.3   any               | says meanwhile how far it is
""")

_IMPORT: Final = read_fields("""
?reference                                         string   2.0   podman_given      | is what the image is called
?changes[]                                         string   2.0   instructions      | are lines of a Dockerfile
?message                                           string   2.0   any               | is kept in the image
?url                                               string   2.0   unset             | Podman reads any archive of the host, or asks any address
?URL                                               string   2.0   unset             | Podman reads any archive of the host, or asks any address
?os                                                string   3.4   any               | is the system that the image is for
?OS                                                string   3.4   any               | is the system that the image is for
?architecture                                      string   3.4   any               | is the processor that the image is for
?Architecture                                      string   3.4   any               | is the processor that the image is for
?variant                                           string   3.4   any               | is the processor that the image is for
?Variant                                           string   3.4   any               | is the processor that the image is for
""")

_PULL: Final = read_fields("""
#X-Registry-Auth                                   list     2.0   any               | are credentials for the registry
#X-Registry-Config                                 list     2.0   any               | are credentials for registries
?reference                                         string   2.0   any               | is the image that is pulled
?allTags                                           boolean  2.0   any               | pulls all tags
?alltags                                           boolean  2.0   any               | pulls all tags
?compatMode                                        boolean  4.0   any               | writes the answer as Docker does
?compatmode                                        boolean  4.0   any               | writes the answer as Docker does
?policy                                            string   3.2   any               | says whether one that is there is pulled anew
?pullProgress                                      boolean  6.0   any               | says more
?pullprogress                                      boolean  6.0   any               | says more
?quiet                                             boolean  4.0   any               | says less
?retry                                             integer  5.0   any               | says how often
?retrydelay                                        string   5.0   any               | says how soon
?tlsVerify                                         boolean  2.0   =true,1           | the registry need not prove who it is
?tlsverify                                         boolean  2.0   =true,1           | the registry need not prove who it is
?authfile                                          string   2.0   unset             | it is a file of the host
?Arch                                              string   2.0   any               | chooses an architecture
?arch                                              string   2.0   any               | chooses an architecture
?OS                                                string   2.0   any               | chooses an architecture
?os                                                string   2.0   any               | chooses an architecture
?Variant                                           string   2.0   any               | chooses an architecture
?variant                                           string   2.0   any               | chooses an architecture
""")

_PUSH: Final = read_fields("""
#X-Registry-Auth                                   list     2.0   any               | are credentials for the registry
#X-Registry-Config                                 list     2.0   any               | are credentials for registries
?destination                                       string   2.0   podman_pushed!    | is where it is sent
?all                                               boolean  3.0   any               | sends all images of a list
?authfile                                          string   2.0   unset             | it is a file of the host
?compress                                          boolean  2.0   any               | makes it smaller
?compressionFormat                                 string   4.4   any               | says how it is made smaller
?compressionformat                                 string   4.4   any               | says how it is made smaller
?compressionLevel                                  integer  4.6   any               | says how much smaller it is made
?compressionlevel                                  integer  4.6   any               | says how much smaller it is made
?forceCompressionFormat                            boolean  4.7   any               | sends again what is there in another form
?forcecompressionformat                            boolean  4.7   any               | sends again what is there in another form
?format                                            string   2.0   any               | says how the image is written down
?quiet                                             boolean  4.5   any               | says less
?removeSignatures                                  boolean  4.0   unset             | the image loses its signatures
?removesignatures                                  boolean  4.0   unset             | the image loses its signatures
?retry                                             integer  5.0   any               | says how often
?retryDelay                                        string   5.0   any               | says how soon
?retrydelay                                        string   5.0   any               | says how soon
?tlsVerify                                         boolean  2.0   =true,1           | the registry need not prove who it is
?tlsverify                                         boolean  2.0   =true,1           | the registry need not prove who it is
""")
# fmt: on

LIBPOD: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "PodCreateLibpod": (
        "json",
        (*_POD, *NAMESPACES, *USERS, *NETWORK, *MOUNTS, *within("resource_limits.", LIMITS), *THROTTLED),
    ),
    "ContainerExecLibpod": CONTAINERS["ContainerExec"],
    "ExecStartLibpod": ("json, or nothing", _EXEC_START),
    "ContainerUpdateLibpod": (
        "json",
        (
            *_UPDATE,
            *_DEVICES,
            *RLIMITS,
            *within("", LIMITS, memory="podman_memory!", cpu="podman_new_cpu!", pids="podman_pids!"),
        ),
    ),
    "ContainerRenameLibpod": ("none", _RENAME),
    "ContainerCheckpointLibpod": ("none", _CHECKPOINT),
    "ContainerRestoreLibpod": ("none", _RESTORE),
    "VolumeCreateLibpod": ("json", _VOLUME),
    "NetworkCreateLibpod": ("json", _NETWORK_CREATE),
    "NetworkConnectLibpod": ("json", _CONNECT),
    "NetworkDisconnectLibpod": ("json", _DISCONNECT),
    "SecretCreateLibpod": ("none", _SECRET),
    "ImageTagLibpod": ("none", _TAG),
    "ImageCommitLibpod": ("json, or nothing", (*_COMMIT, *COMMITTED)),
    "ImageImportLibpod": ("none", _IMPORT),
    "ImagePullLibpod": ("none", _PULL),
    "ImagePushLibpod": ("none", _PUSH),
}
"""By operation: what its body is, and its fields."""
