import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * A warm javac. Its arguments are javac's, the source file last. For each request on standard input
 * it compiles that file and answers "exit STATUS 0 0", a newline and javac's diagnostics; standard
 * input and output are one socket that keeps the bounds of messages.
 */
public final class CompileServer {
    private static final int ANSWER = 1 << 17; // bytes of diagnostics that are kept

    private CompileServer() {}

    public static void main(String[] args) throws Exception {
        FileInputStream requests = new FileInputStream(FileDescriptor.in);
        FileOutputStream answers = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err); // nothing but answers may reach the socket
        List<String> options = Arrays.asList(args).subList(0, args.length - 1);
        File source = new File(args[args.length - 1]);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        answers.write("ready".getBytes(StandardCharsets.US_ASCII));
        byte[] request = new byte[256];
        StandardJavaFileManager files = null;
        while (requests.read(request) > 0) {
            if (files == null) {
                files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
            }
            StringWriter said = new StringWriter();
            boolean compiled = false;
            try {
                compiled = compiler.getTask(said, files, null, new ArrayList<>(options), null,
                        files.getJavaFileObjects(source)).call();
                files.flush();
            } catch (Throwable e) { // the compiler's own faults; javac ends with a status of 4
                said.write("compiler failed: " + e + "\n");
                files.close();
                files = null;
            }
            byte[] text = ("exit " + (compiled ? 0 : 1 << 8) + " 0 0\n" + said)
                    .getBytes(StandardCharsets.UTF_8);
            answers.write(text, 0, Math.min(text.length, ANSWER));
        }
    }
}
