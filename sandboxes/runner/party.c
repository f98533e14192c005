/* Start one command of a stage, with the streams and descriptors that it finds open. */
#define _GNU_SOURCE
#include "party.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS 5 /* that a command starts with: three streams, nonce, socket */

static void set_limit(int what, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit(what, &r);
}

/* `fds` become the descriptors from 0 on; the one after them tells the runner why exec failed. */
static _Noreturn void exec_job(const struct command *c, const struct limits *l, const int *fds,
                               int count, int failed) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int score = open("/proc/self/oom_score_adj", O_WRONLY);
    if (score >= 0 && write(score, "1000", 4) < 0) _exit(73);
    set_limit(RLIMIT_CORE, 0);
    if (l->cpu_us) set_limit(RLIMIT_CPU, (rlim_t)(l->cpu_us / 1000000 + 2));
    set_limit(RLIMIT_NPROC, l->processes);
    int spare = fcntl(failed, F_DUPFD_CLOEXEC, 10), high[FDS];
    for (int i = 0; i < count; i++) high[i] = fcntl(fds[i], F_DUPFD, 10);
    for (int i = 0; i < count; i++)
        if (dup2(high[i], i) < 0) _exit(73);
    if (dup2(spare, count) < 0) _exit(73);
    fcntl(count, F_SETFD, FD_CLOEXEC);
    close_range((unsigned)count + 1, ~0u, 0);
    /* What a runtime loads from its user's home, nobody else may have put there. */
    setenv("HOME", c->dir, 1);
    become(c->uid);
    if (chdir(c->dir) == 0) execvp(c->argv[0], c->argv);
    int error = errno;
    if (write(count, &error, sizeof error) < 0) _exit(126);
    _exit(127);
}

static bool begin(struct party *p, const struct limits *l, const int *fds, int count) {
    const struct command *c = p->c;
    if (p->service) {
        char text[128] = "compile";
        if (c->fork_from)
            snprintf(text, sizeof text, "%s %u %lld %lu", c->verb, c->uid,
                     (long long)(l->cpu_us / 1000000 + 2), l->processes);
        p->main = c->fork_from ? -1 : 0; /* its parent tells the number */
        if (service_send(p->service, text, fds, c->fork_from ? count : 0)) return true;
        p->main = 0;
        return false;
    }
    int failed[2];
    if (pipe2(failed, O_CLOEXEC)) die("pipe");
    p->main = fork();
    if (p->main < 0) die("fork");
    if (p->main == 0) exec_job(c, l, fds, count, failed[1]);
    close(failed[1]);
    if (read(failed[0], &p->e->exec_error, sizeof(int)) != sizeof(int)) p->e->exec_error = 0;
    close(failed[0]);
    return true;
}

/* A pipe that the job's user owns, so that it may open it again by its name in /proc or /dev. */
static void make_pipe(int ends[2], uid_t uid) {
    if (pipe2(ends, O_CLOEXEC) || fchown(ends[0], uid, uid)) die("pipe");
}

static int make_nonce(const struct bytes *nonce, uid_t uid) {
    int ends[2];
    make_pipe(ends, uid);
    if (write(ends[1], nonce->data, nonce->size) != (ssize_t)nonce->size) die("nonce");
    close(ends[1]);
    return ends[0];
}

bool party_start(struct party *p, const struct limits *l, int talk) {
    const struct command *c = p->c;
    int out[2], err[2], fds[FDS] = {c->in}, count = 3;
    p->service = c->fork_from ? c->fork_from : c->compiler;
    make_pipe(out, c->uid);
    make_pipe(err, c->uid);
    fds[1] = out[1];
    fds[2] = err[1];
    if (c->nonce) fds[count++] = make_nonce(c->nonce, c->uid);
    if (talk >= 0) fds[count++] = talk;
    p->out = out[0];
    p->err = err[0];
    fcntl(p->out, F_SETFL, O_NONBLOCK);
    fcntl(p->err, F_SETFL, O_NONBLOCK);
    bool begun = begin(p, l, fds, count);
    for (int i = 1; i < count; i++) close(fds[i]);
    return begun;
}
