# frozen_string_literal: true

# The judge's side of the evidence `isolated`: runs the test, and asks the program for results.
#
# No line of the program runs in this process, so the nonce can be held in a variable. What the program
# sends is checked and made into plain data (see isolated_codec.rb); what it raised is raised here as
# the built-in class that it derives from.
require_relative "isolated_codec"
require "securerandom"

module Forkeval
  RAISED = [
    StandardError, ArgumentError, EncodingError, FiberError, FloatDomainError, FrozenError, IOError,
    IndexError, KeyError, LocalJumpError, NameError, NoMethodError, NotImplementedError, RangeError,
    RegexpError, RuntimeError, StopIteration, SystemStackError, ThreadError, TypeError,
    ZeroDivisionError, NoMemoryError
  ].to_h { |kind| [kind.name, kind] }.freeze

  class Judge
    attr_reader :entry

    def initialize(folder)
      @entry = File.read("#{folder}/entry", encoding: "UTF-8")
      @path = "#{folder}/test"
      @nonce = IO.for_fd(3, "rb").read(32)
      @program = IO.for_fd(4, "r+b")
      @lines = {}.compare_by_identity # of what the program raised
    end

    def report(how, line, what)
      $stdout.flush
      plain = what.to_s.dup.force_encoding("BINARY").lines.first.to_s.chomp.gsub(/[^ -~]/n, "?")[0, 300]
      File.open("/sandbox/done", "wb") { |done| done.syswrite("#{@nonce} #{how} #{line} #{plain}\n") }
      exit!(how == "completed" ? 0 : 1)
    end

    # Waits until the program stands.
    def meet
      guarded do
        how, names, message, line = Talk.receive(@program)
        return if how == "ready" && names.nil?
        raise Forged, "a greeting of no known kind" unless %w[compile raised].include?(how)

        message = text(message).sub(/\A\S+:\d+: /, "")
        report(how, [count(line), 1].max, "#{text(names[0])}: #{message}")
      end
    end

    # The program's result for these arguments, changed as the program changed them.
    def call(arguments, named)
      # Drawn anew, so that no answer can be written before its question.
      id = SecureRandom.hex(16)
      writer = ask(id, arguments, named)
      failure = nil
      result = guarded do
        answered, outcome, changes, nodes = Talk.receive(@program)
        raise Forged, "an answer to no question" if answered != id

        reader = Reader.new(nodes, writer.kept)
        changes.each do |number, node|
          raise Forged, "a change of nothing" unless number.is_a?(Integer) && number >= 0 && number < writer.kept.size

          reader.fill(number, node)
        end
        how, *more = outcome
        if how == "value" && more.size == 1
          reader.value(more[0])
        elsif how == "raised" && more.size == 3
          failure = raised(*more)
        else
          raise Forged, "an answer of no known kind"
        end
      end
      raise failure if failure

      result
    end

    def run(folder)
      define_entry(File.read("#{folder}/prompt", encoding: "UTF-8"))
      meet
      eval(File.read(@path, encoding: "UTF-8"), TOPLEVEL_BINDING, @path, 1)
      report("completed", 0, "")
    rescue SystemExit
      raise
    rescue Exception => error # rubocop:disable Lint/RescueException
      warn(error.full_message(highlight: false))
      line, name = @lines[error] || [line_of(error), error.class.name]
      how = error.is_a?(SyntaxError) ? "compile" : "raised"
      report(how, line, "#{name}: #{error.message}")
    end

    private

    # Whatever fails in here but the socket: no program of ours sends it.
    def guarded
      yield
    rescue HungUp
      report("gone", 0, "")
    rescue StandardError, SystemStackError, NotImplementedError => error
      report("forged", 0, error.message)
    end

    def ask(id, arguments, named)
      writer = Writer.new
      positional = arguments.map { |item| writer.value(item) }
      keywords = named.map { |key, item| [key.to_s, writer.value(item)] }
      Talk.send(@program, [id, @entry, positional, keywords, writer.nodes])
      writer
    rescue NotPlain => error
      report("unfit", 0, error.message)
    rescue HungUp
      report("gone", 0, "")
    rescue TooMuch, SystemStackError => error
      # It may hold results of the program, which must not have a say in what is asked for.
      report("raised", 1, "#{error.class}: #{error.message}")
    end

    def text(value)
      value.is_a?(String) ? value : raise(Forged, "no text where text is due")
    end

    def count(value)
      value.is_a?(Integer) && value.between?(0, 0x7fffffff) ? value : raise(Forged, "no line where a line is due")
    end

    def raised(names, message, line)
      names.each { |name| text(name) }
      error = RAISED.fetch(names.find { |name| RAISED.key?(name) }, StandardError).new(text(message))
      @lines[error] = [[count(line), 1].max, names.fetch(0)]
      error
    end

    def line_of(error)
      return error.message[/:(\d+):/, 1].to_i if error.is_a?(SyntaxError)

      (error.backtrace || []).each { |frame| return frame[@path.size + 1..].to_i if frame.start_with?("#{@path}:") }
      0
    end

    # What stands in the prompt before the method asked for, which the test may use; then the method.
    def define_entry(prompt)
      head = prompt.rpartition(/^\s*def\s+(self\.)?#{Regexp.escape(@entry)}\b/)[0]
      begin
        eval(head, TOPLEVEL_BINDING, "prompt", 1)
      rescue SyntaxError
        warn("the prompt before #{@entry} does not parse and is left out")
      end
      judge = self
      Object.define_method(@entry) do |*arguments, **named, &block|
        judge.report("unfit", 0, "a block is no plain data") if block
        judge.call(arguments, named)
      end
    end
  end
end

Forkeval::Judge.new(ARGV[0]).run(ARGV[0])
