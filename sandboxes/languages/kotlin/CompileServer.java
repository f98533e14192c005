import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.jetbrains.kotlin.cli.common.ExitCode;
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler;
import org.jetbrains.kotlin.cli.jvm.compiler.KotlinCoreEnvironment;

/**
 * A warm kotlinc. Its arguments are kotlinc's. From one compilation to the next only what the compiler
 * knows of itself and of jar files stays; of the program before nothing does.
 */
public final class CompileServer implements WarmCompiler {
    private final String[] args;

    private CompileServer(String[] args) {
        this.args = args;
    }

    public static void main(String[] args) throws IOException {
        System.setProperty("java.awt.headless", "true");
        System.setProperty("kotlin.environment.keepalive", "true");
        WarmCompiler.serve(new CompileServer(args));
    }

    @Override
    public boolean compile(StringBuilder said) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ExitCode code = null;
        try {
            code = new K2JVMCompiler().exec(new PrintStream(out, true, StandardCharsets.UTF_8), args);
        } finally {
            said.append(out.toString(StandardCharsets.UTF_8));
            if (code != ExitCode.OK && code != ExitCode.COMPILATION_ERROR) { // a fault of its own
                KotlinCoreEnvironment.Companion.disposeApplicationEnvironment();
            }
        }
        return code == ExitCode.OK;
    }
}
