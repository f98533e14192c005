/* Where the lines around a program's test are, which the pool adds (`start` and `end` in language.yaml).
 *
 * They are calls, and a launcher counts them where they are made by the program's own top level, on
 * these very lines: a program that leaves early, makes a comment, a string or a document of its test,
 * or makes the calls itself, does not pass for one whose test has run. */
#ifndef FORKEVAL_MARKS_H
#define FORKEVAL_MARKS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Line numbers, from 1; 0 for a program that does not end in such lines: it has no test. */
struct marks {
    long start, end;
};

/* The last line that is `start` before the last line of all, if that is `end`. */
static struct marks find_marks(const char *path, const char *start, const char *end) {
    struct marks found = {0, 0};
    FILE *file = fopen(path, "re");
    char line[64];
    size_t size = 0;
    long lines = 1, starts = 0;
    if (!file) _exit(70); /* a program whose test is not known to have run has not passed */
    for (int c = 0; c != EOF;) {
        c = getc_unlocked(file);
        if (c == '\n' || c == EOF) {
            line[size] = 0;
            if (size) found.end = strcmp(line, end) ? 0 : lines;
            if (!strcmp(line, start)) starts = lines;
            lines++;
            size = 0;
        } else if (size < sizeof line - 1) {
            line[size++] = (char)c;
        }
    }
    fclose(file);
    found.start = starts;
    if (!found.start || !found.end) found.start = found.end = 0;
    return found;
}

#endif
