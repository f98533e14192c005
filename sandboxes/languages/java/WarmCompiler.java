import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * What warm compilers have in common: for each request on standard input one compilation, answered
 * with "exit STATUS 0 0", a newline and the diagnostics. Standard input and output are one socket
 * that keeps the bounds of messages.
 */
public interface WarmCompiler {
    int ANSWER = 1 << 17; // bytes of diagnostics that are kept

    /** Compiles once; adds the diagnostics to {@code said} and tells whether a program came of it. */
    boolean compile(StringBuilder said) throws Throwable;

    /** Answers requests until there are no more. */
    static void serve(WarmCompiler compiler) throws IOException {
        FileInputStream requests = new FileInputStream(FileDescriptor.in);
        FileOutputStream answers = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err); // nothing but answers may reach the socket
        answers.write("ready".getBytes(StandardCharsets.US_ASCII));
        byte[] request = new byte[256];
        while (requests.read(request) > 0) {
            StringBuilder said = new StringBuilder();
            boolean compiled = false;
            try {
                compiled = compiler.compile(said);
            } catch (Throwable e) { // the compiler's own faults; as a command it fails, too
                said.append("compiler failed: ").append(e).append('\n');
            }
            byte[] text = ("exit " + (compiled ? 0 : 1 << 8) + " 0 0\n" + said)
                    .getBytes(StandardCharsets.UTF_8);
            answers.write(text, 0, Math.min(text.length, ANSWER));
        }
    }
}
