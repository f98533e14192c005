/* What a launcher holds and says that is linked into the program itself: the job's nonce, and the
 * report of how the program ended. For one file of a launcher in C or C++ to include.
 *
 * Descriptor 3 is read and closed in .preinit_array, before any initialiser of the program, given that
 * the launcher stands first on the linker's command line. The nonce lies in static memory of this
 * file alone. Everything that touches it is a system call made right here, because a program may
 * define a `write` or a `memcpy` of its own, and that would be called. What remains is native code
 * that searches its own process's memory, or runs while the program is being loaded. */
#ifndef FORKEVAL_LINKED_H
#define FORKEVAL_LINKED_H

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NONCE 32 /* hexadecimal digits */
#define ROOM 300 /* for what is reported */

static char linked_nonce[NONCE];
static int linked_armed;  /* the nonce is here, and no report has been written */
static long linked_owner; /* the process that took it: a child that ends as it does tells nothing */

static long linked_call(long number, long a, long b, long c) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#else
#error "say how this machine makes a system call"
#endif
}

static void linked_arm(void) {
    int have = 0;
    while (have < NONCE) {
        long n = linked_call(SYS_read, 3, (long)(linked_nonce + have), NONCE - have);
        if (n <= 0) break;
        have += (int)n;
    }
    linked_call(SYS_close, 3, 0, 0);
    linked_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0); /* closes /proc/self/mem and its like */
    linked_armed = have == NONCE;
    linked_owner = linked_call(SYS_getpid, 0, 0, 0);
}

/* Appends the first line of a text in printable ASCII, as far as there is room. */
static char *linked_append(char *at, const char *end, const char *text) {
    for (; *text && *text != '\n' && *text != '\r' && at < end; text++)
        *at++ = (char)(*text < ' ' || *text > '~' ? '?' : *text);
    return at;
}

/* `how` is "completed 0 " or begins with "raised"; `type` and `message` are of an exception. */
static void linked_report(const char *how, const char *type, const char *message) {
    char text[NONCE + ROOM + 1], *at = text;
    const char *end = text + NONCE + ROOM;
    if (!linked_armed || linked_call(SYS_getpid, 0, 0, 0) != linked_owner) return;
    linked_armed = 0;
    for (int i = 0; i < NONCE; i++) *at++ = linked_nonce[i];
    at = linked_append(at, end, " ");
    at = linked_append(at, end, how);
    at = linked_append(at, end, type);
    if (*type) at = linked_append(at, end, ": ");
    at = linked_append(at, end, message);
    *at++ = '\n';
    long fd = linked_call(SYS_openat, AT_FDCWD, (long)"/sandbox/done", O_WRONLY);
    linked_call(SYS_write, fd, (long)text, at - text);
    linked_call(SYS_close, fd, 0, 0);
}

#endif
