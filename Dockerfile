# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=development
ARG COMMIT=unknown
# go-sqlite3 needs cgo; Olm is pure Go.
RUN CGO_ENABLED=1 go build -tags goolm -trimpath -ldflags "-s -w -X wazo-matrix-relay/internal/app.buildVersion=$VERSION -X wazo-matrix-relay/internal/app.buildCommit=$COMMIT" -o /wazo-matrix-relay .

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
	&& useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin relay \
	&& install -d -o relay -g relay -m 0700 /data
COPY --from=build /wazo-matrix-relay /usr/local/bin/wazo-matrix-relay
USER relay
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=/data/relay.db
# Only used with PUBLIC_URL.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["wazo-matrix-relay", "healthcheck"]
ENTRYPOINT ["wazo-matrix-relay"]
