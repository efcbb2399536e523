#!/bin/sh
# Fails when a committed file names a path of the machine it was made on, or a host that packages were
# fetched from. Such a name works on one machine only, and tells strangers about it.
set -eu
cd "$(dirname "$0")/.."

# Each pattern has a bracket that keeps it from matching itself.
paths='(^|[^A-Za-z0-9_.~-])[/](work|root|builds|home/[A-Za-z0-9_-]+|Users/[A-Za-z0-9_-]+)/|[.]cargo/registry/src'
hosts='artifac[t]ory|artifac[t]-?registry|[j]frog|[.]pkg[.]dev|[.](internal|corp|lan)[:/]'
# The only place that crates may come from.
index='registry+https://github.com/rust-lang/crates.io-index'

found=$(
    git grep -nIE "$paths" -- . || [ $? -eq 1 ]
    git grep -nIiE "$hosts" -- . || [ $? -eq 1 ]
    git grep -nE '^source = ' -- Cargo.lock | grep -vF "\"$index\"" || [ $? -eq 1 ]
)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    echo "check-traces: the lines above name a build machine or a package host" >&2
    exit 1
fi
