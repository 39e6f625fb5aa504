# shellcheck shell=bash
# A private PostgreSQL cluster for one run of the tests: own port, own folder, own password, gone afterwards.
# Sourced by ops/test after machine.sh.

cluster=
postgres_bin=
cluster_user=

# PostgreSQL refuses to run as root.
as_cluster_user() {
  if [ -n "$cluster_user" ]; then runuser -u "$cluster_user" -- "$@"; else "$@"; fi
}

# sweep_clusters FOLDER: a run that was killed outright left its cluster behind; its owner's process is gone.
sweep_clusters() {
  local left owner
  for left in "$1"/cairn-test.*/; do
    if [ ! -O "$left" ] || [ ! -f "$left/owner" ]; then continue; fi
    owner=$(cat "$left/owner")
    kill -0 "$owner" 2>/dev/null && continue
    say "removing the PostgreSQL cluster that an interrupted run left in $left"
    [ -x "$left/stop" ] && "$left/stop" >/dev/null 2>&1
    rm -rf "$left"
  done
}

cluster_folder() {
  local base=${TMPDIR:-/tmp}
  base=${base%/}
  # A socket's path is limited to about 100 bytes, and the cluster's user has to reach it.
  if [ "${#base}" -gt 60 ] || ! as_cluster_user test -x "$base"; then base=/tmp; fi
  sweep_clusters "$base"
  cluster=$(mktemp -d "$base/cairn-test.XXXXXX") || stop "no temporary folder could be made in $base"
  printf '%s\n' $$ >"$cluster/owner"
  chmod 755 "$cluster"
}

# One line a command, so that a test can restart the cluster without knowing who may.
write_command() {
  local name=$1 prefix=
  shift
  [ -z "$cluster_user" ] || prefix="runuser -u $cluster_user -- "
  printf '#!/bin/bash\ncd /\nexec %s%q -D %q -w -t 60%s </dev/null\n' \
    "$prefix" "$postgres_bin/pg_ctl" "$cluster/data" "$(printf ' %q' "$@")" >"$cluster/$name"
  chmod 755 "$cluster/$name"
}

start_cluster() {
  local password port attempt
  unset "${!PG@}"
  postgres_bin=$(find_postgres)
  if [ "$(id -u)" -eq 0 ]; then
    cluster_user=postgres
    id postgres >/dev/null 2>&1 || cluster_user=nobody
  fi
  cluster_folder
  mkdir "$cluster/data" "$cluster/socket"
  [ -z "$cluster_user" ] || chown "$cluster_user" "$cluster/data" "$cluster/socket"
  chmod 700 "$cluster/data"
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$password" >"$cluster/password")
  [ -z "$cluster_user" ] || chown "$cluster_user" "$cluster/password"
  (cd / && as_cluster_user "$postgres_bin/initdb" -D "$cluster/data" -U cairn -N --locale=C --encoding=UTF8 \
    --auth-host=password --auth-local=password --pwfile="$cluster/password") >"$cluster/initdb.log" 2>&1 ||
    { cat "$cluster/initdb.log" >&2; stop "initdb failed"; }
  rm "$cluster/password"
  write_command restart restart -m immediate -l "$cluster/data/server.log"
  write_command start start -l "$cluster/data/server.log"
  write_command stop stop -m immediate
  for attempt in $(seq 20); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    settings "$port" | as_cluster_user tee "$cluster/data/postgresql.auto.conf" >/dev/null
    if "$cluster/start" >/dev/null 2>&1 8>&- 9>&-; then
      export CAIRN_TEST_POSTGRES="postgres://cairn:$password@127.0.0.1:$port/postgres"
      CAIRN_TEST_POSTGRES_RESTART=$(printf '%q' "$cluster/restart")
      export CAIRN_TEST_POSTGRES_RESTART
      return
    fi
  done
  as_cluster_user tail -n 20 "$cluster/data/server.log" >&2
  stop "PostgreSQL did not start after $attempt attempts; its last lines stand above"
}

# Durable as in production: the tests kill this server and count what it kept.
settings() {
  cat <<EOF
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = '$cluster/socket'
max_connections = 400
shared_buffers = '256MB'
max_wal_size = '2GB'
logging_collector = off
EOF
}

stop_cluster() {
  [ -n "$cluster" ] && [ -d "$cluster" ] || return 0
  [ -x "$cluster/stop" ] && "$cluster/stop" >/dev/null 2>&1
  rm -rf "$cluster"
  cluster=
}
