import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;

/**
 * Runs the {@code main} of the class named by the first argument and reports how it ended; the second
 * argument is the name of the program's file. A third one names a class whose {@code of} says which
 * method of that class is run instead.
 *
 * <p>The job's nonce is read from descriptor 3 and is a local variable of this method alone: no field,
 * argument, property or environment variable holds it, and a second call of this method finds the
 * descriptor empty. The report goes to a FIFO that is opened after {@code main} returned.
 */
public final class Launcher {
    private Launcher() {}

    public static void main(String[] args) throws Throwable {
        byte[] nonce = new byte[32];
        try (DataInputStream in = new DataInputStream(new FileInputStream("/proc/self/fd/3"))) {
            in.readFully(nonce);
        }
        Throwable thrown = null;
        String how = "raised";
        try {
            Class<?> main = Class.forName(args[0], true, Launcher.class.getClassLoader());
            Method method = args.length > 2 ? chosen(args[2], main) : main.getDeclaredMethod("main", String[].class);
            method.setAccessible(true);
            method.invoke(null, method.getParameterCount() == 0 ? null : new Object[] {new String[0]});
        } catch (InvocationTargetException e) {
            thrown = e.getCause();
        } catch (ClassNotFoundException | NoSuchMethodException e) {
            thrown = e;
            how = "compile";
        } catch (Throwable e) {
            thrown = e;
        }
        String text = thrown == null ? "completed 0 " : how + " " + describe(thrown, args[1]);
        System.out.flush();
        try (OutputStream out = new FileOutputStream("/sandbox/done")) {
            byte[] told = text.getBytes(StandardCharsets.US_ASCII);
            byte[] line = new byte[nonce.length + told.length + 2];
            System.arraycopy(nonce, 0, line, 0, nonce.length);
            line[nonce.length] = ' ';
            System.arraycopy(told, 0, line, nonce.length + 1, told.length);
            line[line.length - 1] = '\n';
            out.write(line);
        }
        if (thrown != null) {
            throw thrown; // the virtual machine prints it and ends with status 1
        }
    }

    private static Method chosen(String by, Class<?> main) throws ReflectiveOperationException {
        Method found = (Method) Class.forName(by).getMethod("of", Class.class).invoke(null, main);
        if (found == null) {
            throw new NoSuchMethodException(main.getName() + ".main");
        }
        return found;
    }

    /** The line in the file of the innermost frame there (0 for none), the type and the message. */
    private static String describe(Throwable thrown, String file) {
        int line = 0;
        String message = "";
        try {
            for (StackTraceElement frame : thrown.getStackTrace()) {
                if (file.equals(frame.getFileName())) {
                    line = Math.max(0, frame.getLineNumber());
                    break;
                }
            }
            message = String.valueOf(thrown.getMessage()).split("[\r\n]", 2)[0];
        } catch (Throwable hostile) { // an exception class may override what is asked of it
            message = "";
        }
        message = message.substring(0, Math.min(200, message.length()));
        String text = line + " " + thrown.getClass().getName() + ": " + message;
        return text.replaceAll("[^ -~]", "?"); // a report is printable
    }
}
