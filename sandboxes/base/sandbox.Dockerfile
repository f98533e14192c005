# The last layer of every image: the runner on top of a language's toolchain, so that a change of the
# runner does not install the toolchain again.
ARG RUNNER
ARG TOOLCHAIN
FROM ${RUNNER} AS runner
FROM ${TOOLCHAIN}
COPY --from=runner /runner /forkeval/runner
ENTRYPOINT ["/forkeval/runner"]
