# The program alone, as a user without a name, in an image without a shell:
#   docker build -t buildkit-fleet .
#   docker run --rm -v "$PWD:/work" -u "$(id -u):$(id -g)" buildkit-fleet generate
# PROGRAM=given takes the program from dist/buildkit-fleet in place of building it; it has to be static.
ARG PROGRAM=built
ARG RUST=rust:1.95.0-alpine

FROM ${RUST} AS built
WORKDIR /src
# The C library's objects, which the linker needs, and the shell of .ci/release.
RUN apk add --no-cache musl-dev bash
COPY . .
RUN .ci/release && mkdir /out && cp target/dist/buildkit-fleet /out/

FROM scratch AS given
COPY dist/buildkit-fleet /out/buildkit-fleet

FROM ${PROGRAM} AS program

FROM scratch
COPY --from=program /out/buildkit-fleet /buildkit-fleet
COPY LICENSE NOTICE /
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/buildkit-fleet"]
CMD ["--help"]
