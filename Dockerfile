# The image of dockerproxy: a Python without a shell, pip, OpenSSL or any other program, and the proxy.
#
#   docker build --tag dockerproxy .
#
# packaging/image says which files are taken, and of what. It also makes the images of releases, without an engine, so
# that the same commit and packages give the same bytes.
#
# DEBIAN   a Debian 13, of which bash, apt and dpkg are used; nothing of it is in the result. Where no mirror can be
#          reached, put the packages into debs/ first: DEBS=debs packaging/image "$(mktemp --directory)"
ARG DEBIAN=docker.io/library/debian:13-slim

FROM ${DEBIAN} AS build
WORKDIR /build
COPY . .
RUN mkdir -p debs && DEBS=debs packaging/image /result

FROM scratch
COPY --from=build /result/ /

# Root, because the engine's socket is usually root's, and whoever may open it could be root anyway; any other user that
# may open it will do. Of root's capabilities it needs CAP_DAC_OVERRIDE where the socket belongs to somebody else, and no
# other.
USER 0:0
WORKDIR /

# The engine's socket is looked for at /docker/docker.sock, then at /var/run/docker.sock: DOCKER_SOCKET_PATH, when
# it is set, ends that search, so it is not set here; nor is PROXIED_SOCKET_PATH, /proxied/docker.sock by itself, which a
# policy file says in its own way. An engine kills a container ten seconds after it asked it to stop; what clients have
# open, such as a stream of events, has to be cut before that.
ENV PATH=/usr/bin SHUTDOWN_GRACE=5

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s CMD ["dockerproxy", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["dockerproxy"]
CMD ["serve"]

LABEL org.opencontainers.image.title="dockerproxy" \
      org.opencontainers.image.description="A filtering proxy for the Docker and Podman socket, over unix sockets only" \
      org.opencontainers.image.licenses="Apache-2.0"
