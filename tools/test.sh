#!/usr/bin/env bash
# Every test that needs no GPU and is not `full`, on two lanes. One builds the sandbox images and
# then tests the sandboxes; beside it run the unit tests, which need nothing that is built, and, when
# the images are there, the other integration tests. What the second lane says is shown at the end,
# so that the two do not mix; then come tests that want the machine for themselves. Arguments go to
# pytest.
set -uo pipefail
set -m # the second lane is a process group of its own, which ends with this script
cd "$(dirname "$0")/.."
log=.build/tests-beside.log
ready=.build/set-up.status # the exit status of the set-up, once it has ended
mkdir -p .build
rm -f "$ready"

# tests CHOICE ARGUMENTS: pytest on what is neither `gpu` nor `full` and is of this choice.
tests() {
    local choice=$1
    shift
    .venv/bin/python -m pytest -m "not gpu and not full and $choice" --timeout 900 "$@"
}

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

beside() {
    local units others
    tests "not alone" tests/unit "$@"
    units=$?
    until [ -s "$ready" ]; do sleep 1; done
    [ "$(cat "$ready")" = 0 ] || return $units
    tests "not alone" tests/integration --ignore tests/integration/sandboxes tests/full "$@"
    others=$?
    worst $units $others
}

beside "$@" >"$log" 2>&1 </dev/null &
lane=$!
trap 'kill -- -$lane 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "unit tests: running beside the set-up and the tests of the sandboxes (log: $log)"
make --no-print-directory images browser
setup=$?
echo $setup >"$ready"
sandboxes=$setup
if [ $setup = 0 ]; then
    tests "not alone" tests/integration/sandboxes "$@"
    sandboxes=$?
fi
wait $lane
rest=$?
cat "$log"
tests alone tests/unit "$@"
worst $sandboxes $rest $?
