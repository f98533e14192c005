/* `completed.run(namespace, path, source)` executes a program as __main__ and never returns: it reports how
 * the program ended and leaves the process.
 *
 * The job's nonce is read from descriptor 3, which is closed before the program starts, and lives in
 * this library's memory alone: no frame, global, argument, environment variable, file or open
 * descriptor holds it. The report goes to a FIFO that is opened after the program's last statement.
 * A second call finds no nonce. What remains is native code in the same process (ctypes) that reads
 * or calls into this library: only another process can keep a secret from that. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>

#include <fcntl.h>
#include <frameobject.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONCE 32 /* hexadecimal digits */

static char nonce[NONCE];
static int armed;

static int arm(void) {
    size_t have = 0;
    while (have < NONCE) {
        ssize_t n = read(3, nonce + have, NONCE - have);
        if (n <= 0) break;
        have += (size_t)n;
    }
    close(3);
    prctl(PR_SET_DUMPABLE, 0); /* closes /proc/self/mem and its like, and tracing by a child */
    return armed = have == NONCE;
}

static void report(const char *how, int line, const char *what) {
    char text[NONCE + 512];
    int size = snprintf(text, sizeof text, "%.*s %s %d %.300s\n", NONCE, nonce, how, line, what);
    int fd = open("/sandbox/done", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)size) != size) _exit(1);
    close(fd);
}

/* "module.Type: message", its first line, in ASCII with escapes. */
static void describe(PyObject *type, PyObject *value, char *text, size_t room) {
    const char *name = PyExceptionClass_Check(type) ? PyExceptionClass_Name(type) : "?";
    PyObject *message = value ? PyObject_Str(value) : NULL;
    PyObject *plain = message ? PyUnicode_AsASCIIString(message) : NULL;
    if (message && !plain) {
        PyErr_Clear();
        plain = PyUnicode_AsEncodedString(message, "ascii", "backslashreplace");
    }
    PyErr_Clear();
    snprintf(text, room, "%s: %s", name, plain ? PyBytes_AS_STRING(plain) : "");
    text[strcspn(text, "\r\n")] = 0;
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?'; /* a report is printable */
    Py_XDECREF(message);
    Py_XDECREF(plain);
}

/* The line of the innermost frame that is in the program's own file; 0 for none. */
static int origin(PyObject *traceback, PyObject *path) {
    int line = 0;
    for (PyTracebackObject *t = (PyTracebackObject *)traceback; t; t = t->tb_next) {
        PyCodeObject *code = PyFrame_GetCode(t->tb_frame);
        if (PyUnicode_Check(code->co_filename) && PyUnicode_Compare(code->co_filename, path) == 0) {
            line = t->tb_lineno;
            if (line <= 0) line = PyFrame_GetLineNumber(t->tb_frame);
        }
        Py_DECREF(code);
    }
    return line;
}

/* Calls module.name() where the program has loaded the module; a raised error is printed. */
static void call_if_loaded(const char *module, const char *name) {
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *found = PyDict_GetItemString(modules, module);
    if (!found) return;
    PyObject *result = PyObject_CallMethod(found, name, NULL);
    if (!result) PyErr_WriteUnraisable(found);
    Py_XDECREF(result);
}

static int flush(const char *stream) {
    PyObject *file = PySys_GetObject(stream); /* borrowed */
    if (!file || file == Py_None) return 1;
    Py_INCREF(file);
    PyObject *result = PyObject_CallMethod(file, "flush", NULL);
    if (!result) PyErr_Clear();
    int done = result != NULL;
    Py_XDECREF(result);
    Py_DECREF(file);
    return done;
}

static _Noreturn void leave(int code, int completed) {
    call_if_loaded("threading", "_shutdown");
    call_if_loaded("atexit", "_run_exitfuncs");
    int flushed = flush("stdout");
    flush("stderr");
    if (!flushed && !code) code = 120; /* as the interpreter does */
    if (completed && !code) report("completed", 0, "");
    _exit(code);
}

/* The exit status that the interpreter gives for SystemExit(value). */
static int exit_status(PyObject *value) {
    PyObject *code = value ? PyObject_GetAttrString(value, "code") : NULL;
    PyErr_Clear();
    if (!code || code == Py_None) return 0;
    if (PyLong_Check(code)) return (int)(PyLong_AsLong(code) & 0xff);
    PyFile_WriteObject(code, PySys_GetObject("stderr"), Py_PRINT_RAW);
    PyErr_Clear();
    return 1;
}

static _Noreturn void failed(const char *how, PyObject *path) {
    PyObject *type, *value, *traceback;
    char text[320];
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    if (PyErr_GivenExceptionMatches(type, PyExc_SystemExit)) leave(exit_status(value), 0);
    describe(type, value, text, sizeof text);
    report(how, origin(traceback, path), text);
    PyErr_Restore(type, value, traceback);
    PyErr_PrintEx(0);
    leave(1, 0);
}

static PyObject *run(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *namespace, *path, *source;
    if (!PyArg_ParseTuple(args, "O!US", &PyDict_Type, &namespace, &path, &source)) return NULL;
    if (armed || !arm()) {
        PyErr_SetString(PyExc_RuntimeError, "a program runs once");
        return NULL;
    }
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile"); /* borrowed */
    PyObject *code = compile ? PyObject_CallFunction(compile, "OOsii", source, path, "exec", 0, 1) : NULL;
    if (!code) failed("compile", path);
    /* The frames above this one are ours: the program gets its recursion limit in full. */
    PyThreadState *thread = PyThreadState_Get();
    thread->recursion_remaining = thread->recursion_limit;
    PyObject *result = PyEval_EvalCode(code, namespace, namespace);
    if (!result) failed("raised", path);
    leave(0, 1);
}

/* read(path): a file's bytes, with less touched in a forked child than by the interpreter's own. */
static PyObject *read_file(PyObject *self, PyObject *args) {
    (void)self;
    const char *path;
    struct stat about;
    if (!PyArg_ParseTuple(args, "s", &path)) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
    about.st_size = 0;
    PyObject *bytes = fstat(fd, &about) ? PyErr_SetFromErrnoWithFilename(PyExc_OSError, path)
                                        : PyBytes_FromStringAndSize(NULL, about.st_size);
    for (Py_ssize_t at = 0, n; bytes && at < about.st_size; at += n)
        if ((n = read(fd, PyBytes_AS_STRING(bytes) + at, (size_t)(about.st_size - at))) <= 0) {
            Py_CLEAR(bytes);
            PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
        }
    close(fd);
    return bytes;
}

static PyMethodDef methods[] = {{"read", read_file, METH_VARARGS, "read(path)"},
                                {"run", run, METH_VARARGS, "run(namespace, path, source)"},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "completed", NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_completed(void) { return PyModule_Create(&module); }
