/* Runs a Perl program as `perl FILE` does, and reports how it ended.
 *
 * A program with a test has a line before the test and one after it (`start` and `end` in
 * language.yaml) whose calls say that the test was neither skipped nor quoted away. A call counts
 * where the operator that makes it was compiled from that very line, and no other. To know that, the
 * interpreter is given the source line by line from memory: a program could move a file's descriptor
 * from a BEGIN block. Both lines carry a random comment, so that no here-document can end in them. */
#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

#include "completed.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/random.h>

#define INTERPRETER "/usr/bin/perl"

static const char *path; /* the program's */
static bool running, reported;

/* The lines around the test, by which the launcher knows that it has run. */
static struct mark {
    const char *text, *function;
    size_t below;   /* bytes of the source after the line */
    const OP *call; /* compiled from it */
    bool reached;
} start = {.text = "Forkeval::at_start();", .function = "Forkeval::at_start"},
  end = {.text = "Forkeval::at_end();", .function = "Forkeval::at_end"};
static bool marked;

struct text {
    char *at;
    size_t size;
};
static struct text given; /* to the interpreter, of a program that has marks */

/* Called for each call of the function that is compiled: is it the one in the mark's line? */
static OP *compile_call(pTHX_ OP *call, GV *name, SV *function) {
    struct mark *mark = CvXSUBANY((CV *)function).any_ptr;
    if (marked && PL_compcv == PL_main_cv && SvCUR(PL_e_script) == mark->below) mark->call = call;
    return ck_entersub_args_list(call);
    PERL_UNUSED_ARG(name);
}

XS(reach) {
    dXSARGS;
    struct mark *said = CvXSUBANY(cv).any_ptr;
    if (running && PL_op == said->call && (said == &start || start.reached)) said->reached = true;
    XSRETURN_EMPTY;
    PERL_UNUSED_VAR(items);
}

static bool is_program(pTHX_ const COP *at) { return at && CopFILE(at) && !strcmp(CopFILE(at), path); }

/* The line of the innermost frame that is in the program; 0 for none. */
static long origin(pTHX) {
    if (is_program(aTHX_ PL_curcop)) return CopLINE(PL_curcop);
    const PERL_CONTEXT *frame;
    for (I32 level = 0; (frame = caller_cx(level, NULL)); level++)
        if (is_program(aTHX_ frame->blk_oldcop)) return CopLINE(frame->blk_oldcop);
    return 0;
}

/* "... at PATH line LINE": LINE; else 0. */
static long line_in(const char *text) {
    char at[64];
    snprintf(at, sizeof at, " at %s line ", path);
    const char *found = strstr(text, at);
    return found ? strtol(found + strlen(at), NULL, 10) : 0;
}

/* Stands where a program may put a handler for errors ($SIG{__DIE__}), and sees each error first. */
XS(see_error) {
    dXSARGS;
    if (items == 1 && !PL_in_eval && !reported) {
        SV *error = ST(0);
        const char *said = SvPOK(error) ? SvPVX(error) : "";
        const char *type = SvROK(error) ? sv_reftype(SvRV(error), true) : "die";
        char text[320];
        snprintf(text, sizeof text, "%.100s: %.200s", type, said);
        long line = running ? origin(aTHX) : line_in(said);
        completed_report(running ? "raised" : "compile", line, text);
        reported = true;
    }
    XSRETURN_EMPTY;
}

static CV *handler;

/* `local $SIG{__DIE__}`, which modules do as they load, leaves no handler behind: it is put back
 * wherever a scope may have ended that had one of its own. */
static const Optype ends[] = {OP_LEAVESUB, OP_LEAVELOOP, OP_LEAVETRY, OP_LEAVEEVAL, OP_DIE};
static Perl_ppaddr_t as_ever[MAXO];

static void put_handler(pTHX) {
    if (!PL_diehook) PL_diehook = SvREFCNT_inc((SV *)handler);
}

static OP *end_scope(pTHX) {
    const Optype type = PL_op->op_type;
    if (type == OP_DIE) put_handler(aTHX);
    OP *next = as_ever[type](aTHX);
    put_handler(aTHX);
    return next;
}

EXTERN_C void boot_DynaLoader(pTHX_ CV *cv);

static void define_mark(pTHX_ struct mark *mark) {
    CV *function = newXS(mark->function, reach, __FILE__);
    CvXSUBANY(function).any_ptr = mark;
    cv_set_call_checker(function, compile_call, (SV *)function);
}

/* Runs before the program's first line: what it sees of itself is as if it were read from its file. */
XS(begin) {
    dXSARGS;
    PL_origfilename = savepv(path);
    sv_setpv(get_sv("0", GV_ADD), path);
    XSRETURN_EMPTY;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
}

static void define(pTHX) {
    newXS("DynaLoader::boot_DynaLoader", boot_DynaLoader, __FILE__);
    newXS("Forkeval::begin", begin, __FILE__);
    define_mark(aTHX_ &start);
    define_mark(aTHX_ &end);
    handler = newXS(NULL, see_error, __FILE__);
    put_handler(aTHX);
    for (size_t i = 0; i < C_ARRAY_LENGTH(ends); i++) {
        as_ever[ends[i]] = PL_ppaddr[ends[i]];
        PL_ppaddr[ends[i]] = end_scope;
    }
    sv_setpv(get_sv("\030", GV_ADD), INTERPRETER); /* $^X */
    if (marked) sv_setpvn(PL_e_script, given.at, given.size);
}

static struct text read_source(void) {
    struct text source = {NULL, 0};
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, 0, SEEK_END)) _exit(70);
    size_t size = (size_t)ftell(file);
    rewind(file);
    source.at = malloc(size + 1);
    if (!source.at || (source.size = fread(source.at, 1, size, file)) != size) _exit(70);
    fclose(file);
    return source;
}

/* The last line within the text that is the mark's; NULL for none. */
static char *find_line(struct text text, const struct mark *mark) {
    size_t size = strlen(mark->text);
    char *end = text.at + text.size, *found = NULL;
    for (char *at = text.at; (at = memmem(at, (size_t)(end - at), mark->text, size)); at++)
        if ((at == text.at || at[-1] == '\n') && at + size < end && at[size] == '\n') found = at;
    return found;
}

/* Writes the source as it is given to the interpreter; false where it has no marks. */
static bool mark_source(struct text source, FILE *out) {
    char *ends = find_line(source, &end), *starts = NULL;
    if (!ends || ends + strlen(end.text) + 1 != source.at + source.size) return false;
    starts = find_line((struct text){source.at, (size_t)(ends - source.at)}, &start);
    if (!starts) return false;
    unsigned long random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random) _exit(70);
    char comment[64], *test = starts + strlen(start.text) + 1;
    int size = snprintf(comment, sizeof comment, " # %016lx%016lx\n", random[0], random[1]);
    size_t tested = (size_t)(ends - test);
    start.below = tested + strlen(end.text) + (size_t)size;
    fprintf(out, "BEGIN { Forkeval::begin() }\n# line 1 \"%s\"\n", path);
    fwrite(source.at, 1, (size_t)(starts - source.at), out);
    fprintf(out, "%s%s", start.text, comment);
    fwrite(test, 1, tested, out);
    fprintf(out, "%s%s", end.text, comment);
    return true;
}

int main(int argc, char **argv, char **environment) {
    if (argc != 2) return 64;
    path = argv[1];
    completed_arm(3);
    FILE *out = open_memstream(&given.at, &given.size);
    marked = mark_source(read_source(), out);
    fclose(out);
    char *words[] = {argv[0], marked ? "-e" : argv[1], marked ? "" : NULL, NULL};
    char **arguments = words;
    argc = marked ? 3 : 2;
    PERL_SYS_INIT3(&argc, &arguments, &environment);
    PerlInterpreter *my_perl = perl_alloc();
    if (!my_perl) return 70;
    perl_construct(my_perl);
    PL_perl_destruct_level = 0;
    PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
    int ended = perl_parse(my_perl, define, argc, arguments, environment);
    if (!ended) {
        running = true;
        ended = perl_run(my_perl);
    }
    /* Where the memory runs out, the interpreter says so and ends itself with status 1. */
    if (ended == 1 && errno == ENOMEM && !reported) {
        completed_report("raised", 0, "die: Out of memory!");
        reported = true;
    }
    int status = perl_destruct(my_perl); /* END blocks, destructors, what is left in buffers */
    if (running && end.reached == marked && !status && !reported)
        completed_report("completed", 0, "");
    perl_free(my_perl);
    PERL_SYS_TERM();
    return status;
}
