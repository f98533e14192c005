#!/usr/bin/env bash
# Every test that needs no GPU and is not `full`, one process a core. The unit tests run while the
# sandbox images and the browser are made, which mostly waits for downloads; then the integration
# tests. Arguments go to pytest.
set -uo pipefail
set -m # the set-up is a process group of its own, which ends with this script
cd "$(dirname "$0")/.."
log=.build/set-up.log
mkdir -p .build

# Stealing: some modules hold hundreds of tests in every language, others a few that take minutes.
tests() {
    .venv/bin/python -m pytest -m "not gpu and not full" --timeout 900 \
        --numprocesses auto --dist worksteal "$@"
}

make --no-print-directory images browser >"$log" 2>&1 </dev/null &
setup=$!
trap 'kill -- -$setup 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "unit tests: while the images and the browser are made (log: $log)"
tests tests/unit "$@"
units=$?
wait $setup || {
    status=$?
    cat "$log"
    exit $status
}
tests tests/integration tests/full "$@"
others=$?
# 5: nothing was selected, which a choice by name may mean for one part.
[ $units = 5 ] && exit $others
[ $others = 5 ] && exit $units
exit $((units ? units : others))
