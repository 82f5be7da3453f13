extension ConfigurationChange.Means {
  /// Those of a jail with this plan.
  public init(_ plan: Plan) {
    self.init(
      hasUplink: plan.hasUplink, hasIPv6: plan.ipv6 != nil, hasGateway: plan.names?.hasGateway ?? false)
  }
}
