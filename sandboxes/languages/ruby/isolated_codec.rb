# frozen_string_literal: true

# Plain data as text that another process may send, without ever running what it says.
#
# A message is a JSON array. A value in it is null, true, false, an integer or a finite float as itself,
# or [i]: node i of the message. A node is [kind, ...parts]; nodes keep shared and cyclic references.
# Both sides number the nodes of a request alike, so that an answer can refer to them: what the callee
# changed in its arguments is sent as new parts of old nodes.
require "json"
require "set"

module Forkeval
  MOST_BYTES = 32 << 20
  MOST_DEPTH = 1000
  class NotPlain < StandardError; end
  class TooMuch < StandardError; end
  class Forged < StandardError; end
  class HungUp < StandardError; end

  MUTABLE = %w[string array hash set].freeze

  class Writer
    attr_reader :nodes, :kept

    # known: objects that the other side has, in order.
    def initialize(known = [])
      @first = known.size
      @kept = known.dup
      @nodes = []
      @numbers = {}.compare_by_identity
      known.each_with_index { |object, number| @numbers[object] = number }
      @depth = 0
    end

    def value(value)
      case value
      when nil, true, false, Integer then value
      when Float
        value.finite? ? value : add(value, ["float", value.to_s])
      else
        number = @numbers[value]
        number ? [number] : object(value)
      end
    end

    # The parts of a node of an object that can change.
    def parts(value)
      case value
      when String
        return ["string", value.encoding.name, value] if value.encoding == Encoding::UTF_8 && value.valid_encoding?

        ["string", value.encoding.name, nil, value.unpack1("H*")]
      when Array then ["array", value.map { |item| value(item) }]
      when Hash
        default = value.default_proc ? nil : value.default
        ["hash", value(default), value.flat_map { |key, item| [value(key), value(item)] }]
      when Set then ["set", value.map { |item| value(item) }]
      end
    end

    # [number, node] of every known object whose contents are no longer those of its node in `nodes`.
    def changes(nodes)
      nodes.each_with_index.filter_map do |node, number|
        next unless MUTABLE.include?(node[0])

        now = parts(@kept[number])
        [number, now] if JSON.generate(now) != JSON.generate(node)
      end
    end

    private

    def add(value, node)
      @kept << value
      @nodes << node
      @numbers[value] = @first + @nodes.size - 1
      [@numbers[value]]
    end

    def object(value)
      @depth += 1
      raise TooMuch, "values too deep inside each other" if @depth > MOST_DEPTH

      case value
      when Symbol then add(value, ["symbol", value.encoding == Encoding::UTF_8 || value.encoding == Encoding::US_ASCII ? value.to_s : raise(NotPlain, "a symbol of another encoding")])
      when String, Array, Hash, Set
        reference = add(value, node = []) # numbered before its contents: it may hold itself
        node.replace(parts(value))
        reference
      when Range then add(value, ["range", value(value.begin), value(value.end), value.exclude_end?])
      when Rational then add(value, ["rational", value.numerator, value.denominator])
      when Complex then add(value, ["complex", value(value.real), value(value.imaginary)])
      else raise NotPlain, "#{value.class} is no plain data"
      end
    ensure
      @depth -= 1
    end
  end

  class Reader
    attr_reader :objects

    # known: the objects of earlier messages.
    def initialize(nodes, known = [])
      list(nodes).each { |node| check(node.is_a?(Array) && node[0].is_a?(String), "a node of no kind") }
      @objects = known.dup
      first = known.size
      nodes.each { |kind, *parts| @objects << start(kind, parts) }
      nodes.each_with_index do |(kind, *parts), number|
        @objects[first + number] = immutable(kind, parts) unless MUTABLE.include?(kind)
      end
      # Arrays first: a key's hash is that of its contents.
      %w[array hash set].each do |wanted|
        nodes.each_with_index { |node, number| fill(first + number, node) if node[0] == wanted }
      end
    end

    def fill(number, node)
      target = @objects[number]
      kind, *parts = list(node)
      check(target.class == { "string" => String, "array" => Array, "hash" => Hash, "set" => Set }[kind], "contents of another kind")
      case kind
      when "string" then target.replace(text(parts))
      when "array" then target.replace(list(parts[0]).map { |item| value(item) })
      when "set" then target.replace(list(parts[0]).map { |item| value(item) })
      when "hash"
        flat = list(parts[1]).map { |item| value(item) }
        check(flat.size.even?, "a key without a value")
        target.replace({})
        target.default = value(parts[0])
        flat.each_slice(2) { |key, item| target[key] = item }
      end
    end

    def value(value)
      case value
      when Array
        check(value.size == 1 && value[0].is_a?(Integer) && value[0] >= 0 && value[0] < @objects.size, "a reference to nothing")
        @objects[value[0]]
      when nil, true, false, Integer, Float then value
      else raise Forged, "a value of no kind"
      end
    end

    def list(value)
      check(value.is_a?(Array), "no list")
      value
    end

    private

    def check(right, what)
      raise Forged, what unless right
    end

    def start(kind, parts)
      case kind
      when "string" then text(parts)
      when "array" then []
      when "hash" then {}
      when "set" then Set.new
      end
    end

    def text(parts)
      encoding, text, bytes = parts
      check(encoding.is_a?(String) && (text.is_a?(String) || bytes.is_a?(String)), "no text")
      (text ? text.dup : [bytes].pack("H*")).force_encoding(Encoding.find(encoding))
    end

    def immutable(kind, parts)
      first, second, third = parts
      case kind
      when "symbol"
        check(first.is_a?(String), "no symbol")
        first.to_sym
      when "float" then { "NaN" => Float::NAN, "Infinity" => Float::INFINITY, "-Infinity" => -Float::INFINITY }.fetch(first)
      when "range" then Range.new(value(first), value(second), third == true)
      when "rational"
        check(first.is_a?(Integer) && second.is_a?(Integer), "no numbers")
        Rational(first, second)
      when "complex"
        numbers = [value(first), value(second)]
        check(numbers.all? { |number| [Integer, Float, Rational].include?(number.class) }, "no numbers")
        Complex(*numbers)
      else raise Forged, "a node of no known kind"
      end
    end
  end

  module Talk
    def self.read(io, size)
      data = io.read(size)
      raise HungUp if data.nil? || data.bytesize < size

      data
    rescue SystemCallError, IOError
      raise HungUp
    end

    def self.receive(io)
      size = read(io, 4).unpack1("N")
      raise Forged, "a message of #{size} bytes" if size > MOST_BYTES

      begin
        # No objects by name, and as deep as a message is.
        message = JSON.parse(read(io, size).force_encoding("UTF-8"), create_additions: false, max_nesting: 10)
      rescue JSON::ParserError, JSON::NestingError, EncodingError
        raise Forged, "no JSON"
      end
      raise Forged, "no list" unless message.is_a?(Array)

      message
    end

    def self.send(io, message)
      data = JSON.generate(message)
      raise TooMuch, "#{data.bytesize} bytes are more than a call may take" if data.bytesize > MOST_BYTES

      io.write([data.bytesize].pack("N") + data.b)
      io.flush
    rescue SystemCallError, IOError
      raise HungUp
    end
  end
end
