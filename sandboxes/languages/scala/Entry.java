import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/**
 * Runs the object that holds the test, whatever the program made of starting it. A member that stands
 * before the test (`assemble` in language.yaml) shows which object that is; the body of an {@code App}
 * is run as {@code App} runs it, not by a {@code main} or {@code delayedInit} of the program's own.
 */
public final class Entry {
    private static final String MARK = "forkevalTest";
    private static Class<?> program;

    private Entry() {}

    public static Method of(Class<?> found) throws NoSuchMethodException {
        program = found;
        return Entry.class.getDeclaredMethod("run", String[].class);
    }

    /** Ends the process, with nothing reported, where the test is not in what would be run. */
    public static void run(String[] args) throws Throwable {
        ClassLoader loader = program.getClassLoader();
        Class<?> object = Class.forName(program.getName() + "$", false, loader);
        if (!marked(object, loader)) {
            Runtime.getRuntime().halt(0);
        }
        if (!scala.App.class.isAssignableFrom(object)) {
            Method main = program.getDeclaredMethod("main", String[].class);
            try {
                main.invoke(null, (Object) args);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
            return;
        }
        scala.App app = (scala.App) object.getField("MODULE$").get(null);
        String body = object.getName() + "delayedInit$body";
        boolean registered = false;
        for (int i = 0; i < app.scala$App$$initCode().size(); i++) {
            registered |= app.scala$App$$initCode().apply(i).getClass().getName().equals(body);
        }
        if (!registered) {
            Runtime.getRuntime().halt(0);
        }
        scala.App$class.main(app, args);
    }

    /** Whether no class but the object has the mark. */
    private static boolean marked(Class<?> object, ClassLoader loader) throws Exception {
        File folder = new File(program.getProtectionDomain().getCodeSource().getLocation().toURI());
        for (File file : folder.listFiles((in, name) -> name.endsWith(".class"))) {
            if (!mentions(file)) {
                continue;
            }
            String name = file.getName().substring(0, file.getName().length() - ".class".length());
            for (Method method : Class.forName(name, false, loader).getDeclaredMethods()) {
                boolean forwarder =
                        name.equals(program.getName()) && Modifier.isStatic(method.getModifiers());
                if (method.getName().equals(MARK) && !forwarder && !name.equals(object.getName())) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean mentions(File file) throws IOException {
        byte[] bytes = Files.readAllBytes(file.toPath());
        return new String(bytes, StandardCharsets.ISO_8859_1).contains(MARK);
    }
}
