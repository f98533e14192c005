import java.io.{BufferedReader, PrintWriter, StringReader, StringWriter}

import scala.reflect.io.AbstractFile
import scala.tools.nsc.reporters.ConsoleReporter
import scala.tools.nsc.util.ClassPath
import scala.tools.nsc.{Global, Settings}

/** A warm scalac. Its arguments are scalac's, the source file last.
  *
  * Every request gets a compiler of its own, with symbol tables of its own: a program that redefines
  * what is in the library changes nothing for the next one. They share what they know of class
  * files, which programs cannot change.
  */
object CompileServer extends WarmCompiler {
  private var options = List.empty[String]
  private var library: Option[ClassPath[AbstractFile]] = None

  def main(args: Array[String]): Unit = {
    options = args.toList
    WarmCompiler.serve(this)
  }

  private class Fresh(settings: Settings, reporter: ConsoleReporter)
      extends Global(settings, reporter) {
    override lazy val platform: ThisPlatform = new GlobalPlatform {
      override def classPath: ClassPath[AbstractFile] = {
        if (library.isEmpty) library = Some(super.classPath)
        library.get
      }
    }
  }

  override def compile(said: java.lang.StringBuilder): Boolean = {
    val settings = new Settings(fault => throw new IllegalArgumentException(fault))
    val (_, sources) = settings.processArguments(options, processAll = true)
    val text = new StringWriter
    val reporter =
      new ConsoleReporter(settings, new BufferedReader(new StringReader("")), new PrintWriter(text, true))
    try {
      val compiler = new Fresh(settings, reporter)
      new compiler.Run().compile(sources)
      reporter.printSummary()
    } finally {
      reporter.flush()
      said.append(text)
    }
    !reporter.hasErrors
  }
}
