#!/bin/sh
# Installs what `make dev` and `make test` need and this machine lacks: Redis (6.2 or newer, or Valkey)
# and Postgres (14 or newer). On Debian and Ubuntu with apt; elsewhere it says what to install.
#
# Only the programs are wanted: Quittance starts private servers of its own. So no system service is
# started, enabled or left running, and no cluster is created, by what is installed here.
#
#   scripts/setup.sh            Redis and Postgres
#   scripts/setup.sh --browser  also Chromium, its driver and axe-core, for the tests in a browser
#   scripts/setup.sh --pgbouncer  also PgBouncer, for the tests with a pooler in front of Postgres
#   scripts/setup.sh --tools    promtool, which checks deploy/alerts.yml, into target/tools
#   scripts/setup.sh --python   also Python with venv, for scripts/api-contract.sh
#
# --browser, --pgbouncer and --python can be given together.
set -eu

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# The same places as in src/dev/servers/find.rs.
redis_program() {
    first_executable "$(command -v redis-server)" "$(command -v valkey-server)" \
        /usr/local/bin/redis-server /usr/local/bin/valkey-server \
        /opt/homebrew/bin/redis-server /opt/homebrew/bin/valkey-server \
        /opt/local/bin/redis-server /opt/local/bin/valkey-server
}
postgres_programs() {
    executables "$(command -v postgres)" \
        /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
        /opt/homebrew/opt/postgresql@*/bin/postgres /usr/local/opt/postgresql@*/bin/postgres \
        /Applications/Postgres.app/Contents/Versions/*/bin/postgres \
        /opt/local/lib/postgresql*/bin/postgres
}
executables() {
    for program in "$@"; do
        if [ -n "$program" ] && [ -x "$program" ]; then printf '%s\n' "$program"; fi
    done
}
first_executable() { executables "$@" | head -n 1; }

have_redis() { [ -n "$(redis_program)" ]; }
# initdb is in the package of the server, beside it.
have_postgres() { [ -n "$(postgres_programs)" ]; }

# "Redis server v=7.0.15 ...", "postgres (PostgreSQL) 15.18 ..."
check_versions() {
    version=$("$(redis_program)" --version | sed -n 's/.* v=\([0-9]*\.[0-9]*\).*/\1/p')
    major=${version%%.*} minor=${version#*.}
    if [ "${major:-0}" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
        fail "Redis ${version:-of an unknown version} is too old: 6.2 or newer is needed." \
            "Install it from https://packages.redis.io, or Valkey."
    fi
    newest=$(postgres_programs | while read -r program; do
        "$program" --version | sed -n 's/^[^0-9]*\([0-9]*\).*/\1/p'
    done | sort -n | tail -n 1)
    if [ "${newest:-0}" -lt 14 ]; then
        fail "Postgres ${newest:-of an unknown version} is too old: 14 or newer is needed." \
            "Install it from https://www.postgresql.org/download/."
    fi
}

# The same places as in tests/it/browser/driver.rs.
have_browser() {
    [ -n "$(first_executable "$(command -v chromium)" "$(command -v chromium-browser)" "$(command -v google-chrome)")" ] &&
        have chromedriver
}

# The same places as in tests/it/harness/pgbouncer.rs.
have_pgbouncer() {
    [ -n "$(first_executable "$(command -v pgbouncer)" /usr/sbin/pgbouncer /usr/local/sbin/pgbouncer /opt/homebrew/bin/pgbouncer)" ]
}

# As in scripts/api-contract.sh.
have_python() { python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

axe_version=4.14.1
axe_sha256=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
axe_file=${CARGO_TARGET_DIR:-target}/tools/axe-$axe_version.min.js

have_axe() { [ -e "$axe_file" ]; }

# By npm, from wherever npm is set up to fetch; it is what it was when this was written.
fetch_axe() {
    if have_axe; then return 0; fi
    have npm || fail "npm is still missing, which fetches axe-core. Install Node.js by hand."
    folder=$(mktemp -d)
    archive=$folder/axe-core-$axe_version.tgz
    (cd "$folder" && npm pack --silent "axe-core@$axe_version" >/dev/null) ||
        fail "npm could not fetch axe-core $axe_version: see above."
    echo "$axe_sha256  $archive" | sha256sum --check --status ||
        fail "axe-core $axe_version is not the archive that was expected."
    mkdir -p "${axe_file%/*}"
    tar -xzOf "$archive" package/axe.min.js >"$axe_file.part"
    mv "$axe_file.part" "$axe_file"
    rm -r "$folder"
}

# ring (TLS) compiles C, and cargo needs a linker anyway.
have_compiler() { have cc || have gcc || have clang; }

check_cargo() {
    if ! have cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        fail "cargo is installed but not on PATH. Run: . \"${CARGO_HOME:-$HOME/.cargo}/env\""
    fi
    have cargo || fail "Rust is missing (no cargo on PATH). Install it from https://rustup.rs, then run this again."
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# As root, in one go, so that sudo asks for a password once. $@: the packages.
# shellcheck disable=SC2016
install_script='
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
template=/usr/share/postgresql-common/createcluster.conf
made_policy= saved_clusters=
undo() {
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
    if [ -n "$saved_clusters" ]; then
        mv "$saved_clusters" "$clusters"
    elif [ -e "$template" ]; then
        cp "$template" "$clusters"
        rm -f "$clusters.ucf-dist"
    else
        rm -f "$clusters"
    fi
}
trap undo EXIT
trap "exit 130" HUP INT TERM

# Debian asks this program before it starts a service; 101 is "no". One that is there stays.
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
fi
# The package of Postgres makes a cluster that starts at every boot, unless it is told not to before.
mkdir -p "${clusters%/*}"
if [ -e "$clusters" ]; then
    saved_clusters=$clusters.before-quittance
    cp -p "$clusters" "$saved_clusters"
fi
echo "create_main_cluster = false" >>"$clusters"

new=
for package in "$@"; do
    if dpkg -s "$package" >/dev/null 2>&1; then continue; fi
    new="$new $package"
done

install() { apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@"; }
installable() { apt-get install --simulate --no-install-recommends "$@" >/dev/null 2>&1; }
# Lists that are missing or old know no package, or one that the mirror no longer has.
if ! installable "$@" || ! install "$@"; then
    apt-get update -o DPkg::Lock::Timeout=300
    install "$@"
fi
# What was not there before must not start at the next boot either. Without systemd nothing does.
for unit in $new; do
    if command -v systemctl >/dev/null 2>&1 && [ -e "/lib/systemd/system/$unit.service" ]; then
        systemctl --quiet disable "$unit"
    fi
done
'

install_with_apt() {
    if [ "$(id -u)" -ne 0 ] && ! have sudo; then
        fail "missing:$missing. Run as root: apt-get install$missing (sudo is not installed, so this cannot)"
    fi
    say "installing$missing with apt (no service is started)"
    # shellcheck disable=SC2086
    as_root sh -c "$install_script" setup $missing >&2 ||
        fail "apt could not install$missing: see above. Install them by hand, then run this again."
}

explain() {
    say "missing:$missing"
    if [ "$(uname -s)" = Darwin ]; then
        have_redis || say "  brew install redis            (or: brew install valkey)"
        have_postgres || say "  brew install postgresql@17    (no 'brew services start' is needed)"
        have_compiler || say "  xcode-select --install"
        [ -z "$pgbouncer" ] || have_pgbouncer || say "  brew install pgbouncer"
        [ -z "$python" ] || have_python || say "  brew install python"
        [ -z "$browser" ] || have_browser || say "  brew install --cask chromium chromedriver"
        [ -z "$browser" ] || have_axe || have npm || say "  brew install node"
    elif have dnf; then
        have_redis || say "  sudo dnf install valkey       (or redis)"
        have_postgres || say "  sudo dnf install postgresql-server postgresql-contrib"
        have_compiler || say "  sudo dnf install gcc"
    elif have pacman; then
        have_redis || say "  sudo pacman -S valkey"
        have_postgres || say "  sudo pacman -S postgresql"
        have_compiler || say "  sudo pacman -S gcc"
    elif have apk; then
        have_redis || say "  sudo apk add redis            (or valkey)"
        have_postgres || say "  sudo apk add postgresql16 postgresql16-contrib"
        have_compiler || say "  sudo apk add build-base"
    else
        say "  Redis 6.2 or newer (or Valkey), Postgres 14 or newer (server, with initdb), a C compiler,"
        say "  all on PATH. No service has to run."
    fi
    fail "then run this again"
}

main() {
    browser= pgbouncer= python=
    for option in "$@"; do
        case "$option" in
        --browser) browser=yes ;;
        --pgbouncer) pgbouncer=yes ;;
        --python) python=yes ;;
        *) fail "unknown: $option (there are --browser, --pgbouncer, --python and --tools)" ;;
        esac
    done
    check_cargo
    missing=
    if [ -n "$browser" ]; then
        have_browser || missing="$missing chromium chromium-driver fonts-dejavu-core"
        have_axe || have npm || missing="$missing npm"
    fi
    if [ -n "$pgbouncer" ]; then
        have_pgbouncer || missing="$missing pgbouncer"
    fi
    if [ -n "$python" ]; then
        have_python || missing="$missing python3-venv"
    fi
    have_redis || missing="$missing redis-server"
    have_postgres || missing="$missing postgresql"
    have_compiler || missing="$missing gcc libc6-dev"
    if [ -z "$missing" ]; then
        check_versions
        if [ -n "$browser" ]; then fetch_axe; fi
        return 0
    fi
    if ! have apt-get; then explain; fi
    install_with_apt
    have_redis || fail "redis-server is still missing. Install Redis 6.2 or newer, or Valkey, by hand."
    have_postgres || fail "postgres is still missing. Install Postgres 14 or newer by hand."
    have_compiler || fail "a C compiler is still missing. Install gcc by hand."
    check_versions
    if [ -n "$pgbouncer" ]; then
        have_pgbouncer || fail "PgBouncer is still missing. Install it by hand."
    fi
    if [ -n "$python" ]; then
        have_python || fail "Python 3.11 or newer with venv is still missing. Install it by hand."
    fi
    if [ -n "$browser" ]; then
        have_browser || fail "Chromium or chromedriver is still missing. Install both by hand."
        fetch_axe
    fi
    say "done"
}

# Debian's package starts a Prometheus when it is installed. So it is not installed: the one program
# that is wanted is taken out of it.
install_promtool() {
    tools="${CARGO_TARGET_DIR:-target}/tools"
    if [ -x "$tools/bin/promtool" ] || have promtool; then return 0; fi
    have apt-get || fail "promtool is missing. Install Prometheus (https://prometheus.io/download) so that promtool is on PATH."
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    # Where the lists are missing or old, renewing them needs root; downloading does not.
    download() { (cd "$unpacked" && apt-get download -q prometheus >&2); }
    download || { as_root apt-get update -o DPkg::Lock::Timeout=300 >&2 && download; } ||
        fail "apt could not download the package prometheus: see above. Put a promtool on PATH, then run this again."
    dpkg-deb -x "$unpacked"/prometheus_*.deb "$unpacked"
    mkdir -p "$tools/bin"
    # Moved, so that whoever looks meanwhile sees all of it or nothing.
    mv "$unpacked/usr/bin/promtool" "$tools/bin/promtool.new"
    mv "$tools/bin/promtool.new" "$tools/bin/promtool"
    say "promtool is in $tools/bin"
}

if [ "${1:-}" = --tools ]; then install_promtool; else main "$@"; fi
