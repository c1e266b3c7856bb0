#!/bin/sh
# Finds a Python that the pinned packages support, then hands over to touchline_deploy.build.install. PYTHON=/path/to/python overrides.
set -eu
cd "$(dirname "$0")/.."

usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ] && command -v apt-get >/dev/null; then
    echo "install: no Python 3.11, 3.12 or 3.13 found: asking the distribution for python3"
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
    $as_root apt-get install -y --no-install-recommends python3 python3-venv || true
    python=$(find_python)
fi
if [ -z "$python" ]; then
    echo "install: Python 3.11, 3.12 or 3.13 is needed and was not found: install one, or run make with PYTHON=/path/to/python" >&2
    exit 1
fi
export PYTHONPATH="$PWD/include"
exec "$python" -m touchline_deploy.build.install
