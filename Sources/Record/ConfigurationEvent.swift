/// What became of a change of the configuration, for a jail that runs.
public enum ConfigurationEvent: Sendable, Hashable {
  /// The jail has taken it over; what changed, in a few words.
  case applied(String)
  /// The jail keeps what it has: the files are wrong, as their readers are told.
  case rejected(String)
  /// These keys have new values that the jail does not take over.
  case waiting([String])
}
