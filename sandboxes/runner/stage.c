/* Run one command, or one request to a warm process, to its end: drain its output while it runs,
 * hold it to its limits, and afterwards leave no process of its user. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 10          /* how often limits are checked while nothing else happens */
#define CLEAR_US 10000000   /* how long killed processes may take to go */

static int report_fd = -1, child_signal = -1;

void report_open(void) {
    /* Opened for reading and writing, so that it never reads as ended between two writers. */
    report_fd = open(REPORT_FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (report_fd < 0) die(REPORT_FIFO);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    child_signal = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (child_signal < 0) die("signalfd");
}

static void set_limit(int what, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit(what, &r);
}

static _Noreturn void exec_job(const struct command *c, const struct limits *l, int out, int err,
                               int nonce, int failed) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int score = open("/proc/self/oom_score_adj", O_WRONLY);
    if (score >= 0 && write(score, "1000", 4) < 0) _exit(73);
    set_limit(RLIMIT_CORE, 0);
    if (l->cpu_us) set_limit(RLIMIT_CPU, (rlim_t)(l->cpu_us / 1000000 + 2));
    set_limit(RLIMIT_NPROC, l->processes);
    int spare = fcntl(failed, F_DUPFD_CLOEXEC, 10);
    int token = nonce >= 0 ? fcntl(nonce, F_DUPFD, 10) : -1;
    if (dup2(c->in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(73);
    if (token >= 0 && dup2(token, 3) < 0) _exit(73);
    if (dup2(spare, 4) < 0) _exit(73);
    fcntl(4, F_SETFD, FD_CLOEXEC);
    if (token < 0) close(3);
    close_range(5, ~0u, 0);
    become(c->uid);
    if (chdir(JOB_DIR) == 0) execvp(c->argv[0], c->argv);
    int error = errno;
    if (write(4, &error, sizeof error) < 0) _exit(126);
    _exit(127);
}

static void drain(int *fd, struct bytes *kept, size_t keep, size_t *total) {
    char block[65536];
    for (;;) {
        ssize_t n = read(*fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close(*fd);
            *fd = -1;
            return;
        }
        size_t room = kept->size < keep ? keep - kept->size : 0;
        bytes_add(kept, block, (size_t)n < room ? (size_t)n : room);
        if (total) *total += (size_t)n;
        if ((size_t)n < sizeof block) return;
    }
}

static int64_t usage_us(const struct rusage *u) {
    return (int64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 + u->ru_utime.tv_usec +
           u->ru_stime.tv_usec;
}

struct watch {
    const struct command *c;
    struct outcome *o;
    struct service *service;
    pid_t main; /* the job's first process; 0 once it is gone */
    bool ended;
    int64_t reaped_us, peak_rss;
};

static void note(struct watch *w, const struct rusage *u) {
    w->reaped_us += usage_us(u);
    if (u->ru_maxrss * 1024 > w->peak_rss) w->peak_rss = u->ru_maxrss * 1024;
}

/* Takes every child that ended: the job's first process, its orphans, a warm process that died. */
static void reap(struct watch *w) {
    struct signalfd_siginfo ignored;
    while (read(child_signal, &ignored, sizeof ignored) > 0) {
    }
    int status;
    struct rusage used;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &used)) > 0;) {
        if (pid == interpreter.pid || pid == compiler.pid) {
            struct service *s = pid == interpreter.pid ? &interpreter : &compiler;
            s->pid = 0;
            close(s->socket);
            if (w->service == s) w->o->service_died = w->ended = true;
            continue;
        }
        note(w, &used);
        if (pid == w->main && !w->service) {
            w->o->status = status;
            w->main = 0;
            w->ended = true;
        }
    }
}

/* "pid N" when the job starts, "exit STATUS CPU_US MAXRSS_KIB" when it ends; a compiler's
 * "exit STATUS 0 0" is followed by its diagnostics. */
static void hear(struct watch *w, size_t keep) {
    static char text[1 << 18];
    ssize_t n = service_receive(w->service, text, sizeof text);
    int pid, at = 0;
    long long cpu, rss;
    if (n <= 0) {
        w->o->service_died = w->ended = true;
        service_stop(w->service);
    } else if (sscanf(text, "pid %d", &pid) == 1) {
        w->main = pid;
    } else if (sscanf(text, "exit %d %lld %lld%n", &w->o->status, &cpu, &rss, &at) == 3) {
        w->reaped_us += cpu;
        if (rss * 1024 > w->peak_rss) w->peak_rss = rss * 1024;
        w->main = 0;
        w->ended = true;
        if (text[at] == '\n') {
            size_t said = (size_t)n - (size_t)at - 1;
            bytes_add(&w->o->err, text + at + 1, said < keep ? said : keep);
        }
    } else {
        w->o->service_died = w->ended = true;
        service_stop(w->service);
    }
}

static void begin(struct watch *w, const struct limits *l, int out, int err, int nonce) {
    const struct command *c = w->c;
    if (w->service) {
        char text[128];
        int fds[4] = {c->in, out, err, nonce}, count = c->fork_from ? 4 : 0;
        if (c->fork_from)
            snprintf(text, sizeof text, "run %u %lld %lu", c->uid,
                     (long long)(l->cpu_us / 1000000 + 2), l->processes);
        else
            snprintf(text, sizeof text, "compile");
        w->main = c->fork_from ? -1 : 0; /* its parent tells the number */
        if (!service_send(w->service, text, fds, count)) {
            w->main = 0;
            w->o->service_died = w->ended = true;
            service_stop(w->service);
        }
        return;
    }
    int failed[2];
    if (pipe2(failed, O_CLOEXEC)) die("pipe");
    w->main = fork();
    if (w->main < 0) die("fork");
    if (w->main == 0) exec_job(c, l, out, err, nonce, failed[1]);
    close(failed[1]);
    if (read(failed[0], &w->o->exec_error, sizeof(int)) != sizeof(int)) w->o->exec_error = 0;
    close(failed[0]);
}

/* A pipe that the job's user owns, so that it may open it again by its name in /proc or /dev. */
static void make_pipe(int ends[2], uid_t uid) {
    if (pipe2(ends, O_CLOEXEC) || fchown(ends[0], uid, uid)) die("pipe");
}

static int make_nonce(const struct bytes *nonce, uid_t uid) {
    int ends[2];
    make_pipe(ends, uid);
    if (nonce && write(ends[1], nonce->data, nonce->size) != (ssize_t)nonce->size) die("nonce");
    close(ends[1]);
    return ends[0];
}

/* Ends what is left of the user and waits until all of it is gone. */
static void clear(struct watch *w) {
    int64_t until = now_us() + CLEAR_US;
    pid_t services[2] = {interpreter.pid, compiler.pid};
    reap(w);
    /* Most jobs leave nothing, and where no process is left none can appear. */
    if (!w->main && !others_alive(services, 2) && !ipc_left()) return;
    for (int round = 0;; round++) {
        kill_user(w->c->uid);
        reap(w);
        while (w->service && w->service->pid && w->main) { /* its parent tells when it is gone */
            struct pollfd p = {.fd = w->service->socket, .events = POLLIN};
            if (poll(&p, 1, 1000) <= 0) break;
            hear(w, 0);
        }
        pid_t known[2] = {interpreter.pid, compiler.pid};
        if (!w->main && !others_alive(known, 2)) return;
        if (now_us() > until) {
            w->o->stuck = true;
            return;
        }
        usleep(round < 20 ? 200 : 5000);
    }
}

void stage_run(const struct command *c, const struct limits *l, struct outcome *o) {
    struct watch w = {.c = c, .o = o, .service = c->fork_from ? c->fork_from : c->compiler};
    int out[2], err[2], nonce = make_nonce(c->nonce, c->uid);
    size_t total = 0, unread = 0;
    make_pipe(out, c->uid);
    make_pipe(err, c->uid);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    int64_t started = now_us(), cpu = meter_cpu_us(), memory = meter_memory(), most = 0,
            oom = meter_oom_kills(), checked = started;
    begin(&w, l, out[1], err[1], nonce);
    close(out[1]);
    close(err[1]);
    close(nonce);
    while (!w.ended) {
        struct pollfd p[5] = {{.fd = out[0], .events = POLLIN},
                              {.fd = err[0], .events = POLLIN},
                              {.fd = report_fd, .events = POLLIN},
                              {.fd = child_signal, .events = POLLIN},
                              {.fd = w.service ? w.service->socket : -1, .events = POLLIN}};
        poll(p, 5, TICK_MS);
        if (out[0] >= 0 && p[0].revents) drain(&out[0], &o->out, l->keep, &total);
        if (err[0] >= 0 && p[1].revents) drain(&err[0], &o->err, l->keep, &total);
        if (p[2].revents) drain(&report_fd, &o->report, REPORT_BYTES, &unread);
        if (p[4].revents && !w.ended) hear(&w, l->keep);
        if (p[3].revents && !w.ended) reap(&w);
        int64_t now = now_us();
        if (now - checked >= TICK_MS * 1000) {
            checked = now;
            int64_t used = meter_memory() - memory, spent = meter_cpu_us() - cpu;
            if (memory >= 0 && used > most) most = used;
            if (cpu >= 0 && l->cpu_us && spent > l->cpu_us) o->timeout_cpu = true;
        }
        if (now - started > l->wall_us) o->timeout_wall = true;
        if (total > l->most) o->output_limit = true;
        if (o->timeout_cpu || o->timeout_wall || o->output_limit) break;
    }
    o->wall_us += now_us() - started;
    if (!w.ended && c->compiler) { /* a compiler that hangs cannot be asked to stop */
        service_stop(c->compiler);
        w.main = 0;
        w.ended = true;
    }
    clear(&w);
    if (out[0] >= 0) drain(&out[0], &o->out, l->keep, &total);
    if (err[0] >= 0) drain(&err[0], &o->err, l->keep, &total);
    drain(&report_fd, &o->report, REPORT_BYTES, &unread);
    if (out[0] >= 0) close(out[0]);
    if (err[0] >= 0) close(err[0]);
    if (total > l->most) o->output_limit = true;
    /* The last seconds of a CPU hog that ended by RLIMIT_CPU belong to the same verdict. */
    if (WIFSIGNALED(o->status) && WTERMSIG(o->status) == SIGXCPU) o->timeout_cpu = true;
    int64_t spent = cpu >= 0 ? meter_cpu_us() - cpu : w.reaped_us;
    o->cpu_us += spent;
    if (most > o->peak_memory) o->peak_memory = most;
    if (w.peak_rss > o->peak_memory) o->peak_memory = w.peak_rss;
    int64_t kills = meter_oom_kills();
    if (oom >= 0 && kills > oom) o->oom_kills += kills - oom;
}
