/* Frames on standard input and output. */
#include "runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bytes pending; /* the answer, written in one go */

_Noreturn void die(const char *what) {
    dprintf(2, "runner: %s: %s\n", what, strerror(errno));
    _exit(70);
}

void bytes_add(struct bytes *b, const void *data, size_t size) {
    if (b->size + size > b->room) {
        size_t room = b->room ? b->room : 4096;
        while (room < b->size + size) room *= 2;
        char *grown = realloc(b->data, room);
        if (!grown) die("out of memory");
        b->data = grown;
        b->room = room;
    }
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

void bytes_clear(struct bytes *b) {
    if (b->room > (1u << 20)) { /* one large job does not hold its memory for ever */
        free(b->data);
        *b = (struct bytes){0};
    }
    b->size = 0;
}

static bool read_all(void *to, size_t size) {
    char *at = to;
    while (size) {
        ssize_t n = read(0, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool field_read(char *tag, struct bytes *data) {
    unsigned char head[5];
    if (!read_all(head, sizeof head)) return false;
    *tag = (char)head[0];
    uint32_t size = (uint32_t)head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 |
                    (uint32_t)head[4] << 24;
    bytes_clear(data);
    if (data->room < (size_t)size + 1) { /* one more for the NUL that ends it */
        free(data->data);
        data->room = (size_t)size + 1;
        if (!(data->data = malloc(data->room))) die("out of memory");
    }
    if (!read_all(data->data, size)) return false;
    data->size = size;
    data->data[size] = 0;
    return true;
}

void field_write(char tag, const void *data, size_t size) {
    unsigned char head[5] = {(unsigned char)tag, (unsigned char)size, (unsigned char)(size >> 8),
                             (unsigned char)(size >> 16), (unsigned char)(size >> 24)};
    bytes_add(&pending, head, sizeof head);
    bytes_add(&pending, data, size);
}

void message_end(void) {
    field_write('.', "", 0);
    for (size_t at = 0; at < pending.size;) {
        ssize_t n = write(1, pending.data + at, pending.size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0); /* the pool went away */
        at += (size_t)n;
    }
    bytes_clear(&pending);
}
