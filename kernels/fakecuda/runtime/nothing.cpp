// A library of which nothing is done: its refusals are all that it has.
#include "trace.hpp"
