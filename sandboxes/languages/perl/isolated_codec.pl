# Plain data as bytes that another process may send, without ever running what it says.
#
# A message is a list of words, byte strings with their lengths. A value is one word whose first letter
# is its kind: u (undef), y and n (the truth values), i (an integer in decimal), d (a double as the
# machine has it), b (bytes), t (text in UTF-8), r (a reference: the number of a node). A node is a word
# of its kind and the number of its parts, and the parts: a (array), h (hash: keys and values), s
# (scalar), c (constant scalar). Nodes keep shared and cyclic references. Both sides number those of a
# request alike, so that an answer can refer to them: what the callee changed is sent as new parts of
# old nodes.
use v5.36;
no warnings 'experimental::builtin';
use Errno (); # for %!, before a program can have its own

package Forkeval::Failure {
    sub raise ($class, $text) { die bless \$text, $class }
    sub text ($self) { return $$self }
}
@Forkeval::NotPlain::ISA = @Forkeval::TooMuch::ISA = @Forkeval::Forged::ISA =
    @Forkeval::HungUp::ISA = 'Forkeval::Failure';

package Forkeval::Writer {
    use builtin qw(blessed created_as_number is_bool refaddr reftype);
    use constant MOST_DEPTH => 1000;

    # known: references to what the other side has, in order.
    sub new ($class, @known) {
        my %numbers = map { refaddr($known[$_]) => $_ } 0 .. $#known;
        my $self = {kept => [@known], numbers => \%numbers, sent => scalar @known, depth => 0};
        return bless $self, $class;
    }

    sub kept ($self) { return @{$self->{kept}} }

    sub word ($self, $value) {
        return 'u' unless defined $value;
        return 'r' . $self->_number($value) if defined reftype($value);
        return $value ? 'y' : 'n' if is_bool($value);
        if (created_as_number($value)) {
            return "i$value" if $value =~ /\A(?:0|-?[1-9][0-9]*)\z/;
            return 'd' . pack 'd', $value;
        }
        Forkeval::NotPlain->raise('a type glob is no plain data') if reftype(\$value) eq 'GLOB';
        return "b$value" unless utf8::is_utf8($value);
        utf8::encode($value);
        return "t$value";
    }

    # The nodes of all that was referred to and that the other side does not have yet.
    sub nodes ($self) {
        my @nodes;
        while ($self->{sent} < @{$self->{kept}}) {
            $self->{depth} = $self->{depths}[$self->{sent}];
            push @nodes, $self->node($self->{kept}[$self->{sent}++]);
        }
        return @nodes;
    }

    # [kind, parts...]
    sub node ($self, $thing) {
        my $type = reftype($thing);
        return ['a', map { $self->word($_) } @$thing] if $type eq 'ARRAY';
        return ['h', map { ($self->word($_), $self->word($thing->{$_})) } keys %$thing] if $type eq 'HASH';
        return [Internals::SvREADONLY($$thing) ? 'c' : 's', $self->word($$thing)];
    }

    sub _number ($self, $thing) {
        return $self->{numbers}{refaddr($thing)} //= $self->_keep($thing);
    }

    sub _keep ($self, $thing) {
        my $type = reftype($thing);
        my $plain = !defined blessed($thing) && $type =~ /\A(?:ARRAY|HASH|SCALAR|REF)\z/;
        $plain &&= !Internals::SvREADONLY(@$thing) if $type eq 'ARRAY';
        $plain &&= !Internals::SvREADONLY(%$thing) if $type eq 'HASH';
        Forkeval::NotPlain->raise((blessed($thing) // $type) . ' is no plain data') unless $plain;
        Forkeval::TooMuch->raise('values too deep inside each other') if $self->{depth} >= MOST_DEPTH;
        push @{$self->{kept}}, $thing;
        $self->{depths}[$#{$self->{kept}}] = $self->{depth} + 1;
        return $#{$self->{kept}};
    }
}

package Forkeval::Reader {
    use builtin qw(reftype);

    # nodes as `take_nodes` has them; known: references of earlier messages.
    sub new ($class, $nodes, @known) {
        my $self = bless {things => [@known]}, $class;
        push @{$self->{things}}, map { _empty($_->[0]) } @$nodes;
        $self->fill(@known + $_, $nodes->[$_]) for 0 .. $#$nodes;
        return $self;
    }

    sub _empty ($kind) {
        return $kind eq 'a' ? [] : $kind eq 'h' ? {} : \my $scalar;
    }

    sub things ($self) { return @{$self->{things}} }

    sub fill ($self, $number, $node) {
        my ($kind, @parts) = @$node;
        my $target = $self->{things}[$number] // Forkeval::Forged->raise('a change of nothing');
        my $type = reftype($target);
        if ($kind eq 'a' && $type eq 'ARRAY') {
            @$target = map { $self->value($_) } @parts;
        } elsif ($kind eq 'h' && $type eq 'HASH' && @parts % 2 == 0) {
            my @values = map { $self->value($_) } @parts;
            %$target = ();
            # From the last to the first, which gives the keys the order that they come in.
            while (@values) {
                my ($key, $value) = splice @values, -2;
                Forkeval::Forged->raise('a key of no kind') if !defined $key || ref $key;
                $target->{$key} = $value;
            }
        } elsif ($kind =~ /\A[sc]\z/ && $type =~ /\A(?:SCALAR|REF|LVALUE|VSTRING)\z/ && @parts == 1) {
            $$target = $self->value($parts[0]);
            Internals::SvREADONLY($$target, 1) if $kind eq 'c';
        } else {
            Forkeval::Forged->raise('contents of another kind');
        }
    }

    sub value ($self, $word) {
        my $kind = substr $word, 0, 1, '';
        return $word if $kind eq 'b';
        return 0 + $word if $kind eq 'i' && $word =~ /\A-?[0-9]{1,20}\z/;
        return unpack 'd', $word if $kind eq 'd' && length $word == 8;
        if ($kind eq 't' && utf8::decode($word)) {
            utf8::upgrade($word);
            return $word;
        }
        if ($kind eq 'r' && $word =~ /\A[0-9]{1,9}\z/ && $word < @{$self->{things}}) {
            return $self->{things}[$word];
        }
        Forkeval::Forged->raise('a value of no kind') if length $word || $kind !~ /\A[uyn]\z/;
        return $kind eq 'u' ? undef : $kind eq 'y';
    }
}

package Forkeval::Talk {
    use constant MOST_BYTES => 32 << 20;

    sub open_at ($descriptor) {
        open my $io, '+<&=', $descriptor or die "descriptor $descriptor: $!";
        binmode $io;
        return $io;
    }

    sub read_bytes ($io, $size) {
        my $data = '';
        while (length $data < $size) {
            my $read = sysread $io, $data, $size - length $data, length $data;
            next if !defined $read && $!{EINTR};
            Forkeval::HungUp->raise('') unless $read;
        }
        return $data;
    }

    sub receive ($io) {
        my $size = unpack 'N', read_bytes($io, 4);
        Forkeval::Forged->raise("a message of $size bytes") if $size > MOST_BYTES;
        my $data = read_bytes($io, $size);
        my @words = eval { unpack '(N/a*)*', $data };
        Forkeval::Forged->raise('no words') unless @words && pack('(N/a*)*', @words) eq $data;
        return \@words;
    }

    sub send_words ($io, @words) {
        my $data = pack '(N/a*)*', @words;
        Forkeval::TooMuch->raise('more than a call may take') if length $data > MOST_BYTES;
        $data = pack('N', length $data) . $data;
        my $sent = 0;
        while ($sent < length $data) {
            my $wrote = syswrite $io, $data, length($data) - $sent, $sent;
            next if !defined $wrote && $!{EINTR};
            Forkeval::HungUp->raise('') unless $wrote;
            $sent += $wrote;
        }
    }

    # Words of nodes: their number, and each.
    sub of_nodes (@nodes) {
        return (scalar @nodes, map { of_node($_) } @nodes);
    }

    sub of_node ($node) {
        return ($node->[0] . $#$node, @$node[1 .. $#$node]);
    }

    # What a message holds, from its front.
    sub take ($words) {
        return @$words ? shift @$words : Forkeval::Forged->raise('a message that ends too soon');
    }

    sub take_count ($words) {
        my $count = take($words);
        return $count =~ /\A[0-9]{1,9}\z/ ? 0 + $count : Forkeval::Forged->raise('no number where one is due');
    }

    sub take_many ($words, $count) {
        Forkeval::Forged->raise('a message that ends too soon') if $count > @$words;
        return splice @$words, 0, $count;
    }

    sub take_node ($words) {
        my ($kind, $count) = take($words) =~ /\A([ahsc])([0-9]{1,9})\z/
            or Forkeval::Forged->raise('a node of no kind');
        return [$kind, take_many($words, $count)];
    }

    sub take_nodes ($words) {
        return map { take_node($words) } 1 .. take_count($words);
    }
}

# Where the memory runs out, the interpreter ends itself with status 1, and nothing can catch that. Here
# only `exit` does so too: errors are caught.
my $exits;
BEGIN {
    *CORE::GLOBAL::exit = sub :prototype(;$) ($status = 0) { $exits = 1; CORE::exit($status) };
}
sub Forkeval::out_of_memory { return $? == 1 && !$exits }

1;
