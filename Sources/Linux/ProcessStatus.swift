/// The fields of /proc/self/status (proc(5)), by name, without surrounding white space.
public enum ProcessStatus {
  public static func read() throws(SystemCallError) -> [String: String] {
    var fields: [String: String] = [:]
    let text = String(decoding: try FileDescriptor.contents(of: "/proc/self/status"), as: UTF8.self)
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...]
      fields[String(line[..<colon])] = String(value.drop { $0 == "\t" || $0 == " " })
    }
    return fields
  }
}
