/* Warm processes: an interpreter that jobs are forked from, a compiler that is asked to compile.
 * Standard input and output of each are one socket, on which it first says "ready". */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 60000

struct service interpreter, judge_interpreter, compiler;

static bool same_words(char **a, char **b) {
    if (!a || !b) return a == b;
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b)) return false;
    return !*a && !*b;
}

void service_stop(struct service *s) {
    if (!s->pid) return;
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(s->socket);
    s->pid = 0;
}

static bool start(struct service *s) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return false;
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        /* Standard error stays the container's, so that a failing start can be read there. */
        if (dup2(pair[1], 0) < 0 || dup2(pair[1], 1) < 0) _exit(72);
        close_range(3, ~0u, 0);
        if (s->uid) become(s->uid);
        execvp(s->argv[0], s->argv);
        _exit(127);
    }
    close(pair[1]);
    s->pid = pid;
    s->socket = pair[0];
    struct pollfd p = {.fd = s->socket, .events = POLLIN};
    char text[16];
    if (poll(&p, 1, READY_MS) == 1 && service_receive(s, text, sizeof text) == 5 &&
        !memcmp(text, "ready", 5))
        return true;
    service_stop(s);
    return false;
}

bool service_want(struct service *s, const struct bytes *argv, uid_t uid, bool fresh) {
    char **words = split(argv);
    if (fresh || uid != s->uid || !same_words(words, s->argv)) service_stop(s);
    if (s->argv) split_free(s->argv);
    s->argv = words;
    s->uid = uid;
    return s->pid || start(s);
}

bool service_send(struct service *s, const char *text, const int *fds, int count) {
    struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    }
    return sendmsg(s->socket, &m, MSG_NOSIGNAL) >= 0;
}

ssize_t service_receive(struct service *s, char *text, size_t room) {
    ssize_t n;
    do n = recv(s->socket, text, room - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) text[n] = 0;
    return n;
}
