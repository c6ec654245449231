# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies about containers: what makes one, changes one, runs a command in one. `fields.py` says what a line means."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.repeats import with_repeats

# fmt: off
# path                                             type     since how              | what it can do
CONFIG: Final = read_fields("""
Hostname                                           string   1.0   any              | names the host inside the container
Domainname                                         string   1.0   any              | names the host's domain inside the container
User                                               string   1.0   user!            | runs it as that user and group of the container
AttachStdin                                        boolean  1.0   any              | attaches the client's input
AttachStdout                                       boolean  1.0   any              | attaches the client to the output
AttachStderr                                       boolean  1.0   any              | attaches the client to the errors
ExposedPorts.*                                     empty    1.6   any              | names ports that it listens on; publishing them is another matter
Tty                                                boolean  1.0   any              | gives it a terminal
OpenStdin                                          boolean  1.0   any              | keeps its input open
StdinOnce                                          boolean  1.0   any              | closes its input after the first client
Env[]                                              string   1.0   environment      | sets environment variables
Cmd                                                words    1.0   program!         | is what runs; for some programs Podman makes control groups writable
Healthcheck.Test[]                                 string   1.24  any              | is a command that is run again and again in the container
Healthcheck.Interval                               integer  1.24  any              | nanoseconds between two checks
Healthcheck.Timeout                                integer  1.24  any              | nanoseconds for one check
Healthcheck.Retries                                integer  1.24  any              | failures after which it is unhealthy
Healthcheck.StartPeriod                            integer  1.29  any              | nanoseconds in which failures do not count
Healthcheck.StartInterval                          integer  1.44  any              | nanoseconds between checks in that time
ArgsEscaped                                        boolean  1.22  any              | is about Windows only
Image                                              string   1.0   images!          | chooses which code runs
Volumes.*                                          empty    1.0   anonymous        | makes a volume without a name for each path
WorkingDir                                         string   1.4   any              | is where the command starts
Entrypoint                                         words    1.15  any              | is what runs
NetworkDisabled                                    boolean  1.10  any              | leaves out all networks
MacAddress                                         string   1.15  unset            | it passes for another host on the link
OnBuild[]                                          string   1.16  unset            | it runs instructions in later builds from a committed image
Labels.*                                           string   1.18  labels!          | puts labels on it, which other programs may act on
StopSignal                                         string   1.21  any              | is the signal that stops it
StopTimeout                                        integer  1.25  any              | seconds until it is killed
Shell[]                                            string   1.25  any              | is the shell of later builds from a committed image
PortSpecs[]                                        string   1.0   unset            | it opens ports of the host, in engines of long ago
""")

_RESOURCES: Final = read_fields("""
CpuShares                                          integer  1.18  any              | weighs its share of the processors
Memory                                             integer  1.18  memory!          | bounds its memory, in bytes
CgroupParent                                       string   1.18  unset            | it leaves the limits of its control group
BlkioWeight                                        integer  1.19  any              | weighs its share of the disks
BlkioWeightDevice[].Path                           string   1.22  part             | names a device of the host
BlkioWeightDevice[].Weight                         integer  1.22  part             | weighs its share of that device
BlkioWeightDevice[]                                object   1.22  unset            | it names devices of the host
BlkioDeviceReadBps[].Path                          string   1.22  part             | names a device of the host
BlkioDeviceReadBps[].Rate                          integer  1.22  part             | bounds reading from that device
BlkioDeviceReadBps[]                               object   1.22  unset            | it names devices of the host
BlkioDeviceWriteBps[].Path                         string   1.22  part             | names a device of the host
BlkioDeviceWriteBps[].Rate                         integer  1.22  part             | bounds writing to that device
BlkioDeviceWriteBps[]                              object   1.22  unset            | it names devices of the host
BlkioDeviceReadIOps[].Path                         string   1.22  part             | names a device of the host
BlkioDeviceReadIOps[].Rate                         integer  1.22  part             | bounds reading from that device
BlkioDeviceReadIOps[]                              object   1.22  unset            | it names devices of the host
BlkioDeviceWriteIOps[].Path                        string   1.22  part             | names a device of the host
BlkioDeviceWriteIOps[].Rate                        integer  1.22  part             | bounds writing to that device
BlkioDeviceWriteIOps[]                             object   1.22  unset            | it names devices of the host
CpuPeriod                                          integer  1.19  any              | is the length of a period, in microseconds
CpuQuota                                           integer  1.19  any              | bounds its processors within a period, in microseconds
CpuRealtimePeriod                                  integer  1.25  unset            | real-time processes can starve the host
CpuRealtimeRuntime                                 integer  1.25  unset            | real-time processes can starve the host
CpusetCpus                                         string   1.18  any              | chooses processors
CpusetMems                                         string   1.19  any              | chooses memory nodes
Devices[].PathOnHost                               string   1.15  part             | is a device of the host
Devices[].PathInContainer                          string   1.15  part             | is where the device appears
Devices[].CgroupPermissions                        string   1.15  part             | is what may be done with it
Devices[]                                          object   1.15  unset            | it reaches devices of the host
DeviceCgroupRules[]                                string   1.28  unset            | it reaches devices of the host
DeviceRequests[].Driver                            string   1.40  part             | chooses a driver of devices
DeviceRequests[].Count                             integer  1.40  part             | is how many devices, -1 for all
DeviceRequests[].DeviceIDs[]                       string   1.40  part             | names devices
DeviceRequests[].Capabilities[][]                  string   1.40  part             | is what the devices must be able to do
DeviceRequests[].Options.*                         string   1.40  part             | is for the driver
DeviceRequests[]                                   object   1.40  unset            | it reaches devices of the host
DiskQuota                                          integer  1.18  any              | is about Windows only
KernelMemory                                       integer  1.18  any              | bounds the kernel's memory for it, in older engines
KernelMemoryTCP                                    integer  1.40  any              | bounds the kernel's memory for its connections, in older engines
MemoryReservation                                  integer  1.19  any              | is what it gets back to when memory is short, in bytes
MemorySwap                                         integer  1.18  any              | bounds its memory and swap together, in bytes
MemorySwappiness                                   integer  1.19  any              | is how readily its memory is swapped
NanoCpus                                           integer  1.25  cpus!            | bounds its processors, in billionths
OomKillDisable                                     boolean  1.19  unset            | a container that is never killed can hang the host
Init                                               boolean  1.25  any              | runs an init process in it
PidsLimit                                          integer  1.23  pids!            | bounds its processes
Ulimits[].Name                                     string   1.18  limits           | is the name of a limit; by some a process goes before all others on the host
Ulimits[].Soft                                     integer  1.18  any              | is what the limit is at first
Ulimits[].Hard                                     integer  1.18  any              | is what it may be raised to
CpuCount                                           integer  1.25  any              | is about Windows only
CpuPercent                                         integer  1.25  any              | is about Windows only
IOMaximumIOps                                      integer  1.25  any              | is about Windows only
IOMaximumBandwidth                                 integer  1.25  any              | is about Windows only
""")

_HOST_CONFIG: Final = read_fields("""
Binds[]                                            string   1.15  binds            | mounts directories of the host, or named volumes
ContainerIDFile                                    string   1.6   aside            | is a file that the client writes, and that Podman would remove on the host
LogConfig.Type                                     string   1.18  =json-file,local,none,journald,k8s-file | a log driver may connect anywhere from the host
LogConfig.Config.*                                 string   1.18  log_options      | makes the engine connect somewhere, or read files of the host
NetworkMode                                        string   1.15  network_mode!    | joins a network, or another container's
PortBindings.*[].HostIp                            string   1.15  part             | is the address of the host, empty for all
PortBindings.*[].HostPort                          string   1.15  part             | is a port of the host, or a range; empty for any free one
PortBindings.*[]                                   object   1.15  publish          | opens ports of the host
RestartPolicy.Name                                 string   1.15  any              | says when it is started again
RestartPolicy.MaximumRetryCount                    integer  1.15  any              | says how often
AutoRemove                                         boolean  1.25  any              | removes it when it ends
VolumeDriver                                       string   1.21  =local           | a volume plugin may mount anything
VolumesFrom[]                                      string   1.15  unset            | it has all that another container has mounted, directories of the host too
Mounts[].Type                                      string   1.25  part             | is `bind`, `volume`, `tmpfs` or `image`
Mounts[].Source                                    string   1.25  part             | is a path of the host, a volume or an image
Mounts[].Target                                    string   1.25  part             | is where it appears
Mounts[].ReadOnly                                  boolean  1.25  part             | keeps it from being written
Mounts[].Consistency                               string   1.29  =default,consistent,cached,delegated | is about Docker Desktop only
Mounts[].BindOptions.Propagation                   string   1.25  =rprivate,private | mounts made in it show up on the host
Mounts[].BindOptions.NonRecursive                  boolean  1.40  any              | leaves out what is mounted below
Mounts[].BindOptions.CreateMountpoint              boolean  1.42  any              | makes a directory of the host that is missing
Mounts[].BindOptions.ReadOnlyNonRecursive          boolean  1.44  unset            | what is mounted below stays writable
Mounts[].BindOptions.ReadOnlyForceRecursive        boolean  1.44  any              | fails if what is mounted below cannot be made read-only
Mounts[].VolumeOptions.NoCopy                      boolean  1.25  any              | does not fill a new volume from the image
Mounts[].VolumeOptions.Labels.*                    string   1.25  any              | puts labels on a new volume
Mounts[].VolumeOptions.DriverConfig.Name           string   1.25  =local           | a volume plugin may mount anything
Mounts[].VolumeOptions.DriverConfig.Options.*      string   1.25  unset            | a volume with options may be any directory of the host
Mounts[].VolumeOptions.Subpath                     string   1.45  any              | is a directory in the volume
Mounts[].ImageOptions.Subpath                      string   1.48  any              | is a directory in the image
Mounts[].TmpfsOptions.SizeBytes                    integer  1.25  any              | bounds it, in bytes
Mounts[].TmpfsOptions.Mode                         integer  1.25  any              | is who may do what in it
Mounts[].TmpfsOptions.Options[][]                  string   1.46  unset            | it may allow device files and set-user-id programs
Mounts[].ClusterOptions                            empty    1.42  any              | is about volumes of a swarm
Mounts[]                                           object   1.25  mounts           | mounts directories of the host, volumes or images
CapAdd                                             words    1.15  capabilities     | root in the container can do more
CapDrop                                            words    1.15  any              | root in the container can do less
Capabilities[]                                     string   1.40  unset            | it is the list of all capabilities, in engine 19.03 only
CgroupnsMode                                       string   1.41  cgroupns         | may show the host's control groups; `host` is left out where an inspection says so
Dns[]                                              string   1.15  any              | is asked for names
DnsOptions[]                                       string   1.15  any              | is about asking for names
DnsSearch[]                                        string   1.15  any              | is about asking for names
ExtraHosts[]                                       string   1.15  any              | gives names to addresses, in the container
GroupAdd[]                                         string   1.20  unset            | a group may own files of the host, like the engine's socket
IpcMode                                            string   1.17  ipc_mode         | shares memory with the host, or with another container
Cgroup                                             string   1.25  unset            | it joins another container's control group
Links[]                                            string   1.15  unset            | it gives another container a second name, and shows its environment
OomScoreAdj                                        integer  1.22  oom_score        | says who is killed first when memory is short
PidMode                                            string   1.18  pid_mode         | sees processes of the host, or of another container
Privileged                                         boolean  1.15  unset            | whoever is in it is root on the host
PublishAllPorts                                    boolean  1.15  publish_all      | opens ports of the host for all that the image exposes
ReadonlyRootfs                                     boolean  1.17  any              | keeps its own files from being written
SecurityOpt[]                                      string   1.15  security_options! | turns confinement off
StorageOpt.*                                       string   1.24  unset            | it is for the storage driver of the engine
Tmpfs.*                                            string   1.22  tmpfs            | puts memory at paths, with mount options
UTSMode                                            string   1.19  =private         | it shares the host's name
UsernsMode                                         string   1.23  unset            | its root is the host's
ShmSize                                            integer  1.22  any              | is the size of its shared memory
Umask                                              integer  1.56  any              | is who may use the files that it makes
Sysctls.*                                          string   1.24  unset            | it sets parameters of the kernel
Runtime                                            string   1.25  ~runc,oci        | another runtime may confine less
ConsoleSize[]                                      integer  1.22  any              | is the size of its terminal
Isolation                                          string   1.20  =default         | it is about Windows only
Annotations.*                                      string   1.43  annotations      | may be what the runtime acts on; Podman's own are left out
MaskedPaths[]                                      string   1.38  hidden           | hides parts of /proc and /sys; the engine's own list is left out
ReadonlyPaths[]                                    string   1.38  read_only        | keeps parts of /proc and /sys from being written; the engine's own list is left out
InitPath                                           string   1.25  unset            | it is a program of the host, in engines of long ago
LxcConf[].Key                                      string   1.15  part             | names a setting of a runtime of long ago
LxcConf[].Value                                    string   1.15  part             | is its value
LxcConf[]                                          object   1.15  unset            | it sets what a runtime of long ago does
""")

ENDPOINT: Final = read_fields("""
IPAMConfig.IPv4Address                             string   1.22  any              | is an address in the network
IPAMConfig.IPv6Address                             string   1.22  any              | is an address in the network
IPAMConfig.LinkLocalIPs[]                          string   1.24  any              | are addresses in the network
Links[]                                            string   1.22  unset            | it gives another container a second name
Aliases[]                                          string   1.22  any              | are names in the network
DNSNames[]                                         string   1.44  any              | are names in the network
MacAddress                                         string   1.22  unset            | it may be that of another host on the link; the engine's own is left out
DriverOpts.*                                       string   1.32  unset            | it sets parameters of the kernel for the interface
GwPriority                                         integer  1.48  any              | says which network leads outside
NetworkID                                          string   1.22  part             | is what the engine says of an endpoint; it is left out
EndpointID                                         string   1.22  part             | is what the engine says of an endpoint; it is left out
Gateway                                            string   1.22  part             | is what the engine says of an endpoint; it is left out
IPAddress                                          string   1.22  part             | is what the engine says of an endpoint; it is left out
IPPrefixLen                                        integer  1.22  part             | is what the engine says of an endpoint; it is left out
IPv6Gateway                                        string   1.22  part             | is what the engine says of an endpoint; it is left out
GlobalIPv6Address                                  string   1.22  part             | is what the engine says of an endpoint; it is left out
GlobalIPv6PrefixLen                                integer  1.22  part             | is what the engine says of an endpoint; it is left out
""")

_CREATE: Final = read_fields("""
?name                                              string   1.0   names!           | is what it is called
?platform                                          string   1.41  any              | chooses an architecture
NetworkingConfig.EndpointsConfig.*                 object   1.22  networks         | joins networks
Runtime                                            string   1.25  unset            | another runtime may confine less
Name                                               string   1.0   aside            | is what docker-java and dockerode repeat of the query
AuthConfig                                         object   1.0   aside            | is what docker-java needs to pull
AbortSignal                                        object   1.0   aside            | is how dockerode gives up
""")

_EXEC: Final = read_fields("""
AttachStdin                                        boolean  1.15  any              | attaches the client's input
AttachStdout                                       boolean  1.15  any              | attaches the client to the output
AttachStderr                                       boolean  1.15  any              | attaches the client to the errors
ConsoleSize[]                                      integer  1.42  any              | is the size of its terminal
DetachKeys                                         string   1.22  any              | are the keys with which the client leaves
Tty                                                boolean  1.15  any              | gives it a terminal
Detach                                             boolean  1.15  any              | is what older clients say when they do not wait
Env[]                                              string   1.25  surroundings     | sets environment variables
Cmd                                                words    1.15  commands!        | is what runs
Privileged                                         boolean  1.15  unset            | the command has all capabilities, and can reach the host
User                                               string   1.19  user!            | runs it as that user and group of the container
WorkingDir                                         string   1.35  surroundings     | is where the command starts
Container                                          string   1.15  aside            | is what docker-py repeats of the path
ContainerId                                        string   1.15  aside            | is what docker-java repeats of the path
AbortSignal                                        object   1.0   aside            | is how dockerode gives up
""")

_EXEC_START: Final = read_fields("""
Detach                                             boolean  1.15  any              | does not wait for the command
Tty                                                boolean  1.15  any              | has a terminal
ConsoleSize[]                                      integer  1.42  any              | is the size of its terminal
Hijack                                             boolean  1.0   aside            | is what dockerode does with the connection
Stdin                                              boolean  1.0   aside            | is what dockerode does with the connection
AbortSignal                                        object   1.0   aside            | is how dockerode gives up
ExecId                                             string   1.15  aside            | is what docker-java repeats of the path
@ProcessConfig.privileged                          boolean  1.16  unset            | the command has all capabilities, and can reach the host
@ProcessConfig.user                                string   1.19  user!            | runs it as that user and group of the container
@ProcessConfig                                     object   1.16  prepared!        | is what runs
""")

_UPDATE: Final = read_fields("""
RestartPolicy.Name                                 string   1.22  any              | says when it is started again
RestartPolicy.MaximumRetryCount                    integer  1.22  any              | says how often
""")
# fmt: on

CONTAINERS: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "ContainerCreate": (
        "json",
        with_repeats(
            (
                *_CREATE,
                *CONFIG,
                *within("HostConfig.", _RESOURCES),
                *within("HostConfig.", _HOST_CONFIG),
                *within("NetworkingConfig.EndpointsConfig.*.", ENDPOINT),
            )
        ),
    ),
    "ContainerExec": ("json", _EXEC),
    "ExecStart": ("json, or nothing", _EXEC_START),
    "ContainerUpdate": (
        "json",
        (*within("", _RESOURCES, Memory="new_memory!", NanoCpus="new_cpus!", PidsLimit="pids"), *_UPDATE),
    ),
}
"""By operation: what its body is, and its fields."""
