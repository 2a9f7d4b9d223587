# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# What examples/run.sh and tests/run.sh share: a private directory that goes away with everything in it, steps
# that say how long they took, packages, the compiler, the build, the server. Sourced, after `set -uo pipefail`.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build_root=$(realpath -m -- "${PGLOCKS_BUILD:-$repository/build}")
jobs=$(nproc)
seconds_between_lines=30
. "$repository/tests/support/packages.sh"

say() { printf '%s\n' "$@"; }
complain() {
    printf 'error: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then say "${@:2}" >&2; fi
}
fail() { complain "$@" && exit 1; }

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
seconds_since() { # MILLISECONDS
    local ms=$(($(now_ms) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# run_privately ARGUMENT...: runs the script's function `main` with a private directory `private`, and whatever happens,
# stops in the end what it started and removes the directory. This shell does nothing but wait, so that it can act on
# a signal at any time; main runs in a subshell.
run_privately() {
    local parent=${TMPDIR:-/tmp}
    { : <&0; } 2>/dev/null || exec </dev/null
    umask 022
    ulimit -c 0
    # Short, because the path of a Unix socket has room for about 100 bytes. When root starts the database server as
    # another user, that user must be able to pass through; an ordinary user's directory is nobody else's business.
    if [ "$(id -u)" -eq 0 ] || [ ! -w "$parent" ] || [ ${#parent} -gt 40 ]; then parent=/tmp; fi
    trap clean_up EXIT
    trap 'interrupted 129' HUP
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    private=$(mktemp -d "$parent/pglocks.XXXXXX") || fail "no temporary directory can be made in $parent"
    if [ "$(id -u)" -eq 0 ]; then chmod 711 "$private"; fi
    mkdir -m 1777 "$private/tmp"
    export TMPDIR=$private/tmp LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
    main "$@" <&0 &
    worker=$!
    wait "$worker"
    exit
}

interrupted() { # STATUS
    trap '' HUP INT TERM
    printf '\nInterrupted: stopping and removing what this run started.\n' >&2
    exit "$1"
}

clean_up() {
    local status=$?
    trap - EXIT
    trap '' HUP INT TERM
    cd /
    if [ -n "${private-}" ]; then
        stop_processes 2>/dev/null
        rm -rf -- "$private"
    fi
    exit "$status"
}

# Ends what is still running, politely first. A database server has heard of it already (it stops with its parent).
stop_processes() {
    local remaining signal deadline segments segment
    segments=$(shared_memory)
    if [ -n "${worker-}" ]; then
        kill -TERM "$worker"
        wait "$worker"
    fi
    for signal in TERM INT QUIT KILL; do
        remaining=$(private_processes)
        [ -n "$remaining" ] || break
        # shellcheck disable=SC2086 # one word for each process
        kill -$signal $remaining
        deadline=$(($(now_ms) + 5000))
        while [ -n "$(private_processes)" ] && [ "$(now_ms)" -lt $deadline ]; do sleep 0.02; done
    done
    for segment in $segments $(shared_memory); do ipcrm -m "$segment"; done
}

# The segments of shared memory that servers have here. One that is killed, or an initdb, leaves its segment behind.
shared_memory() {
    bash "$repository/tests/support/postgres.sh" --shared-memory "$private"
}

# The processes that belong to this run: everything started here has TMPDIR in its environment, except a database
# server, which writes its title there, but works in its data directory.
private_processes() {
    local found pid stat
    found=$(
        grep -lsF -- "TMPDIR=$private/" /proc/[0-9]*/environ
        find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$private/*" 2>/dev/null
    )
    cut -d/ -f3 <<<"$found" | sort -u >"$private/processes"
    while read -r pid; do
        if read -r stat 2>/dev/null <"/proc/$pid/stat" && [[ ${stat##*) } != [ZX]* ]]; then echo "$pid"; fi
    done <"$private/processes"
}

# child COMMAND...: runs it in a session of its own: an interrupt from the terminal ends it in an orderly way, through
# clean_up.
child() {
    setsid env --default-signal=INT,QUIT "$@" <&0 &
    wait $!
}

# step TEXT COMMAND...: a command whose output matters only if it fails.
step() {
    timed "$1" child "${@:2}" </dev/null
}

# The same for apt-get, alone or under sudo: it may ask the terminal for a password, which must not be written over,
# takes an interrupt in its own way, and is never cut off in the middle.
root_step() {
    local status=0 progress_in_place=no
    trap '' INT
    trap 'exit 143' TERM
    timed "$1" env --default-signal=INT,QUIT --unset=TMPDIR "${@:2}" || status=$?
    trap - INT TERM
    # sudo may keep the terminal to itself, so that nobody else hears of the interrupt.
    if [ "$status" -eq 130 ]; then exit 130; fi
    return "$status"
}

timed() {
    local start status=0
    start=$(now_ms)
    watched "$@" || status=$?
    if [ "$status" -eq 0 ]; then
        seconds_since "$start"
        echo
    else
        printf 'FAILED after %s, exit status %s\n' "$(seconds_since "$start")" "$status"
        {
            grep -E '(^|[ :])error: ' "$private/step.log" | sort -u | head -n 50
            echo "The last it said:"
            tail -n 40 "$private/step.log"
        } | sed 's/^/    | /'
    fi
    return "$status"
}

# watched TEXT COMMAND...: runs it with its output in step.log, and shows meanwhile how far it is. Leaves the line open:
# how it ended is the caller's to say.
watched() {
    local text=$1 watcher status=0
    shift
    printf '  %s ... ' "$text"
    : >"$private/step.log"
    exec 4> >(show_progress "$text")
    watcher=$!
    "$@" >"$private/step.log" 2>&1 4>&- || status=$?
    exec 4>&-
    if ! wait "$watcher"; then
        if progress_is_in_place; then printf '\r\033[K'; fi
        printf '  %s ... ' "$text"
    fi
    return "$status"
}

# Until its standard input ends: on a terminal every second and on the line of the step, elsewhere now and then and on
# lines of their own. Fails if it has shown anything, so that the line has to be begun again.
show_progress() { # TEXT
    local start pause=$seconds_between_lines count shown=0
    start=$(now_ms)
    if progress_is_in_place; then pause=1; fi
    while read -r -t $pause; [ $? -gt 128 ]; do
        # ninja, meson test and run-clang-tidy count: [3/14], 3/14
        count=$(sed -nE 's|^ *\[? *([0-9]+)/ *([0-9]+)[] ].*|[\1/\2] |p' "$private/step.log" | tail -n 1)
        if progress_is_in_place; then
            printf '\r\033[K  %s ... %s%d s ' "$1" "$count" $((($(now_ms) - start) / 1000))
        else
            if [ $shown -eq 0 ]; then echo; fi
            printf '    %safter %d s\n' "$count" $((($(now_ms) - start) / 1000))
        fi
        shown=1
    done
    return $shown
}

progress_is_in_place() { [ -t 1 ] && [ "${TERM-dumb}" != dumb ] && [ "${progress_in_place-}" != no ]; }

find_compiler() {
    local name
    if [ -n "${CXX-}" ]; then echo "$CXX" && return; fi
    for name in g++ clang++ c++; do
        if command -v "$name" >/dev/null; then echo "$name" && return; fi
    done
    return 1
}

# need_compiler COMPILER: it runs and is new enough.
need_compiler() {
    local clang gcc text
    # shellcheck disable=SC2086 # CXX may be several words
    text=$(echo 'clang=__clang_major__ gcc=__GNUC__' | $1 -E -P -x c++ - 2>&1) ||
        { complain "the compiler $1 does not run: $text" && return 1; }
    [[ $text =~ clang=([^ ]+)\ gcc=([0-9]+) ]] || { complain "$1 is neither g++ nor clang++; set CXX" && return 1; }
    clang=${BASH_REMATCH[1]} gcc=${BASH_REMATCH[2]}
    if [[ $clang == [0-9]* && $clang -lt 14 ]]; then
        complain "$1 is clang++ $clang; pglocks is C++20 and needs g++ 12 or clang++ 14, or a later one." \
            "Install one and name it: CXX=clang++-19 $0"
    elif [[ $clang != [0-9]* && $gcc -lt 12 ]]; then
        complain "$1 is g++ $gcc; pglocks is C++20 and needs g++ 12 or clang++ 14, or a later one." \
            "Install one and name it: CXX=g++-12 $0"
    else
        return 0
    fi
    return 1
}

# configure NAME COMPILER [MESON-OPTION...]: a build directory that Meson has set up for exactly this; sets
# `build_dir`.
configure() {
    local name=$1 compiler=$2 setup foreign launcher=
    shift 2
    build_dir=$build_root/$name
    need_compiler "$compiler" || return
    foreign=$(find "$build_root" -maxdepth 0 ! -writable -print 2>/dev/null)
    [ -n "$foreign" ] || foreign=$(find "$build_dir" ! -writable -print -quit 2>/dev/null)
    if [ -n "$foreign" ]; then
        complain "$foreign cannot be written by $(id -un): it was built by another user." \
            "Remove it (sudo rm -r $build_root), or name another directory: PGLOCKS_BUILD=/some/where $0"
        return 1
    fi
    if [ -n "${HOME-}" ] && [[ $compiler != *ccache* ]] && command -v ccache >/dev/null; then launcher='ccache '; fi
    setup="$repository: $launcher$compiler $* ${CPPFLAGS-} ${CXXFLAGS-} ${LDFLAGS-}
$(meson --version 2>/dev/null) $($compiler --version)"
    if [ -e "$build_dir/build.ninja" ] && [ "$setup" = "$(cat "$build_dir/.set-up-as" 2>/dev/null)" ]; then
        headers_are_known || step "setting up $name again" meson setup --reconfigure "$build_dir" "$repository"
        return
    fi
    if [ -e "$build_dir" ] && [ ! -e "$build_dir/meson-private" ] && ! rmdir "$build_dir" 2>/dev/null; then
        complain "$build_dir is in the way: it is not a build directory. Name another place with PGLOCKS_BUILD."
        return 1
    fi
    rm -rf -- "$build_dir"
    CXX=$launcher$compiler step "setting up $name with $compiler" \
        meson setup "$@" "$build_dir" "$repository" || return
    headers_are_known
    echo "$setup" >"$build_dir/.set-up-as"
}

# Meson looks for headers only while it sets up. Remembers which there were.
headers_are_known() {
    local headers
    headers=$(find "$repository/include" | sort)
    [ "$headers" = "$(cat "$build_dir/.headers" 2>/dev/null)" ] && return
    echo "$headers" >"$build_dir/.headers"
    return 1
}

# build TEXT [TARGET...]: in `build_dir`.
build() {
    local text=$1
    shift
    step "$text" meson compile -C "$build_dir" -j "$jobs" "$@"
}

# Whether the user has named a server. If not, the rest of libpq's environment is about some other one, and goes.
server_is_named() {
    local variable
    if [ -n "${PGHOST-}${PGHOSTADDR-}${PGSERVICE-}${DATABASE_URL-}" ]; then return; fi
    unset DATABASE_URL
    for variable in "${!PG@}"; do
        if [[ $variable != PGLOCKS_* ]]; then unset "$variable"; fi
    done
    return 1
}

# Starts the private server and points libpq's environment to it.
start_server() {
    local dir=$private/server start server waiter ended status=0
    start=$(now_ms)
    printf '  starting a private PostgreSQL ... '
    mkdir -m 700 "$dir"
    setsid env --default-signal=INT,QUIT bash "$repository/tests/support/postgres.sh" "$dir" \
        </dev/null >"$private/server.log" 2>&1 &
    server=$!
    setsid bash "$repository/tests/support/postgres.sh" --wait "$dir" \
        </dev/null >"$private/step.log" 2>&1 &
    waiter=$!
    wait -n -p ended "$server" "$waiter" || status=$?
    if [ "$status" -ne 0 ] || [ "$ended" != "$waiter" ]; then
        printf 'FAILED after %s\n' "$(seconds_since "$start")"
        tail -n 40 "$private/server.log" "$private/step.log" | sed 's/^/    | /'
        complain "PostgreSQL did not start; its last words are above. To use a server of your own instead, set PGHOST" \
            "(and PGPORT, PGUSER, PGDATABASE, PGPASSWORD as needed), PGSERVICE or DATABASE_URL."
        return 1
    fi
    seconds_since "$start"
    echo
    export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}
