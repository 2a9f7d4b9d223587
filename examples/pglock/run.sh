#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Two nightly jobs of which one runs, who holds the lock meanwhile, and what becomes of it when the lock is lost.
set -euo pipefail
pglock=("$1")
if [ -n "${DATABASE_URL-}" ]; then pglock+=(-d "$DATABASE_URL"); fi
cd "$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null || true; rm -r -- "$PWD"' EXIT
export SHELL=/bin/sh

say() { printf '\n%s\n' "$*"; }
wait_for() { # FILE
    local i
    for ((i = 0; i < 500; ++i)); do
        if [ -e "$1" ]; then return; fi
        sleep 0.02
    done
    say "there is no $1" >&2
    return 1
}
expect() { # STATUS COMMAND...
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    echo "    exit status $status"
    [ "$status" = "$wanted" ]
}

say 'The first host begins, and says so:   pglock -v nightly-report -c ...'
"${pglock[@]}" -v nightly-report -c 'touch up; while ! [ -e go ]; do sleep 0.02; done; echo "report written under $PGLOCK_NAME"' &
first=$!
wait_for up

say 'The second one does not wait:   pglock -v -n nightly-report -- ./report'
expect 1 "${pglock[@]}" -v -n nightly-report -- ./report

say 'Who has it?   pglock --who nightly-report'
"${pglock[@]}" --who nightly-report

say 'The same key in SQL:   pglock --print-key nightly-report'
"${pglock[@]}" --print-key nightly-report

say 'The first one ends:'
touch go
expect 0 wait "$first"

say 'An administrator ends the session of a third one, whose command cleans up and ends:'
rm up
"${pglock[@]}" nightly-report -c 'trap "echo cleaned up; exit" TERM; touch up; while :; do sleep 0.02; done' &
third=$!
wait_for up
holder=$("${pglock[@]}" --who nightly-report --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
psql=$(command -v /usr/lib/postgresql/*/bin/psql psql | tail -n 1)
"$psql" -Xqc "select pg_terminate_backend($holder)" -d "${DATABASE_URL-}" >/dev/null
expect 76 wait "$third"

say 'Can locks be had on this connection?   pglock --check'
"${pglock[@]}" --check
