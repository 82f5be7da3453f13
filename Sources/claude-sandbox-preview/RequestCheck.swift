import NIOHTTP1

/// Which requests are taken at all. Whatever could be read in two ways is refused, since what is sent on is written anew.
struct RequestCheck {
  /// This program's own port.
  let port: UInt16
  /// Whether the client is a process of this program's user.
  let isOwn: Bool

  /// What a request is for.
  enum Route: Equatable {
    /// The list of jails; `wanted`: the preview that did not open.
    case page(wanted: PreviewAddress?)
    /// Changes of the list.
    case events
    case preview(PreviewAddress)
  }

  /// What a request is for, if it is to be answered at all. `host`: what the connection's first request named, which all have to name.
  func route(_ head: HTTPRequestHead, host: inout String?) throws(Answer) -> Route {
    guard isOwn else {
      throw .refusal(.forbidden, "These previews are another user's.")
    }
    let named = try Self.host(of: head)
    if let host, host != named {
      throw .refusal(.misdirectedRequest, "This connection is for another Host.")
    }
    host = named
    switch RequestedHost(named, listeningPort: port) {
    case .foreign: throw .refusal(.misdirectedRequest, "Previews are at http://localhost:\(port)/.")
    case .unknown: throw closed("There is no such preview.", .notFound, wanted: nil, for: head)
    case .list: return try list(head, host: named)
    case .preview(let preview):
      guard Self.mayPass(head, preview, listeningPort: port) else {
        throw .refusal(.forbidden, "Pages of other sites may lead here, and do nothing else.")
      }
      return .preview(preview)
    }
  }

  private func list(_ head: HTTPRequestHead, host: String) throws(Answer) -> Route {
    guard head.method == .GET || head.method == .HEAD else {
      throw .refusal(.methodNotAllowed, "There is nothing here but the list of jails.")
    }
    let parts = head.uri.split(separator: "?", maxSplits: 1)
    guard parts[0] == "/" || parts[0] == "/events" else {
      throw .refusal(.notFound, "There is nothing here.")
    }
    let asPage = parts[0] == "/"
    guard Self.mayList(head, host: host, asPage: asPage) else {
      throw .refusal(.forbidden, "The list of jails is for no other site.")
    }
    guard asPage else { return .events }
    let wanted = parts.count == 2 ? parts[1].split(separator: "=", maxSplits: 1) : []
    return .page(wanted: wanted.first == "wanted" && wanted.count == 2 ? PreviewAddress(wanted[1]) : nil)
  }

  /// The answer where a preview does not open: a person is led to the list, at an origin that no jail's page has; a program is told.
  func closed(
    _ line: String, _ status: HTTPResponseStatus, wanted: PreviewAddress?, for head: HTTPRequestHead
  ) -> Answer {
    guard head.method == .GET, head.headers["accept"].contains(where: { $0.contains("text/html") }) else {
      return .refusal(status, line)
    }
    let query = wanted.map { "?wanted=\($0.port).\($0.label)" } ?? ""
    var answer = Answer.refusal(.found, line)
    answer.headers.append(("Location", "http://localhost:\(port)/\(query)"))
    return answer
  }

  /// The Host of a request, in lowercase.
  private static func host(of head: HTTPRequestHead) throws(Answer) -> String {
    let hosts = head.headers["host"]
    guard hosts.count == 1, hosts[0].utf8.allSatisfy({ $0 < 0x80 }) else {
      throw .refusal(.badRequest, "A request has to have one Host.")
    }
    guard head.method != .CONNECT, head.uri.hasPrefix("/"), head.uri.utf8.allSatisfy({ 0x21...0x7e ~= $0 })
    else {
      throw .refusal(.badRequest, "This is no proxy: a request has to name a path.")
    }
    guard hasOneFraming(head), head.headers.areSendable else {
      throw .refusal(.badRequest, "It is not clear where this request ends.")
    }
    return hosts[0].lowercased()
  }

  private static func hasOneFraming(_ head: HTTPRequestHead) -> Bool {
    let lengths = head.headers["content-length"]
    let encodings = head.headers["transfer-encoding"]
    if encodings.isEmpty {
      return lengths.isEmpty || lengths.count == 1 && Int(lengths[0]).map { $0 >= 0 } ?? false
    }
    return lengths.isEmpty && encodings.count == 1 && encodings[0].lowercased() == "chunked"
      && head.version == .http1_1
  }

  /// Whether a browser may send this to the preview: not for a page of another site, except that its links may lead here. Where a
  /// browser does not say whose page it is for, its Origin does; programs have neither. The ports of one jail are one site
  /// (`name.localhost`).
  static func mayPass(_ head: HTTPRequestHead, _ preview: PreviewAddress, listeningPort: UInt16) -> Bool {
    switch head.headers.first(name: "sec-fetch-site") {
    case "same-origin", "same-site", "none": return true
    case nil:
      guard let origin = head.headers.first(name: "origin") else { return true }
      guard origin.hasPrefix("http://"),
        case .preview(let other) = RequestedHost(
          String(origin.dropFirst("http://".count)), listeningPort: listeningPort)
      else { return false }
      return other.label == preview.label
    default: return isLink(head)
    }
  }

  /// Whether the list of jails may be shown: to whom it belongs, or to a link that leads here.
  static func mayList(_ head: HTTPRequestHead, host: String, asPage: Bool) -> Bool {
    if let origin = head.headers.first(name: "origin"), origin != "http://\(host)" { return false }
    switch head.headers.first(name: "sec-fetch-site") {
    case "same-origin", "none", nil: return true
    default: return asPage && isLink(head)
    }
  }

  private static func isLink(_ head: HTTPRequestHead) -> Bool {
    (head.method == .GET || head.method == .HEAD)
      && head.headers.first(name: "sec-fetch-mode") == "navigate"
  }
}

extension HTTPHeaders {
  /// Whether they can be written as they were read: a folded line brings the end of a line into a value.
  var areSendable: Bool {
    allSatisfy { $0.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 } }
  }
}
