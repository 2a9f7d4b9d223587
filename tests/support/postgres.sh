#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
#
# A private PostgreSQL server for tests and examples.
#
#   postgres.sh DIR [NAME=VALUE ...]   makes DIR/data the first time, then becomes the server (exec), in the foreground
#   postgres.sh --wait DIR             waits until the server in DIR answers, at most 60 s
#   postgres.sh --guard DIR            reads its standard input to the end, then ends the server in DIR and removes DIR
#   postgres.sh --shared-memory DIR    prints the ids of the System V segments of the servers in and below DIR
#
# The server listens on the Unix socket in DIR alone (port 5432) and logs to DIR/log; NAME=VALUE overrides any setting,
# listen_addresses and port included. Connect with host=DIR user=postgres. Signals to the process: INT stops it fast,
# QUIT at once, KILL crashes it. It also stops, fast, when the thread that started it ends (PR_SET_PDEATHSIG).
#
# Run by root, the server belongs to the user postgres, or nobody: every directory above DIR must let that user pass.
#
# PGLOCKS_PRIMARY is the connection string of another such server, whose hot standby this one becomes the first time.
#
# PGLOCKS_TEMPLATE names a directory for a copy of the new data directory, which later calls copy instead of running
# initdb. It may be shared by servers that start at the same time.
#
# Exit status: 64 wrong arguments, 69 something needed is missing or does not work.
set -euo pipefail
shopt -s inherit_errexit

readonly poll_interval=0.05

fail() {
    local status=$1
    shift
    printf 'postgres.sh: %s\n' "$*" >&2
    exit "$status"
}

# `postgres.sh DIR &` in a script ignores INT and QUIT, and bash cannot undo that: a stop during initdb would be lost.
if [[ -n $(trap -p INT QUIT) ]]; then
    exec env --default-signal=INT,QUIT -- "$BASH" -- "$0" "$@"
fi
# Lengths are in bytes, messages in English, and no setting of the caller's connection applies to this server.
export LC_ALL=C
for name in ${!PG@}; do
    [[ $name == PGLOCKS_* ]] || unset "$name"
done

mode=start
case ${1-} in
--wait | --guard | --shared-memory)
    mode=${1#--}
    shift
    [[ $# == 1 ]] || fail 64 "usage: postgres.sh --$mode DIR"
    ;;
esac
[[ -n ${1-} && $1 != -* ]] ||
    fail 64 "usage: postgres.sh DIR [NAME=VALUE ...] | postgres.sh --wait | --guard | --shared-memory DIR"
dir=$(realpath -m -- "$1")
templates=${PGLOCKS_TEMPLATE:+$(realpath -m -- "$PGLOCKS_TEMPLATE")}
readonly dir mode templates
shift

find_binaries() {
    local candidate
    while read -r candidate; do
        if [[ -x $candidate/postgres && -x $candidate/initdb && -x $candidate/pg_isready ]]; then
            bindir=$candidate
            return
        fi
    done < <(
        pg_config --bindir 2>/dev/null || true
        printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
        if candidate=$(command -v postgres); then dirname -- "$candidate"; fi
    )
    fail 69 "no server programs in pg_config --bindir, /usr/lib/postgresql/*/bin or PATH: apt-get install postgresql"
}

# Whether the directory may be given away or removed: it holds nothing but what this script and the server put there.
is_private() {
    [[ $dir != / && -z $(find "$dir" -mindepth 1 -maxdepth 1 ! -name data ! -name data.new ! -name initdb.log \
        ! -name log ! -name pid ! -name '.s.PGSQL.*' -print -quit 2>/dev/null) ]]
}

choose_user() {
    command -v setpriv >/dev/null || fail 69 "setpriv not found: apt-get install util-linux"
    as_user=(setpriv)
    user=$(id -un)
    if [[ $(id -u) == 0 ]]; then
        user=postgres
        id -u "$user" >/dev/null 2>&1 || user=nobody
        id -u "$user" >/dev/null 2>&1 ||
            fail 69 "PostgreSQL refuses to run as root, and no user is called postgres or nobody: useradd -r postgres"
        as_user+=("--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
        "${as_user[@]}" -- true || fail 69 "root may not become the user $user here: run this as an ordinary user"
    fi
}

prepare_directory() {
    local reason blocked='' path=$dir
    reason=$(mkdir -p -- "$dir" 2>&1) || fail 69 "$reason: name a directory that can be made and written"
    if [[ $(id -u) == 0 ]] && ! "${as_user[@]}" -- test -w "$dir" && is_private; then
        chown -- "$user:" "$dir"
    fi
    while [[ -n $path ]]; do
        path=${path%/*}
        "${as_user[@]}" -- test -x "${path:-/}" || blocked=${path:-/}
    done
    [[ -z $blocked ]] ||
        fail 69 "the user $user cannot enter $blocked, which is above $dir: chmod o+x $blocked, or choose another place"
    "${as_user[@]}" -- test -w "$dir" -a -x "$dir" ||
        fail 69 "the user $user cannot write to $dir: chown $user $dir, or name an empty or new directory"
}

# Built under another name and renamed, so that what is called data is complete, whenever this is interrupted.
prepare_data() {
    [[ ! -e $dir/data ]] || return 0
    local new=$dir/data.new template='' staging
    rm -rf -- "$new"
    if [[ -n ${PGLOCKS_PRIMARY-} ]]; then
        "${as_user[@]}" -- "$bindir/pg_basebackup" --dbname="$PGLOCKS_PRIMARY" --pgdata="$new" --write-recovery-conf \
            --checkpoint=fast --wal-method=stream --no-sync >"$dir/initdb.log" 2>&1 ||
            fail 69 "pg_basebackup failed in $dir: $(<"$dir/initdb.log")"
        rm -f -- "$dir/initdb.log"
        mv -T -- "$new" "$dir/data"
        return
    fi
    if [[ -n $templates ]]; then
        template=$templates/$("$bindir/postgres" --version | tr -c 'A-Za-z0-9.\n' -)-$user
    fi
    if [[ -n $template && -d $template ]]; then
        cp -a -- "$template" "$new" || fail 69 "cannot copy $template to $new: remove it, or unset PGLOCKS_TEMPLATE"
    else
        "${as_user[@]}" -- "$bindir/initdb" -D "$new" --username=postgres --auth=trust --encoding=UTF8 \
            --locale=C.UTF-8 --no-sync --no-instructions >"$dir/initdb.log" 2>&1 ||
            fail 69 "initdb failed in $dir: $(<"$dir/initdb.log")"
        rm -f -- "$dir/initdb.log"
        if [[ -n $template ]]; then
            if ! mkdir -p -- "$templates" || ! staging=$(mktemp -d -- "$templates/new.XXXXXX"); then
                fail 69 "cannot write to PGLOCKS_TEMPLATE=$templates: unset it or name another directory"
            fi
            cp -a -- "$new" "$staging/data"
            mv -T -- "$staging/data" "$template" 2>/dev/null || [[ -d $template ]] # another call was first
            rm -rf -- "$staging"
        fi
    fi
    mv -T -- "$new" "$dir/data"
}

start() {
    local setting port=5432 socket options=()
    for setting in "$@"; do
        [[ $setting =~ ^[A-Za-z_][A-Za-z0-9_.]*= ]] || fail 64 "'$setting' is not a setting: write NAME=VALUE"
        [[ $setting != port=* ]] || port=${setting#port=}
    done
    [[ $dir != *,* ]] || fail 64 "$dir has a comma, where libpq begins another host: choose another directory"
    socket=$dir/.s.PGSQL.$port
    ((${#socket} <= 107)) ||
        fail 64 "$socket has ${#socket} bytes, a Unix socket's path at most 107: choose a shorter directory (TMPDIR)"
    find_binaries
    choose_user
    prepare_directory
    cd -- "$dir" # the current one may be closed to the server's user
    printf '%s\n' $$ >"$dir/pid"
    trap 'exit 130' INT
    trap 'exit 131' QUIT
    trap 'exit 143' TERM
    prepare_data
    # Durability is of no use here; shared memory files belong in the directory that is removed.
    for setting in listen_addresses= "unix_socket_directories=\"${dir//\"/\"\"}\"" "port=$port" \
        fsync=off synchronous_commit=off full_page_writes=off shared_buffers=16MB \
        dynamic_shared_memory_type=mmap 'log_line_prefix=%m [%p] %q%d %a ' "$@"; do
        options+=(-c "$setting")
    done
    # A parent that ended before the signal was asked for would never send it, so look once more for the parent.
    # shellcheck disable=SC2016
    exec "${as_user[@]}" --pdeathsig INT -- "$BASH" -c '[[ $PPID == "$1" ]] || exit 69; shift; exec "$@"' \
        postgres.sh "$PPID" "$bindir/postgres" -D "$dir/data" "${options[@]}" </dev/null >>"$dir/log" 2>&1
}

server_answers() {
    local lines=()
    { mapfile -t lines <"$dir/data/postmaster.pid"; } 2>/dev/null || return
    # The fourth line is the port.
    [[ -n ${lines[3]-} ]] && "$bindir/pg_isready" -q -h "$dir" -p "${lines[3]}" -U postgres -d postgres
}

is_starting() {
    local pid
    { read -r pid <"$dir/pid"; } 2>/dev/null && [[ -d /proc/$pid ]]
}

wait_until_ready() {
    local deadline=$((SECONDS + 60)) last_seen=$SECONDS
    find_binaries
    until server_answers; do
        ! is_starting || last_seen=$SECONDS
        if ((SECONDS - last_seen > 5)); then
            set -- "no server runs or starts in $dir: start it with postgres.sh $dir"
        elif ((SECONDS > deadline)); then
            set -- "the server in $dir does not answer after 60 s: stop it and start it again"
        else
            sleep "$poll_interval"
            continue
        fi
        if [[ -e $dir/log ]]; then
            set -- "$1 (above: the end of $dir/log)"
            tail -n 20 -- "$dir/log" >&2
        fi
        fail 69 "$1"
    done
}

# Everything that was started for this directory by name: the server, initdb, this script itself.
processes_of_directory() {
    local process words word
    for process in /proc/[0-9]*; do
        { mapfile -d '' -t words <"$process/cmdline"; } 2>/dev/null || continue
        for word in "${words[@]}"; do
            if [[ ${process#/proc/} != "$$" && ($word == "$dir" || $word == "$dir"/data*) ]]; then
                found+=("${process#/proc/}")
                break
            fi
        done
    done
}

# A server's postmaster.pid ends its seventh line with the id. One that crashed leaves the file and the segment.
shared_memory() {
    find "$dir" -name postmaster.pid -exec sed -sn '7s/.* //p' {} + 2>/dev/null || true
}

guard() {
    local found segment signal=QUIT deadline
    is_private || fail 64 "$dir holds other files, which would be removed: name an empty or new directory"
    trap '' INT QUIT TERM HUP
    cat >/dev/null
    deadline=$((SECONDS + 15))
    while found=() && processes_of_directory && ((${#found[@]})); do
        kill -s "$signal" "${found[@]}" 2>/dev/null || true
        ((SECONDS <= deadline)) || signal=KILL
        ((SECONDS <= deadline + 15)) || fail 69 "processes ${found[*]} do not end: end them and remove $dir"
        sleep "$poll_interval"
    done
    while read -r segment; do ipcrm -m "$segment" 2>/dev/null || true; done < <(shared_memory) # of one that crashed
    until rm -rf -- "$dir" 2>/dev/null; do
        ((SECONDS <= deadline + 15)) || fail 69 "cannot remove $dir: remove it by hand"
        sleep "$poll_interval"
    done
}

case $mode in
start) start "$@" ;;
wait) wait_until_ready ;;
guard) guard ;;
shared-memory) shared_memory ;;
esac
