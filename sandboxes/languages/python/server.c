/* The loop of the warm interpreter: a child for each job, by `server.serve(socket, children)`.
 *
 * In C, and with no object of Python's made or touched in the parent, since a fork makes every page
 * of both processes one that the first write copies: a loop in Python has 70 pages copied a job. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The interpreter's allocator: blocks of one size lie in a pool, behind its header. */
#define POOL 16384
#define POOL_HEADER 48
#define MOST_IN_POOLS 512
#define MOST_BLOCKS 20000 /* of one size that are taken, whatever the allocators do */
#define DESCRIPTORS 5 /* standard streams, and what a verb asks for: the nonce, the other party */

struct request {
    char text[256], verb[16];
    unsigned uid;
    unsigned long cpu_seconds, processes;
    int given[DESCRIPTORS], count;
};

/* 0 when the runner is gone. */
static int receive(int socket, struct request *r) {
    struct iovec part = {.iov_base = r->text, .iov_len = sizeof r->text - 1};
    union {
        char space[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t size;
    do size = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size <= 0 || m.msg_flags & MSG_CTRUNC) return 0;
    r->text[size] = 0;
    r->count = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        r->count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        if (r->count > DESCRIPTORS) return 0; /* the space is aligned, so there may be room for more */
        memcpy(r->given, CMSG_DATA(c), (size_t)r->count * sizeof(int));
    }
    return sscanf(r->text, "%15s %u %lu %lu", r->verb, &r->uid, &r->cpu_seconds, &r->processes) == 4;
}

/* Turns a forked child into the job's process: its session, limits, descriptors from 0 on, user and
 * directory. Whether it has an input, in place of the null device. */
static int become(const struct request *r, const char *folder) {
    setsid();
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0 || write(score, "1000", 4) != 4) _exit(73);
    for (int i = 0; i < r->count; i++)
        if (r->given[i] <= i || dup2(r->given[i], i) < 0) _exit(73); /* each is free when it is taken */
    close_range((unsigned)r->count, ~0u, 0);
    const struct rlimit core = {0, 0}, cpu = {r->cpu_seconds, r->cpu_seconds};
    const struct rlimit many = {r->processes, r->processes};
    if (setrlimit(RLIMIT_CORE, &core) || setrlimit(RLIMIT_CPU, &cpu) ||
        setrlimit(RLIMIT_NPROC, &many))
        _exit(73);
    /* From 0, so every capability goes with it. */
    if (setgroups(0, NULL) || setresgid(r->uid, r->uid, r->uid) ||
        setresuid(r->uid, r->uid, r->uid))
        _exit(71);
    if (chdir(folder)) _exit(73);
    struct stat input;
    return fstat(0, &input) || !S_ISCHR(input.st_mode);
}

/* No child may go on as the server, so this never returns. A function comes back only where the
 * program failed: then as the interpreter would end. */
static _Noreturn void child(const struct request *r, PyObject *children) {
    const char *verb, *folder;
    PyObject *run;
    PyOS_AfterFork_Child();
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++) {
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(children, i), "ssO", &verb, &folder, &run)) break;
        if (strcmp(verb, r->verb)) continue;
        PyObject *input = become(r, folder) ? Py_True : Py_False;
        if (PyObject_CallOneArg(run, input)) break;
        PyErr_Print();
        PyObject *out = PySys_GetObject("stdout"); /* borrowed */
        if (out && !PyObject_CallMethod(out, "flush", NULL)) PyErr_Clear();
        _exit(1);
    }
    _exit(73);
}

/* serve(socket, ((verb, folder, function), ...)): answers "VERB UID CPU_SECONDS PROCESSES" with
 * "pid N", later "exit STATUS CPU_US RSS_KIB", until the runner is gone. The child becomes the job's
 * user, with `folder` as its directory, before it calls function(whether there is an input). */
static PyObject *serve(PyObject *self, PyObject *args) {
    (void)self;
    int socket, status = 0;
    PyObject *children;
    struct request r;
    char text[96];
    if (!PyArg_ParseTuple(args, "iO!", &socket, &PyTuple_Type, &children)) return NULL;
    if (send(socket, "ready", 5, MSG_NOSIGNAL) != 5) Py_RETURN_NONE;
    while (receive(socket, &r)) {
        PyOS_BeforeFork();
        pid_t pid = fork();
        if (pid == 0) child(&r, children);
        PyOS_AfterFork_Parent();
        for (int i = 0; i < r.count; i++) close(r.given[i]);
        if (pid < 0) break; /* the runner sees the server go, and starts another */
        struct rusage used = {0};
        int size = snprintf(text, sizeof text, "pid %d", (int)pid);
        send(socket, text, (size_t)size, MSG_NOSIGNAL);
        while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
        }
        long long spent = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL +
                          used.ru_utime.tv_usec + used.ru_stime.tv_usec;
        size = snprintf(text, sizeof text, "exit %d %lld %ld", status, spent, used.ru_maxrss);
        send(socket, text, (size_t)size, MSG_NOSIGNAL);
    }
    Py_RETURN_NONE;
}

/* Whether a block came from the top of the C library's heap; one from below is kept. */
static int from_top(size_t size) {
    size_t top = mallinfo2().keepcost;
    void *volatile block = malloc(size); /* else the compiler leaves it out */
    if (mallinfo2().keepcost == top) return 0;
    free(block);
    return 1;
}

/* Uses up what is free in the middle of the heaps, so that the first allocations of a child lie side
 * by side in new pages: in old ones, each of them has a page or two copied. */
static PyObject *even_out(PyObject *self, PyObject *none) {
    (void)self, (void)none;
    for (size_t size = 16; size <= MOST_IN_POOLS; size += 16)
        for (int i = 0; i < MOST_BLOCKS; i++) /* to a pool's first: the next ones follow it */
            if ((uintptr_t)PyObject_Malloc(size) % POOL == POOL_HEADER) break;
    for (size_t size = 1 << 16; size > 16; size -= size > 1024 ? size / 8 : 16)
        for (int i = 0; i < MOST_BLOCKS && !from_top(size); i++) {
        }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"serve", serve, METH_VARARGS, "serve(socket, children)"},
                                {"even_out", even_out, METH_NOARGS, "even_out()"},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "server", NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_server(void) { return PyModule_Create(&module); }
