/// A type of records (RFC 1035 section 3.2.2, and IANA's list).
struct DNSType: RawRepresentable, Hashable {
  let rawValue: UInt16

  static let a = DNSType(rawValue: 1)
  static let ns = DNSType(rawValue: 2)
  static let cname = DNSType(rawValue: 5)
  static let soa = DNSType(rawValue: 6)
  static let ptr = DNSType(rawValue: 12)
  static let mx = DNSType(rawValue: 15)
  static let txt = DNSType(rawValue: 16)
  static let aaaa = DNSType(rawValue: 28)
  static let srv = DNSType(rawValue: 33)
  static let naptr = DNSType(rawValue: 35)
  static let dname = DNSType(rawValue: 39)
  /// EDNS (RFC 6891).
  static let opt = DNSType(rawValue: 41)
  static let ds = DNSType(rawValue: 43)
  static let dnskey = DNSType(rawValue: 48)
  static let caa = DNSType(rawValue: 257)

  /// What may be asked for an allowed name as outside. These describe a name and open nothing: a name in them has to be allowed itself,
  /// and addresses that come beside them are closed. TXT proves ownership and carries keys, CAA says who may issue certificates, MX, SRV,
  /// NAPTR and PTR find services, NS and SOA zones, DS and DNSKEY let a validator check them.
  ///
  /// Left out are A and AAAA, for which the pool stands; HTTPS and SVCB, which carry addresses and the keys of encrypted ClientHellos;
  /// ANY, which is all of them; CNAME and DNAME, which would send a program to a name that is not allowed.
  static let harmless: Set<DNSType> = [.txt, .caa, .mx, .srv, .naptr, .ptr, .ns, .soa, .ds, .dnskey]
}
