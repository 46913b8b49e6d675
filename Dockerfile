FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /sluice ./cmd/sluice

FROM scratch
COPY --from=build /sluice /sluice
USER 65532:65532
ENTRYPOINT ["/sluice"]
