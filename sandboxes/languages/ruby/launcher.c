/* Runs a Ruby program as `ruby -rset FILE` does, and reports how it ended: once (`launcher FILE`), or
 * by forking (`launcher FILE --serve`) from an interpreter that has loaded its gems and `set`. */
#include <ruby.h>

#include "completed.h"
#include "marks.h"
#include "server.h"

#include <stdbool.h>

/* Exported, in no header. Unlike `eval` of the class of the first, the second leaves no frame. */
const void *rb_iseqw_to_iseq(VALUE);
VALUE rb_iseq_eval(const void *);

static const char *path;    /* the program's */
static struct marks marks;  /* the lines around its test */
static VALUE first_fiber;   /* that the program runs on */
static bool running, started, ended;

/* Whether the program's own top level makes the call, on that line: this frame on that one and nothing
 * else, on the first fiber of the first thread. */
static bool called_from(long line) {
    char expected[256];
    if (!running || rb_thread_current() != rb_thread_main() || rb_fiber_current() != first_fiber)
        return false;
    VALUE frames = rb_make_backtrace();
    if (RARRAY_LEN(frames) != 2) return false;
    VALUE frame = rb_ary_entry(frames, 1);
    snprintf(expected, sizeof expected, "%s:%ld:in `<main>'", path, line);
    return !strcmp(StringValueCStr(frame), expected);
}

static VALUE at_start(VALUE self) {
    if (called_from(marks.start)) started = true;
    return self;
}

static VALUE at_end(VALUE self) {
    if (started && called_from(marks.end)) ended = true;
    return self;
}

/* `PATH:LINE`, then anything: LINE; else 0. */
static long line_in(const char *text) {
    size_t size = strlen(path);
    return !strncmp(text, path, size) && text[size] == ':' ? strtol(text + size + 1, NULL, 10) : 0;
}

static VALUE message_of(VALUE error) { return rb_funcall(error, rb_intern("message"), 0); }
static VALUE frames_of(VALUE error) { return rb_funcall(error, rb_intern("backtrace"), 0); }

/* The error's methods may be the program's own, and raise or answer with anything. */
static VALUE ask(VALUE (*what)(VALUE), VALUE error, int type) {
    int failed;
    VALUE found = rb_protect(what, error, &failed);
    if (failed) rb_set_errinfo(Qnil);
    return !failed && RB_TYPE_P(found, type) ? found : Qnil;
}

/* Reports the error that reached the top, and leaves it for the interpreter to print. */
static void raised(const char *how) {
    VALUE error = rb_errinfo();
    if (rb_obj_is_kind_of(error, rb_eSystemExit)) return;
    VALUE message = ask(message_of, error, T_STRING), frames = ask(frames_of, error, T_ARRAY);
    long line = 0, size = 0;
    const char *said = "", *rest;
    if (!NIL_P(message)) {
        said = RSTRING_PTR(message);
        size = RSTRING_LEN(message);
        if ((line = line_in(said)) && (rest = strstr(said, ": "))) { /* a syntax error */
            size -= rest + 2 - said;
            said = rest + 2;
        }
    }
    for (long i = 0; !line && !NIL_P(frames) && i < RARRAY_LEN(frames); i++) {
        VALUE frame = rb_ary_entry(frames, i);
        if (RB_TYPE_P(frame, T_STRING)) line = line_in(StringValueCStr(frame));
    }
    char text[320];
    const char *type = rb_obj_classname(error);
    snprintf(text, sizeof text, "%.100s: %.*s", type, size < 200 ? (int)size : 200, said);
    completed_report(how, line, text);
    rb_set_errinfo(error);
}

/* As the interpreter does for a main program: DATA is what follows __END__. */
static void define_data(VALUE source) {
    static const char mark[] = "\n__END__";
    const char *text = StringValueCStr(source), *end = text + RSTRING_LEN(source);
    for (const char *at = text; (at = strstr(at, mark));) {
        at += sizeof mark - 1;
        if (*at == '\r') at++;
        if (at < end && *at != '\n') continue;
        VALUE file = rb_file_open(path, "r");
        rb_funcall(file, rb_intern("seek"), 1, LONG2NUM(at - text + (at < end)));
        rb_define_global_const("DATA", file);
        return;
    }
}

static VALUE compile(VALUE file) {
    VALUE program = rb_funcall(rb_path2class("RubyVM::InstructionSequence"),
                               rb_intern("compile_file"), 1, file);
    define_data(rb_funcall(rb_cFile, rb_intern("binread"), 1, file));
    return program;
}

static VALUE evaluate(VALUE program) { return rb_iseq_eval(rb_iseqw_to_iseq(program)); }

/* Compiles and evaluates the program; the state that `ruby_cleanup` wants of how it ended. */
static int run(void) {
    int failed;
    ruby_script(path);
    marks = find_marks(path, "Forkeval.at_start", "Forkeval.at_end");
    first_fiber = rb_fiber_current();
    rb_gc_register_address(&first_fiber);
    VALUE module = rb_define_module("Forkeval");
    rb_define_singleton_method(module, "at_start", at_start, 0);
    rb_define_singleton_method(module, "at_end", at_end, 0);
    VALUE program = rb_protect(compile, rb_str_new_cstr(path), &failed);
    if (failed) {
        raised("compile");
        return failed;
    }
    running = true;
    rb_protect(evaluate, program, &failed);
    running = false;
    if (failed) raised("raised");
    return failed;
}

int main(int argc, char **argv) {
    bool serving = argc == 3 && !strcmp(argv[2], "--serve");
    if (argc != 2 + serving) return 64;
    path = argv[1];
    int server = serving ? server_socket() : -1;
    if (!serving) completed_arm(3);
    char *words[] = {"ruby", "-rset", "-e", "", NULL}, **arguments = words;
    int count = 4, status;
    ruby_sysinit(&count, &arguments);
    RUBY_INIT_STACK;
    ruby_init();
    if (!ruby_executable_node(ruby_options(count, arguments), &status)) return ruby_cleanup(status);
    if (serving) completed_arm(serve(server));
    int failed = run();
    status = ruby_cleanup(failed); /* exit hooks, other threads, what is left in buffers */
    if (ended == (marks.end > 0) && !failed && !status) completed_report("completed", 0, "");
    return status;
}
