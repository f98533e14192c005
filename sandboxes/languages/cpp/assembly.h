// What a compiled program may hold.
#pragma once
#include <string>

// Why the compiler's assembly is not assembled; "" where it is.
std::string fault_of(const std::string &assembly);
