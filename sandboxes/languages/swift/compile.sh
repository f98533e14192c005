#!/bin/sh
# compile SOURCE EXECUTABLE: what swiftc does, without its driver and the C compiler it links with.
# The libraries to link are those that the compiler noted in the object file.
set -e
swift=/usr/libexec/swift
"$swift/bin/swift-frontend" -frontend -c -primary-file "$1" -Onone -module-name main \
    -disable-objc-interop -empty-abi-descriptor -resource-dir "$swift/lib/swift" \
    -module-cache-path /forkeval/swift/modules -plugin-path "$swift/lib/swift/host/plugins" \
    -o "$2.o"
objcopy --dump-section .swift1_autolink_entries="$2.entries" "$2.o" /dev/null
tr '\0' '\n' < "$2.entries" > "$2.libraries"
# The launcher stands first: what it does before the program's initialisers comes first, too.
exec gcc -pie -fno-use-linker-plugin -Wl,--no-as-needed -Wl,--wrap=main \
    -Wl,-rpath,"$swift/lib/swift/linux" \
    -L "$swift/lib/swift/linux" /forkeval/swift/launcher.o \
    "$swift/lib/swift/linux/$(uname -m)/swiftrt.o" "$2.o" "@$2.libraries" -lswiftCore -o "$2"
