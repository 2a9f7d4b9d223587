#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Sets everything up and runs the tests; see --help. The last line is always `N passed, N failed`.

set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/support/setup.sh"

default_phases=(packages format gcc clang threads tidy examples)
all_phases=("${default_phases[@]}" benchmark)

usage() {
    cat <<END
Usage: tests/run.sh [PHASE...]     run these phases, without arguments all but benchmark
       tests/run.sh --help

  packages   install the Debian packages that are missing, as root or with sudo (always looked after first)
  format     every C++ file is formatted (clang-format 19)
  gcc        build with g++, warnings as errors, and run every test
  clang      the same with clang++ 19, AddressSanitizer and UndefinedBehaviorSanitizer, but for the tests of
             compile errors and of scripts, which choose the compiler themselves, and of the benchmark
  threads    the tests with threads of their own, built with clang++ 19 and ThreadSanitizer
  tidy       clang-tidy 19 finds nothing
  examples   every example runs through examples/run.sh
  benchmark  compare pglocks with libpq, SOCI, libpqxx, psycopg2 and django-pglocks on a private server, and write the
             tables and plots of docs/benchmarks; about 8 minutes, on a machine that should do nothing else

Counted is every single test: a GoogleTest case, a Meson test of another kind, an example; a phase without tests
counts as one. A test that is skipped or disabled, and a phase in which no test ran, have failed.

Environment:
  PGHOST, PGHOSTADDR or PGSERVICE, with libpq's other variables (PGPORT, PGUSER, PGDATABASE, PGPASSWORD, ...),
  or DATABASE_URL (postgresql://user@host/database): use this server wherever a database is enough; tests that
  stop or crash a server start their own on a Unix socket in any case
  PGLOCKS_BENCHMARK  options for tests/benchmark/benchmark.py (--help): --quick, --only SCENARIO..., --output DIRECTORY
  PGLOCKS_BUILD    where the build directories go, else build/ in the repository
  CCACHE_DISABLE   build without ccache, which is used if it is installed
END
}

# failed NAME: a failed test of this phase; its output follows on standard input.
failed() {
    { echo "--- $phase: $1" && tail -n 60 && echo; } >>"$private/failures"
    phase_failed=$((phase_failed + 1))
}

# Compares what every program did (testlog.json) with the cases it reported (GoogleTest's own XML). Meson's JUnit file
# alone would not do: version 1.0 enters a test that timed out as passed, and a program that crashed with the cases
# of its last run.
count_tests() { # BUILD-DIRECTORY, writes the failures to standard output and the two numbers to descriptor 3
    python3 - "$1" <<'PYTHON'
import json, os, sys
import xml.etree.ElementTree as xml

build = sys.argv[1]
with open(f"{build}/meson-info/intro-tests.json") as file:
    known = {test["name"]: test for test in json.load(file)}
try:
    with open(f"{build}/meson-logs/testlog.json") as file:
        runs = [json.loads(line) for line in file]
except FileNotFoundError:
    runs = []
passed = failed = 0


def fail(name, text):
    global failed
    failed += 1
    print(f"--- {name}")
    print("\n".join(text.strip().splitlines()[-60:]), end="\n\n")


def cases_of(test):
    try:
        root = xml.parse(os.path.join(test["workdir"] or build, test["name"] + ".xml")).getroot()
    except (FileNotFoundError, xml.ParseError):
        return
    for case in root.iter("testcase"):
        problems = case.findall("failure") + case.findall("error") + case.findall("skipped")
        text = "\n".join(p.get("message") or p.text or p.tag for p in problems)
        if case.get("status") == "notrun":
            text = "disabled"
        elif case.find("skipped") is not None:
            text = "skipped: " + text
        yield f'{case.get("classname")}.{case.get("name")}', text, case.get("status") == "notrun" or problems


for run in runs:
    name = run["name"].split(" / ", 1)[-1]
    test = known[name]
    output = "\n".join(run.get(stream) or "" for stream in ("stdout", "stderr"))
    good = run["result"] in ("OK", "EXPECTEDFAIL")
    what = f'{run["result"].lower()}, exit status {run["returncode"]}, after {run["duration"]:.1f} s'
    if test["protocol"] != "gtest":
        if good:
            passed += 1
        else:
            fail(f"{name} ({what})", output)
        continue
    cases = list(cases_of(test))
    blamed = False
    for case, text, bad in cases:
        if bad:
            blamed = True
            fail(f"{name}: {case}", text)
        else:
            passed += 1
    if not good and not blamed:
        fail(f"{name} ({what})", output)
    elif good and not cases:
        fail(f"{name} (reported no test case)", output)

os.write(3, f"{passed} {failed}\n".encode())
PYTHON
}

run_meson_tests() { # TIMEOUT-MULTIPLIER [OPTION...]
    local multiplier=$1 start status=0
    shift
    find "$build_dir" \( -name '*.xml' -o -path '*/meson-logs/testlog*' \) -delete
    start=$(now_ms)
    watched "running the tests" child meson test -C "$build_dir" --num-processes "$jobs" \
        --timeout-multiplier "$multiplier" "$@" </dev/null || status=$?
    count_tests "$build_dir" 3>"$private/count" >"$private/failures.new" 2>>"$private/step.log"
    read -r phase_passed phase_failed <"$private/count" || phase_passed=0 phase_failed=0
    sed "s/^--- /&$phase: /" "$private/failures.new" >>"$private/failures"
    if [ "$phase_failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$phase_passed" -eq 0 ]; }; then
        failed "meson test (exit status $status, $phase_passed tests passed)" <"$private/step.log"
    fi
    seconds_since "$start"
    echo ", $phase_passed passed, $phase_failed failed"
    [ "$phase_failed" -eq 0 ]
}

check_format() {
    local files
    need_tool clang-format-19 || return
    mapfile -t files < <(cpp_files)
    [ ${#files[@]} -gt 0 ] || { complain "no C++ file was found" && return 1; }
    step "looking at ${#files[@]} files" clang-format-19 --dry-run -Werror "${files[@]}"
}

# The files git knows or would add; without git (a tarball), all that are not in a build directory.
cpp_files() {
    local file
    {
        git -c safe.directory='*' -C "$repository" ls-files -co --exclude-standard -- '*.?pp' 2>/dev/null ||
            (cd "$repository" && find . -path ./build -prune -o -name '*.?pp' -print)
    } | while read -r file; do
        if [ -f "$repository/$file" ]; then echo "$repository/$file"; fi
    done
}

options=(-Dwerror=true -Dtests=enabled -Dexamples=enabled -Ddocs=enabled)
# As users build it, for the compiler's warnings and for the torture's races; where a sanitizer looks, code that is not
# optimised shows more of what was written, and is built in a third of the time.
optimised=(-Doptimization=2 -Ddebug=false)
plain=(-Dbuildtype=debug)

# Debian's SOCI does not export the type information that -fsanitize=vptr asks for.
configure_clang() {
    need_tool clang++-19 && configure clang clang++-19 "${options[@]}" "${plain[@]}" -Db_sanitize=address,undefined \
        -Db_lundef=false -Dcpp_args=-fno-sanitize=vptr
}

threaded=(cancel loss_watcher pool stop)
configure_threads() {
    need_tool clang++-19 && configure threads clang++-19 "${options[@]}" "${plain[@]}" -Db_sanitize=thread -Db_lundef=false
}

lint() {
    local count
    need_tool run-clang-tidy-19 && configure_clang &&
        step "linting" run-clang-tidy-19 -quiet -p "$build_dir" -j "$jobs" \
            "^$(as_regex "$repository")/(tests|examples|docs)/.*\.cpp\$" || return
    count=$(sed -nE 's/^Running clang-tidy for ([0-9]+) files .*/\1/p' "$private/step.log")
    say "  ${count:-0} files were looked at"
    [ "${count:-0}" -gt 0 ] && return
    complain "clang-tidy has looked at nothing: no source that $build_dir knows is in $repository"
    return 1
}

as_regex() { # TEXT: a regular expression that matches just this
    sed 's/[][\\.^$*+?(){}|]/\\&/g' <<<"$1"
}

need_tool() { # COMMAND
    command -v "$1" >/dev/null && return
    complain "$1 is missing, and this phase cannot run without it"
    return 1
}

run_examples() {
    local name start
    for name in "${examples[@]}"; do
        start=$(now_ms)
        if watched "$name" child bash "$repository/examples/run.sh" "$name" </dev/null; then
            phase_passed=$((phase_passed + 1))
            seconds_since "$start"
            echo
        else
            printf 'FAILED after %s\n' "$(seconds_since "$start")"
            failed "$name" <"$private/step.log"
        fi
    done
    [ "$phase_failed" -eq 0 ] && [ "$phase_passed" -gt 0 ]
}

# With the interpreter of Debian, whose packages the benchmark needs.
run_benchmark() {
    local wanted=()
    read -r -a wanted <<<"${PGLOCKS_BENCHMARK-}"
    configure benchmark g++ -Dbuildtype=release -Dtests=enabled -Dexamples=disabled -Ddocs=disabled &&
        build "building" pglocks_benchmark in_process_benchmark delaying_proxy &&
        child /usr/bin/python3 "$repository/tests/benchmark/benchmark.py" \
            --programs "$build_dir/tests/benchmark" "${wanted[@]}"
}

run_phase() { # NAME
    local start status=0
    phase=$1 phase_passed=0 phase_failed=0
    start=$(now_ms)
    printf '\n== %s\n' "$phase"
    case $phase in
    packages) need_packages build test "${examples[@]}" ;;
    format) check_format ;;
    gcc) configure gcc g++ "${options[@]}" "${optimised[@]}" && build "building" && run_meson_tests 1 ;;
    clang)
        configure_clang && build "building" &&
            run_meson_tests 3 --no-suite compile-fail --no-suite compile-time --no-suite compilers --no-suite scripts \
                --no-suite benchmark
        ;;
    threads)
        configure_threads && build "building" "${threaded[@]/#/integration_}" && run_meson_tests 3 "${threaded[@]}"
        ;;
    tidy) lint ;;
    examples) run_examples ;;
    benchmark) run_benchmark ;;
    esac || status=$?
    if [ "$status" -ne 0 ] && [ "$phase_failed" -eq 0 ]; then
        failed "the phase itself" <<<"its messages are above, under == $phase"
    elif [ $((phase_passed + phase_failed)) -eq 0 ]; then
        phase_passed=1
    fi
    all_passed=$((all_passed + phase_passed)) all_failed=$((all_failed + phase_failed))
    table+=("$(printf '%-10s %10s %8d passed %6d failed' \
        "$phase" "$(seconds_since "$start")" "$phase_passed" "$phase_failed")")
}

main() {
    local run_start name variable
    exec 2>&1
    run_start=$(now_ms)
    all_passed=0 all_failed=0 table=()
    : >"$private/failures"
    export PGLOCKS_TEMPLATE=$private/template
    export TSAN_OPTIONS=halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_stack_use_after_return=1
    server_is_named || true
    for variable in "${!GTEST_@}"; do unset "$variable"; done

    for name in "${phases[@]}"; do
        run_phase "$name"
        if [ "$name" = packages ] && [ "$all_failed" -gt 0 ] && find_missing build && [ ${#missing[@]} -gt 0 ]; then
            break # nothing can be built
        fi
    done

    if [ -s "$private/failures" ]; then
        printf '\n== failures\n'
        cat "$private/failures"
    fi
    printf '\n== times\n'
    printf '%s\n' "${table[@]}"
    printf '%-10s %10s\n\n' all "$(seconds_since "$run_start")"
    echo "$all_passed passed, $all_failed failed"
    [ "$all_failed" -eq 0 ]
}

for argument in "$@"; do
    case $argument in
    -h | --help) usage && exit ;;
    esac
    if [[ " ${all_phases[*]} " != *" $argument "* ]]; then
        complain "there is no phase '$argument'; there are: ${all_phases[*]}"
        exit 2
    fi
done
phases=(packages)
for argument in "${@:-${default_phases[@]}}"; do
    if [[ " ${phases[*]} " != *" $argument "* ]]; then phases+=("$argument"); fi
done

mapfile -t examples < <(bash "$repository/examples/run.sh" --list | cut -d' ' -f1)

run_privately "$@"
