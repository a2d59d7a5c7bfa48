# Installs the Debian package $1 and starts no service: while it works, the file $2 forbids that.
set -eu
if [ ! -e "$2" ]; then
    policy=$2
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
get() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}
get install --no-install-recommends "$1" || {
    get update
    get install --no-install-recommends "$1"
}
