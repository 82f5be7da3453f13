/// The truth value of a switch: `1`, `yes`, `on`, `true`, or `0`, `no`, `off`, `false`, exactly; nil for
/// anything else.
public func parseBoolean(_ text: some StringProtocol) -> Bool? {
  switch String(text) {
  case "1", "yes", "on", "true": true
  case "0", "no", "off", "false": false
  default: nil
  }
}
