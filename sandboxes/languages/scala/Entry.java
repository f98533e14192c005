package forkeval;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import scala.App;
import scala.Function0;
import scala.collection.Iterator;

/**
 * Runs the method that holds the test, whatever the program made of starting it: the body of {@code
 * object Main}, which an {@code App} hands to {@code delayedInit} and runs in {@code main}, both of which
 * a program may replace; its constructor, where it is no {@code App}; or a {@code main} in the test.
 * Where the test is in none of them, the program is run as it stands and nothing is reported of its end.
 */
public final class Entry {
    private static final String BODY = "delayedEndpoint$";
    private static final String MAIN = "main([Ljava/lang/String;)V";
    private static final String CONSTRUCTOR = "<init>()V";
    private static Class<?> program; // set and read before any code of the program runs

    private Entry() {}

    /** Null where the program has no entry point. */
    public static Method of(Class<?> found) throws NoSuchMethodException {
        program = found;
        try {
            found.getDeclaredMethod("main", String[].class);
        } catch (NoSuchMethodException none) {
            return null;
        }
        return Entry.class.getMethod("run", String[].class);
    }

    public static void run(String[] args) throws Throwable {
        Class<?> object = Class.forName(program.getName() + "$", false, program.getClassLoader());
        TestLines test = TestLines.of(program.getClassLoader());
        CodeLines code = CodeLines.of(object);
        String body = null;
        boolean holds = test == null;
        for (String method : test == null ? new String[0] : code.methods()) {
            boolean runs = method.equals(MAIN) || method.equals(CONSTRUCTOR) || method.startsWith(BODY);
            if (runs && test.meets(code.of(method))) {
                holds = test.isWhole(code);
                body = method.startsWith(BODY) ? method.substring(0, method.indexOf('(')) : body;
            }
        }
        Object module = object.getField("MODULE$").get(null); // runs its constructor
        if (body == null) {
            invoke(object.getMethod("main", String[].class), module, (Object) args);
        } else {
            if (module instanceof App) {
                runOthers((App) module, object, args);
            }
            invoke(object.getDeclaredMethod(body), module);
        }
        if (!holds) {
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    /** What {@code App} does before the object's own body: the bodies of the classes that it extends. */
    private static void runOthers(App app, Class<?> object, String[] args) {
        app.scala$App$$_args_$eq(args);
        Iterator<?> bodies = app.scala$App$$initCode().iterator();
        while (bodies.hasNext()) {
            Function0<?> each = (Function0<?>) bodies.next();
            if (!each.getClass().getName().equals(object.getName() + "delayedInit$body")) {
                each.apply();
            }
        }
    }

    private static void invoke(Method method, Object on, Object... with) throws Throwable {
        try {
            method.invoke(on, with);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
