#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Runs a program that makes and cuts networks: as it is for root, else in namespaces in which it may.
if [ "$(id -u)" = 0 ]; then
    exec "$@"
fi
exec unshare --user --map-current-user --keep-caps --net "$@"
