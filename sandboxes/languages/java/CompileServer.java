import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** A warm javac. Its arguments are javac's, the source file last. */
public final class CompileServer implements WarmCompiler {
    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    private final List<String> options;
    private final File source;
    private StandardJavaFileManager files;

    private CompileServer(String[] args) {
        options = Arrays.asList(args).subList(0, args.length - 1);
        source = new File(args[args.length - 1]);
    }

    public static void main(String[] args) throws IOException {
        WarmCompiler.serve(new CompileServer(args));
    }

    @Override
    public boolean compile(StringBuilder said) throws IOException {
        if (files == null) {
            files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        }
        StringWriter diagnostics = new StringWriter();
        boolean whole = false;
        try {
            boolean compiled = compiler.getTask(diagnostics, files, null, new ArrayList<>(options),
                    null, files.getJavaFileObjects(source)).call();
            files.flush();
            whole = true;
            return compiled;
        } finally {
            said.append(diagnostics);
            if (!whole) {
                files.close();
                files = null;
            }
        }
    }
}
