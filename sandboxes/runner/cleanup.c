/* Leave nothing of a user behind: processes, files, System V and POSIX objects. */
#define _GNU_SOURCE
#include "runner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 64 /* directories open at once; deeper ones are moved up and taken later */

void become(uid_t uid) {
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) _exit(71);
}

static void drop_ipc(const char *table, uid_t uid, int kind) {
    FILE *f = fopen(table, "re");
    if (!f) return; /* a kernel without System V IPC has nothing to leave */
    char line[512];
    if (!fgets(line, sizeof line, f)) line[0] = 0; /* the header */
    while (fgets(line, sizeof line, f)) {
        int id;
        if (sscanf(line, "%*d %d", &id) != 1) continue;
        /* Another user's object refuses, which is right: only this job's are ours to remove. */
        if (kind == 'm') shmctl(id, IPC_RMID, NULL);
        if (kind == 's') semctl(id, 0, IPC_RMID);
        if (kind == 'q') msgctl(id, IPC_RMID, NULL);
    }
    fclose(f);
    (void)uid;
}

/* kill(-1) reaches every process that the caller may signal, and the kernel lets none of them fork
 * in between, so one call as that user ends a fork bomb. It also removes System V objects, which
 * take their owner to remove. */
void kill_user(uid_t uid) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        become(uid);
        kill(-1, SIGKILL);
        drop_ipc("/proc/sysvipc/shm", uid, 'm');
        drop_ipc("/proc/sysvipc/sem", uid, 's');
        drop_ipc("/proc/sysvipc/msg", uid, 'q');
        _exit(0);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
}

bool ipc_left(void) {
    struct shm_info shm;
    struct seminfo sem;
    struct msginfo msg;
    /* A kernel without System V IPC has nothing to leave. */
    if (shmctl(0, SHM_INFO, (struct shmid_ds *)&shm) >= 0 && shm.used_ids) return true;
    if (semctl(0, 0, SEM_INFO, &sem) >= 0 && sem.semusz) return true;
    return msgctl(0, MSG_INFO, (struct msqid_ds *)&msg) >= 0 && msg.msgpool;
}

int others_alive(const pid_t *known, int count) {
    DIR *proc = opendir("/proc");
    if (!proc) die("/proc");
    int alive = 0;
    for (struct dirent *e; (e = readdir(proc));) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        pid_t pid = atoi(e->d_name);
        bool ours = pid == 1;
        for (int i = 0; i < count; i++) ours |= pid == known[i];
        alive += !ours;
    }
    closedir(proc);
    return alive;
}

static bool empty_dir(int root, int fd, int depth, long *moved);

static bool remove_entry(int root, int fd, const char *name, int depth, long *moved) {
    if (unlinkat(fd, name, 0) == 0) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    if (unlinkat(fd, name, AT_REMOVEDIR) == 0) return true;
    fchmodat(fd, name, 0700, 0); /* it may have been made unreadable */
    if (depth >= DEPTH) {
        char up[32];
        snprintf(up, sizeof up, ".deep%ld", (*moved)++);
        return renameat(fd, name, root, up) == 0;
    }
    int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) return false;
    bool gone = empty_dir(root, inner, depth + 1, moved);
    return unlinkat(fd, name, AT_REMOVEDIR) == 0 && gone;
}

/* Closes `fd`. */
static bool empty_dir(int root, int fd, int depth, long *moved) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return false;
    }
    bool gone = true;
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            gone &= remove_entry(root, fd, e->d_name, depth, moved);
    closedir(dir);
    return gone;
}

static bool is_empty(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT;
    int entries = 0;
    while (readdir(dir)) entries++;
    closedir(dir);
    return entries == 2;
}

static bool empty_path(const char *path) {
    long moved = 0;
    for (int round = 0; round < 1000; round++) {
        if (is_empty(path)) return true;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return false;
        int root = dup(fd);
        long before = moved;
        bool gone = empty_dir(root, fd, 0, &moved);
        close(root);
        if (!gone && before == moved) break;
    }
    return is_empty(path);
}

/* File access as `uid` (setfsuid), so that a wipe can never reach what is not that user's. */
bool wipe(uid_t uid) {
    static const char *const shared[] = {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"};
    bool clean = true;
    setfsgid(uid);
    setfsuid(uid);
    if (uid >= FIRST_JOB_UID) {
        const char *own = uid < FIRST_JUDGE_UID ? JOB_DIR : JUDGE_DIR;
        chmod(own, 0700);
        clean &= empty_path(own);
        for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) clean &= empty_path(shared[i]);
    } else {
        clean &= empty_path(BUILD_DIR);
    }
    setfsuid(0);
    setfsgid(0);
    return clean;
}
