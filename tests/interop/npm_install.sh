#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# npm_install.sh NPM PACKAGE.JSON STAMP: installs what the file asks for into `node` beside the stamp.
set -eu
npm=$1 manifest=$2 stamp=$3
directory=$(dirname -- "$stamp")/node
mkdir -p -- "$directory"
cp -- "$manifest" "$directory/package.json"
"$npm" install --prefix "$directory" --cache "$directory/cache" --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error
touch -- "$stamp"
