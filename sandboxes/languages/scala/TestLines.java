package forkeval;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/** The lines of a program's test, and those of them that must have become code. */
final class TestLines {
    // `start` and `end` in language.yaml
    private static final String START = "; // forkeval: the test", END = "// forkeval: the test's end";
    private static final char LF = '\n', CR = '\r', FF = '\f', SU = '\032';

    private final File folder;
    private final BitSet asserts = new BitSet();
    private int start;
    private int lines;
    private boolean ends;

    private TestLines(File source) throws IOException {
        folder = source.getParentFile();
        try (InputStream in = new FileInputStream(source)) {
            count(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1));
        }
    }

    /** Of the program that a loader finds; null for one without a test. */
    static TestLines of(ClassLoader loader) throws IOException, URISyntaxException {
        TestLines found = new TestLines(new File(loader.getResource("main.scala").toURI()));
        return found.ends ? found : null;
    }

    /** Whether code comes from the test. (Past line 65535, numbers in class files are too small.) */
    boolean meets(BitSet code) {
        return code.nextSetBit(start) >= 0;
    }

    /** Whether no assertion was made text of, or a comment: each is code, in this class or another. */
    boolean isWhole(CodeLines code) throws IOException {
        BitSet missing = (BitSet) asserts.clone();
        missing.andNot(code.all());
        if (missing.isEmpty()) {
            return true;
        }
        for (File file : folder.listFiles((in, name) -> name.endsWith(".class"))) {
            missing.andNot(CodeLines.of(new FileInputStream(file)).all());
        }
        return missing.isEmpty();
    }

    /** As scalac counts lines, which a form feed ends, too. */
    private void count(String text) {
        int from = 0;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            boolean windows = c == CR && at + 1 < text.length() && text.charAt(at + 1) == LF;
            if (c == LF || c == FF || c == SU || c == CR && !windows) {
                take(text.substring(from, at));
                from = at + 1;
            }
        }
        if (from < text.length()) {
            take(text.substring(from));
        }
    }

    private void take(String line) {
        lines++;
        ends = line.equals(END);
        if (line.equals(START)) {
            start = lines;
            asserts.clear();
        } else if (line.stripLeading().startsWith("assert(")) {
            asserts.set(lines);
        }
    }
}
