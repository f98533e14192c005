/* What a launcher written in C holds and says: the job's nonce, and the report of how the program
 * ended. For one file of a launcher to include, after the macros that its own headers ask for.
 *
 * The nonce lives in this program's memory alone: no object of the language, argument, environment
 * variable, file or open descriptor holds it. The report goes to a FIFO that is opened when the
 * program has ended. What remains is native code in the same process that reads or calls into the
 * launcher: only another process can keep a secret from that. */
#ifndef FORKEVAL_COMPLETED_H
#define FORKEVAL_COMPLETED_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#define NONCE 32 /* hexadecimal digits */

static char nonce[NONCE];
static pid_t reporter; /* a process that the program forks does not report */

/* Reads the nonce from a descriptor and closes it; leaves the process where there is none. */
static void completed_arm(int descriptor) {
    size_t have = 0;
    while (have < NONCE) {
        ssize_t n = read(descriptor, nonce + have, NONCE - have);
        if (n <= 0) _exit(70);
        have += (size_t)n;
    }
    close(descriptor);
    prctl(PR_SET_DUMPABLE, 0); /* closes /proc/self/mem and its like, and tracing by a child */
    reporter = getpid();
}

/* `how` is completed, raised or compile; of `what` the first line is told, as printable ASCII. */
static void completed_report(const char *how, long line, const char *what) {
    char text[NONCE + 512];
    if (getpid() != reporter) return;
    int size = snprintf(text, sizeof text - 1, "%.*s %s %ld %.300s", NONCE, nonce, how, line, what);
    for (int i = 0; i < size; i++) {
        if (text[i] == '\r' || text[i] == '\n') size = i;
        if (text[i] < ' ' || text[i] > '~') text[i] = '?';
    }
    text[size++] = '\n';
    int fd = open("/sandbox/done", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)size) != size) _exit(70);
    close(fd);
}

#endif
