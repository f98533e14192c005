# frozen_string_literal: true

# The program's side of the evidence `isolated`: runs prompt and completion, then answers calls.
#
# Nothing here is trusted, for it shares its process with the program: what it says is checked by the
# judge. A request is [id, method, arguments, named arguments, nodes]; an answer carries its id.
require_relative "isolated_codec"

module Forkeval
  module Program
    PATH = ARGV.shift
    JUDGE = IO.for_fd(3, "r+b", autoclose: false)

    def self.line(error)
      (error.backtrace || []).each { |frame| return frame[PATH.size + 1..].to_i if frame.start_with?("#{PATH}:") }
      0
    end

    # ["raised", class names, message, line]
    def self.raised(error)
      message = error.message.to_s.dup.force_encoding("UTF-8").scrub("?")[0, 2000]
      found = message[/\A#{Regexp.escape(PATH)}:(\d+): /, 1]
      ["raised", error.class.ancestors.grep(Class).map(&:to_s), message, found ? found.to_i : line(error)]
    end

    def self.answer(id, name, positional, named, nodes)
      reader = Reader.new(nodes)
      arguments = positional.map { |item| reader.value(item) }
      keywords = named.map { |key, item| [key.to_sym, reader.value(item)] }.to_h
      writer = Writer.new(reader.objects)
      begin
        failure = nil
        begin
          result = TOPLEVEL_BINDING.receiver.__send__(name, *arguments, **keywords)
        rescue SystemExit
          raise
        rescue Exception => failure # rubocop:disable Lint/RescueException
        end
        outcome = failure ? raised(failure) : ["value", writer.value(result)]
        [id, outcome, writer.changes(nodes), writer.nodes]
      rescue NotPlain, TooMuch, SystemStackError => error
        [id, raised(error), [], []]
      end
    end

    def self.serve
      Talk.send(JUDGE, ["ready"])
      loop do
        reply = answer(*Talk.receive(JUDGE))
        $stdout.flush
        begin
          Talk.send(JUDGE, reply)
        rescue TooMuch => error
          Talk.send(JUDGE, [reply[0], raised(error), [], []])
        end
      end
    rescue HungUp
      exit!(0)
    end

    def self.run
      $0 = PATH
      begin
        RubyVM::InstructionSequence.compile_file(PATH)
      rescue SyntaxError => error
        Talk.send(JUDGE, ["compile", *raised(error).drop(1)])
        exit!(1)
      end
      begin
        load PATH
      rescue SystemExit
        raise
      rescue Exception => error # rubocop:disable Lint/RescueException
        Talk.send(JUDGE, raised(error))
        raise
      end
      serve
    end
  end
end

Forkeval::Program.run
