#!/usr/bin/env bash
# Leaves a Docker engine that answers, and says what it did: docker_engine.sh [--debootstrap]
#
# An engine that answers is used as it is (DOCKER_HOST is honoured). Otherwise, as root on Debian,
# docker.io is installed and dockerd started in the background, without a bridge and without
# iptables, because no sandbox has a network. Elsewhere: one line that says what to install.
# Safe to run again at any time, also after a dockerd that was killed.
set -euo pipefail

patience=${FORKEVAL_DOCKER_PATIENCE:-90} # seconds to wait for the engine to answer
log=${FORKEVAL_DOCKER_LOG:-/var/log/forkeval-dockerd.log}
pidfiles="/var/run/docker.pid /run/docker/containerd/containerd.pid"

say() { printf 'docker: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
answers() { command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; }
runs() { # runs PID NAME: is PID alive, and a process of that name?
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]
}
dockerd_pid() { cat /var/run/docker.pid 2>/dev/null || true; }

install() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    # The base image is made with debootstrap where no container registry can be reached.
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]} (Debian packages)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null || say "apt-get update failed; trying with the lists at hand"
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
        fail "apt-get install ${missing[*]} failed: run it by hand to see why, then run this again"
}

mount_cgroups() { # a machine without systemd may not have mounted any
    mountpoint -q /sys/fs/cgroup && return
    say "mounting the control groups"
    mount -t cgroup2 none /sys/fs/cgroup ||
        fail "could not mount /sys/fs/cgroup: mount the control groups, then run this again"
}

clear_leftovers() { # of a dockerd that died without tidying up; never of one that lives
    local file pid
    for file in $pidfiles; do
        pid=$(cat "$file" 2>/dev/null || true)
        runs "$pid" dockerd || runs "$pid" containerd && continue
        rm -f "$file"
    done
    # The containerd of a killed dockerd lives on and holds its locks: a new dockerd adopts the
    # socket only while that process answers, so it is ended with the pid file as the proof.
    pid=$(cat /run/docker/containerd/containerd.pid 2>/dev/null || true)
    if runs "$pid" containerd && ! runs "$(dockerd_pid)" dockerd; then
        say "ending containerd (pid $pid), left behind by a dockerd that died"
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 50); do runs "$pid" containerd || break; sleep 0.1; done
        runs "$pid" containerd && kill -9 "$pid"
        rm -f /run/docker/containerd/containerd.pid
    fi
    runs "$(dockerd_pid)" dockerd || rm -f /var/run/docker.sock
}

wait_for() { # wait_for PID: until the engine answers, its process ends, or patience does
    local until=$((SECONDS + patience))
    while [ $SECONDS -lt $until ]; do
        answers && return 0
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}

start() { # start [OPTION...]
    say "starting dockerd $* (log: $log)"
    setsid dockerd --bridge=none --iptables=false --ip6tables=false "$@" </dev/null >>"$log" 2>&1 &
    local pid=$!
    wait_for "$pid" && return 0
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    return 1
}

if answers; then
    say "using the engine that answers ($(docker version --format '{{.Server.Version}}'))"
    exit 0
fi
[ -z "${DOCKER_HOST-}" ] ||
    fail "no engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "no Docker engine answers: install and start one (on Debian, as root: apt-get install docker.io), or set DOCKER_HOST"
fi

pid=$(dockerd_pid)
if runs "$pid" dockerd; then # one is starting, or busy
    say "waiting for dockerd (pid $pid) to answer"
    wait_for "$pid" && exit 0
    fail "dockerd (pid $pid) runs but does not answer: look at its log, or stop it, then run this again"
fi

install
answers && exit 0 # the package may have started it
mount_cgroups
clear_leftovers
: >>"$log"
start || { clear_leftovers; start --storage-driver=vfs; } || {
    tail -n 3 "$log" >&2
    fail "dockerd did not come up within $patience seconds: see $log"
}
say "dockerd answers ($(docker version --format '{{.Server.Version}}'))"
