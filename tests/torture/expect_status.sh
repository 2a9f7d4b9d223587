#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# expect_status.sh STATUS PROGRAM [ARGUMENT ...]: succeeds if, and only if, the program ends with this exit status.
expected=$1
shift
"$@"
status=$?
[ "$status" -eq "$expected" ] && exit 0
echo "exit status $status, where $expected was expected" >&2
exit 1
