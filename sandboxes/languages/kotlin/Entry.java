import java.lang.reflect.Method;

/**
 * Which function of a program is run: of two, the {@code main()} that a test brings and not a {@code
 * main(args)} beside it, which Kotlin's own start would prefer; and those of the file alone, not of a
 * class that a program gives the name of the file's.
 */
public final class Entry {
    private static final int FILE = 2; // kotlin.Metadata: the class of a file's functions

    private Entry() {}

    /** Null where the program has no such function. */
    public static Method of(Class<?> program) {
        kotlin.Metadata made = program.getAnnotation(kotlin.Metadata.class);
        if (made == null || made.k() != FILE) {
            return null;
        }
        Method found = null;
        for (Method method : program.getDeclaredMethods()) {
            Class<?>[] taken = method.getParameterTypes();
            boolean whole = taken.length == 1 && taken[0] == String[].class && found == null;
            if (method.getName().equals("main") && (taken.length == 0 || whole)) {
                found = method;
            }
        }
        return found;
    }
}
