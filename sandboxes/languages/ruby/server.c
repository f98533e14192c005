/* Answers "run UID CPU_SECONDS PROCESSES" with "pid N", later "exit STATUS CPU_US RSS_KIB".
 *
 * The child becomes the job's user before it reads a byte of the program, so nothing of a job ever
 * enters the server, and a job has no right to touch it. */
#include <ruby.h>

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN, OUT, ERR, TOKEN, COUNT }; /* the descriptors that come with a request */

int server_socket(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int server = fcntl(0, F_DUPFD_CLOEXEC, 10);
    if (null < 0 || server < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) _exit(70);
    close(null);
    return server;
}

static void limit(int what, rlim_t most) {
    struct rlimit both = {most, most};
    if (setrlimit(what, &both)) _exit(70);
}

/* Turns a forked child into the job's process: its user, limits and descriptors. */
static void become_job(uid_t uid, rlim_t cpu_seconds, rlim_t processes, const int *descriptors) {
    setsid();
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0 || write(score, "1000", 4) != 4) _exit(70);
    close(score);
    for (int i = IN; i <= ERR; i++) {
        if (dup2(descriptors[i], i) < 0) _exit(70);
        close(descriptors[i]);
    }
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, cpu_seconds);
    limit(RLIMIT_NPROC, processes);
    /* From 0, so every capability goes with it. */
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) _exit(70);
    if (chdir("/sandbox/job")) _exit(70);
}

static bool receive(int server, char *text, size_t room, int *descriptors) {
    struct iovec part = {text, room - 1};
    union {
        char space[CMSG_SPACE(COUNT * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t size = recvmsg(server, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = size > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_len != CMSG_LEN(COUNT * sizeof(int))) return false;
    memcpy(descriptors, CMSG_DATA(c), COUNT * sizeof(int));
    text[size] = 0;
    return true;
}

static bool say(int server, const char *text) {
    return send(server, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

static VALUE fork_ruby(VALUE process) { return rb_funcall(process, rb_intern("fork"), 0); }

int serve(int server) {
    char text[256];
    int descriptors[COUNT];
    rb_gc(); /* what is left is old in every child */
    bool served = say(server, "ready");
    while (served && receive(server, text, sizeof text, descriptors)) {
        unsigned uid;
        unsigned long cpu_seconds, processes;
        if (sscanf(text, "run %u %lu %lu", &uid, &cpu_seconds, &processes) != 3) break;
        int failed, status;
        VALUE forked = rb_protect(fork_ruby, rb_mProcess, &failed);
        if (failed) break;
        if (NIL_P(forked)) {
            close(server);
            become_job(uid, cpu_seconds, processes, descriptors);
            return descriptors[TOKEN];
        }
        for (int i = 0; i < COUNT; i++) close(descriptors[i]);
        pid_t child = NUM2INT(forked);
        struct rusage used;
        snprintf(text, sizeof text, "pid %d", child);
        served = say(server, text);
        while (wait4(child, &status, 0, &used) < 0)
            if (errno != EINTR) _exit(70);
        long spent = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                     used.ru_utime.tv_usec + used.ru_stime.tv_usec;
        snprintf(text, sizeof text, "exit %d %ld %ld", status, spent, used.ru_maxrss);
        served = served && say(server, text);
    }
    _exit(0);
}
