#!/usr/bin/env bash
# Every test that needs no GPU and is not `full`, one process a core. The unit tests run while the
# sandbox images and the browser are made, which mostly waits for downloads; then the integration
# tests, and at last those that want the machine for themselves. Arguments go to pytest.
set -uo pipefail
set -m # the set-up is a process group of its own, which ends with this script
cd "$(dirname "$0")/.."
log=.build/set-up.log
mkdir -p .build

# tests CHOICE ARGUMENTS: pytest on what is neither `gpu` nor `full` and is of this choice.
tests() {
    local choice=$1
    shift
    .venv/bin/python -m pytest -m "not gpu and not full and $choice" --timeout 900 "$@"
}

# Stealing: some modules hold hundreds of tests in every language, others a few that take minutes.
side_by_side() { tests "not alone" --numprocesses auto --dist worksteal "$@"; }

# worst STATUS...: the first that is a failure. 5: nothing was selected, which a choice by name may
# mean for one part; for all of them it is a failure.
worst() {
    local status found=5
    for status in "$@"; do
        case $status in
        0) found=0 ;;
        5) ;;
        *) return "$status" ;;
        esac
    done
    return $found
}

make --no-print-directory images browser >"$log" 2>&1 </dev/null &
setup=$!
trap 'kill -- -$setup 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "unit tests: while the images and the browser are made (log: $log)"
side_by_side tests/unit "$@"
units=$?
wait $setup || {
    status=$?
    cat "$log"
    exit $status
}
side_by_side tests/integration tests/full "$@"
others=$?
tests alone tests "$@"
worst $units $others $?
