# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# The Debian packages that pglocks needs, and how they are found and installed. Sourced by setup.sh.

# One package a line: its set, its name (or several, separated by |, of which one is enough), and how to see
# that it is there when dpkg does not know it. `build` is for the examples, `test` comes on top for the tests,
# and a set with the name of an example is for that example.
package_list='
build   g++                     compiler
build   meson                   command meson
build   ninja-build             command ninja
build   pkg-config              command pkg-config
build   libsoci-dev             header soci/postgresql/soci-postgresql.h
build   libpq-dev               library libpq
build   libboost-dev            header boost/hana/map.hpp
build   postgresql-15|postgresql  server
build   util-linux              command setpriv
test    libgtest-dev            header gtest/gtest.h
test    libboost-program-options-dev  linkable boost_program_options
test    libbenchmark-dev        header benchmark/benchmark.h
test    libpqxx-dev             header pqxx/pqxx
test    python3-matplotlib      python matplotlib
test    zlib1g-dev              header zlib.h
test    libssl-dev              header openssl/evp.h
test    clang-14                command clang++-14
test    clang-19                command clang++-19
test    libclang-rt-19-dev      sanitizers clang++-19
test    libc++-19-dev           libcxx clang++-19
test    clang-tidy-19           command run-clang-tidy-19
test    clang-format-19         command clang-format-19
test    cmake                   command cmake
test    doxygen                 command doxygen
test    mkdocs                  python mkdocs
test    mkdocs-material         python material
test    python3-pymdownx        python pymdownx
test    pgbouncer               command pgbouncer
test    iproute2                command ip
test    git                     command git
test    valgrind                command valgrind
test    nodejs                  command node
test    npm                     command npm
test    php-cli                 command php
test    ruby                    command ruby
django  python3-django-pglocks  python django_pglocks
django  python3-psycopg2        python psycopg2
pglock  libcli11-dev            header CLI/CLI.hpp
pglock  nlohmann-json3-dev      header nlohmann/json.hpp
'

# package_is_there NAME[|NAME...] KIND [WHAT]
package_is_there() {
    local name names
    IFS='|' read -r -a names <<<"$1"
    for name in "${names[@]}"; do
        [[ $installed_packages == *" $name "* ]] && return
    done
    case $2 in
    command) command -v "$3" ;;
    compiler) find_compiler ;;
    header) header_is_there "$3" ;;
    library) pkg-config --exists "$3" ;;
    linkable) is_linkable "$3" ;;
    libcxx) echo '#include <version>' | "$3" -stdlib=libc++ -E -x c++ - ;;
    python) /usr/bin/python3 -c "import $3" || python3 -c "import $3" ;;
    sanitizers) echo 'int main() {}' | "$3" -fsanitize=address,undefined -x c++ - -o /dev/null ;;
    server) command -v postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' ;;
    esac >/dev/null 2>&1
}

header_is_there() {
    local compiler
    compiler=$(find_compiler) || return
    # shellcheck disable=SC2086 # the variables hold several words
    printf '#if !__has_include(<%s>)\n#error missing\n#endif\n' "$1" |
        $compiler ${CPPFLAGS-} ${CXXFLAGS-} -E -x c++ -
}

is_linkable() {
    local compiler
    compiler=$(find_compiler) || return
    # shellcheck disable=SC2086 # the variables hold several words
    echo 'int main() {}' | $compiler ${CXXFLAGS-} ${LDFLAGS-} -x c++ - -o /dev/null "-l$1"
}

# find_missing SET...: fills `missing` with the entries that are not there.
find_missing() {
    local set names probe what
    installed_packages=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
        sed -n 's/^installed //p' | tr '\n' ' ')"
    missing=()
    while read -r set names probe what; do
        [[ -n $set && " $* " == *" $set "* ]] || continue
        package_is_there "$names" "$probe" "$what" || missing+=("$names")
    done <<<"$package_list"
}

# The package to ask apt for: of several the first that it has, and if it knows none (no lists yet) the last.
apt_name() {
    local name names
    IFS='|' read -r -a names <<<"$1"
    for name in "${names[@]}"; do
        if [ ${#names[@]} -eq 1 ] || apt_has "$name"; then break; fi
    done
    echo "$name"
}

apt_has() { [[ $(apt-cache policy "$1" 2>/dev/null) == *'Candidate: '[0-9]* ]]; }

apt_names() {
    local names
    for names in "$@"; do apt_name "$names"; done
}

# Runs as root, in a shell of its own. Debian's packages would start pgbouncer, and create and start a database
# cluster; neither is wanted on the machine of somebody who only came to build. The two files that prevent it are
# there while apt-get runs, and are not written where an administrator's own policy stands.
apt_install() {
    set -eu
    conf=/etc/postgresql-common/createcluster.d policy=/usr/sbin/policy-rc.d written=()
    # shellcheck disable=SC2317 # called by the trap
    undo() {
        rm -f -- "${written[@]}"
        rmdir --ignore-fail-on-non-empty -- "$conf" "${conf%/*}" 2>/dev/null || true
    }
    trap undo EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ " $* " == *' postgresql'* ]]; then
        mkdir -p "$conf"
        written+=("$conf/pglocks.conf")
        echo 'create_main_cluster = false' >"$conf/pglocks.conf"
    fi
    if [[ " $* " == *' pgbouncer '* && ! -e $policy ]]; then
        written+=("$policy")
        printf '#!/bin/sh\ncase "$*" in *pgbouncer*) exit 101 ;; esac\n' >"$policy"
        chmod 755 "$policy"
    fi
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
    if [[ " $* " == *' pgbouncer '* ]]; then
        update-rc.d pgbouncer disable
    fi
}

# need_packages SET...: installs what is missing; fails, having said what to do, if something still is.
need_packages() {
    local as_root=() packages=()
    find_missing "$@"
    if ! command -v apt-get >/dev/null; then
        say "There is no apt-get here. Needed are these Debian packages, or what they are called on this system:"
        say "  $(while read -r set name _; do
            if [[ " $* " == *" $set "* ]]; then printf '%s ' "${name%%|*}"; fi
        done <<<"$package_list")"
        if [ ${#missing[@]} -gt 0 ]; then
            complain "not found: ${missing[*]%%|*}. Install them and run this again."
            return 1
        fi
        say "All of them were found."
        return
    fi
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null || { ! { : </dev/tty; } 2>/dev/null && ! sudo -n true 2>/dev/null; }; then
            mapfile -t packages < <(apt_names "${missing[@]}")
            complain "packages are missing, and installing them takes root or sudo. As root, run" \
                "    apt-get update && apt-get install ${packages[*]}" "and then this again."
            return 1
        fi
        as_root=(sudo)
    fi
    root_step "asking apt for its lists of packages" "${as_root[@]}" apt-get update ||
        say "  (going on with the lists of packages that are there)"
    local name names
    for names in "${missing[@]}"; do
        name=$(apt_name "$names")
        if apt_has "$name"; then packages+=("$name"); fi
    done
    if [ ${#packages[@]} -gt 0 ]; then
        root_step "installing ${packages[*]}" "${as_root[@]}" \
            bash -c "$(declare -f apt_install); apt_install \"\$@\"" apt_install "${packages[@]}"
        hash -r
    fi
    find_missing "$@"
    if [ ${#missing[@]} -gt 0 ]; then
        complain "still missing: ${missing[*]%%|*}" \
            "See above what apt says. If it does not have them (Debian 12 does), install them in another way."
        return 1
    fi
}
