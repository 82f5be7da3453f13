import Linux

/// Takes automounters' directories away (autofs(5)): a name that is looked up there makes the host's automounter connect to the
/// machine of that name, outside of the jail. What is mounted below already stays: homes live there.
enum Automounts {
  static func cover(_ mounts: [MountEntry], _ covers: inout Covers) throws {
    for trigger in mounts where trigger.type == "autofs" {
      // Those of the kernel's own file systems mount nothing but these, and a cover over /proc keeps nested sandboxes from mounting
      // theirs.
      let isKernels = ["/proc", "/sys", "/dev", "/run"].contains { trigger.isBelow(Array($0.utf8)) }
      guard !isKernels, let place = try trigger.place() else { continue }
      let parts = try mounts.filter { $0.parent == trigger.id }.compactMap { mount in
        guard let place = try mount.place() else { return Part?.none }
        return Part(mount.path, try Mounts.clone(place))
      }
      try covers.put(try Mounts.tmpfs(mode: "0755"), over: place, named: trigger.path)
      for part in parts { try part.restore(below: trigger.path) }
    }
  }

  private final class Part {
    let path: [UInt8]
    let mount: FileDescriptor

    init(_ path: [UInt8], _ mount: consuming FileDescriptor) {
      self.path = path
      self.mount = mount
    }

    func restore(below directory: [UInt8]) throws {
      let names = path.dropFirst(directory.count).split(separator: UInt8(ascii: "/")).map(Array.init)
      let top = try FileDescriptor.refer(toPath: directory, follow: false)
      try Mounts.attach(mount, over: try top.makeDirectories(names))
    }
  }
}
