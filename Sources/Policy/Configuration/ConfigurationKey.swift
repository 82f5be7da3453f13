/// A key of the configuration, and all that is known about it.
///
/// A key with one value is added as a row of `all`, its use, and a test. The parser, spelling help, `config`, the
/// manual page and the fuzzers' dictionary are made from the rows.
public struct ConfigurationKey: Sendable {
  /// When a new value takes effect.
  public enum Change: Sendable, Hashable {
    /// A running jail can take it over.
    case live
    /// The next launch takes it; why a running jail cannot.
    case atLaunch(String)
  }

  /// A value that the configuration holds.
  public struct Entry: Sendable, Hashable {
    /// The value as the file spells it.
    public let value: String
    /// Where it was set; nil for the default.
    public let location: SourceLocation?
  }

  typealias Store =
    @Sendable (inout Configuration, ArraySlice<UInt8>, SourceLocation) throws(LineError) -> Void

  /// How a line with the key is read.
  enum Reading: Sendable {
    /// One value; it may be given once.
    case single(Store)
    /// A value that is added to the others.
    case repeatable(Store)
    /// Of the file-system sandbox that shares the file.
    case foreign
  }

  /// The key.
  public let name: String
  /// Its value in mdoc(7): `Ar path`, `Cm auto | off`.
  let synopsis: String
  /// The words that its value can be; empty if it is free text.
  let words: [String]
  /// A value, to be shown.
  let example: String
  /// When a new value takes effect.
  public let change: Change
  /// Its paragraph in claude-sandbox.conf(5), in mdoc(7).
  let manual: String
  let reading: Reading
  /// What a configuration holds for the key; the default too, unless that is nothing.
  public let entries: @Sendable (Configuration) -> [Entry]
  /// Whether its values are rules, which open or close destinations or ports.
  public private(set) var isRule = false

  /// The row of a key; nil for any other word.
  static func named(_ name: String) -> ConfigurationKey? { all.first { $0.name == name } }
}

// How rows are made.
extension ConfigurationKey {
  /// A key with one value.
  static func single<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Configuration, Sourced<Value>> & Sendable,
    _ form: ValueForm<Value>, example: String, _ change: Change, manual: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name: name, synopsis: form.synopsis, words: form.words, example: example, change: change,
      manual: manual,
      reading: .single { (configuration, value, location) throws(LineError) in
        configuration[keyPath: path] = Sourced(try form.read(value, name), at: location)
      },
      entries: { configuration in
        let sourced = configuration[keyPath: path]
        return form.text(sourced.value).map { [Entry(value: $0, location: sourced.location)] } ?? []
      })
  }

  /// A key that adds a value to a list.
  static func list<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Configuration, [Sourced<Value>]> & Sendable,
    _ form: ValueForm<Value>, example: String, _ change: Change, manual: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name: name, synopsis: form.synopsis, words: form.words, example: example, change: change,
      manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        configuration[keyPath: path].append(Sourced(try form.read(value, name), at: location))
      },
      entries: { configuration in
        configuration[keyPath: path].compactMap { sourced in
          form.text(sourced.value).map { Entry(value: $0, location: sourced.location) }
        }
      })
  }

  /// A key that opens or closes destinations.
  static func rule(_ form: RuleForm, manual: String) -> ConfigurationKey {
    ConfigurationKey(
      name: form.key, synopsis: "Ar \(form.noun) Ns Op : Ns Ar ports", words: [],
      example: form.isPrefix ? "10.0.0.0/24:443" : "172.23.1.3:443", change: .live, manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        let value = try RuleValue(value, form)
        configuration.rules.append(
          Rule(
            prefix: value.prefix, services: value.services, action: form.action,
            origin: .configuration(location, key: form.key)))
      },
      entries: { configuration in
        configuration.rules.compactMap { rule in
          guard case .configuration(let location, key: form.key) = rule.origin else { return nil }
          return Entry(value: form.text(rule), location: location)
        }
      }, isRule: true)
  }

  /// A key about names.
  static func domain(_ form: DomainForm, manual: String) -> ConfigurationKey {
    ConfigurationKey(
      name: form.key, synopsis: form.synopsis, words: [], example: form.example, change: .live,
      manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        let value = try DomainValue(value, form)
        configuration.domains.append(
          DomainRule(
            value.pattern, ports: value.ports, action: form.action, isInternal: form == .allowInternal,
            origin: .configuration(location, key: form.key)))
      },
      entries: { configuration in
        configuration.domains.compactMap { rule in
          guard case .configuration(let location, key: form.key) = rule.origin else { return nil }
          return Entry(value: form.text(rule), location: location)
        }
      }, isRule: true)
  }

  /// The key that names presets.
  static func presets(manual: String) -> ConfigurationKey {
    ConfigurationKey(
      name: "preset", synopsis: "Ar name Ns Op , Ar ...", words: [], example: "claude", change: .live,
      manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        configuration.presets += try PresetNames.read(value).map { Sourced($0, at: location) }
      },
      entries: { $0.presets.map { Entry(value: $0.value, location: $0.location) } })
  }

  /// The key about services on the host's loopback.
  static func hostPorts(manual: String) -> ConfigurationKey {
    ConfigurationKey(
      name: "allow-host-port", synopsis: "Ar ports Ns Oo : Ns Ar inside Oc Ns Op Cm /udp", words: [],
      example: "5432", change: .live, manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        try configuration.add(.hostPorts(HostPortsValue.read(value)), value, location)
      },
      entries: { $0.hostPorts.map { Entry(value: "\($0.value)", location: $0.location) } }, isRule: true)
  }

  /// The key about ports of the jail.
  static func publish(manual: String) -> ConfigurationKey {
    ConfigurationKey(
      name: "publish",
      synopsis: "Cm auto | Oo Oo Ar address : Oc Ns Ar outside : Oc Ns Ar port Ns Op Cm /udp",
      words: ["auto"], example: "5173", change: .live, manual: manual,
      reading: .repeatable { (configuration, value, location) throws(LineError) in
        let line: PortLine =
          switch try PublishValue.read(value) {
          case .auto: .auto
          case .port(let port): .published(port)
          }
        try configuration.add(line, value, location)
      },
      entries: { $0.publications.map { Entry(value: "\($0.value)", location: $0.location) } }, isRule: true)
  }

  /// A key of the file-system sandbox that shares the file.
  static func foreign(_ name: String) -> ConfigurationKey {
    ConfigurationKey(
      name: name, synopsis: "", words: [], example: "", change: .atLaunch("it has no effect"), manual: "",
      reading: .foreign,
      entries: { configuration in
        configuration.ignored.filter { $0.key == name }.map {
          Entry(value: $0.value ?? "", location: $0.location)
        }
      })
  }

  /// Whether the key is accepted and not acted upon.
  public var isForeign: Bool { if case .foreign = reading { true } else { false } }

  /// Whether its value is a truth value.
  public var isBoolean: Bool { !words.isEmpty && words.allSatisfy { parseBoolean($0) != nil } }
}

extension Configuration {
  fileprivate mutating func add(
    _ line: PortLine, _ value: ArraySlice<UInt8>, _ location: SourceLocation
  ) throws(LineError) {
    do {
      try add(Sourced(line, at: location))
    } catch {
      throw LineError(value.startIndex, error.message, hint: error.hint)
    }
  }
}
