# Assay on processors:
#
#     docker build -t assay .
#     docker run -p 8080:8080 -e ASSAY_TOKEN=secret -v "$PWD/bundles:/bundles:ro" -e ASSAY_BUNDLE=/bundles/mine assay
#
# Without ASSAY_BUNDLE it serves the embedded models; without a token it refuses to start, unless ASSAY_ALLOW_ANONYMOUS=1 says that
# the network is trusted. It writes nothing, so --read-only fits. Every flag of serve has its variable (assay serve --help).
#
# Base images are pinned by tag; whoever can look their digests up should add them. deploy/check.sh follows these lines on a
# machine without Docker, so they hold no logic: what is done is in scripts of the repository.

FROM python:3.12.14-slim-bookworm AS libs
WORKDIR /src
COPY models/native/ models/native/
RUN models/native/wheels.py onnxruntime

FROM rust:1.95.0-bookworm AS rust

FROM golang:1.26.8-bookworm AS build
COPY --from=rust /usr/local/rustup/ /usr/local/rustup/
COPY --from=rust /usr/local/cargo/ /usr/local/cargo/
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
WORKDIR /src
COPY go.mod go.sum ./
COPY models/native/ models/native/
RUN models/native/tokenizers.sh
COPY . .
RUN deploy/build.sh

FROM debian:bookworm-20260803-slim
COPY --from=libs /src/.runtime/lib/ /opt/assay/
COPY --from=build /src/bin/image/ /opt/assay/
ENV ASSAY_LISTEN=0.0.0.0:8080
WORKDIR /bundles
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=15s --start-period=300s CMD ["/opt/assay/assay", "health"]
ENTRYPOINT ["/opt/assay/assay"]
CMD ["serve"]
