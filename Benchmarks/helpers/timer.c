// Runs a command that prints when it began (first.c). Prints nanoseconds: from before vfork(2) to that moment, and to the end of the process
// that was started; and the CPU time of that process and of all whose end it waited for.
#define _DEFAULT_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long nanoseconds(struct timeval time) { return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL; }

int main(int argc, char **argv) {
  int output[2], status;
  char text[64] = "";
  if (argc < 2) errx(64, "usage: timer COMMAND [ARGUMENT ...]");
  if (pipe(output) < 0) err(1, "pipe");
  long long start = now();
  pid_t child = vfork();
  if (child == 0) {
    dup2(output[1], 1);
    close(output[0]);
    close(output[1]);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  if (child < 0) err(1, "vfork");
  // Nothing else is done until the end: a process that read the pipe would compete for a CPU.
  struct rusage used;
  if (wait4(child, &status, 0, &used) < 0) err(1, "wait4");
  long long end = now();
  if (status != 0) errx(1, "%s: wait status %#x", argv[1], status);
  if (read(output[0], text, sizeof text - 1) <= 0) errx(1, "%s said nothing", argv[1]);
  long long cpu = nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime);
  printf("%lld %lld %lld\n", atoll(text) - start, end - start, cpu);
  return 0;
}
