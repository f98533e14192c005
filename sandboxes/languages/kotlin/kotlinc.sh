#!/bin/sh
# The compiler's own start script, which its npm package leaves out, in short.
lib=/forkeval/kotlin/lib
exec java ${JAVA_OPTS:--Xmx256M -Xms32M} -Dkotlin.home=/forkeval/kotlin -cp $lib/kotlin-preloader.jar \
    org.jetbrains.kotlin.preloading.Preloader -cp $lib/kotlin-compiler.jar \
    org.jetbrains.kotlin.cli.jvm.K2JVMCompiler "$@"
