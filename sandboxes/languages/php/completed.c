/* A PHP extension that reports how the main script ended; the script itself runs as it does without.
 *
 * The job's nonce is read when the interpreter starts, and lives in this library's memory alone. The
 * report goes to a FIFO that is opened when the interpreter with all shutdown functions and destructors
 * is done. What remains is native code in this process; ffi is switched off for that reason. */
#include <php.h>
#include <zend_exceptions.h>

#include "completed.h"
#include "marks.h"

#include <stdbool.h>

/* The order in which the engine declares the properties of Exception and Error. */
enum { MESSAGE = 0, FILE_NAME = 3, LINE = 4, TRACE = 5 };

static zend_op_array *(*compile_as_ever)(zend_file_handle *, int);
static void (*show_as_ever)(int, zend_string *, const uint32_t, zend_string *);
static zend_op_array *script;       /* the main one */
static zend_execute_data *below;    /* the frame below the script's */
static struct marks marks;          /* the lines around the script's test */
static bool seen, evaluated, started, ended, reported;

static void report(const char *how, long line, const char *what) {
    if (!reported) completed_report(how, line, what);
    reported = true;
}

static bool is_script(zend_string *file) { return script && zend_string_equals(file, script->filename); }

/* A property as it lies in the object: reading it calls nothing of the program's. */
static zval *property(zend_object *object, int number, int type) {
    zval *value = OBJ_PROP_NUM(object, number);
    ZVAL_DEREF(value);
    return Z_TYPE_P(value) == type ? value : NULL;
}

/* The line of the innermost frame that is in the script; 0 for none. */
static long origin(zend_object *exception) {
    zval *file = property(exception, FILE_NAME, IS_STRING), *line = property(exception, LINE, IS_LONG);
    if (file && line && is_script(Z_STR_P(file))) return Z_LVAL_P(line);
    zval *trace = property(exception, TRACE, IS_ARRAY), *frame;
    if (!trace) return 0;
    ZEND_HASH_FOREACH_VAL(Z_ARRVAL_P(trace), frame) {
        if (Z_TYPE_P(frame) != IS_ARRAY) continue;
        file = zend_hash_str_find(Z_ARRVAL_P(frame), "file", 4);
        line = zend_hash_str_find(Z_ARRVAL_P(frame), "line", 4);
        if (!file || !line || Z_TYPE_P(file) != IS_STRING || Z_TYPE_P(line) != IS_LONG) continue;
        if (is_script(Z_STR_P(file))) return Z_LVAL_P(line);
    }
    ZEND_HASH_FOREACH_END();
    return 0;
}

static void raised(const char *how, long line) {
    char text[320];
    zval *message = property(EG(exception), MESSAGE, IS_STRING);
    snprintf(text, sizeof text, "%.100s: %.200s", ZSTR_VAL(EG(exception)->ce->name),
             message ? Z_STRVAL_P(message) : "");
    report(how, line, text);
}

/* The script's own frame, and no other one: `exit` and fatal errors unwind past this. */
static void execute_script(zend_execute_data *frame) {
    zend_execute_ex = execute_ex;
    below = frame->prev_execute_data;
    execute_ex(frame);
    zend_object *thrown = EG(exception);
    if (!thrown) evaluated = true;
    else if (!zend_is_unwind_exit(thrown) && !zend_is_graceful_exit(thrown))
        raised("raised", origin(thrown));
}

static zend_op_array *compile(zend_file_handle *file, int type) {
    if (seen) return compile_as_ever(file, type);
    seen = true; /* the first file is the script */
    marks = find_marks(ZSTR_VAL(file->filename), "\\forkeval\\at_start();", "\\forkeval\\at_end();");
    script = compile_as_ever(file, type);
    if (script) zend_execute_ex = execute_script;
    else if (EG(exception)) raised("compile", Z_LVAL_P(OBJ_PROP_NUM(EG(exception), LINE)));
    return script;
}

/* Errors that end the program. It may be out of memory: nothing is allocated here. */
static void fatal(int type, zend_string *file, const uint32_t line, zend_string *message) {
    if (type & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_PARSE | E_USER_ERROR | E_RECOVERABLE_ERROR)) {
        char text[320];
        snprintf(text, sizeof text, "Fatal error: %.200s", ZSTR_VAL(message));
        if (script) report("raised", file && is_script(file) ? line : 0, text);
        else report("compile", line, text);
    }
    show_as_ever(type, file, line, message);
}

/* Whether the script's own frame makes the call, on that line. */
static bool called_from(const zend_execute_data *caller, long line) {
    return script && caller && caller->func == (zend_function *)script &&
           caller->prev_execute_data == below && caller->opline->lineno == line;
}

PHP_FUNCTION(at_start) {
    ZEND_PARSE_PARAMETERS_NONE();
    if (called_from(EX(prev_execute_data), marks.start)) started = true;
}

PHP_FUNCTION(at_end) {
    ZEND_PARSE_PARAMETERS_NONE();
    if (started && called_from(EX(prev_execute_data), marks.end)) ended = true;
}

PHP_MINIT_FUNCTION(forkeval) {
    completed_arm(3);
    compile_as_ever = zend_compile_file;
    zend_compile_file = compile;
    show_as_ever = zend_error_cb;
    zend_error_cb = fatal;
    return SUCCESS;
}

PHP_MSHUTDOWN_FUNCTION(forkeval) {
    if (evaluated && ended == (marks.end > 0)) report("completed", 0, "");
    return SUCCESS;
}

ZEND_BEGIN_ARG_INFO_EX(no_arguments, 0, 0, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry functions[] = {
    ZEND_NS_NAMED_FE("forkeval", at_start, ZEND_FN(at_start), no_arguments)
    ZEND_NS_NAMED_FE("forkeval", at_end, ZEND_FN(at_end), no_arguments)
    ZEND_FE_END
};

static zend_module_entry forkeval_module_entry = {
    STANDARD_MODULE_HEADER, "forkeval", functions, PHP_MINIT(forkeval), PHP_MSHUTDOWN(forkeval),
    NULL, NULL, NULL, "1", STANDARD_MODULE_PROPERTIES,
};
ZEND_GET_MODULE(forkeval)
