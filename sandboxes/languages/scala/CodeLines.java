package forkeval;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/** The lines of the source that the methods of a class were made of, as its class file has them. */
final class CodeLines {
    private static final int UTF8 = 1, LONG = 5, DOUBLE = 6, HANDLE = 15;

    private final Map<String, BitSet> lines = new LinkedHashMap<>();
    private String[] texts; // the constants that are text

    private CodeLines(DataInputStream in) throws IOException {
        in.skipNBytes(8); // what it is, and its version
        readConstants(in);
        in.skipNBytes(6); // flags, its name, that of its parent
        in.skipNBytes(2L * in.readUnsignedShort()); // interfaces
        readMembers(in); // fields, which have no code
        readMembers(in);
    }

    static CodeLines of(InputStream file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(file))) {
            return new CodeLines(in);
        }
    }

    static CodeLines of(Class<?> loaded) throws IOException {
        String file = loaded.getName().replace('.', '/') + ".class";
        return of(loaded.getClassLoader().getResourceAsStream(file));
    }

    /** Names with descriptors. */
    String[] methods() {
        return lines.keySet().toArray(new String[0]);
    }

    /** Of one method. */
    BitSet of(String method) {
        return lines.get(method);
    }

    /** Of all methods. */
    BitSet all() {
        BitSet all = new BitSet();
        lines.values().forEach(all::or);
        return all;
    }

    private void readConstants(DataInputStream in) throws IOException {
        texts = new String[in.readUnsignedShort()];
        for (int i = 1; i < texts.length; i++) {
            int kind = in.readUnsignedByte();
            if (kind == UTF8) {
                texts[i] = in.readUTF();
            } else if (kind == LONG || kind == DOUBLE) {
                in.skipNBytes(8);
                i++; // they count as two
            } else if (kind == HANDLE) {
                in.skipNBytes(3);
            } else { // classes, strings, types, modules and packages refer to one other, the rest to two
                boolean one = kind == 7 || kind == 8 || kind == 16 || kind == 19 || kind == 20;
                in.skipNBytes(one ? 2 : 4);
            }
        }
    }

    private void readMembers(DataInputStream in) throws IOException {
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            in.skipNBytes(2);
            String member = texts[in.readUnsignedShort()] + texts[in.readUnsignedShort()];
            BitSet found = new BitSet();
            readAttributes(in, found);
            lines.put(member, found);
        }
    }

    private void readAttributes(DataInputStream in, BitSet found) throws IOException {
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            String kind = texts[in.readUnsignedShort()];
            int size = in.readInt();
            if (kind.equals("Code")) {
                in.skipNBytes(4);
                in.skipNBytes(in.readInt());
                in.skipNBytes(8L * in.readUnsignedShort()); // what is caught where
                readAttributes(in, found);
            } else if (kind.equals("LineNumberTable")) {
                for (int entries = in.readUnsignedShort(); entries > 0; entries--) {
                    in.skipNBytes(2);
                    found.set(in.readUnsignedShort());
                }
            } else {
                in.skipNBytes(size);
            }
        }
    }
}
