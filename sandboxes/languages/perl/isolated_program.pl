# The program's side of the evidence `isolated`: runs prompt and completion, then answers calls.
#
# Nothing here is trusted, for it shares its process with the program: what it says is checked by the
# judge. A request is id, function, context, which arguments are constants, arguments, nodes; an answer
# carries its id.
require '/forkeval/isolated_codec.pl';

package Forkeval::Program;
use v5.36;
no warnings 'experimental::builtin';

my $path = shift @ARGV;
my $judge = Forkeval::Talk::open_at(3);
my $id; # of the question that is open
my %death; # the last one: of what, how, line

sub say_to_judge (@words) {
    my $selected = select STDOUT;
    { local $| = 1 } # what it printed is there before what it says
    select $selected;
    Forkeval::Talk::send_words($judge, @words);
}

# The line of the innermost frame that is in the program; 0 for none.
sub origin () {
    for (my $level = 1; my @frame = caller $level; $level++) {
        return $frame[2] if $frame[1] eq $path;
    }
    return 0;
}

# Type, line and value of an error, the value as plain data.
sub described ($error) {
    my ($named) = ref $error ? 0 : $error =~ / at \Q$path\E line ([0-9]+)/;
    my $type = defined builtin::reftype($error) ? ref $error : 'die';
    my $value = !defined builtin::blessed($error) ? $error : $error->isa('Forkeval::Failure') ? $error->text . "\n" : "$type\n";
    return ($type, $death{line} || $named || 0, $value);
}

sub bytes ($text) {
    utf8::encode($text) if utf8::is_utf8($text);
    return substr $text, 0, 2000;
}

# What was changed in arguments and their nodes, and the nodes that are new.
sub changes ($writer, $words, $nodes, $arguments) {
    my @known = $writer->kept;
    my (@arguments, @changes);
    for my $number (0 .. $#$words) {
        my $word = $writer->word($arguments->[$number]);
        push @arguments, $number, $word if $word ne $words->[$number];
    }
    for my $number (grep { $nodes->[$_][0] ne 'c' } 0 .. $#$nodes) {
        my $node = $writer->node($known[$number]);
        my @was = @{$nodes->[$number]};
        next if @was == @$node && !grep { $was[$_] ne $node->[$_] } 0 .. $#was;
        push @changes, [$number, Forkeval::Talk::of_node($node)];
    }
    return (@arguments / 2, @arguments, scalar @changes, (map { @$_ } @changes), Forkeval::Talk::of_nodes($writer->nodes));
}

sub answer ($words) {
    my ($name, $context, $constant);
    ($id, $name, $context, $constant) = Forkeval::Talk::take_many($words, 4);
    my @words = Forkeval::Talk::take_many($words, length $constant);
    my @nodes = Forkeval::Talk::take_nodes($words);
    my $reader = Forkeval::Reader->new(\@nodes);
    my @arguments = map { $reader->value($_) } @words;
    Internals::SvREADONLY($arguments[$_], 1) for grep { substr $constant, $_, 1 } 0 .. $#arguments;

    my @results;
    my $answered = eval {
        no strict 'refs';
        if ($context eq 'list') { @results = &{"main::$name"}(@arguments) }
        elsif ($context eq 'scalar') { $results[0] = &{"main::$name"}(@arguments) }
        else { &{"main::$name"}(@arguments) }
        1;
    };
    my @said = $answered ? ('value', '', 0) : ('raised', described($@));
    @results = pop @said unless $answered;
    my $told = eval {
        my $writer = Forkeval::Writer->new($reader->things);
        my @values = map { $writer->word($_) } @results;
        say_to_judge($id, @said, scalar @values, @values, changes($writer, \@words, \@nodes, \@arguments));
        1;
    };
    unless ($told) {
        die $@ if builtin::blessed($@) && $@->isa('Forkeval::HungUp');
        my ($type, $line, $value) = described($@);
        say_to_judge($id, 'raised', $type, $line, 1, 'b' . bytes($value), 0, 0, 0);
    }
    undef $id;
}

# Not a loop: a `last` of the program's would end it.
sub serve {
    %death = ();
    answer(Forkeval::Talk::receive($judge));
    goto &serve;
}

END {
    if (Forkeval::out_of_memory()) {
        my @what = ('raised', 'die', 0);
        say_to_judge(defined $id ? ($id, @what, 1, "bOut of memory!\n", 0, 0, 0) : (@what, 'Out of memory!'));
    }
}

$0 = 'main.pl';
$SIG{__DIE__} = sub ($error) {
    %death = (of => $error, how => defined $^S ? 'raised' : 'compile', line => origin());
};
package main;
do $path;
package Forkeval::Program;
if (ref $@ || length $@) {
    my $error = $@;
    # What the parser finds is said without a death.
    %death = (how => 'compile') unless ref $error || defined $death{of} && $death{of} eq $error;
    my ($type, $line, $value) = described($error);
    say_to_judge($death{how} // 'raised', $type, $line, ref $value ? '' : bytes($value));
    print STDERR $error;
    exit 255;
}
say_to_judge('ready');
eval { serve() };
exit 0 if builtin::blessed($@) && $@->isa('Forkeval::HungUp');
print STDERR $@;
exit 255;
