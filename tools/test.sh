#!/usr/bin/env bash
# Every test that needs no GPU and is not `full`: the unit tests on one core, beside them those that
# need the Docker engine or a browser. Arguments go to pytest. What the unit tests say is shown at
# the end, so that the two do not mix.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
select=(-m "not gpu and not full" --timeout 900)
mkdir -p .build
log=.build/unit-tests.log

$python -m pytest tests/unit "${select[@]}" "$@" >"$log" 2>&1 &
unit=$!
trap 'kill $unit 2>/dev/null' EXIT
echo "unit tests: running beside the others (log: $log)"
$python -m pytest tests/integration tests/full "${select[@]}" "$@"
integration=$?
wait $unit
units=$?
trap - EXIT
cat "$log"
# 5: nothing was selected, which a choice by name may mean for one of the two.
[ $integration = 5 ] && [ $units = 5 ] && exit 5
[ $integration = 0 ] || [ $integration = 5 ] || exit $integration
[ $units = 0 ] || [ $units = 5 ] || exit $units
