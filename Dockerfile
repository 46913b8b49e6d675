# The same sources, version and date give the same image, on any build platform.
FROM --platform=$BUILDPLATFORM golang:1.27 AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=v0.0.0-dev
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=$VERSION" -o /image/sluice ./cmd/sluice \
    && find /image -exec touch -h -d @$SOURCE_DATE_EPOCH {} +

FROM scratch
ARG VERSION=v0.0.0-dev
LABEL org.opencontainers.image.title=sluice org.opencontainers.image.version=$VERSION
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/sluice"]
