// One attempt, and what came of it: `connected`, `answered` or the name of the error, with status 1.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int check(int result) {
  if (result >= 0) return result;
  puts(strerrorname_np(errno));
  exit(1);
}

static struct sockaddr_in inet(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

static struct sockaddr_un local(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  return to;
}

static void serve(int listener) {
  check(listen(listener, 16));
  for (;;) close(check(accept(listener, NULL, NULL)));
}

static int listener_at(const char *path) {
  struct sockaddr_un at = local(path);
  int listener = check(socket(AF_UNIX, SOCK_STREAM, 0));
  check(bind(listener, (struct sockaddr *)&at, sizeof at));
  chmod(path, 0777);
  return listener;
}

static void connect_unix(const char *path) {
  struct sockaddr_un to = local(path);
  check(connect(check(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&to, sizeof to));
  puts("connected");
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "", *argument = count > 2 ? words[2] : "";
  char message[512] = {0};
  if (!strcmp(what, "connect")) {  // ADDRESS PORT [LINK]
    int client = check(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in to = inet(argument, atoi(words[3]));
    if (count > 4) check(setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, words[4], strlen(words[4])));
    check(connect(client, (struct sockaddr *)&to, sizeof to));
    puts("connected");
  } else if (!strcmp(what, "end")) {  // ADDRESS PORT: connect, and see how the server ends it
    int client = check(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in to = inet(argument, atoi(words[3]));
    check(connect(client, (struct sockaddr *)&to, sizeof to));
    check(recv(client, message, sizeof message, 0));
    puts("ended");
  } else if (!strcmp(what, "serve")) {  // PORT
    struct sockaddr_in at = inet("0.0.0.0", atoi(argument));
    int listener = check(socket(AF_INET, SOCK_STREAM, 0));
    check(bind(listener, (struct sockaddr *)&at, sizeof at));
    serve(listener);
  } else if (!strcmp(what, "connect-unix")) {  // PATH
    connect_unix(argument);
  } else if (!strcmp(what, "listen")) {  // PATH
    serve(listener_at(argument));
  } else if (!strcmp(what, "own-unix")) {  // PATH: both ends
    check(listen(listener_at(argument), 1));
    connect_unix(argument);
  } else if (!strcmp(what, "ask-dns")) {  // SERVER: for the A record of "a"
    static const char query[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
    struct sockaddr_in to = inet(argument, 53);
    int client = check(socket(AF_INET, SOCK_DGRAM, 0));
    check(connect(client, (struct sockaddr *)&to, sizeof to));
    check(send(client, query, sizeof query - 1, 0));
    int length = check(recv(client, message, sizeof message, 0));
    // A name error, which only the server below gives.
    puts(length >= 12 && (message[3] & 15) == 3 ? "answered" : "something else");
  } else if (!strcmp(what, "answer-dns")) {  // no name exists
    struct sockaddr_in at = inet("127.0.0.1", 53), from;
    int server = check(socket(AF_INET, SOCK_DGRAM, 0));
    check(bind(server, (struct sockaddr *)&at, sizeof at));
    for (;;) {
      socklen_t size = sizeof from;
      int length = check(recvfrom(server, message, sizeof message, 0, (struct sockaddr *)&from, &size));
      message[2] |= 0x80;
      message[3] = 3;
      sendto(server, message, length, 0, (struct sockaddr *)&from, size);
    }
  } else if (!strcmp(what, "landlock-abi")) {
    printf("%ld\n", syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */));
  } else {
    return 2;
  }
  return 0;
}
