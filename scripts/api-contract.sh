#!/bin/bash
# Contract test of the API: schemathesis, which knows nothing of Quittance, makes requests of the committed OpenAPI
# document, valid and invalid, and holds each answer against it. `quittance api` runs in an environment of its own
# (`quittance dev`: private Redis and Postgres, simulated Stripe, free ports), which ends with this script.
#
# Skipped where there is no Python 3.11 with venv, or no package index, unless QUITTANCE_REQUIRE_CONTRACT is set.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

target=${CARGO_TARGET_DIR:-target}
[[ $target = /* ]] || target=$root/$target
quittance=$target/debug/quittance
requirements=$root/scripts/api-contract-requirements.txt
venv=$target/tools/api-contract-$(cksum <"$requirements" | cut -d ' ' -f 1)

skip() {
    echo "skipped: $1"
    if [[ -n ${QUITTANCE_REQUIRE_CONTRACT:-} ]]; then exit 1; fi
    exit 0
}

python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    skip "no Python 3.11 or newer with venv (scripts/setup.sh --python)"
# What is in the file is all that is installed, so that a new release of anything changes no result.
if [[ ! -e $venv/complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" ||
        skip "pip could not fetch schemathesis"
    touch "$venv/complete"
fi
[[ -x $quittance ]] || {
    echo "$quittance is missing: cargo build --features dev --bin quittance"
    exit 1
}

# On a path of its own: as root, Postgres runs as another user, who has to get there.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/quittance-contract.XXXXXX")
chmod 755 "$scratch"
environment=
finish() {
    local status=$?
    if [[ -n $environment ]]; then
        # It stops all that it has started.
        kill -TERM "$environment" 2>/dev/null || true
        wait "$environment" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Not with the settings of whoever calls this.
env -u STRIPE_SECRET_KEY -u STRIPE_WEBHOOK_SECRET -u QUITTANCE_CONFIG \
    "$quittance" dev --calm --workers 1 --root "$scratch/environment" >"$scratch/log" 2>&1 &
environment=$!
python3 - "$environment" "$scratch" <<'PYTHON'
import os, re, sys, time, urllib.request

process, scratch = int(sys.argv[1]), sys.argv[2]
until = time.monotonic() + 120
while time.monotonic() < until:
    try:
        os.kill(process, 0)
        settings = open(f"{scratch}/environment/env").read()
        url = re.search(r"QUITTANCE_API_URL='([^']+)'", settings).group(1)
        urllib.request.urlopen(f"{url}/v1/openapi.json", timeout=5)
        sys.exit(0)
    except ProcessLookupError:
        break
    except (OSError, AttributeError):
        time.sleep(0.2)
sys.exit(f"the environment did not start:\n{open(f'{scratch}/log').read()}")
PYTHON
# shellcheck disable=SC1091
. "$scratch/environment/env"

# schemathesis keeps what it found in its directory, and reads its settings there.
cd "$scratch"
cp "$root/scripts/api-contract.toml" schemathesis.toml
"$venv/bin/schemathesis" run "$root/docs/openapi-api.json" --url "$QUITTANCE_API_URL" \
    --header "Authorization: Bearer $QUITTANCE_API_TOKEN" --no-color
