# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies about containers and pods in Podman's own API. `fields.py` says what a line means; the versions are Podman's.

Podman decodes as Docker does, with Go's own decoder. It checks no content type, and reads nothing behind the first
value. What a body leaves out it takes from its `containers.conf`, which is the operator's.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields, within

# fmt: off
# path                                             type     since how              | what it can do
_BASIC: Final = read_fields("""
name                                               string   2.0   names!            | is what it is called
pod                                                string   2.0   pods              | joins a pod, with all that the pod shares and mounts
entrypoint[]                                       string   2.0   any               | is what runs
command[]                                          string   2.0   any               | is what runs
env_host                                           boolean  2.1   unset             | it has the environment of Podman itself, passwords too
httpproxy                                          boolean  2.1   any               | has the proxy settings of Podman's environment, as it has them by itself
env.*                                              string   2.0   any               | sets environment variables
terminal                                           boolean  2.0   any               | gives it a terminal
stdin                                              boolean  2.0   any               | keeps its input open
labels.*                                           string   2.0   labels!           | puts labels on it, which other programs may act on
annotations.*                                      string   2.0   annotations       | may be what the runtime acts on; Podman's own are left out
stop_signal                                        integer  2.0   any               | is the signal that stops it
stop_timeout                                       integer  2.0   any               | seconds until it is killed
timeout                                            integer  3.1   any               | seconds that it may run
log_configuration.driver                           string   2.0   =k8s-file,json-file,journald,none | a log driver may write to Podman's own output
log_configuration.path                             string   2.0   unset             | Podman writes a file of the host
log_configuration.size                             integer  2.1   any               | bounds what is kept of its output
log_configuration.labels.*                         string   6.0   unset             | it writes fields of its own choice into the host's journal
log_configuration.options.*                        string   2.0   log_options       | may name a file of the host
conmon_pid_file                                    string   2.0   unset             | Podman writes a file of the host
restart_policy                                     string   2.0   any               | says when it is started again
restart_tries                                      integer  2.0   any               | says how often
oci_runtime                                        string   2.0   unset             | another runtime, even any program of the host, may confine less
systemd                                            string   2.0   systemd!          | has its control group to write, where the limits are
sdnotifyMode                                       string   2.1   =container,conmon,ignore,healthy | it may reach the socket by which services report to the host
pidns.nsmode                                       string   2.0   part              | says whose processes it sees
pidns.value                                        string   2.0   part              | is a container, or a file of the host
pidns                                              object   2.0   pidns             | sees processes of the host, or of another container
utsns.nsmode                                       string   2.0   =default,private  | it shares the host's name
utsns.value                                        string   2.0   unset             | it is a container, or a file of the host
hostname                                           string   2.0   any               | names the host inside the container
hostusers[]                                        string   4.1   unset             | it has users of the host
sysctl.*                                           string   2.0   unset             | it sets parameters of the kernel
remove                                             boolean  2.0   any               | removes it when it ends
removeImage                                        boolean  4.7   unset             | the image is removed with it
containerCreateCommand[]                           string   2.0   aside             | is what is shown as the command that made it, of which others may make a unit of the host
timezone                                           string   2.1   zone              | chooses one of the time zones that the host knows
dependencyContainers[]                             string   3.2   unset             | starting it starts other containers
secret_env.*                                       string   3.2   podman_secrets    | shows secrets in its environment
init_container_type                                string   3.3   unset             | it runs before the other containers of a pod
personality.domain                                 string   3.4   unset             | system calls have another meaning
personality.flags[]                                string   3.4   unset             | system calls have another meaning
envmerge[]                                         string   4.4   any               | changes environment variables of the image
unsetenv[]                                         string   4.0   any               | leaves out environment variables of the image
unsetenvall                                        boolean  4.0   any               | leaves out environment variables of the image
manage_password                                    boolean  4.0   any               | adds its user to its own list of users
passwd_entry                                       string   4.1   any               | is a line in its own list of users
group_entry                                        string   4.5   any               | is a line in its own list of groups
""")

_STORAGE: Final = read_fields("""
image                                              string   2.0   podman_images!    | chooses which code runs
raw_image_name                                     string   2.0   podman_images     | is the name from which the image may be pulled anew
image_os                                           string   4.0   any               | chooses among the images of a list
image_arch                                         string   4.0   any               | chooses among the images of a list
image_variant                                      string   4.0   any               | chooses among the images of a list
rootfs                                             string   2.0   unset             | its files are a directory of the host
rootfs_overlay                                     boolean  4.0   unset             | its files are a directory of the host
rootfs_mapping                                     string   4.4   unset             | its files are a directory of the host
image_volume_mode                                  string   2.0   =anonymous,tmpfs,ignore | it is no way to make volumes of an image
volumes_from[]                                     string   2.0   unset             | it has all that another container has mounted, directories of the host too
init                                               boolean  2.0   any               | runs an init process in it
init_path                                          string   2.0   unset             | a program of the host runs in it
mounts[].destination                               string   2.0   part              | is where it appears
mounts[].type                                      string   2.0   part              | is `bind` or `tmpfs`
mounts[].source                                    string   2.0   part              | is a path of the host
mounts[].options[]                                 string   2.0   part              | are options of mount
mounts[].uidMappings[].containerID                 integer  4.0   part              | maps users
mounts[].uidMappings[].hostID                      integer  4.0   part              | maps users
mounts[].uidMappings[].size                        integer  4.0   part              | maps users
mounts[].uidMappings[]                             object   4.0   unset             | files of the host change their owners
mounts[].gidMappings[].containerID                 integer  4.0   part              | maps groups
mounts[].gidMappings[].hostID                      integer  4.0   part              | maps groups
mounts[].gidMappings[].size                        integer  4.0   part              | maps groups
mounts[].gidMappings[]                             object   4.0   unset             | files of the host change their groups
mounts[]                                           object   2.0   podman_mounts     | mounts directories of the host, or memory
volumes[].Name                                     string   2.0   part              | is a volume
volumes[].Dest                                     string   2.0   part              | is where it appears
volumes[].Options[]                                string   2.0   part              | are options of mount
volumes[].IsAnonymous                              boolean  4.7   unset             | has a volume of any name removed with the container
volumes[].SubPath                                  string   5.2   part              | is a directory in the volume
volumes[]                                          object   2.0   podman_volumes    | mounts volumes
overlay_volumes[].destination                      string   2.1   part              | is where it appears
overlay_volumes[].source                           string   2.1   part              | is a path of the host
overlay_volumes[].options[]                        string   2.1   part              | are options, directories of the host among them
overlay_volumes[]                                  object   2.1   unset             | it reads any directory of the host, and may write another
image_volumes[].Source                             string   2.2   part              | is an image
image_volumes[].Destination                        string   2.2   part              | is where it appears
image_volumes[].ReadWrite                          boolean  2.2   unset             | the files of an image could be written
image_volumes[].subPath                            string   5.3   part              | is a directory in the image
image_volumes[]                                    object   2.2   image_volumes     | shows the files of images
artifact_volumes[].source                          string   5.5   part              | is an artifact
artifact_volumes[].destination                     string   5.5   part              | is where it appears
artifact_volumes[].digest                          string   5.5   part              | chooses a file of the artifact
artifact_volumes[].title                           string   5.5   part              | chooses a file of the artifact
artifact_volumes[].name                            string   5.6   part              | is what its files are called
artifact_volumes[]                                 object   5.5   unset             | it shows the files of artifacts, which anyone may have stored
devices[].path                                     string   2.0   part              | is a device of the host
devices[].type                                     string   2.0   part              | is what kind of device it is
devices[].major                                    integer  2.0   part              | is the number of a device
devices[].minor                                    integer  2.0   part              | is the number of a device
devices[].fileMode                                 integer  2.0   part              | is who may use it
devices[].uid                                      integer  2.0   part              | is who owns it
devices[].gid                                      integer  2.0   part              | is who owns it
devices[]                                          object   2.0   unset             | it reaches devices of the host
device_cgroup_rule[].allow                         boolean  3.3   part              | allows devices
device_cgroup_rule[].type                          string   3.3   part              | is what kind of device it is
device_cgroup_rule[].major                         integer  3.3   part              | is the number of a device
device_cgroup_rule[].minor                         integer  3.3   part              | is the number of a device
device_cgroup_rule[].access                        string   3.3   part              | is what may be done with it
device_cgroup_rule[]                               object   3.3   unset             | it reaches devices of the host
devices_from[]                                     string   4.0   unset             | it reaches the devices of another container
host_device_list[].path                            string   4.0   part              | is a device of the host
host_device_list[].type                            string   4.0   part              | is what kind of device it is
host_device_list[].major                           integer  4.0   part              | is the number of a device
host_device_list[].minor                           integer  4.0   part              | is the number of a device
host_device_list[].fileMode                        integer  4.0   part              | is who may use it
host_device_list[].uid                             integer  4.0   part              | is who owns it
host_device_list[].gid                             integer  4.0   part              | is who owns it
host_device_list[]                                 object   4.0   unset             | it reaches devices of the host
gpus[]                                             string   6.0   unset             | it reaches devices of the host
ipcns.nsmode                                       string   2.0   part              | says whose memory it shares
ipcns.value                                        string   2.0   part              | is a container, or a file of the host
ipcns                                              object   2.0   ipcns             | shares memory with the host, or with another container
shm_size                                           integer  2.0   any               | is the size of its shared memory
shm_size_systemd                                   integer  4.4   any               | is the size of memory that systemd wants
work_dir                                           string   2.0   any               | is where the command starts
create_working_dir                                 boolean  4.0   any               | makes that directory
storage_opts.*                                     string   4.0   unset             | it is for the storage driver of the engine
rootfs_propagation                                 string   2.0   =private,rprivate | mounts made in it show up on the host
secrets[].Source                                   string   3.1   part              | is a secret
secrets[].Target                                   string   3.1   part              | is where it appears
secrets[].UID                                      integer  3.1   part              | is who owns the file
secrets[].GID                                      integer  3.1   part              | is who owns the file
secrets[].Mode                                     integer  3.1   part              | is who may read the file
secrets[]                                          object   3.1   podman_secrets    | shows secrets as files
volatile                                           boolean  3.1   any               | may lose its own files in a crash
chroot_directories[]                               string   4.1   unset             | its mounts appear below other directories
""")

_SECURITY: Final = read_fields("""
privileged                                         boolean  2.0   unset             | whoever is in it is root on the host
user                                               string   2.0   user!             | runs it as that user and group of the container
groups[]                                           string   2.0   unset             | a group may own files of the host, like the engine's socket
cap_add[]                                          string   2.0   capabilities      | root in the container can do more
cap_drop[]                                         string   2.0   any               | root in the container can do less
selinux_opts[]                                     string   2.0   unset             | it turns confinement off, or takes the label of another container
apparmor_profile                                   string   2.0   unset             | another profile may confine less
seccomp_policy                                     string   2.0   =default          | the image would say which system calls it may use
seccomp_profile_path                               string   2.0   unset             | it may use all system calls, or those that a file of the host says
no_new_privileges                                  boolean  2.0   no_new_privileges! | keeps set-user-id programs from working
userns.nsmode                                      string   2.0   =default          | its root may be the host's
userns.value                                       string   2.0   unset             | it maps users of the host, or is a file of the host
read_only_filesystem                               boolean  2.0   any               | keeps its own files from being written
read_write_tmpfs                                   boolean  4.6   any               | puts memory where programs want to write
label_nested                                       boolean  4.5   unset             | it may change labels by which others are confined
umask                                              string   2.1   any               | is who may use the files that it makes
procfs_opts[]                                      string   2.1   unset             | it says how processes are shown
mask[]                                             string   3.0   any               | hides more of /proc and /sys
unmask[]                                           string   3.0   unset             | it shows parts of /proc and /sys that are hidden
""")

_ID_MAP: Final = read_fields("""
container_id                                       integer  2.0   part              | maps users
host_id                                            integer  2.0   part              | maps users
size                                               integer  2.0   part              | maps users
""")

_ID_MAPPINGS: Final = (*read_fields("""
idmappings.HostUIDMapping                          boolean  2.0   any               | leaves users as they are
idmappings.HostGIDMapping                          boolean  2.0   any               | leaves groups as they are
idmappings.AutoUserNs                              boolean  2.0   unset             | it has users of the host that others may have
idmappings.AutoUserNsOpts.Size                     integer  2.0   unset             | it has users of the host that others may have
idmappings.AutoUserNsOpts.InitialSize              integer  2.0   unset             | it has users of the host that others may have
idmappings.AutoUserNsOpts.PasswdFile               string   2.0   unset             | it is a file of the host
idmappings.AutoUserNsOpts.GroupFile                string   2.0   unset             | it is a file of the host
"""),
*within("idmappings.UIDMap[].", _ID_MAP),
*within("idmappings.GIDMap[].", _ID_MAP),
*within("idmappings.AutoUserNsOpts.AdditionalUIDMappings[].", _ID_MAP),
*within("idmappings.AutoUserNsOpts.AdditionalGIDMappings[].", _ID_MAP),
*read_fields("""
idmappings.UIDMap[]                                object   2.0   unset             | its root may be the host's
idmappings.GIDMap[]                                object   2.0   unset             | its groups may be the host's
idmappings.AutoUserNsOpts.AdditionalUIDMappings[]  object   2.0   unset             | its root may be the host's
idmappings.AutoUserNsOpts.AdditionalGIDMappings[]  object   2.0   unset             | its groups may be the host's
"""))

_CGROUP: Final = read_fields("""
cgroupns.nsmode                                    string   2.0   =default,private  | the host's control groups are visible
cgroupns.value                                     string   2.0   unset             | it is a container, or a file of the host
cgroups_mode                                       string   2.0   =enabled          | it leaves the limits of its control group
cgroup_parent                                      string   2.0   unset             | it leaves the limits of its control group
""")

_NETWORK: Final = read_fields("""
netns.nsmode                                       string   2.0   part              | says whose network it has
netns.value                                        string   2.0   part              | is a container, or a file of the host
netns                                              object   2.0   netns!            | joins the network of the host, or of another container
portmappings[].host_ip                             string   2.0   part              | is the address of the host, empty for all
portmappings[].container_port                      integer  2.0   part              | is the port of the container
portmappings[].host_port                           integer  2.0   part              | is the first port of the host; 0 for any free one
portmappings[].range                               integer  3.2   part              | is how many ports there are
portmappings[].protocol                            string   2.0   part              | is `tcp`, `udp` or `sctp`
portmappings[]                                     object   2.0   podman_publish    | opens ports of the host
Networks.*.static_ips[]                            string   4.0   any               | are addresses in the network
Networks.*.aliases[]                               string   4.0   any               | are names in the network
Networks.*.static_mac                              string   4.0   unset             | it passes for another host on the link
Networks.*.interface_name                          string   4.0   any               | is what the container calls it
Networks.*.options.*                               string   5.0   unset             | it names the interface on the host, or sets parameters of the kernel
Networks.*                                         object   4.0   podman_networks   | joins networks
cni_networks[]                                     string   2.0   unset             | it joins networks, in the way of Podman 3
dns_server[]                                       string   2.0   any               | is asked for names
dns_search[]                                       string   2.0   any               | is about asking for names
dns_option[]                                       string   2.0   any               | is about asking for names
hostadd[]                                          string   2.0   any               | gives names to addresses, in the container
network_options.*[]                                string   2.1   unset             | it may reach what listens on the host for itself only
""")

_NETWORK_OF_CONTAINER: Final = read_fields("""
networkOrder[]                                     string   6.0   podman_order      | is the order in which it joins networks
publish_image_ports                                boolean  2.0   publish_all       | opens ports of the host for all that the image exposes
expose.*                                           string   2.0   any               | names ports that it listens on; publishing them is another matter
use_image_resolve_conf                             boolean  2.0   any               | asks for names as the image says
use_image_hostname                                 boolean  5.3   any               | has the name that the image says
use_image_hosts                                    boolean  2.0   any               | has the addresses that the image says
base_hosts_file                                    string   5.0   =none,image       | it reads a file of the host
""")

_DEVICE: Final = read_fields("""
major                                              integer  2.0   part              | is the number of a device of the host
minor                                              integer  2.0   part              | is the number of a device of the host
weight                                             integer  2.0   part              | weighs its share of that device
leafWeight                                         integer  2.0   part              | weighs its share of that device
""")

_THROTTLE: Final = read_fields("""
major                                              integer  2.0   part              | is the number of a device of the host
minor                                              integer  2.0   part              | is the number of a device of the host
rate                                               integer  2.0   part              | bounds its use of that device
""")

_LIMITS: Final = (*read_fields("""
devices[].allow                                    boolean  2.0   part              | allows devices
devices[].type                                     string   2.0   part              | is what kind of device it is
devices[].major                                    integer  2.0   part              | is the number of a device
devices[].minor                                    integer  2.0   part              | is the number of a device
devices[].access                                   string   2.0   part              | is what may be done with it
devices[]                                          object   2.0   unset             | it reaches devices of the host
memory.limit                                       integer  2.0   part              | bounds its memory, in bytes
memory.reservation                                 integer  2.0   any               | is what it gets back to when memory is short, in bytes
memory.swap                                        integer  2.0   part              | bounds its memory and swap together, in bytes
memory.kernel                                      integer  2.0   any               | bounds the kernel's memory for it
memory.kernelTCP                                   integer  2.0   any               | bounds the kernel's memory for its connections
memory.swappiness                                  integer  2.0   any               | is how readily its memory is swapped
memory.disableOOMKiller                            boolean  2.0   unset             | a container that is never killed can hang the host
memory.useHierarchy                                boolean  2.0   any               | counts what is below it
memory.checkBeforeUpdate                           boolean  4.4   any               | refuses a limit that it has passed already
memory                                             object   2.0   podman_memory!    | bounds its memory
cpu.shares                                         integer  2.0   any               | weighs its share of the processors
cpu.quota                                          integer  2.0   part              | bounds its processors within a period, in microseconds
cpu.burst                                          integer  4.7   unset             | it has more than its quota for a while
cpu.period                                         integer  2.0   part              | is the length of a period, in microseconds
cpu.realtimeRuntime                                integer  2.0   unset             | real-time processes can starve the host
cpu.realtimePeriod                                 integer  2.0   unset             | real-time processes can starve the host
cpu.cpus                                           string   2.0   any               | chooses processors
cpu.mems                                           string   2.0   any               | chooses memory nodes
cpu.idle                                           integer  4.4   any               | lets it run only when nothing else does
cpu                                                object   2.0   podman_cpu!       | bounds its processors
pids.limit                                         integer  2.0   part              | bounds its processes
pids                                               object   2.0   podman_pids!      | bounds its processes
blockIO.weight                                     integer  2.0   any               | weighs its share of the disks
blockIO.leafWeight                                 integer  2.0   any               | weighs its share of the disks
"""),
*within("blockIO.weightDevice[].", _DEVICE),
*within("blockIO.throttleReadBpsDevice[].", _THROTTLE),
*within("blockIO.throttleWriteBpsDevice[].", _THROTTLE),
*within("blockIO.throttleReadIOPSDevice[].", _THROTTLE),
*within("blockIO.throttleWriteIOPSDevice[].", _THROTTLE),
*read_fields("""
blockIO.weightDevice[]                             object   2.0   unset             | it names devices of the host
blockIO.throttleReadBpsDevice[]                    object   2.0   unset             | it names devices of the host
blockIO.throttleWriteBpsDevice[]                   object   2.0   unset             | it names devices of the host
blockIO.throttleReadIOPSDevice[]                   object   2.0   unset             | it names devices of the host
blockIO.throttleWriteIOPSDevice[]                  object   2.0   unset             | it names devices of the host
hugepageLimits[].pageSize                          string   2.0   any               | is a size of large pages
hugepageLimits[].limit                             integer  2.0   any               | bounds its large pages, in bytes
network.classID                                    integer  2.0   unset             | it marks its packets as others'
network.priorities[].name                          string   2.0   part              | is an interface
network.priorities[].priority                      integer  2.0   part              | weighs its packets
network.priorities[]                               object   2.0   unset             | its packets go before others'
rdma.*.hcaHandles                                  integer  2.0   part              | bounds its use of a device
rdma.*.hcaObjects                                  integer  2.0   part              | bounds its use of a device
rdma.*                                             object   2.0   unset             | it names devices of the host
unified.*                                          string   2.1   unset             | it writes any file of its control group, the limits among them
"""))

_RLIMITS: Final = read_fields("""
r_limits[].type                                    string   2.0   limits            | is the name of a limit; by some a process goes before all others on the host
r_limits[].hard                                    integer  2.0   any               | is what it may be raised to
r_limits[].soft                                    integer  2.0   any               | is what the limit is at first
""")

_RESOURCES: Final = (*read_fields("""
intelRdt.closID                                    string   4.4   unset             | it shares the processor's cache with others
intelRdt.l3CacheSchema                             string   4.4   unset             | it takes the processor's cache from others
intelRdt.memBwSchema                               string   4.4   unset             | it takes the memory's bandwidth from others
intelRdt.enableCMT                                 boolean  4.4   unset             | it watches the processor's cache
intelRdt.enableMBM                                 boolean  4.4   unset             | it watches the memory's bandwidth
intelRdt.schemata[]                                string   6.0   unset             | it takes the processor's cache from others
intelRdt.enableMonitoring                          boolean  6.0   unset             | it watches the processor's cache
oom_score_adj                                      integer  2.0   unset             | others are killed in its place when memory is short
unified.*                                          string   2.1   unset             | it writes any file of its control group, the limits among them
"""),
*within("weightDevice.*.", _DEVICE),
*within("throttleReadBpsDevice.*.", _THROTTLE),
*within("throttleWriteBpsDevice.*.", _THROTTLE),
*within("throttleReadIOPSDevice.*.", _THROTTLE),
*within("throttleWriteIOPSDevice.*.", _THROTTLE),
*read_fields("""
weightDevice.*                                     object   2.0   unset             | it names devices of the host
throttleReadBpsDevice.*                            object   2.0   unset             | it names devices of the host
throttleWriteBpsDevice.*                           object   2.0   unset             | it names devices of the host
throttleReadIOPSDevice.*                           object   2.0   unset             | it names devices of the host
throttleWriteIOPSDevice.*                          object   2.0   unset             | it names devices of the host
"""))

_HEALTH: Final = read_fields("""
Test[]                                             string   2.0   any               | is a command that is run again and again in the container
Interval                                           integer  2.0   any               | nanoseconds between two checks
Timeout                                            integer  2.0   any               | nanoseconds for one check
Retries                                            integer  2.0   any               | failures after which it is unhealthy
StartPeriod                                        integer  2.0   any               | nanoseconds in which failures do not count
StartInterval                                      integer  5.0   any               | nanoseconds between checks in that time
""")

_HEALTH_CHECKS: Final = (
*within("healthconfig.", _HEALTH),
*within("startupHealthConfig.", _HEALTH),
*read_fields("""
startupHealthConfig.Successes                      integer  4.4   any               | successes after which it has started
health_check_on_failure_action                     integer  4.3   any               | says what becomes of it when it is unhealthy
healthLogDestination                               string   5.3   =local,events_logger | Podman writes into a directory of the host
healthMaxLogCount                                  integer  5.3   any               | is how much is kept of the checks
healthMaxLogSize                                   integer  5.3   any               | is how much is kept of a check
"""))
# fmt: on

NAMESPACES: Final = tuple(each for each in (*_BASIC, *_STORAGE) if each.path.startswith(("pidns", "utsns", "ipcns")))
MOUNTS: Final = tuple(
    each
    for each in _STORAGE
    if each.path.startswith(("mounts[", "volumes", "overlay_volumes[", "image_volumes[", "shm_size"))
)
USERS: Final = (*(each for each in _SECURITY if each.path.startswith("userns")), *_ID_MAPPINGS)
NETWORK: Final = _NETWORK
LIMITS: Final = _LIMITS
RLIMITS: Final = _RLIMITS
THROTTLED: Final = tuple(each for each in _RESOURCES if each.path.startswith("throttleReadBpsDevice"))

LIBPOD_CONTAINERS: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "ContainerCreateLibpod": (
        "json",
        (
            *_BASIC,
            *_STORAGE,
            *_SECURITY,
            *_ID_MAPPINGS,
            *_CGROUP,
            *_NETWORK,
            *_NETWORK_OF_CONTAINER,
            *within("resource_limits.", _LIMITS),
            *_RLIMITS,
            *_RESOURCES,
            *_HEALTH_CHECKS,
        ),
    ),
}
"""By operation: what its body is, and its fields."""
