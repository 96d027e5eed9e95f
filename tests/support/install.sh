#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: install.sh GROUP...   installs the Debian packages of packages.list that are missing
set -eu
list=$(dirname "$0")/packages.list

command -v dpkg-query >/dev/null || {
    echo "This system has no dpkg: install what $list names by hand."
    exit 0
}
missing=
for group in "$@"; do
    for package in $(awk -v group="$group" '$1 == group { print $2 }' "$list"); do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "These packages are missing, and only root can install them:$missing" >&2
        exit 1
    }
    root=sudo
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq || echo "The package lists could not be refreshed; going on with the old ones."
# shellcheck disable=SC2086
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
