// System calls by their names, for the seccomp policy.
#ifndef CLINUX_CALLS_H
#define CLINUX_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/audit.h>

// Newer than the oldest C library that we build with; the same number everywhere.
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
// Calls that not every architecture has.
#ifndef SYS_epoll_wait
#define SYS_epoll_wait -1
#endif
#ifndef SYS_ioperm
#define SYS_ioperm -1
#endif
#ifndef SYS_iopl
#define SYS_iopl -1
#endif
#ifndef SYS_uselib
#define SYS_uselib -1
#endif
#ifndef SYS_lookup_dcookie
#define SYS_lookup_dcookie -1
#endif
#ifndef SYS_nfsservctl
#define SYS_nfsservctl -1
#endif

// This architecture as seccomp(2) tells it, and the bit that marks numbers of another one (x32), or 0.
#if defined __x86_64__
static inline uint32_t clinux_architecture(void) { return AUDIT_ARCH_X86_64; }
static inline uint32_t clinux_foreign_bit(void) { return 0x40000000 /* __X32_SYSCALL_BIT */; }
#elif defined __aarch64__
static inline uint32_t clinux_architecture(void) { return AUDIT_ARCH_AARCH64; }
static inline uint32_t clinux_foreign_bit(void) { return 0; }
#else
#error "the seccomp policy is written for x86_64 and aarch64"
#endif

// A call's number; -1 where this architecture has no such call, -2 when the name is not in the table.
static inline int clinux_call_number(const char *name) {
#define CALL(name) {#name, SYS_##name}
  static const struct { const char *name; int number; } calls[] = {
    CALL(accept4), CALL(acct), CALL(add_key), CALL(bpf), CALL(brk), CALL(clock_gettime), CALL(clock_settime),
    CALL(close), CALL(delete_module), CALL(epoll_ctl), CALL(epoll_pwait), CALL(epoll_wait), CALL(exit),
    CALL(exit_group), CALL(finit_module), CALL(futex), CALL(getrandom), CALL(getsockname), CALL(init_module),
    CALL(io_uring_enter), CALL(io_uring_register), CALL(io_uring_setup), CALL(ioctl), CALL(ioperm), CALL(iopl),
    CALL(ioprio_set), CALL(kexec_file_load), CALL(kexec_load), CALL(keyctl), CALL(lookup_dcookie), CALL(madvise),
    CALL(mmap), CALL(mprotect), CALL(mremap), CALL(munmap), CALL(nfsservctl), CALL(open_by_handle_at),
    CALL(perf_event_open), CALL(prlimit64), CALL(quotactl), CALL(quotactl_fd), CALL(read), CALL(reboot),
    CALL(recvfrom), CALL(recvmsg), CALL(request_key), CALL(restart_syscall), CALL(rt_sigreturn),
    CALL(sched_setaffinity), CALL(sched_setattr), CALL(sched_setparam), CALL(sched_setscheduler), CALL(sendmsg),
    CALL(sendto), CALL(setpriority), CALL(setsockopt), CALL(settimeofday), CALL(shutdown), CALL(socket),
    CALL(socketpair), CALL(swapoff), CALL(swapon), CALL(syslog), CALL(uselib), CALL(userfaultfd), CALL(vhangup),
  };
#undef CALL
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(calls[i].name, name) == 0) return calls[i].number;
  return -2;
}

#endif
