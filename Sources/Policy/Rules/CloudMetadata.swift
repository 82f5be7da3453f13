/// Where clouds answer a machine about itself, credentials included.
enum CloudMetadata {
  /// Link-local addresses, of which 169.254.169.254 is one, and what clouds answer at elsewhere.
  static let prefixes: [Prefix] =
    [
      (0xa9fe_0000, 16), (0xa83f_8110, 32), (0x6464_64c8, 32), (0xc000_00c0, 32),
    ].map { Prefix(containing: IPAddress(family: .ipv4, value: $0), length: $1) } + [
      // Amazon's, Google's and Oracle's.
      Prefix(containing: IPAddress(family: .ipv6, value: 0xfd00_0ec2 << 96 | 0x254), length: 128),
      Prefix(containing: IPAddress(family: .ipv6, value: 0xfd20_00ce << 96 | 0x254), length: 128),
      Prefix(containing: IPAddress(family: .ipv6, value: 0xfd00_00c1 << 96 | 0xa9fe_a9fe), length: 128),
    ]
}
