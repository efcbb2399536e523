# One image for all roles: `docker run quittance ingress`, `... worker`, `... admin`, `... migrate`.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# Queries are checked against the committed data: no database is needed to build.
ENV SQLX_OFFLINE=true

# The dependencies, in a layer of their own that lasts as long as the manifests: built with stubs in
# place of every target that they name. The simulator is a member of the workspace and no part of the
# image.
COPY Cargo.toml Cargo.lock ./
COPY crates/quittance-config/Cargo.toml crates/quittance-config/
COPY crates/quittance-domain/Cargo.toml crates/quittance-domain/
COPY crates/quittance-http-client/Cargo.toml crates/quittance-http-client/
COPY crates/quittance-redaction/Cargo.toml crates/quittance-redaction/
COPY crates/quittance-queue/Cargo.toml crates/quittance-queue/
COPY crates/quittance-store/Cargo.toml crates/quittance-store/
COPY crates/quittance-stripe/Cargo.toml crates/quittance-stripe/
COPY crates/quittance-tasks/Cargo.toml crates/quittance-tasks/
COPY crates/stripe-simulator/Cargo.toml crates/stripe-simulator/
RUN mkdir -p src tests/it benches/program \
    && echo 'fn main() {}' | tee src/main.rs tests/it/main.rs > benches/program/main.rs \
    && for crate in . crates/*; do mkdir -p $crate/src && touch $crate/src/lib.rs; done \
    && cp src/main.rs crates/stripe-simulator/src/ \
    && cargo build --release --locked

COPY . .
# The files keep the times of the checkout, which are older than the stubs' build.
RUN touch src/main.rs src/lib.rs crates/*/src/lib.rs \
    && cargo build --release --locked

# glibc and CA certificates, no shell, no package manager; the same Debian as the builder's.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="quittance" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /src/target/release/quittance /usr/local/bin/quittance
# glibc raises both by itself with each large block that is freed, and then keeps the memory of large bodies
# for good. So they stay at its first values: such a block goes back to the system when it is freed.
ENV MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
USER nonroot:nonroot
# The ingress. Its GET /livez and GET /readyz are for the orchestrator's probes: there is no HEALTHCHECK
# here, because one image serves roles with and without this port, and holds no shell and no curl.
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/quittance"]
