import Policy

extension Plan {
  /// The plan, if the kernel would take its filter. For a jail that runs, its current plan is given.
  static func measured(
    _ configuration: Configuration, _ facts: HostFacts, keeping current: Plan? = nil
  ) throws(LaunchFailure) -> Plan {
    let plan: Plan
    do throws(PlanError) {
      plan = try make(configuration: configuration, facts: facts, keeping: current)
    } catch {
      throw .plan(error)
    }
    // While a filter is replaced the kernel holds both. Where it does not tell its limit, attaching will.
    let needed = 2 * plan.filter.optionMemory
    if let limit = Sysctl.value("net/core/optmem_max").flatMap({ Int($0) }), needed >= limit {
      throw .optionMemory(needed: needed, limit: limit)
    }
    return plan
  }
}
