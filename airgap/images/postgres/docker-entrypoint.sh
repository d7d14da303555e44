#!/bin/sh
# As much of the official image's entry point as this project uses.
set -eu
case "${1:-}" in -*) set -- postgres "$@" ;; esac
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres}
	password=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:?}")}
	printf '%s\n' "$password" >/tmp/password
	# shellcheck disable=SC2086 -- several arguments
	initdb --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
	rm /tmp/password
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
	database=${POSTGRES_DB:-$user}
	[ "$database" = postgres ] || echo "CREATE DATABASE \"$database\"" | postgres --single postgres
fi
exec "$@"
