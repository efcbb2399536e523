#!/usr/bin/env bash
# Writes `.sqlx/`: what the compiler knows of each query without a database.
#
#   DATABASE_URL=postgres://... scripts/sqlx-prepare.sh           after a change of a query or migration
#   DATABASE_URL=postgres://... scripts/sqlx-prepare.sh --check   exit 1 when it is stale
#
# DATABASE_URL names a server on which a database may be created; the database that it names is not
# touched. Needs psql, and no sqlx-cli: sqlx' macros write the data themselves when SQLX_OFFLINE_DIR
# is set.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DATABASE_URL:?names a Postgres server on which a scratch database may be created}"

case "${1-}" in
    '' | --check) mode=${1-} ;;
    *) echo "usage: $0 [--check]" >&2; exit 2 ;;
esac

scratch="quittance_prepare_$$"
query=''
[[ $DATABASE_URL == *\?* ]] && query="?${DATABASE_URL#*\?}"
base=${DATABASE_URL%%\?*}
url="${base%/*}/$scratch$query"
fresh=$(mktemp -d)
cleanup() {
    rm -rf "$fresh"
    psql -q "$DATABASE_URL" -c "DROP DATABASE IF EXISTS $scratch" || true
}
trap cleanup EXIT

psql -q "$DATABASE_URL" -c "CREATE DATABASE $scratch"
# The data names tables as the search path makes them look, and that follows the user's name: a user
# `quittance` would see our schema without its name.
psql -q "$DATABASE_URL" -c "ALTER DATABASE $scratch SET search_path = public"
for migration in migrations/*.sql; do
    psql -q -v ON_ERROR_STOP=1 --single-transaction "$url" -f "$migration" >/dev/null
done

# The macros write their data when they run, and a file that is not recompiled does not run them.
find crates/quittance-store/src -name '*.rs' -exec touch {} +
DATABASE_URL="$url" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$fresh" cargo check --quiet --features dev

if [[ $mode == --check ]]; then
    if ! diff -rq .sqlx "$fresh"; then
        echo '.sqlx is stale: run scripts/sqlx-prepare.sh and commit what it writes' >&2
        exit 1
    fi
    echo '.sqlx is fresh'
else
    mkdir -p .sqlx
    rm -f .sqlx/query-*.json
    cp "$fresh"/query-*.json .sqlx/
    echo ".sqlx: $(find .sqlx -name 'query-*.json' | wc -l) queries"
fi
