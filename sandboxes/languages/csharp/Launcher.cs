// Runs main.exe and reports how it ended.
//
// The job's nonce is read from descriptor 3, which is closed before anything of the program is
// loaded, and is a local variable of Main alone: no field, argument or environment variable holds it.
// The report goes to a FIFO that is opened after the program's entry point has returned.
using System;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;

static class Launcher
{
    const int NonceSize = 32;
    const int MessageLength = 200;

    // Mono's own streams know no descriptors that it was started with but the first three.
    [DllImport("libc")]
    static extern IntPtr read(int descriptor, byte[] buffer, IntPtr size);

    [DllImport("libc")]
    static extern int close(int descriptor);

    static int Main(string[] args)
    {
        var nonce = new byte[NonceSize];
        // Written to the pipe in one go, so read in one go.
        if (read(3, nonce, (IntPtr)NonceSize) != (IntPtr)NonceSize || close(3) != 0)
        {
            throw new InvalidOperationException("a program runs once");
        }
        Exception thrown = null;
        int status = 0;
        try
        {
            MethodInfo main = Assembly.LoadFrom(args[0]).EntryPoint;
            object[] given = main.GetParameters().Length == 0 ? null : new object[] { new string[0] };
            object returned = main.Invoke(null, given);
            status = returned is int ? (int)returned : Environment.ExitCode;
        }
        catch (TargetInvocationException e)
        {
            thrown = e.InnerException;
        }
        if (thrown != null) Report(nonce, "raised " + Describe(thrown, Path.GetFullPath(args[0])));
        else if (status == 0) Report(nonce, "completed 0 ");
        if (thrown != null) ExceptionDispatchInfo.Capture(thrown).Throw(); // the runtime prints it
        return status;
    }

    static void Report(byte[] nonce, string text)
    {
        byte[] told = Encoding.ASCII.GetBytes(" " + text + "\n");
        using (var fifo = new FileStream("/sandbox/done", FileMode.Open, FileAccess.Write))
        {
            // One write, so that no other writer's bytes can come between.
            var line = new byte[nonce.Length + told.Length];
            nonce.CopyTo(line, 0);
            told.CopyTo(line, nonce.Length);
            fifo.Write(line, 0, line.Length);
        }
    }

    // The line of the innermost frame in the program (0 for none), the type and the message.
    static string Describe(Exception thrown, string program)
    {
        int line = 0;
        string message = "";
        try
        {
            foreach (StackFrame frame in new StackTrace(thrown, true).GetFrames() ?? new StackFrame[0])
            {
                MethodBase method = frame.GetMethod();
                if (method == null || method.Module.Assembly.Location != program) continue;
                line = frame.GetFileLineNumber();
                break;
            }
            message = thrown.Message ?? "";
        }
        catch (Exception) // an exception class may override what is asked of it
        {
        }
        var kept = new StringBuilder();
        foreach (char c in message)
        {
            if (c == '\r' || c == '\n' || kept.Length == MessageLength) break;
            kept.Append(c >= ' ' && c <= '~' ? c : '?');
        }
        return line + " " + thrown.GetType().FullName + ": " + kept;
    }
}
