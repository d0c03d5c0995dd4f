# List the recipes
default:
    @just --list

# Write the manifests of every cluster, or of those named, to generated/
[group('use')]
generate *clusters:
    cargo run --release --quiet -- generate {{ clusters }}

# Print a diff and fail if generated/ is out of date
[group('use')]
check:
    cargo run --release --quiet -- generate --check

# Check clusters.yaml
[group('use')]
validate:
    cargo run --release --quiet -- validate

# Show what `just generate` would do to running fleets; options as for `buildkit-fleet diff`
[group('use')]
diff *options:
    cargo run --release --quiet -- diff {{ options }}

# Show size, cost and scaling speed of every fleet, or of those named
[group('use')]
plan *clusters:
    cargo run --release --quiet -- plan {{ clusters }}

# Simulate builds on a cluster's fleet; options as for `buildkit-fleet simulate`
[group('use')]
simulate cluster *options:
    cargo run --release --quiet -- simulate {{ cluster }} {{ options }}

# Apply a cluster's manifests; options as for deploy.sh
[group('use')]
deploy cluster *options:
    ./deploy.sh {{ cluster }} {{ options }}

# Run every test
[group('work')]
test *args:
    ./tests/run {{ args }}

# Run everything that a change must pass: format, lints, supply chain, tests
[group('work')]
ci:
    .ci/run

# Update snapshots and generated pages; review them with git diff
[group('work')]
snapshots:
    INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --quiet --test suite

# Write the man pages to target/man
[group('work')]
man:
    cargo run --quiet -- man target/man

# Print the tables of run times
[group('work')]
bench:
    cargo bench --quiet --bench speed

# Fuzz clusters.yaml and records of arrivals, for this many seconds each
[group('work')]
fuzz seconds="600":
    ./fuzz/run {{ seconds }}

# Check the dependencies against deny.toml; with --advisories, fail if no advisory database is available
[group('work')]
deny *options:
    ./tests/deny {{ options }}

# Scan rendered manifests with checkov, and list what is suppressed
[group('work')]
scan:
    ./tests/manifest-scan

# Check dashboards against Grafana's published types
[group('work')]
dashboard-schema:
    ./tests/dashboard-schema

# Build target/dist/buildkit-fleet without paths of this machine
[group('work')]
release:
    ./.ci/release

# Build the release of HEAD twice, in different places, and compare the bytes
[group('work')]
reproducible:
    ./tests/reproducible

# Write the software bill of materials to target/sbom
[group('work')]
sbom:
    ./.ci/sbom
