// The program as the compiler reads it: what must hold at its test, and a name that it cannot know.
#pragma once
#include <string>

struct Source {
    std::string text;
    std::string fault; // why it is not compiled; "" where it is
};

// `entry` becomes the symbol of a function that calls `::main`. A program that does not end in a test
// between the lines that the pool adds has none: of it nothing is asked.
Source around_the_test(const std::string &program, const std::string &entry);
