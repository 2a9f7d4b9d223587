#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Sets everything up and runs an example; see --help.
#
# An example NAME is examples/NAME.cpp, or examples/NAME/NAME.cpp in a directory of its own; its executable in
# Meson is called NAME, and its first comment says what it shows. It connects to the connection string in its first
# argument, else in DATABASE_URL, else to what libpq's environment says (the empty string). Where
# examples/NAME/run.sh exists, bash runs that with the built program (if there is one) as its first argument.
# What it needs from Debian beyond a build stands in tests/support/packages.sh under its name.

set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../tests/support/setup.sh"

usage() {
    cat <<END
Usage: examples/run.sh [NAME [ARGUMENT...]]     run an example (without a name: quickstart)
       examples/run.sh --list | --help

Installs the Debian packages that are missing (as root, or with sudo), builds the example, starts a private
PostgreSQL on a Unix socket, runs the example with the arguments on it, and stops and removes everything.
The source is examples/NAME.cpp, or in the directory examples/NAME.

Environment:
  PGHOST, PGHOSTADDR or PGSERVICE, with libpq's other variables (PGPORT, PGUSER, PGDATABASE, PGPASSWORD, ...),
  or DATABASE_URL (postgresql://user@host/database): use this server, start none
  CXX            the compiler (g++ 12 or clang++ 14, or later), else g++
  PGLOCKS_BUILD  where the build directories go, else build/ in the repository
END
}

source_of() { # NAME
    local file
    for file in "$repository/examples/$1.cpp" "$repository/examples/$1/$1.cpp"; do
        if [ -f "$file" ]; then echo "$file" && return; fi
    done
    return 1
}

example_names() {
    local path
    for path in "$repository"/examples/*; do
        if [ -f "$path" ] && [[ $path == *.cpp ]]; then basename "$path" .cpp; fi
        if [ -f "$path/run.sh" ] || [ -f "$path/${path##*/}.cpp" ]; then basename "$path"; fi
    done | sort -u
}

list() {
    local name
    example_names | while read -r name; do
        printf '%-16s %s\n' "$name" "$(sed -nE '/SPDX/d; /^(\/\/+|#) ./{s/^(\/\/+|#) *//p;q}' \
            "$(source_of "$name" || echo "$repository/examples/$name/run.sh")")"
    done
}

case ${1-} in
-h | --help) usage && exit ;;
--list) list && exit ;;
-*) usage >&2 && exit 2 ;;
esac
name=${1:-quickstart}
shift $(($# > 0))
if [[ $name == */* ]] || ! example_names | grep -qxF -- "$name"; then
    complain "there is no example '$name'; there are:" "$(list)"
    exit 2
fi

main() {
    local program=
    need_packages build "$name" || return
    if source_of "$name" >/dev/null; then
        configure examples "$(find_compiler)" -Dtests=disabled -Ddocs=disabled -Dexamples=enabled || return
        build "building $name" "$name" || return
        for program in "$build_dir/examples/$name" "$build_dir/examples/$name/$name"; do
            if [ -f "$program" ] && [ -x "$program" ]; then break; fi
        done
    fi
    server_is_named || start_server || return
    echo
    if [ -t 0 ]; then exec </dev/null; fi
    if [ -f "$repository/examples/$name/run.sh" ]; then
        child bash "$repository/examples/$name/run.sh" "$program" "$@"
    else
        child "$program" "$@"
    fi
}

run_privately "$@"
