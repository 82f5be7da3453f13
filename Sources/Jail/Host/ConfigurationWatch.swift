import Linux
import Policy

/// What the administrator's files say now.
struct ConfigurationReading: Sendable {
  /// The configuration, or why there is none.
  let result: Result<Configuration, LaunchFailure>
  /// Whether somebody outside asked for it to be taken over (`claude-sandbox reload`).
  let isAsked: Bool
}

/// Waits for changes of the administrator's files, and reads them.
///
/// Watched is everything on the way to each file: every directory, where a name may become another's; every symbolic link; the
/// file itself, which may be written through another name. What a notification says does not matter, since some may be lost:
/// after any of them everything is watched anew, and then read, so that nothing can change in between unnoticed. A mount
/// over a file is told by the mount table only.
struct ConfigurationWatch: ~Copyable, Service {
  enum Event {
    /// Something has happened to a file, or a directory, on the way.
    case files
    /// A mount has come or gone.
    case mounts
  }

  /// nil when the user's instances of inotify(7) are used up.
  private var events: FileEvents?
  private var mounts: FileDescriptor?
  /// Of what was read last.
  private var digest: Int
  /// When the first of the events came that have not been looked at. Until then nothing is waited for: whoever makes many
  /// of them, as a command may in /, does not keep this process busy.
  private var since: Instant?
  /// Whether the last that came left a file open that was being written: it may be half there.
  private var isBeingWritten = false
  /// When was looked last.
  private var looked: Instant?
  /// When it is time to look. The first time is soon: what has changed since the launch read the files was not seen. Not at once:
  /// a short command would wait for it.
  private(set) var deadline: Instant? = .now + ConfigurationWatch.settling
  /// Whether all of it is watched, or will be after the first look.
  private(set) var isWatched: Bool

  /// An editor's several steps are one change.
  private static let settling = Duration.milliseconds(50)
  /// Between two looks.
  private static let interval = Duration.milliseconds(250)
  /// How soon is looked again at what was being written.
  private static let pause = Duration.milliseconds(60)
  /// From an event to its look, at most.
  private static let longest = Duration.milliseconds(500)
  /// How often is looked at what cannot be watched, or could not be read.
  private static let patience = Duration.seconds(10)
  /// Files and directories that are watched.
  private static let most = 256

  /// `digest` is of what the launch has read. The instance is taken before the command can use all of them up.
  init(_ digest: Int) {
    self.digest = digest
    events = try? FileEvents()
    isWatched = events != nil
  }

  var interests: [Interest<Event>] {
    guard since == nil else { return [] }
    var interests: [Interest<Event>] = []
    switch events {
    case .some(let events): interests.append(.readable(events.descriptor, .files))
    case nil: break
    }
    switch mounts {
    case .some(let mounts): interests.append(.exceptional(mounts.rawValue, .mounts))
    case nil: break
    }
    return interests
  }

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if event != nil, since == nil {
      since = now
      deadline = max(now + Self.settling, looked.map { $0 + Self.interval } ?? now)
    }
    guard let due = deadline, due <= now else { return [] }
    return look(now)
  }

  /// Reads the files because somebody asks for it.
  mutating func reread(now: Instant) -> [Effect] {
    let (result, digest) = read()
    self.digest = digest
    if !isWatched || !isRead(result) { deadline = deadline ?? now + Self.patience }
    return [.configurationRead(ConfigurationReading(result: result, isAsked: true))]
  }

  /// What was read could not be taken over, for a reason that may pass.
  mutating func tryAgain(now: Instant) {
    digest = 0
    deadline = deadline ?? now + Self.patience
  }

  /// The end of the jail: nobody waits for what the kernel takes its time to close.
  mutating func release() { try? events.take()?.closeInBackground() }

  private mutating func look(_ now: Instant) -> [Effect] {
    let begun = since ?? now
    let isLast = begun + Self.longest <= now
    take()
    if isBeingWritten, !isLast { return wait(since: begun, until: now + Self.pause) }
    let (result, digest) = read()
    let hasChanged = take()
    // Perhaps half of it is from before.
    if hasChanged, !isLast { return wait(since: begun, until: now + Self.pause) }
    looked = now
    isBeingWritten = false
    since = hasChanged ? now : nil
    deadline = hasChanged ? now + Self.interval : isWatched && isRead(result) ? nil : now + Self.patience
    if digest == self.digest { return [] }
    self.digest = digest
    return [.configurationRead(ConfigurationReading(result: result, isAsked: false))]
  }

  /// What could not be read may be readable later without any event: descriptors or memory were used up.
  private func isRead(_ result: Result<Configuration, LaunchFailure>) -> Bool {
    if case .success = result { true } else { false }
  }

  private mutating func wait(since: Instant, until moment: Instant) -> [Effect] {
    self.since = since
    deadline = moment
    return []
  }

  /// Whether something has come.
  @discardableResult
  private mutating func take() -> Bool {
    guard let news = events?.take(), news.isThere else { return false }
    isBeingWritten = news.isBeingWritten ?? isBeingWritten
    return true
  }

  /// Watches everything on the way anew, and reads it.
  private mutating func read() -> (Result<Configuration, LaunchFailure>, digest: Int) {
    if mounts == nil { mounts = try? FileDescriptor.open("/proc/self/mountinfo", FileDescriptor.readOnly) }
    if events == nil { events = try? FileEvents() }
    isWatched = events != nil && mounts != nil
    events?.beginPass()
    defer { events?.endPass() }
    do throws(LaunchFailure) {
      let texts = try ConfigurationFiles.texts { watch($0) }
      do throws(LaunchFailure) {
        return (.success(try texts.parsed()), texts.digest)
      } catch {
        return (.failure(error), texts.digest)
      }
    } catch {
      return (.failure(error), error.text.hashValue)
    }
  }

  /// Watches one file or directory, if there is one. Its own directory has been watched before.
  private mutating func watch(_ path: String) {
    do throws(SystemCallError) {
      guard (events?.count ?? 0) < Self.most else { return isWatched = false }
      try events?.watch(path)
    } catch {
      if ![Errno.ENOENT, Errno.ENOTDIR].contains(error.errno) { isWatched = false }
    }
  }
}
