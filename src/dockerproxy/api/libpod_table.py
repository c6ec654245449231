# ruff: noqa: E501 - a table: one operation is one line, so that columns can be compared and lines be searched
"""Podman's own operations (libpod, Podman 4 and newer): which exist, at which URL, and what each reveals or changes.

What is not listed here is unknown to the proxy and refused. The columns are those of `docker_table`, with these rules:

- Every name ends in `Libpod`, as Podman's own operationIds do, so that no name is in both tables.
- `{name+}` is only for names of images, artifacts and manifests; `{destination+}` is a name in a registry.
- The section is the segment after `/libpod`; order and phrases are as in `docker_table`.
- Podman is often not root: what a client gains on the host is what the user Podman runs as may do.
"""

from typing import Final

# fmt: off
# method path                                  operation                  access shape  body | what it reveals or changes
LIBPOD: Final = """
GET      /libpod/_ping                         SystemPingLibpod           read   reply  -    | API versions in the headers
HEAD     /libpod/_ping                         SystemPingHeadLibpod       read   reply  -    | the same headers as SystemPingLibpod, without a body

GET      /libpod/artifacts/json                ArtifactListLibpod         read   reply  -    | names, digests and sizes of all artifacts
GET      /libpod/artifacts/{name+}/extract     ArtifactExtractLibpod      read   wait   -    | the files of an artifact
GET      /libpod/artifacts/{name+}/json        ArtifactInspectLibpod      read   reply  -    | which files an artifact holds, their sizes and annotations
POST     /libpod/artifacts/add                 ArtifactAddLibpod          write  wait   raw  | stores the file in the body as an artifact
POST     /libpod/artifacts/local/add           ArtifactLocalLibpod        write  wait   -    | stores any file of the host as an artifact, to be read back
POST     /libpod/artifacts/pull                ArtifactPullLibpod         write  wait   -    | fetches an artifact from any registry, with credentials
DELETE   /libpod/artifacts/remove              ArtifactDeleteAllLibpod    write  reply  -    | deletes several artifacts or all of them
DELETE   /libpod/artifacts/{name+}             ArtifactDeleteLibpod       write  reply  -    | deletes an artifact
POST     /libpod/artifacts/{name+}/push        ArtifactPushLibpod         write  wait   -    | sends an artifact to any registry, with credentials

POST     /libpod/build                         ImageBuildLibpod           write  stream tar  | runs any command in a build, with host directories and devices

POST     /libpod/commit                        ImageCommitLibpod          write  stream json | makes an image of a container, can take over an existing name

GET      /libpod/containers/json               ContainerListLibpod        read   reply  -    | names, commands, labels, ports and mounts of all containers
GET      /libpod/containers/showmounted        ContainerShowMountedLibpod read   reply  -    | host paths at which file systems of containers are mounted
GET      /libpod/containers/stats              ContainersStatsAllLibpod   read   stream -    | processor, memory, network and disk use of all containers
GET      /libpod/containers/{name}/archive     ContainerArchiveLibpod     read   reply  -    | any file of any container, also of its volumes and bind mounts
HEAD     /libpod/containers/{name}/archive     ContainerArchiveInfoLibpod read   reply  -    | whether any file exists, its size, mode, time and link target
GET      /libpod/containers/{name}/changes     ContainerChangesLibpod     read   reply  -    | paths of the files changed since a container was made
GET      /libpod/containers/{name}/exists      ContainerExistsLibpod      read   reply  -    | whether there is a container of that name
GET      /libpod/containers/{name}/export      ContainerExportLibpod      read   reply  -    | all files of a container's own file system, without volumes
GET      /libpod/containers/{name}/json        ContainerInspectLibpod     read   reply  -    | all settings of a container, passwords in its environment too
GET      /libpod/containers/{name}/logs        ContainerLogsLibpod        read   stream -    | all that a container has printed and goes on printing
GET      /libpod/containers/{name}/stats       ContainerStatsLibpod       read   stream -    | processor, memory, network and disk use as it changes
GET      /libpod/containers/{name}/top         ContainerTopLibpod         read   stream -    | processes with their arguments, ps_args= picks what ps shows
POST     /libpod/containers/{name}/wait        ContainerWaitLibpod        read   stream -    | waits until a container ends and tells its exit status
POST     /libpod/containers/create             ContainerCreateLibpod      write  reply  json | makes a container of any kind: all that Podman itself may do
POST     /libpod/containers/prune              ContainerPruneLibpod       write  wait   -    | deletes all stopped containers
DELETE   /libpod/containers/{name}             ContainerDeleteLibpod      write  wait   -    | deletes a container, also a running one and all that need it
PUT      /libpod/containers/{name}/archive     PutContainerArchiveLibpod  write  wait   tar  | puts files anywhere in a container, its volumes and bind mounts
POST     /libpod/containers/{name}/attach      ContainerAttachLibpod      write  tunnel any  | shows the output of the main process and types into it
POST     /libpod/containers/{name}/checkpoint  ContainerCheckpointLibpod  write  wait   -    | saves a container to disk, with export= hands out its memory
POST     /libpod/containers/{name}/exec        ContainerExecLibpod        write  reply  json | prepares a command to run inside, as any user, also privileged
GET      /libpod/containers/{name}/healthcheck ContainerHealthcheckLibpod write  wait   -    | a GET that runs the health command of a container
POST     /libpod/containers/{name}/init        ContainerInitLibpod        write  reply  -    | sets a created container up without starting it
POST     /libpod/containers/{name}/kill        ContainerKillLibpod        write  reply  -    | sends any signal to the main process of a container
POST     /libpod/containers/{name}/mount       ContainerMountLibpod       write  reply  -    | mounts a container's file system on the host and tells where
POST     /libpod/containers/{name}/pause       ContainerPauseLibpod       write  reply  -    | freezes all processes of a container
POST     /libpod/containers/{name}/rename      ContainerRenameLibpod      write  reply  -    | gives a container a new name, which others may go by
POST     /libpod/containers/{name}/resize      ContainerResizeLibpod      write  reply  -    | changes the size of a container's terminal
POST     /libpod/containers/{name}/restart     ContainerRestartLibpod     write  wait   -    | stops a container and starts it again
POST     /libpod/containers/{name}/restore     ContainerRestoreLibpod     write  wait   tar  | starts a saved container, with import= any that the body holds
POST     /libpod/containers/{name}/start       ContainerStartLibpod       write  reply  -    | starts a container that was created before
POST     /libpod/containers/{name}/stop        ContainerStopLibpod        write  wait   -    | stops a container, by force after a while
POST     /libpod/containers/{name}/unmount     ContainerUnmountLibpod     write  reply  -    | unmounts a container's file system from the host
POST     /libpod/containers/{name}/unpause     ContainerUnpauseLibpod     write  reply  -    | lets a frozen container go on
POST     /libpod/containers/{name}/update      ContainerUpdateLibpod      write  reply  json | changes limits, environment and health command of a container

GET      /libpod/events                        SystemEventsLibpod         read   stream -    | all that happens, with names and labels of containers

GET      /libpod/exec/{id}/json                ExecInspectLibpod          read   reply  -    | command line, user and exit status of an exec
POST     /libpod/exec/{id}/remove              ExecRemoveLibpod           write  reply  json | removes an exec, by force also while it runs
POST     /libpod/exec/{id}/resize              ExecResizeLibpod           write  reply  -    | changes the size of an exec's terminal
POST     /libpod/exec/{id}/start               ExecStartLibpod            write  tunnel json | runs the prepared command and types into it

GET      /libpod/generate/kube                 GenerateKubeLibpod         read   reply  -    | containers and pods as Kubernetes YAML, with their environment
GET      /libpod/generate/{name}/systemd       GenerateSystemdLibpod      read   reply  -    | a systemd unit that shows how a container was created

GET      /libpod/images/json                   ImageListLibpod            read   reply  -    | names, labels, sizes and digests of all images
GET      /libpod/images/export                 ImageExportLibpod          read   wait   -    | all files of several images, with their history
GET      /libpod/images/search                 ImageSearchLibpod          read   reply  -    | makes Podman ask registries, in term= any the client names
GET      /libpod/images/{name+}/changes        ImageChangesLibpod         read   reply  -    | paths of the files in which an image differs from another
GET      /libpod/images/{name+}/exists         ImageExistsLibpod          read   reply  -    | whether there is an image of that name
GET      /libpod/images/{name+}/get            ImageGetLibpod             read   wait   -    | all files of an image, with its history
GET      /libpod/images/{name+}/history        ImageHistoryLibpod         read   reply  -    | the steps that made an image, build arguments among them
GET      /libpod/images/{name+}/json           ImageInspectLibpod         read   reply  -    | all settings of an image, its environment among them
GET      /libpod/images/{name+}/resolve        ImageResolveLibpod         read   reply  -    | which full names a short image name may stand for
GET      /libpod/images/{name+}/tree           ImageTreeLibpod            read   reply  -    | the layers of an image and the names they bear
POST     /libpod/images/import                 ImageImportLibpod          write  wait   tar  | makes an image from an archive or from any URL
POST     /libpod/images/load                   ImageLoadLibpod            write  wait   tar  | adds images from an archive and replaces existing names
POST     /libpod/images/prune                  ImagePruneLibpod           write  wait   -    | deletes unused images
POST     /libpod/images/pull                   ImagePullLibpod            write  stream -    | pulls an image from any registry, can replace a name
DELETE   /libpod/images/remove                 ImageDeleteAllLibpod       write  wait   -    | deletes several images or all of them
POST     /libpod/images/scp/{name+}            ImageScpLibpod             write  wait   -    | copies an image to another host by SSH or to another user
DELETE   /libpod/images/{name+}                ImageDeleteLibpod          write  wait   -    | deletes an image or one of its names
POST     /libpod/images/{name+}/push           ImagePushLibpod            write  stream -    | sends an image to any registry, with credentials
POST     /libpod/images/{name+}/tag            ImageTagLibpod             write  reply  -    | gives an image a name, even one that another image has now
POST     /libpod/images/{name+}/untag          ImageUntagLibpod           write  reply  -    | takes one name or all names from an image

GET      /libpod/info                          SystemInfoLibpod           read   reply  -    | host details, storage paths, registries and user id ranges

GET      /libpod/kube/generate                 KubeGenerateLibpod         read   reply  -    | the same as GenerateKubeLibpod, at its newer URL
POST     /libpod/kube/apply                    KubeApplyLibpod            write  wait   raw  | sends YAML to a Kubernetes cluster, with a login file of the host
POST     /libpod/kube/play                     KubePlayLibpod             write  wait   raw  | runs any pod the YAML describes, with host directories too
DELETE   /libpod/kube/play                     KubePlayDownLibpod         write  wait   raw  | stops and deletes what the YAML in the body names

POST     /libpod/local/build                   LocalBuildLibpod           write  stream -    | builds from any host directory, which gives its files away
POST     /libpod/local/images/load             LocalImagesLibpod          write  reply  -    | loads images from any file of the host

GET      /libpod/manifests/{name+}/exists      ManifestExistsLibpod       read   reply  -    | whether there is a list of images of that name
GET      /libpod/manifests/{name+}/json        ManifestInspectLibpod      write  reply  -    | a GET that makes Podman ask any registry for a list of images
POST     /libpod/manifests/{name+}             ManifestCreateLibpod       write  wait   json | makes a list of images for several platforms
PUT      /libpod/manifests/{name+}             ManifestModifyLibpod       write  wait   json | adds, changes or removes images in a list
DELETE   /libpod/manifests/{name+}             ManifestDeleteLibpod       write  reply  -    | deletes a list of images, under versions before 4 one entry
POST     /libpod/manifests/{name+}/registry/{destination+} ManifestPushLibpod write  stream -    | sends a list of images to any registry

GET      /libpod/networks/json                 NetworkListLibpod          read   reply  -    | all networks with their address ranges and options
GET      /libpod/networks/{name}               NetworkInspectShortLibpod  read   reply  -    | the same as NetworkInspectLibpod, at a shorter URL
GET      /libpod/networks/{name}/exists        NetworkExistsLibpod        read   reply  -    | whether there is a network of that name
GET      /libpod/networks/{name}/json          NetworkInspectLibpod       read   reply  -    | a network with the names and addresses of its containers
POST     /libpod/networks/create               NetworkCreateLibpod        write  reply  json | makes a network, also one on interfaces of the host
POST     /libpod/networks/prune                NetworkPruneLibpod         write  wait   -    | deletes unused networks
DELETE   /libpod/networks/{name}               NetworkDeleteLibpod        write  reply  -    | deletes a network
POST     /libpod/networks/{name}/connect       NetworkConnectLibpod       write  reply  json | joins any container to a network, under any name and address
POST     /libpod/networks/{name}/disconnect    NetworkDisconnectLibpod    write  reply  json | takes any container out of a network
POST     /libpod/networks/{name}/update        NetworkUpdateLibpod        write  reply  json | changes the name servers of a network

POST     /libpod/play/kube                     PlayKubeLibpod             write  wait   raw  | the same as KubePlayLibpod, at its old URL
DELETE   /libpod/play/kube                     PlayKubeDownLibpod         write  wait   raw  | the same as KubePlayDownLibpod, at its old URL

GET      /libpod/pods/json                     PodListLibpod              read   reply  -    | names, states, labels and containers of all pods
GET      /libpod/pods/stats                    PodStatsAllLibpod          read   stream -    | processor, memory, network and disk use of all pods
GET      /libpod/pods/{name}/exists            PodExistsLibpod            read   reply  -    | whether there is a pod of that name
GET      /libpod/pods/{name}/json              PodInspectLibpod           read   reply  -    | all settings of a pod, with the command that created it
GET      /libpod/pods/{name}/top               PodTopLibpod               read   stream -    | processes with their arguments, of all containers of a pod
POST     /libpod/pods/create                   PodCreateLibpod            write  wait   json | makes a pod, which may use the host's network and directories
POST     /libpod/pods/prune                    PodPruneLibpod             write  wait   -    | deletes all stopped pods
DELETE   /libpod/pods/{name}                   PodDeleteLibpod            write  wait   -    | deletes a pod, by force with its running containers
POST     /libpod/pods/{name}/kill              PodKillLibpod              write  reply  -    | sends any signal to all containers of a pod
POST     /libpod/pods/{name}/pause             PodPauseLibpod             write  reply  -    | freezes all containers of a pod
POST     /libpod/pods/{name}/restart           PodRestartLibpod           write  wait   -    | stops all containers of a pod and starts them again
POST     /libpod/pods/{name}/start             PodStartLibpod             write  wait   -    | starts all containers of a pod
POST     /libpod/pods/{name}/stop              PodStopLibpod              write  wait   -    | stops all containers of a pod
POST     /libpod/pods/{name}/unpause           PodUnpauseLibpod           write  reply  -    | lets all frozen containers of a pod go on

GET      /libpod/quadlets/json                 QuadletListLibpod          read   reply  -    | names, states and host paths of all installed units
GET      /libpod/quadlets/{name}/exists        QuadletExistsLibpod        read   reply  -    | whether there is an installed unit of that name
GET      /libpod/quadlets/{name}/file          QuadletFileLibpod          read   reply  -    | the text of an installed unit, its environment among it
POST     /libpod/quadlets                      QuadletInstallLibpod       write  wait   tar  | installs units that systemd runs on the host, after a reboot too
DELETE   /libpod/quadlets                      QuadletDeleteAllLibpod     write  reply  -    | deletes several installed units or all of them
DELETE   /libpod/quadlets/{name}               QuadletDeleteLibpod        write  reply  -    | deletes an installed unit

GET      /libpod/secrets/json                  SecretListLibpod           read   reply  -    | names and labels of all secrets
GET      /libpod/secrets/{name}/exists         SecretExistsLibpod         read   reply  -    | whether there is a secret of that name
GET      /libpod/secrets/{name}/json           SecretInspectLibpod        read   reply  -    | name and labels of a secret, with showsecret= its value
POST     /libpod/secrets/create                SecretCreateLibpod         write  reply  raw  | stores a secret, by a driver that may run commands on the host
DELETE   /libpod/secrets/{name}                SecretDeleteLibpod         write  reply  -    | deletes a secret

GET      /libpod/swagger                       SwaggerSpecLibpod          read   reply  -    | the description of this API, where one is installed

GET      /libpod/system/df                     SystemDataUsageLibpod      read   wait   -    | names and disk use of images, containers and volumes
POST     /libpod/system/check                  SystemCheckLibpod          write  wait   -    | checks the storage, with repair= deletes what is damaged
POST     /libpod/system/prune                  SystemPruneLibpod          write  wait   -    | deletes all that is unused, if asked also volumes with their data

GET      /libpod/version                       SystemVersionLibpod        read   reply  -    | versions of Podman, its parts and the kernel

GET      /libpod/volumes/json                  VolumeListLibpod           read   reply  -    | all volumes with host paths and options, at times passwords
GET      /libpod/volumes/{name}/exists         VolumeExistsLibpod         read   reply  -    | whether there is a volume of that name
GET      /libpod/volumes/{name}/export         VolumeExportLibpod         read   wait   -    | all files of a volume
GET      /libpod/volumes/{name}/json           VolumeInspectLibpod        read   reply  -    | one volume with its host path and options, at times passwords
POST     /libpod/volumes/create                VolumeCreateLibpod         write  reply  json | makes a volume, also of any host directory or network share
POST     /libpod/volumes/prune                 VolumePruneLibpod          write  wait   -    | deletes unused volumes and their data
DELETE   /libpod/volumes/{name}                VolumeDeleteLibpod         write  wait   -    | deletes a volume and its data
POST     /libpod/volumes/{name}/import         VolumeImportLibpod         write  wait   tar  | puts the files of an archive into a volume
"""
# fmt: on
