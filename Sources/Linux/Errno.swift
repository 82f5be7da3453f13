internal import CLinux
internal import Glibc

/// The error numbers that callers tell apart (errno(3)).
public enum Errno {
  public static let EPERM = Glibc.EPERM
  public static let ENOENT = Glibc.ENOENT
  public static let ESRCH = Glibc.ESRCH
  public static let ENXIO = Glibc.ENXIO
  public static let ENOEXEC = Glibc.ENOEXEC
  public static let ECHILD = Glibc.ECHILD
  public static let EBUSY = Glibc.EBUSY
  public static let EAGAIN = Glibc.EAGAIN
  public static let EACCES = Glibc.EACCES
  public static let ENODEV = Glibc.ENODEV
  public static let EXDEV = Glibc.EXDEV
  public static let ENOTDIR = Glibc.ENOTDIR
  public static let EINVAL = Glibc.EINVAL
  public static let ENOSPC = Glibc.ENOSPC
  public static let EROFS = Glibc.EROFS
  public static let EINTR = Glibc.EINTR
  public static let ELOOP = Glibc.ELOOP
  public static let EFBIG = Glibc.EFBIG
  public static let ETIME = Glibc.ETIME
  public static let EMFILE = Glibc.EMFILE
  public static let ENOSYS = Glibc.ENOSYS
  public static let EPROTO = Glibc.EPROTO
  public static let ENOBUFS = Glibc.ENOBUFS
  public static let EMSGSIZE = Glibc.EMSGSIZE
  public static let ECONNREFUSED = Glibc.ECONNREFUSED
  public static let EADDRINUSE = Glibc.EADDRINUSE
  public static let EADDRNOTAVAIL = Glibc.EADDRNOTAVAIL
  public static let ENETUNREACH = Glibc.ENETUNREACH
  public static let EHOSTUNREACH = Glibc.EHOSTUNREACH
  public static let EOPNOTSUPP = Glibc.EOPNOTSUPP
  public static let EPIPE = Glibc.EPIPE
  public static let ECONNRESET = Glibc.ECONNRESET
  public static let ETIMEDOUT = Glibc.ETIMEDOUT
  public static let EEXIST = Glibc.EEXIST
  public static let ECONNABORTED = Glibc.ECONNABORTED
  public static let EAFNOSUPPORT = Glibc.EAFNOSUPPORT
  public static let EPROTONOSUPPORT = Glibc.EPROTONOSUPPORT
}
