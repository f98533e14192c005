# The judge's side of the evidence `isolated`: runs the test, and asks the program for results.
#
# No line of the program runs in this process, so the nonce can be held in a variable. What the program
# sends is checked and made into plain data (see isolated_codec.pl); what it died of, the call dies of.

# Before any pragma and variable of ours, which a text evaluated below them would see.
sub Forkeval::evaluate { eval $Forkeval::text }

require '/forkeval/isolated_codec.pl';

package Forkeval::Judge;
use v5.36;
no warnings 'experimental::builtin';

my $folder = shift @ARGV;
my $path = $0 = 'main.pl'; # that the test is said to stand in
my $entry = content('entry');
my $nonce = Forkeval::Talk::read_bytes(my $channel = Forkeval::Talk::open_at(3), 32);
close $channel;
my $program = Forkeval::Talk::open_at(4);
my $reported;
my %death; # the last one: how, line, type

sub content ($name) {
    open my $file, '<:raw', "$folder/$name" or die "$name: $!";
    local $/;
    return <$file>;
}

sub report ($how, $line, $what) {
    $reported = 1;
    my ($first) = split /[\r\n]/, $what;
    my $plain = substr(($first // '') =~ s/[^ -~]/?/gr, 0, 300);
    open my $done, '>:raw', '/sandbox/done' or die "report: $!";
    syswrite $done, "$nonce $how $line $plain\n";
    close $done;
    exit($how eq 'completed' ? 0 : 1);
}

END { report('raised', 1, 'die: Out of memory!') if !$reported && Forkeval::out_of_memory() }

# Reports what was wrong with a message: no program of ours sends such a one.
sub refuse ($failure) {
    report('gone', 0, '') if ref $failure && $failure->isa('Forkeval::HungUp');
    report('forged', 0, ref $failure ? $failure->text : $failure);
}

# Waits until the program stands.
sub meet () {
    my ($how, $type, $line, $message) = eval {
        my $words = Forkeval::Talk::receive($program);
        my $how = Forkeval::Talk::take($words);
        return $how if $how eq 'ready' && !@$words;
        Forkeval::Forged->raise('a greeting of no known kind') unless $how =~ /\A(?:compile|raised)\z/;
        my $type = Forkeval::Talk::take($words);
        ($how, $type, Forkeval::Talk::take_count($words), Forkeval::Talk::take($words));
    } or refuse($@);
    report($how, $line || 1, "$type: $message") unless $how eq 'ready';
}

# Sends a question; the writer, which knows all that the program then has.
sub ask ($id, $context, $arguments) {
    my $writer = Forkeval::Writer->new;
    eval {
        my $constant = join '', map { Internals::SvREADONLY($_) ? 1 : 0 } @$arguments;
        my @values = map { $writer->word($_) } @$arguments;
        my @nodes = Forkeval::Talk::of_nodes($writer->nodes);
        Forkeval::Talk::send_words($program, $id, $entry, $context, $constant, @values, @nodes);
        1;
    } and return $writer;
    refuse($@) if !ref $@ || $@->isa('Forkeval::HungUp');
    report('unfit', 0, $@->text) if $@->isa('Forkeval::NotPlain');
    # It may hold results of the program, which must not have a say in what is asked for.
    report('raised', 1, ref($@) . ': ' . $@->text);
}

# The answer's results; an error is left in %death. Arguments change as the program changed them.
sub hear ($id, $writer, $arguments) {
    my $words = Forkeval::Talk::receive($program);
    Forkeval::Forged->raise('an answer to no question') unless Forkeval::Talk::take($words) eq $id;
    my $how = Forkeval::Talk::take($words);
    Forkeval::Forged->raise('an answer of no known kind') unless $how =~ /\A(?:value|raised)\z/;
    my ($type, $line) = (Forkeval::Talk::take($words), Forkeval::Talk::take_count($words));
    my @results = Forkeval::Talk::take_many($words, Forkeval::Talk::take_count($words));
    my @arguments = map { [Forkeval::Talk::take_count($words), Forkeval::Talk::take($words)] }
        1 .. Forkeval::Talk::take_count($words);
    my @changes = map { [Forkeval::Talk::take_count($words), Forkeval::Talk::take_node($words)] }
        1 .. Forkeval::Talk::take_count($words);
    my @nodes = Forkeval::Talk::take_nodes($words);
    Forkeval::Forged->raise('more than an answer') if @$words;

    my $reader = Forkeval::Reader->new(\@nodes, $writer->kept);
    for my $change (@changes) {
        Forkeval::Forged->raise('a change of nothing') if $change->[0] >= $writer->kept;
        $reader->fill(@$change);
    }
    for my $change (@arguments) {
        my ($number, $word) = @$change;
        Forkeval::Forged->raise('a change of nothing') if $number >= @$arguments;
        $arguments->[$number] = $reader->value($word);
    }
    %death = $how eq 'raised' ? (how => 'raised', line => $line || 1, type => $type) : ();
    return map { $reader->value($_) } @results;
}

# The program's results for these arguments, in the context that the test calls for them.
sub call ($list, $arguments) {
    local ($@, $SIG{__DIE__});
    open my $random, '<:raw', '/dev/urandom' or die "random numbers: $!";
    # Drawn anew, so that no answer can be written before its question.
    my $id = unpack 'H*', Forkeval::Talk::read_bytes($random, 16);
    my $context = $list ? 'list' : defined $list ? 'scalar' : 'void';
    my $writer = ask($id, $context, $arguments);
    my @results;
    eval {
        @results = hear($id, $writer, $arguments);
        Forkeval::Forged->raise('another number of results') if @results != 1 && (%death || $context eq 'scalar');
        1;
    } or refuse($@);
    die $death{of} = $results[0] if %death;
    return $list ? @results : $results[0];
}

# The line of the innermost frame that is in the test; 0 for none.
sub origin () {
    for (my $level = 1; my @frame = caller $level; $level++) {
        return $frame[2] if $frame[1] eq $path;
    }
    return 0;
}

# What stands in the prompt before the function asked for, which the test may use.
sub head () {
    my ($head) = content('prompt') =~ /\A(.*)^\s*sub\s+\Q$entry\E\b/ms;
    return defined $head ? "$head\n" : '';
}

sub run () {
    no strict 'refs';
    *{"main::$entry"} = sub { call(wantarray, \@_) };
    meet();
    local $SIG{__DIE__} = sub ($error) {
        my ($named) = ref $error ? 0 : $error =~ / at \Q$path\E line ([0-9]+)/;
        my $how = defined $^S ? 'raised' : 'compile';
        %death = (of => $error, how => $how, line => origin() || $named || 0, type => ref $error || 'die');
    };
    $Forkeval::text = head() . "#line 1 \"$path\"\n" . content('test');
    Forkeval::evaluate();
    my $error = $@;
    if (ref $error || length $error) {
        print STDERR $error;
        # What the parser finds is said without a death.
        my ($named) = $error =~ / line ([0-9]+)/;
        %death = (how => 'compile', line => $named, type => 'die')
            unless ref $error || defined $death{of} && !index $error, $death{of};
        report($death{how}, $death{line} // 0, "$death{type}: " . (ref $error ? '' : $error));
    }
    report('completed', 0, '');
}

$SIG{PIPE} = 'IGNORE';
run();
