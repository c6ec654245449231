# The image of dockerproxy: the proxy and Python, without a shell, pip, OpenSSL or any other program.
#
#   docker build --tag dockerproxy .
#
# packaging/image chooses the files. It also builds the images of releases, without an engine, so that the same commit
# and packages give the same bytes.
#
# DEBIAN   a Debian 13 with bash, apt and dpkg; none of its files are in the result. If no mirror can be reached,
#          put the packages into debs/ first: DEBS=debs packaging/image "$(mktemp --directory)"
ARG DEBIAN=docker.io/library/debian:13-slim

FROM ${DEBIAN} AS build
WORKDIR /build
COPY . .
RUN mkdir -p debs && DEBS=debs packaging/image /result

FROM scratch
COPY --from=build /result/ /

# Root, because the engine's socket usually belongs to root, and any user who can open it could become root anyway. Any
# other user who can open it works too. If another user owns the socket, root needs CAP_DAC_OVERRIDE, and no other
# capability.
USER 0:0
WORKDIR /

# DOCKER_SOCKET_PATH is not set, so that the proxy looks for the engine's socket at /docker/docker.sock, then at
# /var/run/docker.sock. PROXIED_SOCKET_PATH is not set either: it defaults to /proxied/docker.sock, and a policy file
# sets its own paths. The engine kills a container ten seconds after asking it to stop; the proxy has to cut open
# connections, such as a stream of events, before that.
ENV PATH=/usr/bin SHUTDOWN_GRACE=5

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s CMD ["dockerproxy", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["dockerproxy"]
CMD ["serve"]

LABEL org.opencontainers.image.title="dockerproxy" \
      org.opencontainers.image.description="A filtering proxy for the Docker and Podman socket, over unix sockets only" \
      org.opencontainers.image.licenses="Apache-2.0"
