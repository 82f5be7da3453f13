/// Stands in for the real one, which brings every way in which a launch can fail. No parser that is fuzzed makes one.
struct ConfigurationReading: Sendable {}
