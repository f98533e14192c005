#!/bin/sh
# compile.sh SOURCE [STATUS]: the whole of tsc, types checked. Succeeds where JavaScript was emitted,
# which tsc does however wrong the types are; with a STATUS, where tsc also ended with it.
left_out=$(node /forkeval/place_of_test.js "$1") || exit 1
tsc --target es5 --lib es2016 --sourceMap "$1" >&2
ended=$?
emitted=${1%.ts}.js
[ -f "$emitted" ] && [ "$ended" -eq "${2:-$ended}" ] || exit 1
# The lines of errors are to be the source's, under the name that the launcher looks for; what is added
# after the last of them (";A;") is on none.
sed -i 's/"sources":\["main.ts"\]/"sources":["main.js"]/; s/"mappings":"[^"]*/&;A;/' "$emitted.map"
printf '\n%s\n' "$left_out" >> "$emitted"
