/* Run one command, or one request to a warm process, to its end: drain its output while it runs,
 * hold it to its limits, and afterwards leave no process of its user. */
#define _GNU_SOURCE
#include "party.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 10          /* how often limits are checked while nothing else happens */
#define CLEAR_US 10000000   /* how long killed processes may take to go */
#define LEAVE_US 100000     /* how long a program may take to go once its judge gave up */
#define COUNT(list) (sizeof(list) / sizeof *(list))
#define SERVICES &interpreter, &judge_interpreter, &compiler

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
    struct party party[PARTIES];
    int count;
    struct outcome *o;
    bool closing; /* what ends from now on was killed */
    int64_t settled, reaped_us, peak_rss;
};

static void note(struct watch *w, int64_t spent, int64_t rss_kib) {
    w->reaped_us += spent;
    if (rss_kib * 1024 > w->peak_rss) w->peak_rss = rss_kib * 1024;
}

static void ended(struct watch *w, struct party *p, int status) {
    p->e->status = status;
    p->e->ended = !w->closing;
    p->main = 0;
    p->ended = true;
}

static void service_died(struct watch *w, const struct service *s) {
    for (int i = 0; i < w->count; i++)
        if (w->party[i].service == s) w->o->service_died = w->party[i].ended = true;
}

/* Takes every child that ended: a party's first process, orphans, a warm process that died. */
static void reap(struct watch *w) {
    struct service *const services[] = {SERVICES};
    struct signalfd_siginfo ignored;
    while (read(child_signal, &ignored, sizeof ignored) > 0) {
    }
    int status;
    struct rusage used;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &used)) > 0;) {
        bool warm = false;
        for (size_t i = 0; i < COUNT(services); i++) {
            if (pid != services[i]->pid) continue;
            services[i]->pid = 0;
            close(services[i]->socket);
            service_died(w, services[i]);
            warm = true;
        }
        if (warm) continue;
        note(w, usage_us(&used), used.ru_maxrss);
        for (int i = 0; i < w->count; i++)
            if (pid == w->party[i].main && !w->party[i].service) ended(w, &w->party[i], status);
    }
}

/* "pid N" when the job starts, "exit STATUS CPU_US MAXRSS_KIB" when it ends; a compiler's
 * "exit STATUS 0 0" is followed by its diagnostics. */
static void hear(struct watch *w, struct party *p, size_t keep) {
    static char text[1 << 18];
    ssize_t n = service_receive(p->service, text, sizeof text);
    int pid, status, at = 0;
    long long cpu, rss;
    if (n > 0 && sscanf(text, "pid %d", &pid) == 1) {
        p->main = pid;
    } else if (n > 0 && sscanf(text, "exit %d %lld %lld%n", &status, &cpu, &rss, &at) == 3) {
        note(w, cpu, rss);
        ended(w, p, status);
        if (text[at] == '\n') {
            size_t said = (size_t)n - (size_t)at - 1;
            bytes_add(&p->e->err, text + at + 1, said < keep ? said : keep);
        }
    } else {
        service_died(w, p->service);
        service_stop(p->service);
    }
}

static void join(struct watch *w, int which, const struct command *c, const struct limits *l,
                 int talk) {
    struct party *p = &w->party[which];
    *p = (struct party){.c = c, .e = &w->o->of[which]};
    if (party_start(p, l, talk)) return;
    service_died(w, p->service);
    service_stop(p->service);
}

static void begin_all(struct watch *w, const struct command *program, const struct command *judge,
                      const struct limits *l) {
    int talk[2] = {-1, -1};
    w->count = judge ? PARTIES : 1;
    if (judge) {
        /* The judge first: what it needs to start, the program cannot have used up. */
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk)) die("socketpair");
        join(w, JUDGE, judge, l, talk[1]);
    }
    join(w, PROGRAM, program, l, talk[0]);
}

/* The last party's end is the stage's. A judge that is not content may be so because the program
 * went away: then it is told how, if it goes at once. */
static bool over(struct watch *w) {
    const struct party *last = &w->party[w->count - 1];
    if (w->o->service_died) return true;
    if (!last->ended) return false;
    if (!w->settled) w->settled = now_us();
    return w->party[PROGRAM].ended || !last->e->status || now_us() - w->settled > LEAVE_US;
}

static bool any_left(const struct watch *w) {
    const pid_t known[] = {interpreter.pid, judge_interpreter.pid, compiler.pid};
    for (int i = 0; i < w->count; i++)
        if (w->party[i].main) return true;
    return others_alive(known, COUNT(known));
}

/* Ends what is left of the users and waits until all of it is gone. */
static void clear(struct watch *w) {
    int64_t until = now_us() + CLEAR_US;
    w->closing = true;
    reap(w);
    /* Most jobs leave nothing, and where no process is left none can appear. */
    if (!any_left(w) && !ipc_left()) return;
    for (int round = 0;; round++) {
        for (int i = 0; i < w->count; i++) kill_user(w->party[i].c->uid);
        reap(w);
        for (int i = 0; i < w->count; i++) {
            struct party *q = &w->party[i];
            while (q->service && q->service->pid && q->main) { /* its parent tells when it is gone */
                struct pollfd p = {.fd = q->service->socket, .events = POLLIN};
                if (poll(&p, 1, 1000) <= 0) break;
                hear(w, q, 0);
            }
        }
        if (!any_left(w)) return;
        if (now_us() > until) {
            w->o->stuck = true;
            return;
        }
        usleep(round < 20 ? 200 : 5000);
    }
}

static void drain_all(struct watch *w, const struct limits *l, size_t *total) {
    for (int i = 0; i < w->count; i++) {
        struct party *p = &w->party[i];
        if (p->out >= 0) drain(&p->out, &p->e->out, l->keep, total);
        if (p->err >= 0) drain(&p->err, &p->e->err, l->keep, total);
    }
    drain(&report_fd, &w->o->report, REPORT_BYTES, NULL);
}

static void wait_for_any(const struct watch *w) {
    struct pollfd p[2 + 3 * PARTIES] = {{.fd = report_fd, .events = POLLIN},
                                        {.fd = child_signal, .events = POLLIN}};
    nfds_t count = 2;
    for (int i = 0; i < w->count; i++) {
        const struct party *q = &w->party[i];
        int said = q->service && q->service->pid ? q->service->socket : -1;
        p[count++] = (struct pollfd){.fd = q->out, .events = POLLIN};
        p[count++] = (struct pollfd){.fd = q->err, .events = POLLIN};
        p[count++] = (struct pollfd){.fd = said, .events = POLLIN};
    }
    poll(p, count, TICK_MS);
}

static bool said_something(const struct service *s) {
    struct pollfd p = {.fd = s->socket, .events = POLLIN};
    return s->pid && poll(&p, 1, 0) == 1;
}

void stage_run(const struct command *program, const struct command *judge, const struct limits *l,
               struct outcome *o) {
    struct watch w = {.o = o};
    size_t total = 0;
    int64_t started = now_us(), cpu = meter_cpu_us(), memory = meter_memory(), most = 0,
            oom = meter_oom_kills(), checked = started;
    begin_all(&w, program, judge, l);
    while (!over(&w)) {
        wait_for_any(&w);
        drain_all(&w, l, &total);
        for (int i = 0; i < w.count; i++) {
            struct party *p = &w.party[i];
            while (p->service && !p->ended && said_something(p->service)) hear(&w, p, l->keep);
        }
        reap(&w);
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
    if (program->compiler && !w.party[PROGRAM].ended) {
        service_stop(program->compiler); /* a compiler that hangs cannot be asked to stop */
        w.party[PROGRAM].main = 0;
        w.party[PROGRAM].ended = true;
    }
    clear(&w);
    drain_all(&w, l, &total);
    for (int i = 0; i < w.count; i++) {
        struct party *p = &w.party[i];
        if (p->out >= 0) close(p->out);
        if (p->err >= 0) close(p->err);
        /* The last seconds of a CPU hog that ended by RLIMIT_CPU belong to the same verdict. */
        if (WIFSIGNALED(p->e->status) && WTERMSIG(p->e->status) == SIGXCPU) o->timeout_cpu = true;
    }
    if (total > l->most) o->output_limit = true;
    int64_t spent = cpu >= 0 ? meter_cpu_us() - cpu : w.reaped_us;
    o->cpu_us += spent;
    if (most > o->peak_memory) o->peak_memory = most;
    if (w.peak_rss > o->peak_memory) o->peak_memory = w.peak_rss;
    int64_t kills = meter_oom_kills();
    if (oom >= 0 && kills > oom) o->oom_kills += kills - oom;
}
