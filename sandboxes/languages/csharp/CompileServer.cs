// A warm mcs. Its arguments are mcs's own. For each request on standard input it compiles and answers
// "exit STATUS 0 0", a newline and mcs's diagnostics; standard input and output are one socket that
// keeps the bounds of messages.
using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Mono.CSharp;

static class CompileServer
{
    const int AnswerSize = 1 << 17; // bytes of diagnostics that are kept

    [DllImport("libc")]
    static extern IntPtr read(int descriptor, byte[] buffer, IntPtr size);

    [DllImport("libc")]
    static extern IntPtr write(int descriptor, byte[] buffer, IntPtr size);

    static void Main(string[] args)
    {
        Console.SetOut(Console.Error); // nothing but answers may reach the socket
        var request = new byte[256];
        byte[] answer = Encoding.ASCII.GetBytes("ready");
        while ((long)write(1, answer, (IntPtr)Math.Min(answer.Length, AnswerSize)) > 0
            && (long)read(0, request, (IntPtr)request.Length) > 0)
        {
            answer = Compile(args);
        }
    }

    static byte[] Compile(string[] args)
    {
        var said = new StringWriter();
        bool compiled = false;
        try
        {
            compiled = CompilerCallableEntryPoint.InvokeCompiler((string[])args.Clone(), said);
        }
        catch (Exception e) // the compiler's own faults; mcs in a process of its own ends with 1
        {
            said.Write("compiler failed: " + e.Message + "\n");
        }
        return Encoding.UTF8.GetBytes("exit " + (compiled ? 0 : 1 << 8) + " 0 0\n" + said);
    }
}
