"""What a program of any language can do by starting a shell: the attacks on the sandbox itself.

Each image has Debian's essential packages, so a shell, find and a small perl. A script ends with
status 7 where an attack succeeded.
"""

# ruff: noqa: E501  # as the scripts are written
from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.integration.sandboxes.hostile.program import Hostile


@dataclass(frozen=True)
class Script:
    threat: str
    name: str
    text: str
    verdicts: tuple[str, ...] = ("wrong_answer",)
    slow: bool = False


def _perl(text: str) -> str:
    return f"perl - <<'END'\n{text.strip()}\nEND\n"


# The processes of other users: the runner, and warm processes where there are any.
_OTHERS = r"""
use strict; use warnings;
my @others = grep {
    open(my $f, "<", "/proc/$_/status") and (join("", <$f>) =~ /^Uid:\s+(\d+)/m) and $1 != $<
} map { /(\d+)$/ } glob "/proc/[0-9]*";
exit 7 unless @others; # nothing was tried
my ($trace, $readv, $getfd, $open) = `uname -m` =~ /x86_64/ ? (101, 310, 438, 434) : (117, 270, 438, 434);
"""

# Refused means: not permitted, or not there. Any other error means that the kernel looked at the
# arguments, which are nonsense.
_PRIVILEGED = r"""
use strict; use warnings; use POSIX ();
my %number = `uname -m` =~ /x86_64/ ? (
    mount => 165, umount2 => 166, pivot_root => 155, unshare => 272, setns => 308, chroot => 161,
    bpf => 321, keyctl => 250, add_key => 248, request_key => 249, perf_event_open => 298,
    userfaultfd => 323, kexec_load => 246, kexec_file_load => 320, init_module => 175,
    finit_module => 313, delete_module => 176, iopl => 172, ioperm => 173, reboot => 169,
    swapon => 167, swapoff => 168, acct => 163, settimeofday => 164, clock_settime => 227,
    sethostname => 170, setdomainname => 171, open_by_handle_at => 304, quotactl => 179,
    syslog => 103, vhangup => 153, fanotify_init => 300, fsopen => 430, open_tree => 428,
    move_mount => 429, mount_setattr => 442, io_uring_setup => 425,
) : (
    mount => 40, umount2 => 39, pivot_root => 41, unshare => 97, setns => 268, chroot => 51,
    bpf => 280, keyctl => 219, add_key => 217, request_key => 218, perf_event_open => 241,
    userfaultfd => 282, kexec_load => 104, kexec_file_load => 294, init_module => 105,
    finit_module => 273, delete_module => 106, reboot => 142, swapon => 224, swapoff => 225,
    acct => 89, settimeofday => 170, clock_settime => 112, sethostname => 161,
    setdomainname => 162, open_by_handle_at => 265, quotactl => 60, syslog => 116,
    vhangup => 58, fanotify_init => 262, fsopen => 430, open_tree => 428, move_mount => 429,
    mount_setattr => 442, io_uring_setup => 425,
);
my $tmp = "/tmp";
my %arguments = (
    unshare => [0x10000000], chroot => [$tmp], setns => [0, 0], iopl => [3], ioperm => [0, 1, 1],
    syslog => [3, 0, 0], keyctl => [0, -3, 1], sethostname => ["x", 1], fsopen => ["tmpfs", 0],
    mount => ["none", $tmp, "tmpfs", 0, 0], umount2 => [$tmp, 2],
);
for my $name (sort keys %number) {
    my @with = @{ $arguments{$name} || [0, 0, 0, 0, 0] };
    my $done = syscall($number{$name}, @with);
    next if $done < 0 and grep { $! == $_ } POSIX::EPERM, POSIX::ENOSYS, POSIX::EACCES;
    print STDERR "$name: $done $!\n";
    exit 7;
}
for my $space (qw(clone_newuser clone_newns)) { # through clone, whose flags a filter must look at
    my $flags = $space eq "clone_newuser" ? 0x10000000 : 0x20000;
    my $done = syscall(`uname -m` =~ /x86_64/ ? 56 : 220, $flags | 17, 0, 0, 0, 0);
    exit 7 if $done > 0;
    POSIX::_exit(0) if $done == 0;
}
for my $device (["mem", 1, 1], ["kmsg", 1, 11], ["sda", 8, 0]) {
    exit 7 if open my $f, "<", "/dev/$device->[0]";
    system "mknod /tmp/$device->[0] c $device->[1] $device->[2] 2>/dev/null" or exit 7;
}
"""

_NETWORK = r"""
use strict; use warnings; use Socket qw(:all);
sub outside { my ($family, $kind, $to) = @_;
    socket(my $s, $family, $kind, 0) or return;
    $SIG{ALRM} = sub { die }; alarm 2;
    my $went = eval { $kind == SOCK_DGRAM ? defined send($s, "x", 0, $to) : connect($s, $to) };
    alarm 0;
    exit 7 if $went;
}
for my $kind (SOCK_STREAM, SOCK_DGRAM) {
    outside(AF_INET, $kind, pack_sockaddr_in($$_[1], inet_aton($$_[0])))
        for ["1.1.1.1", 53], ["10.0.0.1", 80], ["172.17.0.1", 2375], ["169.254.169.254", 80],
            ["224.0.0.1", 53], ["255.255.255.255", 53];
    outside(AF_INET6, $kind, pack_sockaddr_in6(53, inet_pton(AF_INET6, $_)))
        for "2606:4700:4700::1111", "fe80::1", "ff02::1";
}
for my $name ("/var/run/docker.sock", "/run/containerd/containerd.sock", "\0/containerd-shim") {
    outside(AF_UNIX, SOCK_STREAM, pack_sockaddr_un($name));
}
# Kinds of sockets that leave the network name space or reach odd corners of the kernel: raw IP,
# packet, virtual machine (host), kernel crypto, CAN, TIPC, Bluetooth, RDS, XDP, SMC, QIPCRTR.
for (["inet raw", 2, 3, 1], ["packet", 17, 3, 768], ["vsock", 40, 1, 0], ["alg", 38, 5, 0],
     ["can", 29, 3, 1], ["tipc", 30, 5, 0], ["bluetooth", 31, 3, 1], ["rds", 21, 5, 0],
     ["xdp", 44, 3, 0], ["smc", 43, 1, 0], ["qipcrtr", 42, 2, 0], ["x25", 9, 5, 0],
     ["ax25", 3, 5, 0], ["kcm", 41, 5, 0]) {
    my ($name, $family, $kind, $protocol) = @$_;
    if (socket(my $s, $family, $kind, $protocol)) { print STDERR "$name\n"; exit 7 }
}
# Netlink may be asked, and must not obey: bring the loopback device's address up a second time.
socket(my $n, 16, 3, 0) or exit 0;
my $add = pack("L S S L L C C C C L S S N", 32, 20, 0x605, 1, 0, 2, 8, 0, 0, 1, 8, 2, 0x7f000909);
send $n, $add, 0, pack("S S L L", 16, 0, 0, 0);
recv $n, my $said, 4096, 0;
exit 7 if length $said >= 20 and unpack("x16 l", $said) == 0;
"""

SCRIPTS = (
    Script("signals", "signal_other_users", _perl(_OTHERS + r"""
for my $p (@others) { for my $s (0, 9, 15, 19, 10, 1) { exit 7 if kill $s, $p } }
""")),
    Script("signals", "kill_everything", "kill -9 -1", ("runtime_error", "wrong_answer")),
    Script("tracing", "trace_other_users", _perl(_OTHERS + r"""
for my $p (@others) {
    exit 7 if syscall($trace, 16, $p, 0, 0) >= 0 or syscall($trace, 0x4206, $p, 0, 0) >= 0;
    my $to = "\0" x 16;
    my ($local, $remote) = (pack("P Q", $to, 16), pack("Q Q", 0x400000, 16));
    exit 7 if syscall($readv, $p, $local, 1, $remote, 1, 0) >= 0;
    my $handle = syscall($open, $p, 0);
    if ($handle >= 0) { for my $fd (0 .. 9) { exit 7 if syscall($getfd, $handle, $fd, 0) >= 0 } }
}
""")),
    Script("tracing", "read_other_users", _perl(_OTHERS + r"""
for my $p (@others) {
    for my $name (qw(mem environ auxv maps smaps stack syscall io)) {
        exit 7 if open(my $f, "<", "/proc/$p/$name") and read($f, my $x, 1);
    }
    for my $name (qw(cwd root exe)) { exit 7 if defined readlink "/proc/$p/$name" }
    exit 7 if opendir my $d, "/proc/$p/fd";
    for my $fd (0 .. 31) { for my $how ("<", "+<", ">>") { exit 7 if open my $f, $how, "/proc/$p/fd/$fd" } }
    for my $name (qw(mem oom_score_adj clear_refs coredump_filter timerslack_ns)) {
        exit 7 if open my $f, "+<", "/proc/$p/$name";
    }
}
exit 7 if opendir my $d, "/sandbox";
exit 7 if open my $f, "<", "/sandbox/done";
""")),
    Script("files", "write_outside", r"""
found=$(find / -path /proc -prune -o ! -type l ! -type c -writable -print 2>/dev/null |
    grep -v -x -e '/sandbox/job\(/.*\)\?' -e '/tmp\(/.*\)\?' -e '/var/tmp' -e '/dev/shm' \
        -e '/dev/mqueue' -e '/sandbox/done')
[ -z "$found" ] || { echo "$found" >&2; exit 7; }
for place in /etc /forkeval /usr /sandbox /sandbox/build / /run /dev /sys /proc /root /home; do
    if ( : >"$place/left" ) 2>/dev/null; then exit 7; fi
done
for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches \
    /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/*/release_agent; do
    if ( echo 0 >"$file" ) 2>/dev/null; then exit 7; fi
done
exit 0
"""),
    Script("files", "links_and_odd_names", r"""
for place in . /tmp /var/tmp /dev/shm; do
    cd "$place" || continue
    ln -s / root; ln -s /forkeval forkeval; ln -s /sandbox/build build; ln -s . loop; ln -s nowhere nowhere
    ln /forkeval/runner hard 2>/dev/null && exit 7
    mkfifo fifo; mkdir -p a/b/c locked; ln -s / a/b/c/root; touch locked/file; chmod 0 locked a
    touch -- "-rf" "$(printf 'new\nline')" "$(printf '\377\376')" '*' "$(printf '%0255d' 0)"
    cd /sandbox/job
done
chmod 0 /sandbox/job
exit 0
"""),
    Script("files", "replace_the_work_directory", r"""
mv /sandbox/job /tmp/job 2>/dev/null && exit 7
rmdir /sandbox/job 2>/dev/null && exit 7
rm -rf /sandbox/job/* && ln -s /etc/passwd /sandbox/job/link
rm -f /sandbox/done 2>/dev/null
[ -p /sandbox/done ] || exit 7
exit 0
"""),
    Script("disk", "fill_with_bytes", r"""
for place in . /tmp /var/tmp /dev/shm; do
    head -c 1G /dev/zero >"$place/fill" 2>/dev/null
    size=$(stat -c %s "$place/fill")
    [ "$size" -lt 100000000 ] || exit 7
done
exit 0
""", ("wrong_answer", "out_of_memory")),
    Script("disk", "fill_with_inodes", _perl(r"""
for my $place ("/sandbox/job", "/tmp", "/var/tmp", "/dev/shm") {
    my $n = 0;
    $n++ while $n < 100000 and mkdir "$place/$n", 0;
    exit 7 if $n == 100000;
}
"""), ("wrong_answer", "timeout"), slow=True),
    Script("disk", "fill_with_queues", _perl(r"""
my $open = `uname -m` =~ /x86_64/ ? 240 : 180;
my $n = 0;
while ($n < 100000) { my $name = "left$n"; last if syscall($open, $name, 0102, 0777, 0) < 0; $n++ }
exit 7 if $n == 100000;
""")),
    Script("ipc", "leave_objects", _perl(r"""
for my $key (1 .. 8) { shmget($key, 4096, 01777); semget($key, 1, 01777); msgget($key, 01777) }
msgsnd(msgget(1, 0), pack("l! a*", 1, "x" x 1000), 04000);
symlink "/etc/passwd", "/dev/shm/link"; mkdir "/dev/shm/d"; open my $f, ">", "/dev/shm/sem.left";
""")),
    Script("daemons", "setsid_and_double_fork", _perl(r"""
use POSIX ();
for (1 .. 12) {
    next if fork;
    POSIX::setsid(); $SIG{$_} = "IGNORE" for qw(TERM HUP INT PIPE);
    exit if fork;
    chdir "/"; sleep 1000; exit;
}
""")),
    Script("daemons", "hold_the_output", "sleep 1000 & sleep 1000 2>&1 & exit 0"),
    Script("daemons", "stopped_and_traced_children", _perl(r"""
my $trace = `uname -m` =~ /x86_64/ ? 101 : 117;
for (1 .. 4) { my $p = fork; if (!$p) { syscall($trace, 0, 0, 0, 0); kill 19, $$; sleep 1000; exit } }
select undef, undef, undef, 0.1;
""")),
    Script("processes", "fork_bomb", _perl("while (1) { fork }"), ("timeout", "runtime_error"), slow=True),
    Script("processes", "zombies", _perl(r"""
my $n = 0;
while ($n < 10000) { my $p = fork; last unless defined $p; exit unless $p; $n++ }
exit 7 if $n == 10000;
""")),
    Script("memory", "at_once_in_a_child", _perl('my $x = "x" x (1 << 31);'), ("out_of_memory",)),
    Script("memory", "slowly_in_a_child", _perl('push @a, "x" x 65536 while 1;'), ("out_of_memory",)),
    Script("memory", "many_small_children_of_low_score", r"""
i=0
while [ $i -lt 40 ]; do
    ( echo 0 >/proc/self/oom_score_adj; exec perl -e 'my $x = "x" x (16 << 20); sleep 1000' ) 2>/dev/null &
    i=$((i + 1))
done
wait
""", ("out_of_memory", "timeout", "runtime_error"), slow=True),
    Script("output", "endless_on_standard_output", "yes", ("output_limit",)),
    Script("output", "endless_on_standard_error", "yes >&2", ("output_limit",)),
    Script("output", "a_megabyte_without_newline", "head -c 1048576 /dev/zero | tr '\\0' x"),
    Script("output", "odd_bytes", r"printf '\377\376\000\033[2J\r\b\303\050\355\240\200\n\001'"),
    Script("network", "sockets_of_every_kind", _perl(_NETWORK)),
    Script("privileges", "privileged_calls", _perl(_PRIVILEGED)),
    Script("privileges", "become_root", _perl(r"""
for my $call (sub { $< = 0 }, sub { $> = 0 }, sub { $( = 0 }, sub { $) = "0 0" }) { $call->() }
exit 7 if $< == 0 or $> == 0 or (split " ", $()[0] == 0;
for my $tool (grep { -u || -g } glob "/bin/* /sbin/* /usr/lib/*/* /usr/lib/*") {
    my $said = `timeout 2 $tool -c id </dev/null 2>/dev/null`;
    exit 7 if $said =~ /uid=0/;
}
""")),
    Script("limits", "raise_limits_and_scores", r"""
for flag in t p c; do ( ulimit -H -$flag unlimited ) 2>/dev/null && exit 7; done
( echo -1 >/proc/self/oom_score_adj ) 2>/dev/null && exit 7
nice -n -5 true 2>&1 | grep -q 'annot set' || exit 7
chrt -f 10 true 2>/dev/null && exit 7
ionice -c 1 true 2>/dev/null && exit 7
prlimit --pid 1 --nproc=1 2>/dev/null && exit 7
exit 0
"""),
    Script("report", "write_to_every_descriptor", _perl(r"""
for my $fd (3 .. 255) { if (open my $f, ">&=", $fd) { syswrite $f, "0" x 32 . " completed 0 \n" } }
""")),
    Script("report", "guess_the_report", "echo 00000000000000000000000000000000 completed '0 ' >/sandbox/done",
           ("forged",)),
    Script("report", "fill_the_report", "head -c 1048576 /dev/zero >/sandbox/done", ("forged",)),
    Script("report", "hold_the_report_open", "sleep 1000 >/sandbox/done &"),
    Script("token", "search_files_and_environment", r"""
found=$( (cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/stat /proc/keys
    timeout 1 grep -rahs . /sandbox /tmp /var/tmp /dev/shm /dev/mqueue --devices=skip
    for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] || timeout 1 cat "$p/fd/3"; done
    ) 2>/dev/null </dev/null | tr -c '0-9a-f' '\n' | grep -x '[0-9a-f]\{32\}')
[ -z "$found" ] || echo "$found completed 0 " >/sandbox/done
"""),
)  # fmt: skip


# A shell's attacks are on the sandbox, which is the same for all languages but for its warm processes:
# `make test` runs every script from Python, and these from every language.
_EVERYWHERE = {
    "signal_other_users", "trace_other_users", "read_other_users", "write_outside",
    "setsid_and_double_fork", "at_once_in_a_child", "hold_the_report_open",
    "search_files_and_environment",
}  # fmt: skip


# Verdicts that a script may get besides its own. A plain Scala program loads classes for its assertion
# from the work directory, which these make unreadable or empty; a warm one has them in memory.
_ALSO = {
    ("scala", "links_and_odd_names"): ("runtime_error",),
    ("scala", "replace_the_work_directory"): ("runtime_error",),
}


def programs(language: str, call_shell: Callable[[str], str]) -> Sequence[Hostile]:
    """The scripts as programs of one language, whose completion `call_shell` writes."""
    made = []
    for script in SCRIPTS:
        text = base64.b64encode(script.text.encode()).decode()
        # No character that any language's string literals treat as special.
        command = f"echo {text} | base64 -d >/tmp/script; sh /tmp/script"
        made.append(
            Hostile(
                language,
                script.threat,
                f"shell_{script.name}",
                call_shell(command),
                script.verdicts + _ALSO.get((language, script.name), ()),
                slow=script.slow or (language != "python" and script.name not in _EVERYWHERE),
            )
        )
    return made
