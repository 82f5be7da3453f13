@testable import Jail

/// A query behind its length, and a message that may be its answer.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  let query = messages(of: bytes).first ?? []
  var message = Array(bytes.dropFirst(2 + query.count))
  do throws(DNSRequest.Rejection) {
    let request = try DNSRequest(query)
    require(mayBeForwarded(query), "forwarded: \(query)")
    let failure = request.response(.serverFailure)
    require(failure.count <= query.count, "a response longer than the query")
    require(request.isAnswered(by: failure[...]) && DNSRequest.isFailure(failure[...]), "\(failure)")
    check(request, query, message)
    // Every ID but the right one is a guess.
    message.replaceSubrange(..<min(2, message.count), with: query.prefix(2))
    check(request, query, message)
  } catch {
    require(!mayBeForwarded(query), "rejected: \(query)")
    guard case .respond(let response) = error else { return 0 }
    require(response.count >= 12 && response.count <= query.count, "a response longer than the query")
    require(response.starts(with: query.prefix(2)) && response[2] & 0x80 != 0, "\(response)")
  }
  return 0
}

private func check(_ request: DNSRequest, _ query: [UInt8], _ message: [UInt8]) {
  // A slice does not start at 0.
  let slice = ([1] + message)[1...]
  guard request.isAnswered(by: slice) else { return }
  require(message.count >= 12 && message.starts(with: query.prefix(2)), "another ID: \(message)")
  require(message[2] & 0x80 != 0 && message[2] & 0x78 == 0, "no response: \(message)")
  require(message[5] == 1 || DNSRequest.isFailure(slice) || message[3] & 15 != 0, "no question: \(message)")
}
