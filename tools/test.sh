#!/usr/bin/env bash
# Every test that needs no GPU and is not `full`, on two lanes. One builds the sandbox images while
# the other runs the unit tests, which need nothing that is built; then both take groups of
# integration tests from one list until none is left. What the second lane says is shown at the end,
# so that the two do not mix; then come tests that want the machine for themselves. Arguments go to
# pytest.
set -uo pipefail
set -m # the second lane is a process group of its own, which ends with this script
cd "$(dirname "$0")/.."
log=.build/tests-beside.log
ready=.build/set-up.status # the exit status of the set-up, once it has ended
taken=.build/tests-taken   # a folder for each group that a lane has taken
export FORKEVAL_SHOTS=${FORKEVAL_SHOTS:-$PWD/.build/shots} # screenshots of the pages
rm -rf "$ready" "$taken"
mkdir -p "$taken" || exit # a group that cannot be taken would be one that nobody runs

# The longest first, so that the lanes end about together; the second has what no other names.
sandboxes=tests/integration/sandboxes
killed="tests/integration/test_crash.py tests/integration/test_main_job.py"
groups=(
    "$sandboxes/test_sandbox_attacks.py"
    "rest"
    "$killed"
    "tests/integration tests/full --ignore $sandboxes --ignore ${killed// / --ignore }"
    "$sandboxes/test_isolated.py"
    "$sandboxes/test_kotlin_scala.py $sandboxes/test_swift.py $sandboxes/test_go.py"
)
rest=$(ls $sandboxes/test_*.py)
for group in "${groups[@]}"; do rest=$(grep -vxF "${group// /$'\n'}" <<<"$rest"); done
groups[1]=${rest//$'\n'/ }

# tests CHOICE ARGUMENTS: pytest on what is neither `gpu` nor `full` and is of this choice. It is
# waited for, so that a signal ends it at once: the shell hears none while a command is in front.
tests() {
    local choice=$1
    shift
    .venv/bin/python -m pytest -m "not gpu and not full and $choice" --timeout 900 "$@" </dev/null &
    running=$!
    wait $running
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

# What is left of the groups, one after the other.
integration() {
    local at statuses=(5)
    for at in "${!groups[@]}"; do
        mkdir "$taken/$at" 2>/dev/null || continue
        # shellcheck disable=SC2086  # a group is a list of words
        tests "not alone" ${groups[at]} "$@"
        statuses+=($?)
    done
    worst "${statuses[@]}"
}

beside() {
    local units others
    tests "not alone" tests/unit "$@"
    units=$?
    until [ -s "$ready" ]; do sleep 1; done
    [ "$(cat "$ready")" = 0 ] || return $units
    integration "$@"
    others=$?
    worst $units $others
}

beside "$@" >"$log" 2>&1 </dev/null &
lane=$!
trap 'kill -- -$lane ${running:+-$running} 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "unit tests: running beside the set-up and integration tests (log: $log)"
make --no-print-directory images browser
setup=$?
echo $setup >"$ready"
ours=$setup
if [ $setup = 0 ]; then
    integration "$@"
    ours=$?
fi
wait $lane
theirs=$?
cat "$log"
tests alone tests/unit "$@"
worst $ours $theirs $?
