import Record

@testable import Jail

/// What `ps` reads and supervisors write. A line of /proc/net/unix is a supervisor's only with a name that one could have made. A
/// status is one message of printable ASCII, whatever the command is.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  if let name = ControlName.listening(bytes) {
    require(ControlName.isOne(name), name)
    require(bytes.suffix(name.utf8.count + 1).elementsEqual("@\(name)".utf8), name)
  }
  let text = String(decoding: bytes, as: UTF8.self)
  if let request = ControlRequest(text: text) { require(ControlRequest(text: request.text) == request, text) }
  let status = JailStatus(
    supervisor: 1, launcher: 2,
    command: bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init), directory: text,
    network: "internet", since: 0, configurationProblem: text)
  let json = status.json
  require(json.count <= JailStatus.longest, "\(json.count) bytes")
  require(json.allSatisfy { (0x20..<0x7f).contains($0) }, "not printable ASCII")
  let shown = text.visible()
  require(shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) }, shown)
  return 0
}
