// Small requests and answers over TCP.
//
//   requests serve PORT                    answer every 64 bytes with 64 bytes, on every address
//   requests open ADDRESS PORT COUNT       the median nanoseconds of a request over an open connection
//   requests connect ADDRESS PORT COUNT    the same, each with a connection of its own
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, CONNECTIONS = 64, MOST = 100000 };

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void without_delay(int connection) {
  int yes = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void serve(int port) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct pollfd ready[CONNECTIONS];
  char request[SIZE];
  int count = 1, yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, CONNECTIONS) < 0) err(1, "bind");
  ready[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  while (poll(ready, count, -1) > 0) {
    for (int index = count - 1; index > 0; index--) {
      if (!ready[index].revents) continue;
      ssize_t got = recv(ready[index].fd, request, SIZE, MSG_WAITALL);
      if (got == SIZE && send(ready[index].fd, request, SIZE, MSG_NOSIGNAL) == SIZE) continue;
      close(ready[index].fd);
      ready[index] = ready[--count];
    }
    if (ready[0].revents && count < CONNECTIONS) {
      int connection = accept(listener, NULL, NULL);
      without_delay(connection);
      ready[count++] = (struct pollfd){.fd = connection, .events = POLLIN};
    }
  }
}

static int open_to(const char *address, int port) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (inet_pton(AF_INET, address, &server.sin_addr) != 1) errx(64, "%s: not an address", address);
  if (connect(connection, (struct sockaddr *)&server, sizeof server) < 0) err(1, "connect %s", address);
  without_delay(connection);
  return connection;
}

static void ask(int connection) {
  char text[SIZE] = {0};
  if (send(connection, text, SIZE, MSG_NOSIGNAL) != SIZE) err(1, "send");
  if (recv(connection, text, SIZE, MSG_WAITALL) != SIZE) err(1, "recv");
}

static int ascending(const void *left, const void *right) {
  long long a = *(const long long *)left, b = *(const long long *)right;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  static long long took[MOST];
  if (argc == 3 && !strcmp(argv[1], "serve")) serve(atoi(argv[2]));
  if (argc != 5) errx(64, "usage: requests serve PORT | open ADDRESS PORT COUNT | connect ADDRESS PORT COUNT");
  int port = atoi(argv[3]), count = atoi(argv[4]), anew = !strcmp(argv[1], "connect");
  if (count < 1 || count > MOST) errx(64, "1 to %d requests", MOST);
  int connection = anew ? -1 : open_to(argv[2], port);
  if (!anew) ask(connection);
  for (int index = 0; index < count; index++) {
    long long start = now();
    if (anew) connection = open_to(argv[2], port);
    ask(connection);
    took[index] = now() - start;
    if (anew) close(connection);
  }
  qsort(took, count, sizeof *took, ascending);
  printf("%lld\n", took[count / 2]);
  return 0;
}
