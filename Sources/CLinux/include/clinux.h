// What Swift cannot see of Linux: kernel headers, variadic functions, function-like macros, and system calls that the
// C library does not wrap. Nothing here decides anything: every function is one call, errno untouched.
#ifndef CLINUX_H
#define CLINUX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/inet_diag.h>
#include <linux/veth.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/rtnetlink.h>
#include <linux/securebits.h>
#include <linux/sock_diag.h>
#include <linux/stat.h>

#include "calls.h"

_Static_assert(sizeof(struct sock_filter) == 8, "linux/filter.h");
_Static_assert(sizeof(struct nlmsghdr) == 16, "linux/netlink.h");
_Static_assert(sizeof(struct rtmsg) == 12, "linux/rtnetlink.h");
_Static_assert(sizeof(struct ifaddrmsg) == 8, "linux/if_addr.h");
_Static_assert(sizeof(struct ifinfomsg) == 16, "linux/rtnetlink.h");
_Static_assert(sizeof(struct sockaddr_in) == 16, "netinet/in.h");
_Static_assert(sizeof(struct sockaddr_in6) == 28, "netinet/in.h");
_Static_assert(sizeof(struct fib_rule_hdr) == 12, "linux/fib_rules.h");
_Static_assert(sizeof(struct inet_diag_req_v2) == 56 && offsetof(struct inet_diag_msg, idiag_inode) == 68, "linux/inet_diag.h");

// The C library shows these to _GNU_SOURCE only. That must not be defined here: Swift's own Glibc module does without it,
// and structs that it changes (fd_set, utsname, rusage) would be two different types in one program.
int unshare(int flags);
int pipe2(int descriptors[2], int flags);
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

// System calls and constants newer than the oldest C library that we build with.
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
enum {
  CLINUX_FSCONFIG_SET_STRING = 1,
  CLINUX_FSCONFIG_CMD_CREATE = 6,
  CLINUX_FSMOUNT_CLOEXEC = 1,
  CLINUX_MOVE_MOUNT_F_EMPTY_PATH = 4,
  CLINUX_OPEN_TREE_CLONE = 1,
  CLINUX_MOUNT_ATTR_RDONLY = 1,
  CLINUX_MOUNT_ATTR_NOSUID = 2,
};
struct clinux_mount_attr { uint64_t attr_set, attr_clr, propagation, userns_fd; };

// As the kernel has them; the C library shows these to _GNU_SOURCE only.
struct clinux_in_pktinfo { int link; struct in_addr local, destination; };
struct clinux_in6_pktinfo { struct in6_addr address; unsigned link; };
#ifndef IPV6_PKTINFO
#define IPV6_PKTINFO 50
#endif
enum {
  CLINUX_IP_UNICAST_IF = 50, CLINUX_IPV6_UNICAST_IF = 76, CLINUX_IP_RECVERR = 11, CLINUX_IPV6_RECVERR = 25,
  CLINUX_SO_BINDTODEVICE = 25,
};
const char *strerrorname_np(int code);

int setns(int fd, int type);
static inline int clinux_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
static inline int clinux_openat_path(int dir, const char *path, int flags) { return openat(dir, path, flags | 0x200000 /* O_PATH */ | O_CLOEXEC); }
static inline int clinux_openat(int dir, const char *path, int flags, mode_t mode) { return openat(dir, path, flags, mode); }
extern char **environ;
static inline char **clinux_environ(void) { return environ; }
// The path that execve(2) was given (getauxval(3)); NULL where the kernel does not tell.
static inline char *clinux_executed_path(void) { return (char *)getauxval(AT_EXECFN); }
static inline int clinux_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
// statfs(2)'s f_type.
static inline int clinux_file_system(const char *path, unsigned *kind) {
  struct statfs status;
  if (statfs(path, &status) < 0) return -1;
  *kind = (unsigned)status.f_type;
  return 0;
}
// Whether the descriptor is only a reference (O_PATH); -1 as fcntl(2).
static inline int clinux_is_reference(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : (flags & 0x200000 /* O_PATH */) != 0;
}
static inline int clinux_prctl(int option, unsigned long a, unsigned long b) { return prctl(option, a, b, 0UL, 0UL); }
// rt_sigaction(2) itself, to SIG_DFL (0) or SIG_IGN (1): sigaction(3) refuses two signals, see Signals.swift.
static inline int clinux_rt_sigaction(int signal, unsigned long handler) {
  unsigned long action[4] = {handler, 0, 0, 0};
  return (int)syscall(SYS_rt_sigaction, signal, action, NULL, 8);
}
// madvise(2) of the program's text, from the linker's first symbol to its last.
static inline int clinux_release_text(void) {
  extern char __executable_start, etext;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
  uintptr_t first = (uintptr_t)&__executable_start & ~page, end = (uintptr_t)&etext & ~page;
  return madvise((void *)first, end - first, MADV_DONTNEED);
}
static inline int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int clinux_pidfd_kill(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }
static inline int clinux_close_range(unsigned first, unsigned last) { return (int)syscall(SYS_close_range, first, last, 0); }
static inline int clinux_cloexec_range(unsigned first, unsigned last) {
  return (int)syscall(SYS_close_range, first, last, 4 /* CLOSE_RANGE_CLOEXEC */);
}
static inline int clinux_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */); }
static inline int clinux_fsconfig(int fd, unsigned command, const char *key, const void *value) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, 0);
}
static inline int clinux_fsmount(int fd, unsigned attributes) { return (int)syscall(SYS_fsmount, fd, CLINUX_FSMOUNT_CLOEXEC, attributes); }
static inline int clinux_move_mount(int from, int to_dir, const char *to) {
  return (int)syscall(SYS_move_mount, from, "", to_dir, to, CLINUX_MOVE_MOUNT_F_EMPTY_PATH);
}
// Refers to a file, with no link on the way, and unless `cross` without entering another mount (openat2(2), RESOLVE_NO_SYMLINKS,
// RESOLVE_NO_XDEV, Linux 5.6). A link at the end is referred to itself.
static inline int clinux_open_path_without_links(int dir, const char *path, int cross) {
  const unsigned long long how[3] = {0x200000 /* O_PATH */ | O_CLOEXEC | O_NOFOLLOW, 0, 0x04 | (cross ? 0 : 0x01)};
  return (int)syscall(SYS_openat2, dir, path, how, sizeof how);
}
static inline int clinux_open_tree_clone_of(int fd) {
  return (int)syscall(SYS_open_tree, fd, "", CLINUX_OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE | 0x1000 /* AT_EMPTY_PATH */);
}
// Onto what a descriptor refers to.
static inline int clinux_move_mount_onto(int from, int to) {
  return (int)syscall(SYS_move_mount, from, "", to, "", CLINUX_MOVE_MOUNT_F_EMPTY_PATH | 0x40 /* MOVE_MOUNT_T_EMPTY_PATH */);
}
// The ID of the mount that a descriptor's file is in, or -1 (statx(2), STATX_MNT_ID, Linux 5.8), without asking a server.
static inline long long clinux_mount_id(int fd) {
  struct statx status;
  return syscall(SYS_statx, fd, "", 0x1000 | 0x4000 /* AT_EMPTY_PATH, AT_STATX_DONT_SYNC */, 0x1000, &status) ? -1 : (long long)status.stx_mnt_id;
}
static inline int clinux_open_tree_clone(int dir, const char *path) {
  return (int)syscall(SYS_open_tree, dir, path, CLINUX_OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
}
static inline int clinux_mount_setattr(int dir, const char *path, unsigned flags, struct clinux_mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, dir, path, flags, attributes, sizeof *attributes);
}

// Landlock (landlock(7)); the structures as of ABI 6, Linux 6.12.
static inline int clinux_landlock_abi(void) { return (int)syscall(444 /* landlock_create_ruleset */, NULL, 0, 1U); }
enum { CLINUX_LANDLOCK_REFER = 1 << 13, CLINUX_LANDLOCK_RESOLVE_UNIX = 1 << 16 };
static inline int clinux_landlock_ruleset(uint64_t files) {
  struct { uint64_t handled_access_fs, handled_access_net, scoped; } attributes = {files, 0, 3 /* abstract sockets, signals */};
  return (int)syscall(444, &attributes, sizeof attributes, 0U);
}
static inline int clinux_landlock_allow(int ruleset, uint64_t access, int path) {
  struct { uint64_t allowed_access; int32_t parent_fd; } __attribute__((packed)) rule = {access, path};
  return (int)syscall(445 /* landlock_add_rule */, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0U);
}
static inline int clinux_landlock_restrict(int ruleset) { return (int)syscall(446 /* landlock_restrict_self */, ruleset, 0U); }

// TUNSETIFF: a tap, or a tun, without packet information, in the network namespace in which fd was opened.
static inline int clinux_tunsetiff(int fd, const char *name, int is_tap) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = (is_tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI;
  return ioctl(fd, TUNSETIFF, &request);
}
static inline int clinux_tunsetpersist(int fd) { return ioctl(fd, TUNSETPERSIST, 1UL); }
static inline int clinux_tunattachfilter(int fd, struct sock_filter *instructions, unsigned short count) {
  struct sock_fprog program = {count, instructions};
  return ioctl(fd, TUNATTACHFILTER, &program);
}
static inline int clinux_seccomp(struct sock_filter *instructions, unsigned short count) {
  struct sock_fprog program = {count, instructions};
  return (int)syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program);
}
static inline int clinux_so_attach_filter(int fd, struct sock_filter *instructions, unsigned short count) {
  struct sock_fprog program = {count, instructions};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// Sockets, with the address as the bytes of its struct. None of them waits.
static inline int clinux_bind(int fd, const void *address, size_t length) { return bind(fd, address, (socklen_t)length); }
static inline int clinux_connect(int fd, const void *address, size_t length) { return connect(fd, address, (socklen_t)length); }
static inline int clinux_accept(int fd) { return (int)syscall(SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }
// The same, with the peer's address; *length as below.
static inline int clinux_accept_from(int fd, void *address, size_t *length) {
  socklen_t room = (socklen_t)*length;
  int accepted = (int)syscall(SYS_accept4, fd, address, &room, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted >= 0) *length = room;
  return accepted;
}
static inline ssize_t clinux_sendto(int fd, const void *bytes, size_t count, const void *address, size_t length) {
  return sendto(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT, address, (socklen_t)length);
}
// *length is the room for the address on entry and its size on return.
static inline ssize_t clinux_recvfrom(int fd, void *bytes, size_t count, void *address, size_t *length) {
  socklen_t room = (socklen_t)*length;
  ssize_t received = recvfrom(fd, bytes, count, MSG_DONTWAIT, address, &room);
  if (received >= 0) *length = room;
  return received;
}
static inline int clinux_getpeername(int fd, void *address, size_t *length) {
  socklen_t room = (socklen_t)*length;
  int result = getpeername(fd, address, &room);
  if (result == 0) *length = room;
  return result;
}
static inline int clinux_getsockname(int fd, void *address, size_t *length) {
  socklen_t room = (socklen_t)*length;
  int result = getsockname(fd, address, &room);
  if (result == 0) *length = room;
  return result;
}


// sendmsg(2) of one datagram with IP_PKTINFO, or IPV6_PKTINFO when the address is that long: out of this link.
static inline ssize_t clinux_send_by_link(int fd, unsigned link, const void *bytes, size_t count, const void *address, size_t length) {
  union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(struct clinux_in6_pktinfo))]; } control = {0};
  struct iovec data = {(void *)bytes, count};
  struct msghdr message = {.msg_name = (void *)address, .msg_namelen = (socklen_t)length, .msg_iov = &data, .msg_iovlen = 1};
  struct clinux_in_pktinfo info = {.link = (int)link};
  struct clinux_in6_pktinfo info6 = {.link = link};
  int is6 = length == sizeof(struct sockaddr_in6);
  size_t size = is6 ? sizeof info6 : sizeof info;
  message.msg_control = control.space;
  message.msg_controllen = CMSG_SPACE(size);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
  header->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(header), is6 ? (void *)&info6 : (void *)&info, size);
  return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
// connect(2) and bind(2) of Unix sockets by path, or by a name in the abstract namespace.
static inline socklen_t clinux_unix_address(struct sockaddr_un *address, const char *name, int is_abstract) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path + (is_abstract != 0), name, sizeof address->sun_path - 2);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (is_abstract != 0) + strlen(name) + (is_abstract == 0));
}
static inline int clinux_unix_connect(int fd, const char *name, int is_abstract) {
  struct sockaddr_un address;
  return connect(fd, (struct sockaddr *)&address, clinux_unix_address(&address, name, is_abstract));
}
static inline int clinux_unix_bind(int fd, const char *name, int is_abstract) {
  struct sockaddr_un address;
  return bind(fd, (struct sockaddr *)&address, clinux_unix_address(&address, name, is_abstract));
}
// The process and the effective user at the other end of a Unix socket (SO_PEERCRED). The C library shows struct ucred to
// _GNU_SOURCE only.
static inline int clinux_peer(int fd, int *process, uint32_t *user) {
  struct { int pid; uint32_t uid, gid; } credentials = {0};
  socklen_t length = sizeof credentials;
  int result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length);
  *process = credentials.pid;
  *user = credentials.uid;
  return result;
}
static inline long clinux_getrandom(void *bytes, size_t count) { return syscall(SYS_getrandom, bytes, count, 0); }
// Any system call, with nothing but zeroes as arguments.
static inline long clinux_bare_syscall(long number) { return syscall(number, 0L, 0L, 0L, 0L, 0L, 0L); }
// What takes over a process, or a part of it: PTRACE_SEIZE; pidfd_getfd(2); setns(2) into its network.
static inline int clinux_seize(pid_t process) { return (int)syscall(SYS_ptrace, 0x4206L, (long)process, 0L, 0L); }
static inline int clinux_take_descriptor(int pidfd) { return (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0); }
static inline int clinux_join_network(int pidfd) { return setns(pidfd, 0x40000000); }
static inline int clinux_ioctl_null(int fd, unsigned long request) { return (int)syscall(SYS_ioctl, fd, request, NULL); }

// epoll(7), with struct epoll_event as Swift can have it: without the union that may hold a pointer.
struct clinux_event {
  uint32_t events;
  uint64_t token;
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;
_Static_assert(sizeof(struct clinux_event) == sizeof(struct epoll_event), "sys/epoll.h");
_Static_assert(offsetof(struct clinux_event, token) == offsetof(struct epoll_event, data), "sys/epoll.h");
static inline int clinux_epoll_control(int set, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data = {.u64 = token}};
  return epoll_ctl(set, operation, fd, &event);
}
static inline int clinux_epoll_wait(int set, struct clinux_event *events, int count, int milliseconds) {
  return epoll_wait(set, (struct epoll_event *)events, count, milliseconds);
}

enum { CLINUX_MAX_PASSED = 72 };
// sendmsg(2) of one datagram with up to CLINUX_MAX_PASSED descriptors (SCM_RIGHTS).
static inline ssize_t clinux_send_descriptors(int socket, const void *bytes, size_t length, const int *fds, int count, int flags) {
  union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int) * CLINUX_MAX_PASSED)]; } control = {0};
  struct iovec data = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  if (count > CLINUX_MAX_PASSED) { errno = EINVAL; return -1; }
  if (count > 0) {
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | flags);
}
// recvmsg(2) of one datagram; *count is the room in fds on entry and the number received on return. EBADMSG if cut short.
static inline ssize_t clinux_receive_descriptors(int socket, void *bytes, size_t length, int *fds, int *count, int flags) {
  union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int) * CLINUX_MAX_PASSED)]; } control = {0};
  struct iovec data = {bytes, length};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  int room = *count;
  *count = 0;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
  if (received < 0) return received;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int n = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    int *passed = (int *)CMSG_DATA(header);
    for (int i = 0; i < n; i++) {
      if (*count < room) fds[(*count)++] = passed[i]; else close(passed[i]);
    }
  }
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    // Some of the descriptors have come: where there is room for no more of them, the message is cut short.
    while (*count > 0) close(fds[--*count]);
    errno = EBADMSG;
    return -1;
  }
  return received;
}

#endif
