@testable import DaybookServer

extension RPCRequests {
    /// Of a connection that has memory for whatever comes.
    convenience init() { self.init(hold: RPCHold(of: RPCMemory(limit: .max, holder: "a test"))) }
}
