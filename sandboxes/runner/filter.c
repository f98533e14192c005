/* A system call filter of our own for everything in the sandbox, on top of the engine's: it does not
 * depend on the engine's version, and engines of these years let through sockets to the machine
 * below a virtual one and io_uring. Nothing that a program of a benchmark does needs what it denies. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name this machine's AUDIT_ARCH"
#endif
#define X32 0x40000000u /* x86-64: the bit of a second table of calls */
#define NEW_SPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)

static const unsigned absent[] = {
    /* clone3 keeps its flags in memory, where no filter can look; C libraries then use clone. */
    SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
};
static const unsigned refused[] = {
    /* other processes' memory and descriptors */
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kcmp,
    /* mounts and name spaces */
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_fsopen,
    SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_open_tree, SYS_move_mount, SYS_mount_setattr,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init, SYS_quotactl,
    /* the kernel's own tools */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
    /* the machine */
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_syslog, SYS_settimeofday, SYS_clock_settime,
    SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_vhangup,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};
/* Unix, IPv4 and IPv6 (which lead nowhere), and netlink, which libraries ask for interfaces. */
static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define ARGUMENT0 (offsetof(struct seccomp_data, args)) /* its lower half: little endian */

static struct sock_filter program[256];
static unsigned short length;

static void add(unsigned short code, unsigned k, unsigned char yes, unsigned char no) {
    if (length == COUNT(program)) die("filter");
    program[length++] = (struct sock_filter){code, yes, no, k};
}
static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }
static void end(unsigned how) { add(BPF_RET | BPF_K, how, 0, 0); }
static void refuse(int error) { end(SECCOMP_RET_ERRNO | (unsigned)error); }

static void refuse_calls(const unsigned *calls, size_t count, int error) {
    for (size_t i = 0; i < count; i++) {
        add(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
        refuse(error);
    }
}

void filter_install(void) {
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    refuse(ENOSYS); /* 32-bit calls have tables, and ways to open sockets, of their own */
    load(offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    add(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    refuse(ENOSYS);
#endif
    refuse_calls(absent, COUNT(absent), ENOSYS);
    refuse_calls(refused, COUNT(refused), EPERM);
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    load(ARGUMENT0);
    add(BPF_JMP | BPF_JSET | BPF_K, NEW_SPACES, 0, 1);
    refuse(EPERM);
    end(SECCOMP_RET_ALLOW);
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 2, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 1, 0);
    end(SECCOMP_RET_ALLOW);
    load(ARGUMENT0);
    for (size_t i = 0; i < COUNT(families); i++) {
        add(BPF_JMP | BPF_JEQ | BPF_K, families[i], 0, 1);
        end(SECCOMP_RET_ALLOW);
    }
    refuse(EAFNOSUPPORT);
    struct sock_fprog all = {length, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all)) die("seccomp");
}
