// Prints the nanoseconds from pasta's execve(2) to the line on its pipe that says that it is ready: what a launcher that uses it cannot avoid.
//
//   pasta_ready PASTA [ARGUMENT ...]
//
// The arguments that name the tap and the process whose namespaces are joined are added here.
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAP = 3 };

static void put(const char *path, const char *format, unsigned id) {
  char text[64];
  int length = snprintf(text, sizeof text, format, id, id);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, length) != length) err(1, "%s", path);
  close(file);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Makes a tap in new user and network namespaces, writes its number to `made`, and stays until it is killed.
static void hold(int made) {
  unsigned user = geteuid(), group = getegid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) err(1, "unshare");
  put("/proc/self/setgroups", "deny", 0);
  put("/proc/self/uid_map", "%u %u 1", user);
  put("/proc/self/gid_map", "%u %u 1", group);
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  struct ifreq request = {.ifr_name = "uplink0", .ifr_flags = IFF_TAP | IFF_NO_PI};
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) err(1, "/dev/net/tun");
  // As the launcher does: otherwise taking it away would delay the next measurement.
  if (ioctl(tap, TUNSETPERSIST, 1) < 0) err(1, "TUNSETPERSIST");
  if (write(made, &tap, sizeof tap) != sizeof tap) err(1, "write");
  for (;;) pause();
}

int main(int argc, char **argv) {
  int made[2], ready[2], theirs, count = 0;
  char name[16], byte, *arguments[128] = {"pasta"}, *environment[] = {NULL};
  if (argc < 2 || argc > 120) errx(64, "usage: pasta_ready PASTA [ARGUMENT ...]");
  if (pipe2(made, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0) err(1, "pipe2");

  pid_t holder = fork();
  if (holder == 0) hold(made[1]);
  close(made[1]);
  if (read(made[0], &theirs, sizeof theirs) != sizeof theirs) return 1;
  int tap = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, holder, 0), theirs, 0);
  if (tap < 0) err(1, "pidfd_getfd");

  snprintf(name, sizeof name, "%d", holder);
  for (int index = 2; index < argc; index++) arguments[++count] = argv[index];
  arguments[++count] = "--fd";
  arguments[++count] = "3";
  arguments[++count] = name;
  pid_t pasta = fork();
  if (pasta == 0) {
    dup2(ready[1], 1);
    dup2(tap, TAP);
    close_range(TAP + 1, ~0U, 0);
    long long start = now();
    if (write(1, &start, sizeof start) != sizeof start) _exit(1);
    execve(argv[1], arguments, environment);
    _exit(127);
  }
  close(ready[1]);
  long long start;
  if (read(ready[0], &start, sizeof start) != sizeof start) return 1;
  ssize_t got = read(ready[0], &byte, 1);
  long long end = now();
  kill(pasta, SIGKILL);
  kill(holder, SIGKILL);
  while (wait(NULL) > 0) continue;
  if (got != 1) errx(1, "pasta ended before it was ready");
  printf("%lld\n", end - start);
  return 0;
}
