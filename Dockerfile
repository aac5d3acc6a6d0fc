# syntax=docker/dockerfile:1
# The build runs on the machine that builds, also for another architecture (docker buildx build --platform linux/arm64).
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETARCH
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# go-sqlite3 needs a C compiler for the architecture of the image.
# hadolint ignore=DL3008
RUN case "$(go env GOHOSTARCH)-$TARGETARCH" in \
	amd64-arm64) packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;; \
	arm64-amd64) packages="gcc-x86-64-linux-gnu libc6-dev-amd64-cross" ;; \
	*) exit 0 ;; \
	esac \
	&& apt-get update && read -ra list <<<"$packages" \
	&& apt-get install -y --no-install-recommends "${list[@]}" && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=development
ARG COMMIT=unknown
RUN make static ARCH="$TARGETARCH" VERSION="$VERSION" COMMIT="$COMMIT" OUT=/image/root/usr/local/bin/wazo-matrix-relay \
	&& install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/root/etc/ssl/certs/ca-certificates.crt \
	&& install -d -m 0700 /image/relay/data

# Nothing but the program, and the certificates that it trusts.
FROM scratch
COPY --from=build /image/root/ /
# What is in a copied directory keeps its mode: /data can be read by the relay only.
COPY --from=build --chown=10001:10001 /image/relay/ /
USER 10001:10001
WORKDIR /data
VOLUME /data
# Temporary files are in the volume, so that the root file system can be read-only.
ENV PATH=/usr/local/bin DATABASE_URL=/data/relay.db TMPDIR=/data
# Only used with PUBLIC_URL.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["wazo-matrix-relay", "healthcheck"]
ENTRYPOINT ["wazo-matrix-relay"]
