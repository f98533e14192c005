#!/usr/bin/env bash
# Sets up one part of what forkeval needs and says what it does: setup.sh python|docker|browser.
# Every part is skipped when it is already there, so calling it again costs a moment.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
on_debian_as_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# install_debian PACKAGE...: one line with the fix where we may not install.
install_debian() {
    on_debian_as_root || fail "please install: $* (not root on Debian, so it is left to you), then run this again"
    say "installing $* (Debian packages)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null || say "apt-get update failed; trying with the lists at hand"
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

setup_python() {
    local stamp=$venv/.made-for want
    # The environment is made again when what it must hold changes.
    want=$(cat pyproject.toml constraints.txt | sha256sum | cut -c1-32)
    if [ "$(cat $stamp 2>/dev/null || true)" = "$want" ] && [ -x $venv/bin/forkeval ]; then
        say "the Python environment in $venv is there"
        return
    fi
    command -v python3 >/dev/null || install_debian python3 python3-venv
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed; python3 is $(python3 -V 2>&1)"
    if ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
        rm -rf $venv
        python3 -c 'import ensurepip' 2>/dev/null || install_debian python3-venv
        say "making the Python environment in $venv"
        python3 -m venv $venv
    fi
    say "installing forkeval and its checks into $venv (some minutes the first time)"
    local pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt"
    # PyTorch first, at its pinned version: where a CPU build of it is at hand, nothing that comes
    # later asks for another one.
    $pip torch
    $pip --editable '.[dev]'
    echo "$want" >$stamp
}

setup_browser() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
        command -v google-chrome >/dev/null || install_debian chromium
}

case "${1-}" in
python) setup_python ;;
docker) exec sandboxes/docker_engine.sh ;;
browser) setup_browser ;;
*) fail "usage: tools/setup.sh python|docker|browser" ;;
esac
