// What the fake CUDA libraries were asked for, a line a call, in the file that FAKECUDA_TRACE names; a new one begins
// where it was removed. The fields of a line are separated by tabs:
//
//   launch   kernel, blocks, threads, bytes of shared memory
//   product  function, m, n, k, how many, type of the factors, type of the sums, tf32 or exact
//   copy     to device, to host, inside (the device) or on the host; bytes
//   wait
//   device   which a thread turns to
//   refused  function
#pragma once
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace trace {

// Lines of several libraries and threads do not mix, since each is one write at the file's end.
inline void line(const char *format, ...) {
  const char *const path = getenv("FAKECUDA_TRACE");
  const int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  if (file < 0) return;
  va_list arguments;
  va_start(arguments, format);
  char *text = nullptr;
  const int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0) return (void)close(file);
  text[length] = '\n';  // in the place of the terminator: the line ends here
  if (write(file, text, length + 1) != length + 1) perror("FAKECUDA_TRACE");
  free(text);
  close(file);
}

}  // namespace trace

// What a library does not do is refused with its own error, and told.
extern "C" __attribute__((used)) inline int fakecuda_refused(const char *function, int error) {
  trace::line("refused\t%s", function);
  fprintf(stderr, "the fake CUDA runtime does not do %s\n", function);
  return error;
}
